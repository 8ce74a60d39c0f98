"""One way to write, one way to read, on SQLite and PostgreSQL.

SQLite: all transitions of this process go through one connection in a thread of its own, a whole
transaction at a time: an async driver would cross threads four times for every statement. Whatever
waits while a transaction commits goes into the next one together, so that many small transitions
share one disk sync; when one of them fails, each is done again in a transaction of its own. A file
lock is held around every transaction that writes: SQLite before 3.51.3 can lose pages when one
process checkpoints while another commits. Reads for people have connections of their own.
PostgreSQL: a transaction per transition, on a pool.
"""

import asyncio
import fcntl
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, StaticPool, create_engine, event, exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.crash_points import CrashPoint, reach
from bot.errors import StoreUnavailable

log = structlog.get_logger()
T = TypeVar("T")
Transition = Callable[[Connection], T]

BOT = "whatsapp-bot"
"""What a connection of the bot's is called on a PostgreSQL server."""

_MAX_GROUP = 200
_PG_TRIES = 5
_LOCK_PATIENCE_S = 8.0
_BUSY_TIMEOUT_MS = 5000
_READERS_PATIENCE_MS = 500
_ROOM_PATIENCE_S = 8.0
_ROOM_RETRY_S = 0.05


@dataclass(slots=True, eq=False)
class _Waiting:
    run: Transition[Any]
    done: asyncio.Future[Any]


class Database:
    """Engines for writing and reading, and the grouping of SQLite's writes."""

    def __init__(self, url: str, *, readers: int = 3) -> None:
        self.url: URL = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._waiting: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._writer_task: asyncio.Task[None] | None = None
        self._file: _SqliteFile | None = None
        if self.is_sqlite:
            self._file = _SqliteFile(self.url)
            self._pool = _sqlite_reader(self.url, readers)
        else:
            self._pool = _postgres_engine(self.url)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.url.get_backend_name()

    async def write(self, run: Transition[T]) -> T:
        """Run one transition durably. It may run twice (only its last run counts).

        Raises whatever it raises, and StoreUnavailable when the database does not take it.
        """
        if not self.is_sqlite:
            return await self._on_pool(partial(_run, run))
        if self._writer_task is None:
            self._writer_task = asyncio.create_task(self._write_sqlite(), name="db-writer")
        waiting = _Waiting(run, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wake.set()
        result: T = await waiting.done
        return result

    async def read(self, run: Transition[T]) -> T:
        """Run one read in a transaction of its own. Raises StoreUnavailable."""
        return await self._on_pool(run)

    async def truncate_log(self) -> bool:
        """Empty SQLite's write-ahead log, which still holds what was deleted; False: not yet."""
        if self._file is None:
            return True
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._file.thread, self._file.truncate_log)
        except (exc.DBAPIError, sqlite3.Error, OSError) as error:
            raise _unavailable(error) from error

    async def close(self) -> None:
        """Finish what waits and let go of the files."""
        if self._writer_task is not None:
            await self.write(lambda _: None)  # comes after whatever waits now
            self._writer_task.cancel()
            await asyncio.gather(self._writer_task, return_exceptions=True)
        await self._pool.dispose()
        if self._file is not None:
            await asyncio.get_running_loop().run_in_executor(self._file.thread, self._file.close)
            self._file.thread.shutdown()

    async def _on_pool(self, run: Transition[T]) -> T:
        """Again after a conflict with another transaction, and while the server has no room."""
        tries, deadline = _PG_TRIES, time.monotonic() + _ROOM_PATIENCE_S
        while True:
            try:
                async with self._pool.begin() as connection:
                    return await connection.run_sync(run)
            except (exc.DBAPIError, exc.TimeoutError, OSError) as error:
                tries -= 1
                is_full = _sqlstate(error) == _TOO_MANY_CONNECTIONS
                if time.monotonic() > deadline or not (is_full or (tries and _is_conflict(error))):
                    raise _unavailable(error) from error
            if is_full:
                await asyncio.sleep(_ROOM_RETRY_S)

    async def _write_sqlite(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                group = [
                    self._waiting.popleft() for _ in range(min(len(self._waiting), _MAX_GROUP))
                ]
                await self._write_group(group)

    async def _write_group(self, group: list[_Waiting]) -> None:
        try:
            results = await self._commit([waiting.run for waiting in group])
        except Exception as error:  # noqa: BLE001 - each transition gets its own error below
            if len(group) == 1 or isinstance(error, exc.OperationalError):
                # A database that is locked or full is so for each of them.
                for waiting in group:
                    _fail(waiting, error)
                return
            for waiting in group:
                await self._write_group([waiting])
            return
        for waiting, result in zip(group, results, strict=True):
            if not waiting.done.done():
                waiting.done.set_result(result)

    async def _commit(self, runs: list[Transition[Any]]) -> list[Any]:
        assert self._file is not None  # noqa: S101 - only SQLite writes this way
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._file.thread, self._file.commit, runs)


