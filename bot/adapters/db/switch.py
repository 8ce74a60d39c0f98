"""Who answers: pause, resume, a person's message. Each function is one transaction or a part."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, true, update

from bot.adapters.db import outbox
from bot.adapters.db.ids import new_id
from bot.adapters.db.inbox import LAST_TEXT_CHARS
from bot.adapters.db.rows import ALL, AnyRow, Thread, lock
from bot.adapters.db.schema import (
    OPEN_EVENT,
    OPEN_SEND,
    WORKING,
    conversations,
    events,
    lines,
    messages,
    turns,
)
from bot.domain.conversation import Owner, Pause, Policy
from bot.domain.work import InFlight
from bot.errors import NotFound, Refused


def pause(tx: Connection, conversation_id: str, by: Pause, now: datetime) -> None:
    """The bot is silent in this conversation from the commit on."""
    _locked(tx, conversation_id)
    outbox.pause_conversation(tx, conversation_id, by, now)


def pause_scope(tx: Connection, line_id: str | None, by: Pause, now: datetime) -> None:
    """The bot is silent on a line, or (None) everywhere, from the commit on."""
    _lock_scope(tx, line_id, now)
    tx.execute(
        update(lines)
        .where(lines.c.line_id == _scope(line_id))
        .values(paused_at=now, paused_until=by.until, paused_by=by.by, pause_reason=by.reason)
    )
    _raise_epochs(tx, line_id)
    outbox.cancel_queued(tx, _on_line(messages.c.line_id, line_id))


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


def resume(tx: Connection, conversation_id: str, now: datetime, *, answer: bool) -> None:
    """The bot has the conversation again; `answer`: with what the customer wrote last."""
    _locked(tx, conversation_id)
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
        )
    )
    outbox.cancel_queued(tx, messages.c.conversation_id == conversation_id)
    if answer:
        _answer_tail(tx, [conversation_id], now)
    else:
        _skip_tail(tx, [conversation_id], now)


def resume_scope(
    tx: Connection, line_id: str | None, now: datetime, *, answer: bool
) -> frozenset[str]:
    """The bot has a line, or everything, again; the conversations to answer."""
    _lock_scope(tx, line_id, now)
    paused = _on_line(lines.c.line_id, line_id) if line_id is not None else true()
    tx.execute(
        update(lines)
        .where(paused)
        .values(paused_at=None, paused_until=None, paused_by=None, pause_reason=None)
    )
    waiting = _waiting_with_bot(tx, line_id)
    if answer:
        _answer_tail(tx, waiting, now)
        return frozenset(waiting)
    _skip_tail(tx, waiting, now)
    for conversation_id in waiting:
        outbox.need_attention(tx, conversation_id, "wrote while the bot was paused")
    return frozenset()


def attend(tx: Connection, conversation_id: str) -> None:
    """Somebody has looked after it."""
    _locked(tx, conversation_id)
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(needs_attention=False, attention_reason=None)
    )


def write(
    tx: Connection,
    conversation_id: str,
    parts: tuple[str, ...],
    by: str,
    now: datetime,
    *,
    request_key: str | None,
    taken_over: Pause | None,
) -> str:
    """Queue a person's message, pausing the bot first; the id of its first part."""
    thread = _locked(tx, conversation_id)
    if request_key is not None:
        earlier = select(messages.c.id, messages.c.conversation_id).where(
            messages.c.request_key == request_key
        )
        known = tx.execute(earlier).first()
        if known is not None:
            return _same_request(known, conversation_id)
    if taken_over is not None:
        outbox.pause_conversation(tx, conversation_id, taken_over, now)
    answered_by_person(tx, conversation_id, now)
    return _queue(tx, thread, parts, by, now, request_key)


def answered_by_person(tx: Connection, conversation_id: str, now: datetime) -> None:
    """What waited here is a person's answer now; nothing of it is the bot's to answer."""
    tx.execute(
        update(events)
        .where(events.c.conversation_id == conversation_id, OPEN_EVENT)
        .values(state="done", reason="answered by a person", ended_at=now)
    )
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(due_at=None, first_waiting_at=None)
    )


