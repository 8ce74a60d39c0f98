"""Applying what the line says of itself and of messages: states, deliveries, a person's words.

What is none of our own sends (see `echoes`) was written by somebody else on this line.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal, or_, select, update

from bot.adapters.db import changes, desk, echoes, foreign, governor, holds
from bot.adapters.db.pending import finish, wait_a_little
from bot.adapters.db.rows import ALL, AnyRow, set_conversation
from bot.adapters.db.schema import (
    OPEN_EVENT,
    Instant,
    events,
    lines,
    messages,
)
from bot.domain.conversation import Policy, conversation_id
from bot.domain.event import (
    Deleted,
    Delivered,
    Edited,
    EndReason,
    LineChanged,
    ProviderEvent,
    Received,
    Unread,
)
from bot.domain.work import Applied, Delivery

ContactKey = Callable[[str], str]

_BATCH = 100
_ABSURD = timedelta(minutes=1)
"""No event of a line waits this long."""
DUE = (
    select(events)
    .where(
        events.c.conversation_id.is_(None),
        OPEN_EVENT,
        events.c.state == "pending",
        or_(
            events.c.due_at.is_(None),
            events.c.due_at <= bindparam("now"),
            events.c.due_at > bindparam("absurd"),  # the clock was set back since
        ),
    )
    .order_by(events.c.seq)
    .limit(_BATCH)
)


def due(tx: Connection, now: datetime) -> list[AnyRow]:
    """Line and delivery events that wait, in order of arrival."""
    return list(tx.execute(DUE, moment(now)))


def moment(now: datetime) -> dict[str, datetime]:
    """The parameters of `DUE`."""
    return {"now": now, "absurd": now + _ABSURD}


def apply(
    tx: Connection,
    row: AnyRow,
    content: ProviderEvent,
    contact_key: ContactKey,
    now: datetime,
    policy: Policy,
) -> Applied:
    """Apply one event; the conversations that may go on now, and what has arrived."""
    state = select(events.c.state).where(events.c.id == row.id).with_for_update()
    if tx.execute(state).scalar() != "pending":
        return Applied()  # another worker was faster
    match content.content:
        case Received(from_me=False) as heard:
            return Applied(desk.apply(tx, row, heard, contact_key, now, policy))
        case Delivered() as delivered:
            return _apply_delivery(tx, row, delivered, contact_key, now, policy)
        case _:
            return _waking(_apply(tx, row, content, contact_key, now, policy))


def _waking(conversation_id: str | None, *deliveries: Delivery) -> Applied:
    wake = frozenset[str]() if conversation_id is None else frozenset({conversation_id})
    return Applied(wake, deliveries)


def _apply(
    tx: Connection,
    row: AnyRow,
    content: ProviderEvent,
    contact_key: ContactKey,
    now: datetime,
    policy: Policy,
) -> str | None:
    match content.content:
        case LineChanged(ready, reason):
            _change_line(tx, row.line_id, ready, reason, now, policy)
            finish(tx, row, now, "done", _LINE_READY if ready else _LINE_DISCONNECTED)
            return None
        case Received(from_me=True) as written:
            return _apply_written(tx, row, written, contact_key, now, policy)
        case Edited() | Deleted() as change:
            return changes.apply_change(tx, row, change, contact_key, now, policy)
        case other:
            error = other.error if isinstance(other, Unread) else None
            end, why = _NOT_ACTED_ON if error is None else _UNREADABLE
            finish(tx, row, now, end, why, error)
            return None


_LINE_READY, _LINE_DISCONNECTED = EndReason.LINE_READY, EndReason.LINE_DISCONNECTED
_UNREADABLE = ("dead", EndReason.UNREADABLE)
_NOT_ACTED_ON = ("skipped", EndReason.NOT_ACTED_ON)


def give_up(tx: Connection, row: AnyRow, error: str, now: datetime) -> None:
    """An event that cannot be applied becomes a dead letter, and blocks nothing."""
    finish(tx, row, now, "dead", EndReason.NOT_APPLIED, error)


def _change_line(
    tx: Connection, line_id: str, ready: bool, reason: str | None, now: datetime, policy: Policy
) -> None:
    holds.ensure_line(tx, line_id, now)
    tx.execute(
        update(lines)
        .where(lines.c.line_id == line_id)
        .values(connection="ready" if ready else "disconnected", reason=reason, since=now)
    )
    if not ready:
        holds.hold(tx, line_id, "disconnected", reason or "", now, now + policy.hold_probe)
        governor.complain(tx, line_id, now)
        return
    tx.execute(
        update(lines)
        .where(lines.c.line_id == line_id, lines.c.hold_code != "rate_limited")
        .values(hold_code=None, hold_reason=None, hold_since=None, probe_at=None)
    )
    tx.execute(
        update(lines)
        .where(lines.c.line_id.in_((line_id, ALL)), lines.c.hold_code.is_not(None))
        .values(probe_at=now)
    )
    holds.requeue_unblocked(tx)


def _apply_delivery(
    tx: Connection,
    row: AnyRow,
    delivered: Delivered,
    contact_key: ContactKey,
    now: datetime,
    policy: Policy,
) -> Applied:
    when = echoes.told(delivered.delivered_at, row.received_at)
    ours = echoes.of_notice(tx, row.line_id, delivered, contact_key, when)
    if ours is not None:
        _mark_delivered(tx, ours, delivered.provider_id, now)
        if ours.status == "sending":  # a guess, until its own answer tells
            _hush(tx, row, delivered.recipient, contact_key, policy)
        finish(tx, row, now, "done", f"{EndReason.DELIVERY} {ours.id}", message_id=ours.id)
        was_unknown = ours.status == "unknown"
        arrived = Delivery(ours.id, ours.conversation_id, was_unknown=was_unknown)
        return _waking(_unblocked(ours), arrived)
    if wait_a_little(tx, row, now, policy):
        _hush(tx, row, delivered.recipient, contact_key, policy)
        return Applied()
    said = foreign.Said(delivered.recipient, delivered.provider_id, at=delivered.delivered_at)
    return _waking(foreign.take(tx, row, said, contact_key, now, policy))


def _apply_written(
    tx: Connection,
    row: AnyRow,
    written: Received,
    contact_key: ContactKey,
    now: datetime,
    policy: Policy,
) -> str | None:
    when = echoes.told(written.received_at, row.received_at)
    ours, echoed = echoes.of_words(tx, row.line_id, written, contact_key, when)
    if ours is not None:
        _mark_echoed(tx, ours, written, now)
        finish(tx, row, now, "done", f"{EndReason.ECHO} {ours.id}")
        return _unblocked(ours)
    # A line may change our words. Where nothing of ours is under way, a person has written.
    if echoed and wait_a_little(tx, row, now, policy):
        _hush(tx, row, written.recipient, contact_key, policy)
        return None
    said = foreign.Said(
        written.recipient,
        written.provider_id,
        written.kind,
        written.text,
        written.media,
        written.received_at,
    )
    return foreign.take(tx, row, said, contact_key, now, policy)


def _hush(
    tx: Connection, row: AnyRow, recipient: str | None, contact_key: ContactKey, policy: Policy
) -> None:
    """Until it is known whether a person has written, the bot says nothing there."""
    if recipient is not None and policy.foreign_messages == "pause":
        until = row.received_at + policy.delivery_grace
        set_conversation(tx, conversation_id(row.line_id, contact_key(recipient)), hush_until=until)


def _unblocked(ours: AnyRow) -> str | None:
    """The conversation, if it waited for this very message."""
    return str(ours.conversation_id) if ours.status in ("sending", "unknown") else None


def _mark_delivered(tx: Connection, ours: AnyRow, provider_id: str | None, now: datetime) -> None:
    tx.execute(
        update(messages)
        .where(
            messages.c.id == ours.id,
            messages.c.status.in_(("sending", "unknown", "sent", "uncertain")),
        )
        .values(
            status="delivered",
            delivered_at=now,
            sent_at=func.coalesce(messages.c.sent_at, literal(now, Instant)),
            provider_id=func.coalesce(messages.c.provider_id, provider_id),
            # its own answer is still to come, and may say that the notice was about another
            guessed=ours.status == "sending",
            error=None,
        )
    )


def _mark_echoed(tx: Connection, ours: AnyRow, written: Received, now: datetime) -> None:
    values: dict[str, Any] = {"provider_id": written.provider_id}
    if ours.status in ("sending", "unknown"):
        values |= {"status": "sent", "sent_at": now}
    if ours.author == "operator" and not ours.text:  # its delivery notice came first, wordless
        values["text"] = written.text
    tx.execute(update(messages).where(messages.c.id == ours.id).values(**values))
