"""What a person puts away: a dead letter, a draft of the bot's; a transaction for each."""

from datetime import datetime

from sqlalchemy import Connection, select, update

from bot.adapters.db import audit
from bot.adapters.db.rows import lock
from bot.adapters.db.schema import events, messages
from bot.domain.event import EndReason, EventState
from bot.domain.handling import Action
from bot.errors import NotFound, Refused


def drop_event(tx: Connection, event_id: str, by: str, now: datetime) -> None:
    """A dead letter is looked after: another try would still be possible."""
    row = tx.execute(select(events).where(events.c.id == event_id)).first()
    if row is None:
        raise NotFound(f"there is no event {event_id}")
    if row.conversation_id is not None:
        lock(tx, row.conversation_id)
    dropped = tx.execute(
        update(events)
        .where(events.c.id == event_id, events.c.state == EventState.DEAD.value)
        .values(state=EventState.SKIPPED.value, reason=f"{EndReason.DROPPED.value} {by}")
    )
    if not dropped.rowcount:
        raise Refused(f"event {event_id} is {row.state}: only dead ones are put away")
    about = {"line_id": row.line_id, "conversation_id": row.conversation_id}
    audit.note(tx, now, Action.DROPPED, by, reason=event_id, **about)


def drop_draft(tx: Connection, message_id: str, by: str, now: datetime) -> None:
    """What the bot had written is of no use any more; it stays in the thread as never sent."""
    row = tx.execute(select(messages).where(messages.c.id == message_id)).first()
    if row is None:
        raise NotFound(f"there is no message {message_id}")
    lock(tx, row.conversation_id)
    dropped = tx.execute(
        update(messages)
        .where(messages.c.id == message_id, messages.c.draft.is_(True))
        .values(draft=False)
    )
    if not dropped.rowcount:
        raise Refused("this is no draft, or no longer one")
    about = {"line_id": row.line_id, "conversation_id": row.conversation_id}
    audit.note(tx, now, Action.DROPPED, by, reason=message_id, **about)
