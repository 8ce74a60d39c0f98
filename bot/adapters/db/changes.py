"""What customers change or take back of what they wrote."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select, update

from bot.adapters.db.pending import finish, wait_a_little
from bot.adapters.db.rows import AnyRow, Thread, lock, set_conversation
from bot.adapters.db.schema import OPEN_EVENT, RECEIVED, events, messages
from bot.domain.conversation import Policy, conversation_id
from bot.domain.event import Deleted, Edited, EndReason


def apply_change(
    tx: Connection,
    row: AnyRow,
    change: Edited | Deleted,
    contact_key: Callable[[str], str],
    now: datetime,
    policy: Policy,
) -> str | None:
    """Record it with the message. A message that still waits for its answer is looked at anew.

    The conversation that may go on now.
    """
    message = _message(tx, row.line_id, change, contact_key)
    if message is None:
        if not wait_a_little(tx, row, now, policy):
            finish(tx, row, now, "skipped", EndReason.UNKNOWN_MESSAGE)
        return None
    thread = lock(tx, message.conversation_id)
    match change:
        case Edited(text=text):
            values = {"text": text, "edited_at": now}
        case Deleted():
            values = {"deleted_at": now}
    tx.execute(update(messages).where(messages.c.id == message.id).values(**values))
    what = EndReason.CHANGE if isinstance(change, Edited) else EndReason.DELETION
    finish(tx, row, now, "done", f"{what} {message.id}", message_id=message.id)
    if thread is None or thread.paused or not _waits(tx, message):
        return None
    _look_anew(tx, thread, now, policy)
    return str(message.conversation_id)


def _message(
    tx: Connection, line_id: str, change: Edited | Deleted, contact_key: Callable[[str], str]
) -> AnyRow | None:
    """The message meant: on this line, and by the one who changes it."""
    found = tx.execute(
        select(messages.c.id, messages.c.conversation_id).where(
            RECEIVED, messages.c.provider_id == change.provider_id, messages.c.line_id == line_id
        )
    ).first()
    if found is None or change.sender is None:
        return found
    theirs = conversation_id(line_id, contact_key(change.sender))
    return found if found.conversation_id == theirs else None


def _waits(tx: Connection, message: AnyRow) -> bool:
    """Whether its answer is still to be given, or being written."""
    query = select(events.c.id).where(
        events.c.conversation_id == message.conversation_id,
        OPEN_EVENT,
        events.c.message_id == message.id,
    )
    return tx.execute(query).first() is not None


def _look_anew(tx: Connection, thread: Thread, now: datetime, policy: Policy) -> None:
    """As a new message would: a reply that is being written is written again."""
    since = now if thread.row.first_waiting_at is None else thread.row.first_waiting_at
    due_at = min(now + policy.quiet_period, max(now, since + policy.max_wait))
    set_conversation(tx, thread.row.id, first_waiting_at=since, due_at=due_at)
