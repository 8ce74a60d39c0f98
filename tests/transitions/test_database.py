"""The database under the transitions: grouped, and away for a while."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text

from bot.adapters.db.engine import Database
from bot.errors import NotFound, StoreUnavailable
from tests.harness.postgres_server import own_postgres
from tests.transitions.scene import (
    ANNA,
    Scene,
    crowd,
    message,
    pause,
    thread,
)

_HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_transition_that_fails_leaves_those_beside_it_done(scene: Scene) -> None:
    def breaks(_tx: Connection) -> None:
        raise LookupError("this one alone")

    numbers = crowd(10)
    outcomes = await asyncio.gather(
        *(scene.store.accept([message(number)], scene.now) for number in numbers[:5]),
        scene.database.write(breaks),
        scene.store.pause("cv_of_nobody", pause(), scene.now),
        *(scene.store.accept([message(number)], scene.now) for number in numbers[5:]),
        return_exceptions=True,
    )
    failed = [type(each) for each in outcomes if isinstance(each, Exception)]
    assert failed == [LookupError, NotFound]
    for number in numbers:
        assert await scene.inbox(thread(number)) == [("pending", None)]


@contextmanager
def _held_by_another_process(path: str) -> Iterator[None]:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.kill()


async def test_a_database_that_another_holds_is_unavailable_at_once_for_all_and_recovers(
    scene: Scene,
) -> None:
    path = scene.database.url.database
    if not scene.database.is_sqlite or path is None:
        pytest.skip("only SQLite has one writer")
    with _held_by_another_process(path):
        async with asyncio.timeout(15):  # not the lock's patience for each of them in turn
            outcomes = await asyncio.gather(
                *(scene.store.accept([message(number)], scene.now) for number in crowd(5)),
                return_exceptions=True,
            )
        assert [type(each) for each in outcomes] == [StoreUnavailable] * 5
        assert await scene.inbox(thread(ANNA)) == []  # reading goes on
    anna = await scene.writes()
    await scene.answers(anna)


@pytest.mark.postgres
async def test_a_server_with_no_room_for_more_connections_is_waited_for() -> None:
    with own_postgres(max_connections="16", superuser_reserved_connections="0") as server:
        databases = [Database(server.url) for _ in range(3)]
        held = [database.read(_takes_its_time) for database in databases for _ in range(8)]
        assert await asyncio.gather(*held) == [1] * len(held)
        await asyncio.gather(*(database.close() for database in databases))


def _takes_its_time(tx: Connection) -> int:
    return int(tx.execute(text("SELECT 1 FROM pg_sleep(0.3)")).scalar_one())
