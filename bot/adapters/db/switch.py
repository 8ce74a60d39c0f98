"""Who answers: pause, resume, a person's message. Each function is one transaction or a part."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    true,
    type_coerce,
    update,
)

from bot.adapters.db import attaching, audit, briefs, holds, takeover
from bot.adapters.db.ids import new_id
from bot.adapters.db.rows import ALL, AnyRow, Thread, lock, locked, set_conversation, take_switch
from bot.adapters.db.schema import (
    LAST_TEXT_CHARS,
    OPEN_EVENT,
    OPEN_SEND,
    REQUESTED,
    WORKING,
    conversations,
    events,
    lines,
    messages,
    turns,
)
from bot.domain.conversation import Owner, Pause, Policy
from bot.domain.event import EndReason
from bot.domain.handling import Action
from bot.domain.work import InFlight
from bot.errors import NotFound, Refused

_UNHEARD = (
    exists()
    .where(
        messages.c.conversation_id == conversations.c.id,
        messages.c.direction == "in",
        messages.c.seq > func.coalesce(conversations.c.heard_seq, 0),
    )
    .correlate(conversations)
)
_UNLESS_HEARD = case((_UNHEARD, type_coerce(conversations.c.due_at, BigInteger)), else_=None)
"""What nobody has to answer any more is looked at once for its author's STOP."""


def pause(tx: Connection, conversation_id: str, by: Pause, now: datetime) -> None:
    """The bot is silent in this conversation from the commit on."""
    locked(tx, conversation_id)
    takeover.pause_conversation(tx, conversation_id, by, now)


def pause_scope(tx: Connection, line_id: str | None, by: Pause, now: datetime) -> None:
    """The bot is silent on a line, or (None) everywhere, from the commit on."""
    lock_scope(tx, line_id, now)
    tx.execute(
        update(lines)
        .where(lines.c.line_id == _scope(line_id))
        .values(paused_at=now, paused_until=by.until, paused_by=by.by, pause_reason=by.reason)
    )
    _raise_epochs(tx, line_id)
    takeover.cancel_queued(tx, _on_line(messages.c.line_id, line_id))
    audit.note(tx, now, Action.PAUSED, by.by, line_id=line_id, reason=by.reason, until=by.until)


def in_flight(tx: Connection, conversation_id: str | None, line_id: str | None) -> list[InFlight]:
    """The bot's messages on their way or unknown."""
    where: ColumnElement[bool] = (
        _on_line(messages.c.line_id, line_id)
        if conversation_id is None
        else messages.c.conversation_id == conversation_id
    )
    rows = tx.execute(
        select(messages.c.id, messages.c.status).where(
            where,
            OPEN_SEND,
            messages.c.author == "bot",
            messages.c.status.in_(("sending", "unknown")),
        )
    )
    return [InFlight(row.id, row.status) for row in rows]


def resume(
    tx: Connection,
    conversation_id: str,
    by: str,
    now: datetime,
    *,
    answer: bool,
    brief: str | None = None,
) -> None:
    """The bot has the conversation again; `answer`: with what the customer wrote last.

    What was not paused loses nothing but its need of attention. `brief`: what the model is told
    of the person's promises; None: their own words, the newest.
    """
    thread = locked(tx, conversation_id)
    if thread.row.state == Owner.BOT:
        _look_after(tx, conversation_id)
        if brief is not None:
            set_conversation(tx, conversation_id, brief=brief)
    else:
        _hand_back(tx, thread, by, now, brief)
        if not answer:
            _skip_tail(tx, conversation_id, now)
    if answer:
        _answer_tail(tx, conversation_id, now)


def _hand_back(tx: Connection, thread: Thread, by: str, now: datetime, brief: str | None) -> None:
    conversation_id = thread.row.id
    told = briefs.of_pause(tx, thread) if brief is None else brief
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(
            state=Owner.BOT,
            epoch=conversations.c.epoch + 1,
            paused_at=None,
            paused_until=None,
            paused_by=None,
            pause_reason=None,
            pause_noticed_at=None,
            needs_attention=False,
            attention_reason=None,
            relay_to=None,
            brief=told,
        )
    )
    takeover.cancel_queued(tx, messages.c.conversation_id == conversation_id)
    about = {"line_id": thread.row.line_id, "conversation_id": conversation_id}
    audit.note(tx, now, Action.RESUMED, by, **about)


