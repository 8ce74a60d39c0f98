"""Everything from one database into another, empty one, in one transaction.

Both are locked against others meanwhile. What has been copied is read again from both and compared
before it is committed: the target ends up with all of it, proven equal, or with nothing.
"""

import os
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, func, inspect, literal, make_url, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.adapters.db.copy_check import Progress, compare
from bot.adapters.db.copy_side import COPIED, Side, hold, open_engine, shown, speaking_to
from bot.adapters.db.engine import BOT
from bot.adapters.db.migrate import migrate
from bot.adapters.db.schema import metadata
from bot.adapters.db.upkeep import live_workers
from bot.errors import Refused, StoreUnavailable

T = TypeVar("T")

_BOTS = text(
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = :bot"
)
_WHICH_SERVER = text(
    "SELECT pg_postmaster_start_time(), oid FROM pg_database WHERE datname = current_database()"
)


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """What was copied of one table; `sha256` is that of all its rows in the source's order."""

    table: str
    rows: int
    seconds: float
    sha256: str


async def copy_over(
    source_url: str, target_url: str, progress: Progress, *, sole: bool
) -> tuple[CopiedTable, ...]:
    """Copy and compare all rows; `sole`: no bot can be running on the source.

    Raises Refused, StoreUnavailable; nothing has been copied then.
    """
    async with hold(source_url) as source:
        if not sole and await source.connection.run_sync(_is_worked_on):
            everywhere = "stop `bot run`, `bot serve` and `bot worker` on every machine first"
            raise Refused(f"a bot is running on {source.place}: {everywhere}")
        await _make_ready(target_url, source)
        async with hold(target_url) as target:
            _refuse_filled(target.place, await target.connection.run_sync(_first_filled))
            return await _carry(source, target, progress)


def _is_worked_on(tx: Connection) -> bool:
    """A worker's lease runs, or something like `bot serve`, which has none, is connected."""
    if live_workers(tx, datetime.now(UTC)):
        return True
    return tx.dialect.name == "postgresql" and bool(tx.execute(_BOTS, {"bot": BOT}).scalar())


async def _make_ready(url: str, source: Side) -> None:
    """Give an empty database our tables. Whatever is refused stays as it is."""
    place = shown(url)
    with speaking_to(place):
        if _is_absent(url):
            _make_file(Path(place))
        else:
            await _look(url, place, source)
    try:
        await migrate(url)
    except StoreUnavailable as error:
        raise StoreUnavailable(f"{place}: {error}; or name another database") from error


def _is_absent(url: str) -> bool:
    parsed = make_url(url)
    return parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists()


def _make_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)


async def _look(url: str, place: str, source: Side) -> None:
    engine = open_engine(url)
    try:
        async with engine.connect() as connection:
            if await _identity(connection) == await _identity(source.connection):
                raise Refused(f"{place} is the database that is in use: name another one")
            _refuse_filled(place, await connection.run_sync(_first_filled))
    finally:
        await engine.dispose()


async def _identity(connection: AsyncConnection) -> tuple[Any, ...]:
    """The same for every address of the same database."""
    if connection.dialect.name == "sqlite":
        file = os.stat(str(connection.engine.url.database))
        return (file.st_dev, file.st_ino)
    return tuple((await connection.execute(_WHICH_SERVER)).one())


def _first_filled(tx: Connection) -> str | None:
    """A table that holds a row; None: there is none."""
    present = set(inspect(tx).get_table_names())
    for name, table in metadata.tables.items():
        if name in present and tx.execute(select(literal(1)).select_from(table).limit(1)).first():
            return name
    return None


def _refuse_filled(place: str, table: str | None) -> None:
    if table is not None:
        raise Refused(f"{place} holds data already (in {table}): name an empty database")


async def _timed(work: Awaitable[T]) -> tuple[T, float]:
    began = time.monotonic()
    result = await work
    return result, time.monotonic() - began


async def _carry(source: Side, target: Side, progress: Progress) -> tuple[CopiedTable, ...]:
    counts = [await _timed(_copy(table, source, target, progress)) for table in COPIED]
    await _settle(target)
    digests = [await _timed(compare(table, source, target, progress)) for table in COPIED]
    return tuple(
        CopiedTable(table.name, rows, round(copying_s + comparing_s, 3), digest)
        for table, (rows, copying_s), (digest, comparing_s) in zip(
            COPIED, counts, digests, strict=True
        )
    )


async def _copy(table: Table, source: Side, target: Side, progress: Progress) -> int:
    done, total = 0, await source.count(table)
    async for rows in source.pages(table):
        await target.put(table, rows)
        done += len(rows)
        progress("copying", table.name, done, total)
    return done


async def _settle(target: Side) -> None:
    """PostgreSQL counts on behind the highest number, and knows how much is in which table."""
    if target.connection.dialect.name != "postgresql":
        return
    counted = [table for table in COPIED if table.autoincrement_column is not None]
    with speaking_to(target.place):
        for table in counted:
            await target.connection.execute(_counts_on(table))
        await target.connection.execute(text(f"ANALYZE {', '.join(t.name for t in COPIED)}"))


def _counts_on(table: Table) -> Select[Any]:
    """An empty table's sequence begins at 1."""
    number = table.autoincrement_column
    assert number is not None  # noqa: S101 - chosen by it
    sequence = func.pg_get_serial_sequence(table.name, number.name)
    highest = func.coalesce(func.max(number), 1)
    return select(func.setval(sequence, highest, func.max(number).is_not(None))).select_from(table)
