"""One of the two databases of a copy: whole rows by their keys, alike from SQLite and PostgreSQL.

Times stay whole microseconds, so that a row is the same tuple of plain Python values on both.
"""

import asyncio
import contextlib
import marshal
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final

import asyncpg
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    MetaData,
    Table,
    exc,
    func,
    insert,
    make_url,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.adapters.db.engine import prepare, take_lock
from bot.adapters.db.schema import Instant, metadata, workers
from bot.errors import Refused, StoreUnavailable

Key = Any
"""Of a row's primary key: its value, or the tuple of its values."""
Values = tuple[Any, ...]

_CONNECT_TIMEOUT_S = 10
_FIRST_ROWS, _MOST_ROWS = 8, 500
_PAGE_BYTES = 4 * 1024 * 1024
_LOCKED_ALONE = f"LOCK TABLE {', '.join(metadata.tables)} IN SHARE ROW EXCLUSIVE MODE"
_PATIENCE: Final = (
    "SET LOCAL lock_timeout = '10s'",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)
_NOT_TAKEN = (
    exc.IntegrityError,
    exc.DataError,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    ValueError,
    TypeError,
    OverflowError,
)
"""What a database says of a row that it will never hold."""
_FAILED = (exc.DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


def _plain(table: Table) -> Table:
    kinds = ((c, BigInteger() if isinstance(c.type, Instant) else c.type) for c in table.columns)
    columns = (Column(c.name, kind, primary_key=c.primary_key) for c, kind in kinds)
    return Table(table.name, MetaData(), *columns)


COPIED: Final = tuple(_plain(table) for table in metadata.sorted_tables if table is not workers)
"""All tables but the leases of workers, which end with their processes."""


def shown(url: str) -> str:
    """A database as people know it, without its password."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return str(parsed.database)
    return parsed.set(drivername=parsed.get_backend_name()).render_as_string(hide_password=True)


@contextlib.contextmanager
def speaking_to(place: str) -> Iterator[None]:
    """Whatever a database answers instead becomes StoreUnavailable."""
    try:
        yield
    except _FAILED as error:
        raise StoreUnavailable(f"{place}: {_said(error)}: see to it and try again") from error


def _said(error: Exception) -> str:
    """The beginning: what comes behind may hold customers' words."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    said = str(cause).strip().partition(" with text ")[0]
    return said.splitlines()[0] if said else type(cause).__name__


def open_engine(url: str) -> AsyncEngine:
    """Connections that begin by making sure of being the only ones that write."""
    if make_url(url).get_backend_name() != "sqlite":
        wait = {"timeout": _CONNECT_TIMEOUT_S}
        return create_async_engine(url, poolclass=NullPool, connect_args=wait)
    engine = create_async_engine(url, poolclass=NullPool)
    prepare(engine.sync_engine, begin="BEGIN IMMEDIATE", query_only=False)
    return engine


@contextlib.asynccontextmanager
async def hold(url: str) -> AsyncIterator["Side"]:
    """A database in one transaction that nobody else writes during.

    It is committed when the block ends well. Raises StoreUnavailable.
    """
    place, engine = shown(url), open_engine(url)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        with speaking_to(place):
            await _lock_file(stack, engine)
            connection = await stack.enter_async_context(engine.connect())
            await _begin_alone(connection)
        yield Side(place, connection)
        with speaking_to(place):
            await connection.commit()


async def _lock_file(stack: contextlib.AsyncExitStack, engine: AsyncEngine) -> None:
    """The lock that all our processes take for a transaction that writes."""
    if engine.dialect.name == "sqlite":
        handle = os.open(f"{engine.url.database}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        stack.callback(os.close, handle)
        await asyncio.to_thread(take_lock, handle)


async def _begin_alone(connection: AsyncConnection) -> None:
    if connection.dialect.name == "sqlite":
        await connection.execute(text("SELECT 1"))  # SQLAlchemy begins with the first statement
        return
    for statement in (*_PATIENCE, _LOCKED_ALONE):
        await connection.execute(text(statement))


class Side:
    """Raises StoreUnavailable from everything."""

    def __init__(self, place: str, connection: AsyncConnection) -> None:
        self.place = place
        self.connection = connection

    async def count(self, table: Table) -> int:
        """How many rows a table has."""
        with speaking_to(self.place):
            found = await self.connection.execute(select(func.count()).select_from(table))
            return int(found.scalar_one())

    async def pages(self, table: Table) -> AsyncIterator[list[Values]]:
        """All rows in the order of their keys, as many at once as memory has room for."""
        query = select(table).order_by(*table.primary_key)
        page, size = query, _FIRST_ROWS
        while rows := await self._fetch(page.limit(size)):
            yield rows
            page = query.where(_key(table) > key_of(table)(rows[-1]))
            size = _fitting(rows)

    async def find(self, table: Table, keys: Sequence[Key]) -> list[Values | None]:
        """The rows of these keys, in this order; None: there is no such row."""
        rows = await self._fetch(select(table).where(_key(table).in_(keys)))
        found = dict(zip(map(key_of(table), rows), rows, strict=True))
        return [found.get(key) for key in keys]

    async def put(self, table: Table, rows: list[Values]) -> None:
        """Add rows. Raises Refused: the one that the database does not take."""
        try:
            async with self._savepoint():
                await self._insert(table, rows)
        except _NOT_TAKEN as error:
            if len(rows) == 1:
                raise Refused(
                    f"{self.place} refuses {named(table, rows[0])}: {_said(error)}"
                ) from error
            middle = len(rows) // 2
            await self.put(table, rows[:middle])
            await self.put(table, rows[middle:])

    @contextlib.asynccontextmanager
    async def _savepoint(self) -> AsyncIterator[None]:
        """Errors that `put` looks into pass as they are."""
        try:
            async with self.connection.begin_nested():
                yield
        except _NOT_TAKEN:
            raise
        except _FAILED as error:
            raise StoreUnavailable(f"{self.place}: {_said(error)}: try again") from error

    async def _insert(self, table: Table, rows: list[Values]) -> None:
        if self.connection.dialect.name == "sqlite":
            statement = insert(table).compile(dialect=self.connection.dialect)
            await self.connection.exec_driver_sql(str(statement), rows)
            return
        server = (await self.connection.get_raw_connection()).driver_connection
        assert isinstance(server, asyncpg.Connection)  # noqa: S101 - the only driver there is
        columns = table.columns.keys()
        await server.copy_records_to_table(table.name, records=rows, columns=columns)

    async def _fetch(self, query: Any) -> list[Values]:
        with speaking_to(self.place):
            return [tuple(row) for row in await self.connection.execute(query)]


def key_of(table: Table) -> Callable[[Values], Key]:
    """Takes the key out of a row."""
    return itemgetter(*(i for i, column in enumerate(table.columns) if column.primary_key))


def _key(table: Table) -> ColumnElement[Any]:
    first, *more = table.primary_key
    return tuple_(first, *more) if more else first


def named(table: Table, row: Values) -> str:
    """A row by its key; whatever else it holds is the customers'."""
    keys = [f"{c.name}={v!r}" for c, v in zip(table.columns, row, strict=True) if c.primary_key]
    return f"the row {', '.join(keys)} of {table.name}"


def _fitting(rows: list[Values]) -> int:
    """How many rows the next page may have, judged by this one's."""
    size_bytes = len(marshal.dumps(rows))  # the quickest way to add up what they hold
    return max(1, min(_MOST_ROWS, 2 * len(rows), _PAGE_BYTES * len(rows) // size_bytes))
