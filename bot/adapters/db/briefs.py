"""What a person has told a customer, for the model that goes on from there."""

from datetime import datetime

from sqlalchemy import Connection, select

from bot.adapters.db.rows import AnyRow, Thread
from bot.adapters.db.schema import conversations, messages
from bot.domain.brief import summarise
from bot.errors import NotFound

_NEWEST = 20
_MEANT = ("queued", "held", "sending", "unknown", "sent", "delivered", "uncertain")


def of_pause(tx: Connection, thread: Thread) -> str | None:
    """The person's newest words since they took over; else what was told of the last one."""
    return _told(tx, thread.row)


def preview(tx: Connection, conversation_id: str) -> str:
    """What the model would be told if the conversation were handed back now. Raises NotFound."""
    query = select(*(conversations.c[name] for name in ("id", "paused_at", "brief")))
    row = tx.execute(query.where(conversations.c.id == conversation_id)).first()
    if row is None:
        raise NotFound("there is no such conversation")
    return _told(tx, row) or ""


def _told(tx: Connection, row: AnyRow) -> str | None:
    said = "" if row.paused_at is None else _said_since(tx, row.id, row.paused_at)
    return said if said else row.brief


def _said_since(tx: Connection, conversation_id: str, since: datetime) -> str:
    rows = tx.execute(
        select(messages.c.text)
        .where(
            messages.c.conversation_id == conversation_id,
            messages.c.author == "operator",
            messages.c.direction == "out",
            messages.c.status.in_(_MEANT),
            messages.c.created_at >= since,
        )
        .order_by(messages.c.seq.desc())
        .limit(_NEWEST)
    )
    return summarise([row.text for row in reversed(rows.all())])
