"""The times of one reply's way, for its trace. Found by indexes, like everything of one message."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from bot.adapters.db.engine import Database
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import events, media, messages, turns
from bot.domain.trace import FileTimes, Journey

_REPLY = (
    select(
        *(messages.c[name] for name in ("id", "conversation_id", "line_id", "turn_id", "part")),
        *(messages.c[name] for name in ("first_tried_at", "sent_at", "delivered_at")),
        *(turns.c[name] for name in ("message_ids", "started_at", "ended_at", "llm_ms")),
    )
    .select_from(messages.join(turns, turns.c.id == messages.c.turn_id))
    .where(messages.c.id == bindparam("message"))
)
_FILES_MAX = 20


class Journeys:
    """Reads for traces. Everything raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def journey(self, message_id: str) -> Journey | None:
        """The way of one message of ours; None: it is no turn's reply."""
        return await self._db.read(lambda tx: _journey(tx, message_id))


def _journey(tx: Connection, message_id: str) -> Journey | None:
    reply = tx.execute(_REPLY, {"message": message_id}).first()
    if reply is None or reply.ended_at is None:
        return None
    taken = (reply.message_ids or "").split()
    first = _first_event(tx, taken)
    if first is None:
        return None
    return Journey(
        event_id=first.id,
        conversation_id=reply.conversation_id,
        line_id=reply.line_id,
        turn_id=reply.turn_id,
        message_id=reply.id,
        part=reply.part,
        received_at=first.received_at,
        claimed_at=reply.started_at,
        ended_at=reply.ended_at,
        sent_at=reply.sent_at,
        first_tried_at=reply.first_tried_at,
        delivered_at=reply.delivered_at,
        llm_ms=reply.llm_ms,
        files=_files(tx, taken[:_FILES_MAX]),
    )


def _first_event(tx: Connection, message_ids: list[str]) -> AnyRow | None:
    """The one that brought the first of these messages."""
    query = (
        select(events.c.id, events.c.received_at)
        .where(events.c.message_id == bindparam("message"), events.c.conversation_id.is_not(None))
        .order_by(events.c.seq)
        .limit(1)
    )
    return tx.execute(query, {"message": message_ids[0]}).first() if message_ids else None


def _files(tx: Connection, message_ids: list[str]) -> tuple[FileTimes, ...]:
    query = (
        select(media.c.id, media.c.received_at, media.c.read_at)
        .select_from(messages.join(media, media.c.id == messages.c.media_id))
        .where(messages.c.id.in_(message_ids))
        .order_by(messages.c.seq)
    )
    rows = tx.execute(query).all() if message_ids else []
    return tuple(_times(row, row.read_at) for row in rows if row.read_at is not None)


def _times(row: AnyRow, ended_at: datetime) -> FileTimes:
    return FileTimes(row.id, row.received_at, ended_at)