class _SqliteFile:
    """The one connection that writes, used in its own thread only."""

    def __init__(self, url: URL) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        self._engine = create_engine(
            url.set(drivername="sqlite"),
            poolclass=StaticPool,
            connect_args={"check_same_thread": False},
        )
        prepare(self._engine, begin="BEGIN IMMEDIATE", query_only=False)
        self._lock_path = f"{url.database}.lock"
        self._lock_fd: int | None = None

    def commit(self, runs: list[Transition[Any]]) -> list[Any]:
        """Run transitions in one durable transaction."""
        if self._lock_fd is None:
            self._lock_fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        take_lock(self._lock_fd)
        try:
            with self._engine.begin() as connection:
                return [_run(run, connection) for run in runs]
        finally:
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)

    def truncate_log(self) -> bool:
        """Whether nobody was reading from it."""
        if self._lock_fd is None:
            self._lock_fd = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        take_lock(self._lock_fd)
        try:
            with self._engine.connect() as connection:
                raw: Any = connection.connection.driver_connection
                raw.execute(f"PRAGMA busy_timeout={_READERS_PATIENCE_MS}")
                (busy, *_) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                raw.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
                return not busy
        finally:
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None


def _run(run: Transition[T], connection: Connection) -> T:
    result = run(connection)
    reach(CrashPoint.TRANSITION_RUN)
    return result


def take_lock(lock_fd: int) -> None:
    """Raises TimeoutError when another process has held it for long: it may be stopped."""
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError("another process holds the database") from None
            time.sleep(0.002)
        else:
            return


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


def _fail(waiting: _Waiting, error: Exception) -> None:
    if isinstance(error, exc.DBAPIError | exc.TimeoutError | OSError):
        error = _unavailable(error)
    if not waiting.done.done():
        waiting.done.set_exception(error)


def _unavailable(error: Exception) -> StoreUnavailable:
    # The statement and its parameters hold customers' words: name the fault alone.
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    name = type(cause).__name__
    detail = str(cause).splitlines()[0][:200] if isinstance(error, exc.OperationalError) else ""
    log.warning("database.failed", error=name, detail=detail)
    return StoreUnavailable(f"the database did not answer ({name})")


_TOO_MANY_CONNECTIONS = "53300"


def _is_conflict(error: Exception) -> bool:
    """A deadlock, a serialization failure or a race on a unique key: doing it again settles it."""
    return _sqlstate(error) in {"40001", "40P01", "23505", "55P03"}


def _sqlstate(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def _postgres_engine(url: URL) -> AsyncEngine:
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        # A server as installed takes a hundred, from all processes: few are kept when idle.
        pool_size=4,
        max_overflow=4,
        pool_timeout=8,
        pool_pre_ping=True,
        connect_args={
            "timeout": 5,
            "command_timeout": 15,
            "server_settings": {"application_name": BOT},
        },
    )


def _sqlite_reader(url: URL, readers: int) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=readers, max_overflow=0, pool_timeout=30)
    prepare(engine.sync_engine, begin="BEGIN", query_only=True)
    return engine


def prepare(engine: Engine, *, begin: str, query_only: bool) -> None:
    """SQLite as we use it; transactions begin with `begin`, tables are made and changed in them."""
    pragmas = [
        f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA secure_delete=ON",
        "PRAGMA cache_size=-16000",
        f"PRAGMA query_only={'ON' if query_only else 'OFF'}",
    ]

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are ours, not the driver's
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
