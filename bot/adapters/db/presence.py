"""Who else looks at a conversation in the console: two people must not answer one customer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from bot.adapters.db.engine import Database
from bot.adapters.db.schema import presence
from bot.adapters.db.upsert import upsert

LASTS = timedelta(seconds=25)
"""A page that has not been heard of for so long is gone."""
_WRITES = timedelta(seconds=8)
_PAGE_MAX = 40


@dataclass(frozen=True, slots=True)
class Colleague:
    """Another operator with the same conversation open."""

    name: str
    is_writing: bool


class Presence:
    """Everything raises StoreUnavailable. A page is named by the browser: it opens nothing."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._db = database
        self._clock = clock

    async def note(self, page: str, conversation_id: str, operator: str) -> None:
        """The page shows this conversation, and still does."""
        now = self._clock()
        await self._db.write(lambda tx: _note(tx, page[:_PAGE_MAX], conversation_id, operator, now))

    async def note_writing(self, page: str) -> None:
        """Somebody writes an answer on the page."""
        now = self._clock()
        await self._db.write(lambda tx: _note_writing(tx, page[:_PAGE_MAX], now))

    async def leave(self, page: str) -> None:
        """The page is closed, or shows something else."""
        await self._db.write(lambda tx: _leave(tx, page[:_PAGE_MAX]))

    async def others(self, conversation_id: str, operator: str) -> tuple[Colleague, ...]:
        """Who else looks at a conversation, by name."""
        now = self._clock()
        return await self._db.read(lambda tx: _others(tx, conversation_id, operator, now))


def _note(tx: Connection, page: str, conversation_id: str, operator: str, now: datetime) -> None:
    tx.execute(delete(presence).where(presence.c.seen_at < now - LASTS))
    seen = {"conversation_id": conversation_id, "operator": operator, "seen_at": now}
    tx.execute(
        upsert(tx.dialect.name, presence)
        .values(page=page, **seen)
        .on_conflict_do_update(
            index_elements=[presence.c.page],
            set_=seen,
            where=presence.c.operator == operator,  # nobody speaks for another's page
        )
    )


def _note_writing(tx: Connection, page: str, now: datetime) -> None:
    tx.execute(update(presence).where(presence.c.page == page).values(writing_at=now))


def _leave(tx: Connection, page: str) -> None:
    tx.execute(delete(presence).where(presence.c.page == page))


def _others(
    tx: Connection, conversation_id: str, operator: str, now: datetime
) -> tuple[Colleague, ...]:
    rows = tx.execute(
        select(presence.c.operator, presence.c.writing_at).where(
            presence.c.conversation_id == conversation_id,
            presence.c.operator != operator,
            presence.c.seen_at > now - LASTS,
        )
    ).all()
    writing = {row.operator for row in rows if row.writing_at and now - row.writing_at < _WRITES}
    names = sorted({row.operator for row in rows})
    return tuple(Colleague(name, name in writing) for name in names)
