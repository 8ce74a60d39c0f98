"""Whether anything at all was written since, asked so cheaply that it can be asked all the time.

Both databases count their commits: SQLite in `data_version`, PostgreSQL in the snapshot that a
transaction would see. A connection of its own is kept for asking, without transactions around it.
"""

import sqlite3
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from sqlalchemy import exc, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.adapters.db.engine import BOT

_TIMEOUT_S = 5
_SNAPSHOT = text("SELECT CAST(txid_current_snapshot() AS text)")


class ChangeWatch:
    """Asks one database."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._file: sqlite3.Connection | None = None
        self._engine: AsyncEngine | None = None
        self._server: AsyncConnection | None = None

    async def version(self) -> str | None:
        """Another text whenever something was written since; None: the database did not say."""
        try:
            if self._url.get_backend_name() == "sqlite":
                return self._data_version()
            return await self._snapshot()
        except (sqlite3.Error, exc.SQLAlchemyError, OSError):
            await self.close()
            return None

    async def close(self) -> None:
        """Let go of the connection; the next question makes another."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._server is not None:
            with suppress(exc.SQLAlchemyError, OSError):
                await self._server.close()
            self._server = None
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    def _data_version(self) -> str:
        """Some microseconds, so it is asked where it is needed: it reads no page of the file."""
        if self._file is None:
            uri = f"file:{quote(str(self._url.database))}?mode=ro"
            self._file = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
        return str(self._file.execute("PRAGMA data_version").fetchone()[0])

    async def _snapshot(self) -> str:
        if self._server is None:
            url = self._url.set(drivername="postgresql+asyncpg")
            given: dict[str, Any] = {"server_settings": {"application_name": BOT}}
            given |= {"timeout": _TIMEOUT_S, "command_timeout": _TIMEOUT_S}
            self._engine = create_async_engine(
                url, poolclass=NullPool, connect_args=given, isolation_level="AUTOCOMMIT"
            )
            self._server = await self._engine.connect()
        return str((await self._server.execute(_SNAPSHOT)).scalar_one())
