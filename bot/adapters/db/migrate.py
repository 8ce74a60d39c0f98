"""Bringing the database to this version: under a lock, and on SQLite after a copy."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, exc, make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.adapters.db.engine import prepare
from bot.crash_points import CrashPoint, reach
from bot.errors import StoreUnavailable

log = structlog.get_logger()

SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 7_036_874_417_766_402  # any number, the same in all our processes


async def migrate(url: str) -> None:
    """Migrate to the newest version; several processes may try at once.

    Raises StoreUnavailable when the database cannot be reached or holds a newer version.
    """
    engine = create_async_engine(url, poolclass=NullPool)
    if _sqlite_path(url) is not None:  # by itself the driver commits each table that is made
        prepare(engine.sync_engine, begin="BEGIN IMMEDIATE", query_only=False)
    try:
        async with _alone(url, engine):
            await _migrate(url, engine)
    except (exc.DBAPIError, OSError) as error:
        raise StoreUnavailable(f"the database could not be opened: {_cause(error)}") from error
    finally:
        await engine.dispose()


async def is_current(url: str) -> bool:
    """Whether the database has exactly the tables of this version."""
    path = _sqlite_path(url)
    if path is not None and not path.exists():
        return False
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_version) == _newest()
    except (exc.DBAPIError, OSError) as error:
        raise StoreUnavailable(f"the database could not be opened: {_cause(error)}") from error
    finally:
        await engine.dispose()


async def _migrate(url: str, engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        version = await connection.run_sync(_version)
    if version == _newest():
        return
    if version is not None and version not in _known():
        raise StoreUnavailable(
            f"the database is at version {version}, which this program does not know: "
            "it was written by a newer one; install that one again"
        )
    path = _sqlite_path(url)
    if path is not None and version is not None:
        _copy(path, version)
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)
    log.info("database.migrated", before=version, now=_newest())


@asynccontextmanager
async def _alone(url: str, engine: AsyncEngine) -> AsyncIterator[None]:
    path = _sqlite_path(url)
    if path is None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            yield
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(f"{path}.migrating", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _copy(path: Path, version: str) -> None:
    """A consistent copy beside the file, also of what is still in its write-ahead log."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    copy = path.with_name(f"{path.name}.{version}.{stamp}.copy")
    source, target = sqlite3.connect(path), sqlite3.connect(copy)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    copy.chmod(0o600)
    log.info("database.copied", copy=copy.name)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    event.listen(connection, "after_cursor_execute", lambda *_: reach(CrashPoint.MIGRATING))
    command.upgrade(config, "head")


def _version(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _known() -> set[str]:
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return {script.revision for script in scripts}


def _sqlite_path(url: str) -> Path | None:
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database
    return Path(str(parsed.database)) if is_file else None


def _cause(error: Exception) -> str:
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