def resume_scope(
    tx: Connection, line_id: str | None, by: str, now: datetime, policy: Policy, *, answer: bool
) -> frozenset[str]:
    """The bot has a line, or everything, again; the conversations to answer.

    A pause of everything and those of single lines end separately.
    """
    lock_scope(tx, line_id, now)
    ended = tx.execute(
        update(lines)
        .where(lines.c.line_id == _scope(line_id), lines.c.paused_at.is_not(None))
        .values(paused_at=None, paused_until=None, paused_by=None, pause_reason=None)
    )
    if not ended.rowcount:
        return frozenset()
    audit.note(tx, now, Action.RESUMED, by, line_id=line_id)
    freed = _waiting_with_bot(tx, line_id)
    for conversation_id in freed:
        thread = lock(tx, conversation_id)
        if thread is None or thread.paused:
            continue  # the other of the two pauses goes on, and what waits goes on waiting
        if answer:
            _answer_tail(tx, conversation_id, now)
        else:
            _skip_tail(tx, conversation_id, now)
            reason = "wrote while the bot was paused"
            takeover.need_attention(tx, conversation_id, reason, now, policy)
    return frozenset(freed if answer else ())


def attend(tx: Connection, conversation_id: str, by: str, now: datetime) -> None:
    """Somebody has looked after it."""
    thread = locked(tx, conversation_id)
    _look_after(tx, conversation_id)
    about = {"line_id": thread.row.line_id, "conversation_id": conversation_id}
    audit.note(tx, now, Action.ATTENDED, by, **about)


def _look_after(tx: Connection, conversation_id: str) -> None:
    set_conversation(tx, conversation_id, needs_attention=False, attention_reason=None)


def write(
    tx: Connection,
    conversation_id: str,
    parts: tuple[str, ...],
    pause: Pause,
    now: datetime,
    *,
    request_key: str | None = None,
    keep_bot: bool = False,
) -> str:
    """Queue a person's message, pausing the bot first; the id of its first part.

    `keep_bot`: whoever has the conversation keeps it. Raises NotFound, Refused.
    """
    thread = locked(tx, conversation_id)
    if request_key is not None:
        earlier = select(messages.c.id, messages.c.conversation_id).where(
            REQUESTED, messages.c.request_key == request_key
        )
        known = tx.execute(earlier).first()
        if known is not None:
            return _same_request(known, conversation_id)
    if thread.row.erasing_at is not None:
        raise Refused("all that is kept of this customer is being erased")
    if thread.row.blocked_at is not None:
        raise Refused("the contact is blocked: unblock them first")
    if thread.row.opted_out_at is not None:
        raise Refused("the customer has opted out: nothing is sent until they write START")
    if not keep_bot or thread.row.state == Owner.HUMAN:
        takeover.pause_conversation(tx, conversation_id, pause, now)
        answered_by_person(tx, conversation_id, now)
    return _queue(tx, thread, parts, pause.by, now, request_key)


def answered_by_person(
    tx: Connection, conversation_id: str, now: datetime, *, before: int | None = None
) -> None:
    """What waited here (`before` an event's seq) is answered; nothing of it is the bot's."""
    _look_after(tx, conversation_id)
    where: list[Any] = [events.c.conversation_id == conversation_id, OPEN_EVENT]
    if before is not None:
        where.append(events.c.seq < before)
    tx.execute(
        update(events)
        .where(*where)
        .values(state="done", reason=EndReason.BY_PERSON.value, ended_at=now)
    )
    if not has_tail(tx, conversation_id):
        tx.execute(
            update(conversations)
            .where(conversations.c.id == conversation_id)
            .values(first_waiting_at=None, due_at=_UNLESS_HEARD)
        )


def replay(tx: Connection, event_id: str, by: str, now: datetime) -> str | None:
    """Put a dead or skipped event back; the conversation it belongs to."""
    row = tx.execute(select(events).where(events.c.id == event_id)).first()
    if row is None:
        raise NotFound(f"there is no event {event_id}")
    if row.conversation_id is not None:
        lock(tx, row.conversation_id)
    if row.state not in ("dead", "skipped"):
        raise Refused(f"event {event_id} is {row.state}: only dead or skipped ones are replayed")
    if row.provider_event_id.startswith("unreadable-") or not row.raw:
        raise Refused(f"event {event_id} cannot be replayed: nothing readable of it was kept")
    is_message = row.conversation_id is not None
    put_back = tx.execute(
        update(events)
        .where(events.c.id == event_id, events.c.state.in_(("dead", "skipped")))
        .values(
            state="pending",
            reason=None,
            error=None,
            attempts=0,
            turn_id=None,
            ended_at=None,
            due_at=now if is_message else None,
        )
    )
    if not put_back.rowcount:
        raise Refused(f"event {event_id} is being replayed already")
    about = {"line_id": row.line_id, "conversation_id": row.conversation_id}
    audit.note(tx, now, Action.REPLAYED, by, reason=event_id, **about)
    if not is_message:
        return None
    tx.execute(update(messages).where(messages.c.id == row.message_id).values(dead=False))
    attaching.replay(tx, row.message_id, now)
    _answer_tail(tx, row.conversation_id, now)
    return str(row.conversation_id)


