"""A whole database goes into another one: SQLite or PostgreSQL, from and to."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.adapters.db.copy_check import compare
from bot.adapters.db.copy_over import CopiedTable, copy_over
from bot.adapters.db.copy_side import COPIED, hold
from bot.adapters.db.engine import Database, sqlite_url
from bot.adapters.db.migrate import migrate
from bot.adapters.db.schema import messages
from bot.domain.outbox import Sent
from bot.errors import Refused, StoreUnavailable
from tests.copy_scenes import CARL, DORA, WORDS, add_odd_rows, ask, highest_seq, live_in, read_all
from tests.harness.stores import open_stores
from tests.transitions.scene import BEN, Scene, thread

pytestmark = pytest.mark.slow


@pytest.fixture
async def source(stores_kind: str, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a database with a life behind it."""
    async with open_stores(stores_kind) as stores:
        url = stores.env.get("DATABASE_URL", sqlite_url(tmp_path / "bot.db"))
        await live_in(url)
        yield url


def _no_progress(_what: str, _table: str, _done: int, _total: int) -> None:
    pass


async def _copy(source: str, target: str) -> tuple[CopiedTable, ...]:
    return await copy_over(source, target, _no_progress, sole=True)


async def test_everything_is_there_afterwards_but_the_leases(
    source: str, other_database: str
) -> None:
    await add_odd_rows(source)
    copied = await _copy(source, other_database)
    before = await read_all(source)
    assert await read_all(other_database) == before
    assert {one.table: one.rows for one in copied} == {name: len(before[name]) for name in before}
    assert all(before.values())  # no table was forgotten by this test
    assert await ask(other_database, "SELECT * FROM workers") == []
    assert len(await ask(source, "SELECT * FROM workers")) == 1
    assert any(repr(WORDS) in row for row in before["messages"])


async def test_a_bot_goes_on_where_the_other_has_stopped(source: str, other_database: str) -> None:
    await _copy(source, other_database)
    numbered = await highest_seq(source)
    database = Database(other_database)
    scene = Scene(database)
    await scene.store.register(scene.now, sole=False)
    scene.at(61)
    await scene.store.mend(scene.now, frozenset())
    assert await scene.outbox(thread(CARL)) == [("bot", "unknown")]
    await scene.settles(await scene.answers(thread(DORA)), Sent("p2"))
    (probe,) = await scene.probes()
    assert probe.conversation_id == thread(BEN, "ln_2")
    await scene.settles(probe, Sent("p3"))
    new = await scene.writes("+15550009")
    await scene.settles(await scene.answers(new), Sent("p4"))
    assert await scene.outbox(new) == [("bot", "sent")]
    await database.close()
    added = await ask(other_database, f"SELECT seq FROM messages WHERE seq > {numbered}")  # noqa: S608
    assert sorted(added) == [(numbered + 1,), (numbered + 2,), (numbered + 3,)]


async def test_an_empty_database_can_be_copied(other_database: str, tmp_path: Path) -> None:
    await migrate(sqlite_url(tmp_path / "new.db"))
    copied = await _copy(sqlite_url(tmp_path / "new.db"), other_database)
    assert {one.rows for one in copied} == {0}
    database = Database(other_database)
    scene = Scene(database)
    await scene.writes()
    await database.close()
    assert await highest_seq(other_database) == 1


