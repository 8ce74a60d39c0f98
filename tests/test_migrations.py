"""The database's versions: the same tables whichever way they came, one migration at a time."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.adapters.db.engine import sqlite_url
from bot.adapters.db.migrate import SCRIPTS, is_current, migrate
from bot.adapters.db.schema import metadata
from bot.errors import StoreUnavailable
from tests.harness.stores import open_stores


@pytest.fixture
async def url(stores_kind: str, tmp_path: Path) -> AsyncIterator[str]:
    async with open_stores(stores_kind) as stores:
        yield stores.env.get("DATABASE_URL", sqlite_url(tmp_path / "bot.db"))


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": False})
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


def _to(revision: str) -> Callable[[Connection], None]:
    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    return upgrade


async def test_what_an_earlier_version_has_stored_is_kept(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(_to("0001"))
        await connection.execute(text(_OLD_CONVERSATION))
        await connection.execute(text(_OLD_MESSAGE))
    await engine.dispose()
    await migrate(url)
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        row = (await connection.execute(select(metadata.tables["messages"]))).one()
    await engine.dispose()
    assert (row.id, row.text, row.media_id, row.deleted_at) == ("ms_1", "hello", None, None)


_OLD_CONVERSATION = (
    "INSERT INTO conversations (id, line_id, contact, contact_key, created_at, last_message_at) "
    "VALUES ('cv_1', 'ln_1', '+15550100', '15550100', 1, 1)"
)
_OLD_MESSAGE = (
    "INSERT INTO messages (id, conversation_id, direction, author, type, text, created_at, line_id)"
    " VALUES ('ms_1', 'cv_1', 'in', 'customer', 'text', 'hello', 1, 'ln_1')"
)
