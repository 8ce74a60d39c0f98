"""The index of the search, filled behind the messages: new ones within a second, old ones after.

Messages are not held up: what is new is taken up in small batches, each in a transaction of its
own, so that a process that dies leaves nothing half done. What changes or goes away afterwards is
kept in step by the database's triggers (migration 0006). Several processes may do this at once.
"""

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection, text

from bot.adapters.db import search_postgres, search_sqlite
from bot.adapters.db.engine import Database
from bot.adapters.db.rows import AnyRow
from bot.errors import StoreUnavailable

log = structlog.get_logger()

EVERY_S = 0.7
_AWAY_S = 5.0
_NEW, _OLD = 200, 400
_SHARE = 3
"""It rests so many times as long as a batch took."""
_SETTLED_S = 60.0
"""PostgreSQL shows numbers out of order: a lower one may be committed so much later."""

_NEWEST = text("SELECT coalesce(max(seq), 0) FROM messages")
_RANGE = text("SELECT low, high, purge FROM searched_range WHERE id = 1")
_RANGE_ALONE = text(f"{_RANGE.text} FOR UPDATE SKIP LOCKED")
_BEGIN = text("""
    INSERT INTO searched_range (id, low, high) VALUES (1, :low, :high) ON CONFLICT DO NOTHING""")
_AHEAD = text("""
    SELECT min(seq) AS first, max(seq) AS last, count(*) AS times FROM (
        SELECT seq FROM searched_said s WHERE seq > :high
        AND NOT EXISTS (SELECT 1 FROM searched_messages m WHERE m.seq = s.seq)
        ORDER BY seq LIMIT :most) ahead""")
_BEHIND = text("""
    SELECT min(seq) AS first FROM (
        SELECT seq FROM messages WHERE seq < :low ORDER BY seq DESC LIMIT :most) behind""")
_SET_HIGH = text("UPDATE searched_range SET high = :high WHERE id = 1 AND high < :high")
_SET_LOW = text("UPDATE searched_range SET low = :low WHERE id = 1")
_SET_PURGE = text("UPDATE searched_range SET purge = :purge WHERE id = 1")
_PURGE_ASKED, _PURGING = 1, 2


@dataclass(frozen=True, slots=True)
class _Step:
    newest: int
    more: bool


class SearchIndex:
    """Fills the index."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._idle_at = -1
        """The newest message when there was nothing left to do."""
        self._seen: deque[tuple[float, int]] = deque()

    async def run(self, stop: asyncio.Event) -> None:
        """Keep up, until `stop`."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                more = await self.step()
            except StoreUnavailable:
                rest_s = _AWAY_S
            except Exception as error:
                log.exception("search.failed", error=type(error).__name__)
                rest_s = _AWAY_S
            else:
                rest_s = _SHARE * (time.monotonic() - began) if more else EVERY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), rest_s)

    async def catch_up(self) -> None:
        """Until nothing is left to do now. Raises StoreUnavailable."""
        while await self.step():
            pass

    async def purge(self) -> None:
        """Let what was deleted leave the file now (SQLite), without waiting for a worker.

        Its last traces go with the next truncating checkpoint. Raises StoreUnavailable.
        """
        while self._db.is_sqlite and await self._db.write(_purge_more):
            pass

    async def step(self) -> bool:
        """One batch; whether there is more to do at once. Raises StoreUnavailable."""
        if await self._db.read(self._is_idle):
            return False
        settled = self._settled()
        done = await self._db.write(lambda tx: _step(tx, settled))
        if not done.more:
            self._seen.append((time.monotonic(), done.newest))
            self._idle_at = done.newest if self._db.is_sqlite or settled >= done.newest else -1
        return done.more

    def _is_idle(self, tx: Connection) -> bool:
        if self._idle_at < 0 or tx.execute(_NEWEST).scalar_one() != self._idle_at:
            return False
        range_ = tx.execute(_RANGE).first()
        return range_ is not None and not range_.purge and range_.low == 0

    def _settled(self) -> int:
        """The newest message that none before can appear before any more, as far as is known."""
        settled = 0
        while self._seen and self._seen[0][0] < time.monotonic() - _SETTLED_S:
            settled = self._seen.popleft()[1]
        return settled


def _step(tx: Connection, settled: int) -> _Step:
    newest = int(tx.execute(_NEWEST).scalar_one())
    is_sqlite = tx.dialect.name == "sqlite"
    range_ = tx.execute(_RANGE if is_sqlite else _RANGE_ALONE).first()
    if range_ is None:
        # Also where another process fills it just now: then this one has nothing to do.
        made = tx.execute(_BEGIN, {"low": newest + 1, "high": newest})
        return _Step(newest, more=made.rowcount > 0)
    more = _add_new(tx, range_, settled)
    if not more and range_.low > 0:
        more = _add_old(tx, range_.low)
    if not more and range_.purge and is_sqlite:
        more = _purge(tx, range_.purge)
    return _Step(newest, more)


def _add_new(tx: Connection, range_: AnyRow, settled: int) -> bool:
    ahead = tx.execute(_AHEAD, {"high": range_.high, "most": _NEW}).one()
    if ahead.times:
        _add(tx, ahead.first, ahead.last)
    high = ahead.last if tx.dialect.name == "sqlite" else settled
    if high:
        tx.execute(_SET_HIGH, {"high": high})
    return bool(ahead.times == _NEW)


def _add_old(tx: Connection, low: int) -> bool:
    """From the newest back to the first."""
    first = tx.execute(_BEHIND, {"low": low, "most": _OLD}).scalar()
    if first is not None:
        _add(tx, first, low - 1)
    tx.execute(_SET_LOW, {"low": first or 0})
    if first is None:  # many small parts make each search slow
        tx.execute(_SET_PURGE, {"purge": _PURGE_ASKED})
    return first is not None or tx.dialect.name == "sqlite"


def _add(tx: Connection, first: int, last: int) -> None:
    asked: dict[str, Any] = {"first": first, "last": last}
    if tx.dialect.name != "sqlite":
        tx.execute(search_postgres.ADD, asked)
        tx.execute(search_postgres.SORT_IN)
        return
    tx.execute(search_sqlite.ADD, asked)
    tx.execute(search_sqlite.NOTE, asked)


def _purge_more(tx: Connection) -> bool:
    range_ = tx.execute(_RANGE).first()
    return range_ is not None and bool(range_.purge) and _purge(tx, range_.purge)


def _purge(tx: Connection, stage: int) -> bool:
    """FTS5 keeps what was deleted until its parts are merged: all of them are, in steps."""
    if stage == _PURGE_ASKED:
        search_sqlite.begin_merging(tx)
        tx.execute(_SET_PURGE, {"purge": _PURGING})
        return True
    if search_sqlite.go_on_merging(tx):
        return True
    tx.execute(_SET_PURGE, {"purge": 0})
    return False