async def test_nobody_else_writes_meanwhile(source: str) -> None:
    change = "UPDATE messages SET text = 'changed'"
    async with hold(source):
        if source.startswith("sqlite"):
            path = source.partition(":///")[2]
            impatient = sqlite3.connect(path, timeout=0)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                impatient.execute(change)
            impatient.close()
            lock = os.open(f"{path}.lock", os.O_RDWR)
            with pytest.raises(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(lock)
        else:
            with pytest.raises(Exception, match="lock timeout"):
                await ask(source, "SET LOCAL lock_timeout = '10ms'", change)
    await ask(source, change)


async def test_a_worker_whose_lease_runs_is_in_the_way(source: str, other_database: str) -> None:
    await ask(source, "UPDATE workers SET lease_until = 4102444800000000")
    with pytest.raises(Refused, match="a bot is running"):
        await copy_over(source, other_database, _no_progress, sole=False)
    await ask(source, "UPDATE workers SET lease_until = 1767268800000000")
    await copy_over(source, other_database, _no_progress, sole=False)
    assert await read_all(other_database) == await read_all(source)


# what is compared


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            "UPDATE messages SET text = text || '!' WHERE seq = 2",
            "seq=2 of messages differs in text",
        ),
        ("UPDATE messages SET cost = -0.0, dead = true WHERE seq = 3", "differs in dead, cost"),
        ("DELETE FROM messages WHERE seq = 1", "seq=1 of messages is in the target only"),
        (
            "INSERT INTO messages (seq, id, conversation_id, direction, author, type, text, "
            "created_at, line_id) VALUES (999, 'x', 'x', 'in', 'x', 'x', 'x', 0, 'x')",
            "seq=999 of messages is in the source only",
        ),
    ],
)
async def test_a_source_that_changes_after_it_was_copied_is_found(
    source: str, other_database: str, change: str, found: str
) -> None:
    await _copy(source, other_database)
    await ask(source, change)
    async with hold(source) as one, hold(other_database) as other:
        (table,) = [table for table in COPIED if table.name == messages.name]
        with pytest.raises(Refused, match=found):
            await compare(table, one, other, _no_progress)


_SPOILING = {
    "sqlite": (
        "CREATE TRIGGER spoil AFTER INSERT ON messages WHEN new.seq = 2 BEGIN "
        "UPDATE messages SET text = 'spoilt' WHERE seq = 2; END",
    ),
    "postgresql": (
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.seq = 2 THEN NEW.text := 'spoilt'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER spoil BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION spoil()",
    ),
}


async def test_a_target_that_keeps_something_else_ends_up_empty(
    source: str, other_database: str
) -> None:
    await migrate(other_database)
    kind = other_database.partition("+")[0]
    await ask(other_database, *_SPOILING[kind])
    with pytest.raises(Refused, match="seq=2 of messages differs in text: ") as refused:
        await _copy(source, other_database)
    assert "spoilt" not in str(refused.value)
    assert not any((await read_all(other_database)).values())
    of_table = "" if kind == "sqlite" else " ON messages"
    await ask(other_database, f"DROP TRIGGER spoil{of_table}")
    await _copy(source, other_database)
    assert await read_all(other_database) == await read_all(source)


# what a stricter database refuses


@pytest.mark.parametrize("other_database", ["servers"], indirect=True)
@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize(
    ("odd", "why"),
    [
        ("text = 'secret' || char(0)", "invalid byte sequence"),
        ("tokens = 3000000000", "out of int32 range"),
        ("line_id = x'c3a9'", "expected str, got bytes"),
        ("model = 7, tokens = 'secret'", "integer"),
        ("worker_id = printf('%.41c', 'x')", "value too long"),
    ],
)
async def test_a_row_that_the_target_does_not_take_is_named(
    other_database: str, tmp_path: Path, odd: str, why: str
) -> None:
    source = sqlite_url(tmp_path / "bot.db")
    await live_in(source)
    await ask(source, f"UPDATE messages SET {odd} WHERE seq = 2")  # noqa: S608
    with pytest.raises(Refused, match=f"refuses the row seq=2 of messages: .*{why}") as refused:
        await _copy(source, other_database)
    assert "secret" not in str(refused.value)
    assert not any((await read_all(other_database)).values())


async def test_a_source_that_cannot_be_read_is_told(other_database: str, tmp_path: Path) -> None:
    source = sqlite_url(tmp_path / "bot.db")
    await live_in(source)
    await ask(source, "UPDATE messages SET text = CAST(x'736563726574ff' AS TEXT) WHERE seq = 2")
    with pytest.raises(StoreUnavailable, match=f"{tmp_path}/bot.db: .*UTF-8") as told:
        await _copy(source, other_database)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("other_database", ["servers"], indirect=True)
@pytest.mark.postgres
@pytest.mark.redis
async def test_a_target_that_goes_away_holds_nothing(source: str, other_database: str) -> None:
    def cut(_what: str, _table: str, _done: int, _total: int) -> None:
        with ThreadPoolExecutor(1) as other:
            other.submit(asyncio.run, ask(other_database, _CUT)).result()

    with pytest.raises(StoreUnavailable, match=r"postgresql://postgres@.*try again"):
        await copy_over(source, other_database, cut, sole=True)
    assert not any((await read_all(other_database)).values())
    await _copy(source, other_database)
    assert await read_all(other_database) == await read_all(source)


_CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