def has_tail(tx: Connection, conversation_id: str) -> bool:
    query = select(events.c.id).where(events.c.conversation_id == conversation_id, OPEN_EVENT)
    return tx.execute(query.limit(1)).first() is not None


def _same_request(known: AnyRow, conversation_id: str) -> str:
    if known.conversation_id != conversation_id:
        raise Refused("this Idempotency-Key was used for another conversation", 422)
    return str(known.id)


def _queue(
    tx: Connection,
    thread: Thread,
    parts: tuple[str, ...],
    by: str,
    now: datetime,
    request_key: str | None,
) -> str:
    first = new_id("op")
    rows = [
        {
            "id": first if part == 0 else f"{first}_{part}",
            "conversation_id": thread.row.id,
            "direction": "out",
            "author": "operator",
            "author_name": by,
            "type": "text",
            "text": text,
            "line_id": thread.row.line_id,
            "status": "held" if thread.held else "queued",
            "part": part,
            "next_at": now,
            **thread.hold_of(now),
            "created_at": now,
            "request_key": request_key if part == 0 else None,
        }
        for part, text in enumerate(parts)
    ]
    tx.execute(insert(messages), rows)
    tx.execute(
        update(conversations)
        .where(conversations.c.id == thread.row.id)
        .values(last_message_at=now, last_text=parts[-1][:LAST_TEXT_CHARS])
    )
    return first


def _scope(line_id: str | None) -> str:
    return ALL if line_id is None else line_id


def _on_line(column: Any, line_id: str | None) -> ColumnElement[bool]:
    return true() if line_id is None else column == line_id


def lock_scope(tx: Connection, line_id: str | None, now: datetime) -> None:
    """Take the switch: no claim and no send of any conversation commits meanwhile."""
    take_switch(tx)
    holds.ensure_line(tx, ALL, now)
    if line_id == ALL:
        raise NotFound("there is no line *")
    if line_id is not None:
        known = select(conversations.c.id).where(conversations.c.line_id == line_id).limit(1)
        row = select(lines.c.line_id).where(lines.c.line_id == line_id)
        if tx.execute(row).first() is None and tx.execute(known).first() is None:
            raise NotFound(f"there is no line {line_id}")
        holds.ensure_line(tx, line_id, now)


def _raise_epochs(tx: Connection, line_id: str | None) -> None:
    """Whatever the bot is writing now is a draft from here on."""
    working = select(turns.c.conversation_id).where(WORKING)
    sending = select(messages.c.conversation_id).where(OPEN_SEND)
    tx.execute(
        update(conversations)
        .where(
            _on_line(conversations.c.line_id, line_id),
            or_(conversations.c.id.in_(working), conversations.c.id.in_(sending)),
        )
        .values(epoch=conversations.c.epoch + 1)
    )


def _waiting_with_bot(tx: Connection, line_id: str | None) -> list[str]:
    """Conversations that wait for an answer and are in no person's hands of their own."""
    open_ones = select(events.c.conversation_id).where(
        OPEN_EVENT, events.c.conversation_id.is_not(None)
    )
    query = select(conversations.c.id).where(
        conversations.c.id.in_(open_ones),
        conversations.c.state == Owner.BOT,
        _on_line(conversations.c.line_id, line_id),
    )
    return [str(row.id) for row in tx.execute(query)]


def _answer_tail(tx: Connection, conversation_id: str, now: datetime) -> None:
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(due_at=now, first_waiting_at=now)
    )


def _skip_tail(tx: Connection, conversation_id: str, now: datetime) -> None:
    tx.execute(
        update(events)
        .where(events.c.conversation_id == conversation_id, OPEN_EVENT, events.c.state == "pending")
        .values(state="skipped", reason=EndReason.PAUSED.value, ended_at=now)
    )
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(first_waiting_at=None, due_at=_UNLESS_HEARD)
    )
