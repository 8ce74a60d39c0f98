"""Contacts whom nobody, or not the bot, writes to: what operators decide, by hand.

Of somebody without a conversation it is remembered by a digest of their number.
"""

from datetime import datetime

from sqlalchemy import Connection, select, update

from bot.adapters.db import audit, opting, remembered
from bot.adapters.db.rows import Thread, lock, open_sends, set_conversation
from bot.adapters.db.schema import OPEN_EVENT, OPEN_SEND, conversations, events, lines, messages
from bot.domain.conversation import conversation_id
from bot.domain.event import EndReason
from bot.domain.handling import Action
from bot.domain.outbox import BLOCKED
from bot.domain.people import Decision, Place
from bot.domain.turn import Opting
from bot.errors import NotFound

_PLACES_MAX = 100


def places(tx: Connection, contact_key: str, line_id: str | None) -> tuple[Place, ...]:
    """Where a contact is known; with a line, there, whether or not. Raises NotFound.

    Known is also who was erased and is remembered as opted out or blocked.
    """
    if line_id is not None:
        return (_place(tx, contact_key, line_id),)
    known = {one.line_id: one for one in conversations_of(tx, contact_key)}
    for line in _remembering(tx, contact_key):
        known.setdefault(line, _place(tx, contact_key, line))
    if not known:
        raise NotFound("nobody with this number is known: name a line with it")
    return tuple(known[line] for line in sorted(known))


def conversations_of(tx: Connection, contact_key: str) -> tuple[Place, ...]:
    """The lines that a contact has a conversation on."""
    theirs = (conversations.c.contact_key == contact_key, conversations.c.operator.is_(False))
    query = select(conversations.c.id, conversations.c.line_id).where(*theirs)
    rows = tx.execute(query.order_by(conversations.c.line_id).limit(_PLACES_MAX))
    return tuple(Place(row.line_id, contact_key, row.id, is_known=True) for row in rows)


def _place(tx: Connection, contact_key: str, line_id: str) -> Place:
    key = conversation_id(line_id, contact_key)
    there = select(conversations.c.id).where(conversations.c.id == key)
    return Place(line_id, contact_key, key, is_known=tx.execute(there).first() is not None)


def _remembering(tx: Connection, contact_key: str) -> list[str]:
    if remembered.is_empty(tx):
        return []
    digests = remembered.digests(tx)
    of = {
        digests.of_contact(line, contact_key): line
        for line in tx.execute(select(lines.c.line_id)).scalars()
    }
    marks = remembered.marks_among(tx, list(of))
    return [
        of[digest]
        for digest, row in marks.items()
        if row.opted_out_at is not None or row.blocked_at is not None
    ]


def decide(
    tx: Connection, place: Place, decision: Decision, by: str, reason: str | None, now: datetime
) -> None:
    """From the commit on it is so; said twice, it is recorded once."""
    thread = lock(tx, place.conversation_id)
    if thread is None:
        _remember(tx, place, decision, by, now)
    elif decision in (Decision.BLOCK, Decision.UNBLOCK):
        _bar(tx, thread, decision, by, reason, now)
    else:
        _opt(tx, thread, decision, by, reason, now)


def _remember(tx: Connection, place: Place, decision: Decision, by: str, now: datetime) -> None:
    digest = remembered.digests(tx).of_contact(place.line_id, place.contact_key)
    match decision:
        case Decision.BLOCK:
            remembered.keep(tx, digest, blocked_at=now, blocked_by=by)
        case Decision.UNBLOCK:
            remembered.keep(tx, digest, blocked_at=None, blocked_by=None)
        case Decision.OPT_OUT:
            remembered.keep(tx, digest, opted_out_at=now)
        case Decision.OPT_IN:
            remembered.keep(tx, digest, opted_out_at=None)
    audit.note(tx, now, _ACTIONS[decision], by, line_id=place.line_id)


_ACTIONS = {
    Decision.BLOCK: Action.BLOCKED,
    Decision.UNBLOCK: Action.UNBLOCKED,
    Decision.OPT_OUT: Action.OPTED_OUT,
    Decision.OPT_IN: Action.OPTED_IN,
}


def _bar(
    tx: Connection, thread: Thread, decision: Decision, by: str, reason: str | None, now: datetime
) -> None:
    is_block = decision is Decision.BLOCK
    row = thread.row
    if (row.blocked_at is not None) == is_block:
        return
    marks = {"blocked_at": now, "blocked_by": by} if is_block else {}
    free = {"blocked_at": None, "blocked_by": None}
    set_conversation(tx, row.id, epoch=conversations.c.epoch + 1, **(marks or free))
    if is_block:
        cancel_queued(tx, row.id, BLOCKED)
        drop_waiting(tx, thread, now)
        set_conversation(tx, row.id, needs_attention=False, attention_reason=None)
    about = {"line_id": row.line_id, "conversation_id": row.id}
    audit.note(tx, now, _ACTIONS[decision], by, reason=reason, **about)


def _opt(
    tx: Connection, thread: Thread, decision: Decision, by: str, reason: str | None, now: datetime
) -> None:
    wanted = Opting.OUT if decision is Decision.OPT_OUT else Opting.IN
    if (thread.row.opted_out_at is not None) == (wanted is Opting.OUT):
        return
    opting.change(tx, thread, wanted, now, by, reason)
    if wanted is Opting.OUT:
        opting.settle_unknown(tx, thread.row.id)


def cancel_queued(tx: Connection, conversation_id: str, why: str) -> None:
    """Whatever still waited to be sent never leaves."""
    tx.execute(
        update(messages)
        .where(
            messages.c.conversation_id == conversation_id,
            OPEN_SEND,
            messages.c.status.in_(("queued", "held")),
        )
        .values(status="cancelled", error=why)
    )
    for send in open_sends(tx, conversation_id):
        if send.status == "unknown":
            error = "it left and got no answer, and is not sent again"
            ended = {"status": "uncertain", "error": error}
            tx.execute(update(messages).where(messages.c.id == send.id).values(**ended))


def drop_waiting(tx: Connection, thread: Thread, now: datetime) -> None:
    """Nothing that waits here is answered, nor what is being answered now."""
    tx.execute(
        update(events)
        .where(events.c.conversation_id == thread.row.id, OPEN_EVENT)
        .values(state="skipped", reason=EndReason.BLOCKED.value, ended_at=now)
    )
    set_conversation(tx, thread.row.id, due_at=None, first_waiting_at=None)
