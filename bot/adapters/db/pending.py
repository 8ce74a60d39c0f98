"""How events that are applied (not answered) end, or wait a little."""

from datetime import datetime

from sqlalchemy import Connection, update

from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import events
from bot.domain.conversation import Policy


def wait_a_little(tx: Connection, row: AnyRow, now: datetime, policy: Policy) -> bool:
    """Whether what this belongs to may still come: look again at the end of the grace."""
    until = row.received_at + policy.delivery_grace
    if now >= until or now < row.received_at - policy.delivery_grace:  # the clock was set back
        return False
    tx.execute(update(events).where(events.c.id == row.id).values(due_at=until))
    return True


def finish(
    tx: Connection,
    row: AnyRow,
    now: datetime,
    state: str,
    reason: str,
    error: str | None = None,
    message_id: str | None = None,
) -> None:
    values = {"state": state, "reason": str(reason), "error": error, "message_id": message_id}
    tx.execute(
        update(events)
        .where(events.c.id == row.id, events.c.state == "pending")
        .values(**values, ended_at=now, due_at=None)
    )
