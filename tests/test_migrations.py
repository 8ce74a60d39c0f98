"""The database's versions: the same tables whichever way they came, one migration at a time."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Select, Table, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.adapters.db.engine import Database, sqlite_url
from bot.adapters.db.migrate import is_current, migrate
from bot.adapters.db.prompt_archive import PromptArchive
from bot.adapters.db.schema import metadata
from bot.domain.media import MediaWork
from bot.domain.outbox import Sent
from bot.errors import StoreUnavailable
from tests.harness.stores import open_stores
from tests.old_database import RELEASED, make_lived_in, make_old
from tests.transitions.scene import ANNA, BEN, START, Scene, thread


@pytest.fixture
async def url(stores_kind: str, tmp_path: Path) -> AsyncIterator[str]:
    async with open_stores(stores_kind) as stores:
        yield stores.env.get("DATABASE_URL", sqlite_url(tmp_path / "bot.db"))


def _is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """The index of the search is no table of the schema: it can be made anew from the others."""
    return not (kind == "table" and name is not None and name.startswith("searched_"))


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": False, "include_object": _is_ours}
    )
    return list(compare_metadata(context, metadata))


async def test_the_migrations_make_the_tables_that_the_code_expects(url: str) -> None:
    await migrate(url)
    assert await is_current(url)
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


async def test_several_processes_may_migrate_at_once(url: str) -> None:
    await asyncio.gather(*(migrate(url) for _ in range(4)))
    assert await is_current(url)


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bot.db"
    await migrate(sqlite_url(path))
    with sqlite3.connect(path) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(StoreUnavailable, match="newer"):
        await migrate(sqlite_url(path))


async def test_an_older_file_is_copied_before_it_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bot.db"
    await migrate(sqlite_url(path))
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO installation (id) VALUES ('in_kept')")
        (before,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
    database.close()
    await migrate(sqlite_url(path))
    assert _copies(tmp_path) == []  # nothing to migrate, nothing to copy
    scripts = _with_a_next_version(tmp_path)
    monkeypatch.setattr("bot.adapters.db.migrate.SCRIPTS", scripts)
    await migrate(sqlite_url(path))
    (copy,) = _copies(tmp_path)
    with sqlite3.connect(copy) as kept:
        assert kept.execute("SELECT id FROM installation").fetchall() == [("in_kept",)]
        assert kept.execute("SELECT version_num FROM alembic_version").fetchall() == [(before,)]
    kept.close()


def _copies(folder: Path) -> list[Path]:
    return list(folder.glob("*.copy"))


def _with_a_next_version(folder: Path) -> Path:
    own = Path(migrate.__code__.co_filename).parent / "migrations"
    scripts = folder / "migrations"
    shutil.copytree(own, scripts)
    newest = max(path.name[:4] for path in (own / "versions").glob("0*.py"))
    (scripts / "versions" / "9000_next.py").write_text(
        f'revision = "9000"\ndown_revision = "{newest}"\n'
        "from alembic import op\n\n\n"
        "def upgrade() -> None:\n    op.execute('CREATE TABLE added (id INTEGER)')\n"
    )
    return scripts


async def test_what_an_earlier_version_has_stored_is_kept(url: str) -> None:
    await make_old(url)
    await migrate(url)
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        row = (await connection.execute(select(metadata.tables["messages"]))).one()
    await engine.dispose()
    assert (row.id, row.text, row.media_id, row.deleted_at) == ("ms_1", "hello", None, None)


@pytest.mark.parametrize("version", RELEASED)
async def test_from_each_version_the_rows_are_kept_and_a_bot_goes_on(
    url: str, version: str
) -> None:
    await make_lived_in(url, version, waiting=thread(ANNA), answered=thread(BEN))
    before = await _rows(url)
    await migrate(url)
    assert await is_current(url)
    after = await _rows(url)
    for table, rows in before.items():
        assert [row.items() & old.items() for row, old in zip(after[table], rows, strict=True)] == [
            old.items() for old in rows
        ], table
    database = Database(url)
    await _goes_on(Scene(database), version)
    await database.close()


@pytest.mark.parametrize(
    ("event", "effect"),
    [("", "handed off"), (", turn_id = 'tn_1', reason = 'opted out'", "opted out")],
)
async def test_what_past_answers_came_to_is_known_afterwards(
    url: str, event: str, effect: str
) -> None:
    await make_lived_in(url, RELEASED[-1], waiting=thread(ANNA), answered=thread(BEN))
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE messages SET parting = true WHERE turn_id = 'tn_1'"))
        await connection.execute(text(f"UPDATE events SET attempts = 0{event}"))  # noqa: S608
    await migrate(url)
    async with engine.connect() as connection:
        effects = await connection.execute(text("SELECT id, effect FROM turns ORDER BY id"))
        found = {row.id: row.effect for row in effects}
    await engine.dispose()
    assert found.pop("tn_1") == effect
    assert set(found.values()) <= {None}


async def _rows(url: str) -> dict[str, list[dict[str, object]]]:
    """Every row of every table there is, by plain names."""

    def read(connection: Connection) -> dict[str, list[dict[str, object]]]:
        there = MetaData()
        there.reflect(connection)
        return {
            name: [dict(row) for row in connection.execute(_in_order(table)).mappings()]
            for name, table in there.tables.items()
            if name != "alembic_version"
        }

    engine = create_async_engine(url)
    async with engine.connect() as connection:
        rows = await connection.run_sync(read)
    await engine.dispose()
    return rows


def _in_order(table: Table) -> Select[tuple[object, ...]]:
    return select(table).order_by(*table.primary_key)


async def _goes_on(scene: Scene, version: str) -> None:
    """What waited is answered, what was on its way leaves, and new messages are numbered on."""
    await scene.store.register(scene.now, sole=True)
    archive = PromptArchive(scene.database, lambda: scene.now)
    assert (await archive.source("default", "v1")) == "name: Grüße"
    (live,) = await archive.history("default")
    assert (live.version, live.since, live.until) == ("v1", START, None)
    await scene.settles(await scene.answers(thread(ANNA)), Sent("p1"))
    await scene.settles(await scene.sends(thread(BEN)), Sent("p2"))
    if version >= "0002":
        assert isinstance(await scene.store.claim_media("md_1", scene.now), MediaWork)
    if version >= "0003":
        notice = await scene.store.claim_notice(scene.now)
        assert notice is not None
        assert notice.body == {"text": "look"}
    await scene.settles(await scene.answers(await scene.writes(ANNA, "and you?")), Sent("p3"))
    assert await scene.outbox(thread(ANNA)) == [("bot", "sent"), ("bot", "sent")]
    assert await scene.outbox(thread(BEN)) == [("bot", "sent")]
