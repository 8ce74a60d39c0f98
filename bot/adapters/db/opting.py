"""A customer opts out, and in again: enforced wherever something could leave."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from bot.adapters.db import audit, notices
from bot.adapters.db.rows import Thread, lock, move_message, open_sends, set_conversation
from bot.adapters.db.schema import OPEN_EVENT, OPEN_SEND, conversations, events, messages
from bot.domain.conversation import Policy
from bot.domain.handling import CUSTOMER, Action
from bot.domain.notice import NoticeKind
from bot.domain.outbox import OPTED_OUT
from bot.domain.turn import Opting

_TO_PERSON = "wrote STOP: nothing more is sent here, by anybody, until they write START"


def change(
    tx: Connection,
    thread: Thread,
    opting: Opting,
    now: datetime,
    by: str = CUSTOMER,
    reason: str | None = None,
) -> None:
    """From the commit on nothing leaves but the confirmation, or everything may again."""
    row = thread.row
    is_out = opting is Opting.OUT
    set_conversation(
        tx, row.id, opted_out_at=now if is_out else None, epoch=conversations.c.epoch + 1
    )
    tx.execute(
        update(messages)
        .where(
            messages.c.conversation_id == row.id,
            OPEN_SEND,
            messages.c.status.in_(("queued", "held")),
        )
        .values(status="cancelled", error=OPTED_OUT)
    )
    action = Action.OPTED_OUT if is_out else Action.OPTED_IN
    about = {"line_id": row.line_id, "conversation_id": row.id}
    audit.note(tx, now, action, by, reason=reason, **about)


def settle_unknown(tx: Connection, conversation_id: str) -> None:
    """What left and got no answer is not sent again."""
    for send in open_sends(tx, conversation_id):
        if send.status == "unknown":
            move_message(tx, send, {"status": "uncertain", "error": OPTED_OUT})


def _still_waits(tx: Connection, conversation_id: str, message_ids: Sequence[str]) -> bool:
    open_ones = select(events.c.id).where(
        events.c.conversation_id == conversation_id,
        OPEN_EVENT,
        events.c.message_id.in_(message_ids),
    )
    return tx.execute(open_ones).first() is not None


def hear(
    tx: Connection,
    conversation_id: str,
    opting: Opting,
    message_ids: Sequence[str],
    now: datetime,
    policy: Policy,
) -> bool:
    """It was said to a person, so the bot says nothing to it; the person is told.

    False: it is so already, or the bot's own turn comes next and confirms it.
    """
    thread = lock(tx, conversation_id)
    if thread is None or (thread.row.opted_out_at is not None) == (opting is Opting.OUT):
        return False
    if not thread.paused and _still_waits(tx, conversation_id, message_ids):
        # The bot's own turn is next, and confirms it.
        if opting is Opting.OUT:
            settle_unknown(tx, conversation_id)
        return False
    change(tx, thread, opting, now)
    tx.execute(
        update(events)
        .where(
            events.c.conversation_id == conversation_id,
            OPEN_EVENT,
            events.c.state == "pending",
            events.c.message_id.in_(message_ids),
        )
        .values(state="done", reason=opting.value, ended_at=now)
    )
    if opting is Opting.OUT:
        notices.tell(tx, conversation_id, NoticeKind.OPT_OUT, _TO_PERSON, now, policy)
    return True