def replay(tx: Connection, event_id: str, now: datetime) -> str | None:
    """Put a dead or skipped event back; the conversation it belongs to."""
    row = tx.execute(select(events).where(events.c.id == event_id)).first()
    if row is None:
        raise NotFound(f"there is no event {event_id}")
    if row.state not in ("dead", "skipped"):
        raise Refused(f"event {event_id} is {row.state}: only dead or skipped ones are replayed")
    if row.provider_event_id.startswith("unreadable-") or not row.raw:
        raise Refused(f"event {event_id} cannot be replayed: nothing readable of it was kept")
    tx.execute(
        update(events)
        .where(events.c.id == event_id)
        .values(
            state="pending",
            reason=None,
            error=None,
            attempts=0,
            turn_id=None,
            ended_at=None,
            due_at=None,
        )
    )
    if row.conversation_id is not None:
        tx.execute(update(messages).where(messages.c.id == row.message_id).values(dead=False))
        _answer_tail(tx, [row.conversation_id], now)
    return None if row.conversation_id is None else str(row.conversation_id)


def lapse(tx: Connection, now: datetime, policy: Policy) -> frozenset[str]:
    """End pauses whose time is up; the conversations in which a customer waits for the bot."""
    rows = tx.execute(
        select(conversations).where(
            conversations.c.paused_until.is_not(None), conversations.c.paused_until <= now
        )
    ).all()
    wake = {row.id for row in rows if _lapse_one(tx, row, now, policy)}
    for row in tx.execute(select(lines).where(lines.c.paused_until <= now)).all():
        wake |= resume_scope(tx, None if row.line_id == ALL else row.line_id, now, answer=True)
    return frozenset(wake)


def _lapse_one(tx: Connection, row: AnyRow, now: datetime, policy: Policy) -> bool:
    """One pause: at once if nobody waits, else after people had their grace to answer."""
    thread = lock(tx, row.id)
    if thread is None or thread.row.paused_until != row.paused_until:
        return False  # prolonged or ended meanwhile
    waits = _tail(tx, row.id)
    if not waits:
        resume(tx, row.id, now, answer=False)
        return False
    if row.pause_noticed_at is None:
        outbox.need_attention(tx, row.id, "the pause is over and the customer waits")
        noticed = update(conversations).where(conversations.c.id == row.id)
        tx.execute(noticed.values(pause_noticed_at=now))
    waited = row.pause_noticed_at is not None and now >= row.pause_noticed_at + policy.resume_grace
    if policy.wait_for_person or not waited:
        return False
    resume(tx, row.id, now, answer=True)
    return True


def _tail(tx: Connection, conversation_id: str) -> bool:
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


def _locked(tx: Connection, conversation_id: str) -> Thread:
    thread = lock(tx, conversation_id)
    if thread is None:
        raise NotFound(f"there is no conversation {conversation_id}")
    return thread


def _scope(line_id: str | None) -> str:
    return ALL if line_id is None else line_id


def _on_line(column: Any, line_id: str | None) -> ColumnElement[bool]:
    return true() if line_id is None else column == line_id


def _lock_scope(tx: Connection, line_id: str | None, now: datetime) -> None:
    """Take the switch's row: no claim and no send of any conversation commits meanwhile."""
    outbox.ensure_line(tx, ALL, now)
    tx.execute(select(lines).where(lines.c.line_id == ALL).with_for_update())
    if line_id is not None:
        known = select(conversations.c.id).where(conversations.c.line_id == line_id).limit(1)
        row = select(lines.c.line_id).where(lines.c.line_id == line_id)
        if tx.execute(row).first() is None and tx.execute(known).first() is None:
            raise NotFound(f"there is no line {line_id}")
        outbox.ensure_line(tx, line_id, now)


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
    query = (
        select(events.c.conversation_id)
        .join(conversations, conversations.c.id == events.c.conversation_id)
        .where(
            _open_events(),
            conversations.c.state == Owner.BOT,
            _on_line(conversations.c.line_id, line_id),
        )
        .distinct()
    )
    return [str(row.conversation_id) for row in tx.execute(query)]


def _open_events() -> ColumnElement[bool]:
    """Open events, said so that a join with conversations (they have a state too) is clear."""
    return and_(events.c.state.in_(("pending", "working")), events.c.conversation_id.is_not(None))


def _answer_tail(tx: Connection, ids: list[str], now: datetime) -> None:
    tx.execute(
        update(conversations)
        .where(conversations.c.id.in_(ids))
        .values(due_at=now, first_waiting_at=now)
    )


def _skip_tail(tx: Connection, ids: list[str], now: datetime) -> None:
    tx.execute(
        update(events)
        .where(events.c.conversation_id.in_(ids), OPEN_EVENT, events.c.state == "pending")
        .values(state="skipped", reason="paused", ended_at=now)
    )
    tx.execute(
        update(conversations)
        .where(conversations.c.id.in_(ids))
        .values(due_at=None, first_waiting_at=None)
    )
