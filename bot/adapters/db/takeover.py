"""A person takes over: shared by every transition that gives a conversation away."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update

from bot.adapters.db import audit, notices
from bot.adapters.db.schema import OPEN_SEND, conversations, messages
from bot.adapters.db.turn_rows import unanswer
from bot.domain.conversation import Owner, Pause, Policy
from bot.domain.handling import BOT, Action
from bot.domain.notice import NoticeKind
from bot.domain.outbox import TAKEN_OVER

_STATE = select(
    *(conversations.c[name] for name in ("state", "line_id", "paused_until", "pause_noticed_at")),
    *(conversations.c[name] for name in ("operator", "needs_attention")),
)


def pause_conversation(tx: Connection, conversation_id: str, pause: Pause, now: datetime) -> None:
    """A person takes over; what the bot still had queued is kept as drafts."""
    row = tx.execute(_STATE.where(conversations.c.id == conversation_id)).one()
    until = _longer(row, pause) if pause.prolongs else pause.until
    values: dict[str, Any] = {} if row.state == Owner.HUMAN else {"paused_at": now}
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(
            state=Owner.HUMAN,
            epoch=conversations.c.epoch + 1,
            paused_until=until,
            paused_by=pause.by,
            pause_reason=pause.reason,
            pause_noticed_at=None,
            **values,
        )
    )
    cancel_queued(tx, messages.c.conversation_id == conversation_id)
    audit.note(
        tx,
        now,
        Action.ANSWERED if pause.prolongs else Action.PAUSED,
        pause.by,
        line_id=row.line_id,
        conversation_id=conversation_id,
        reason=pause.reason,
        until=until,
    )


def _longer(row: Any, pause: Pause) -> datetime | None:
    """A person's words keep a pause going; they never make it end sooner than it was to."""
    if row.state != Owner.HUMAN or row.pause_noticed_at is not None:
        return pause.until
    if row.paused_until is None or pause.until is None:
        return None
    later: datetime = max(row.paused_until, pause.until)
    return later


def cancel_queued(tx: Connection, where: Any) -> None:
    """The bot's queued and held replies become drafts; parting words of a hand-off stay."""
    current = select(conversations.c.epoch).where(conversations.c.id == messages.c.conversation_id)
    silenced = and_(
        where,
        OPEN_SEND,
        messages.c.author == "bot",
        messages.c.status.in_(("queued", "held")),
        or_(messages.c.parting.is_(False), messages.c.epoch != current.scalar_subquery()),
    )
    unsaid = select(messages.c.turn_id).where(silenced, messages.c.part == 0)
    turn_ids = list(tx.execute(unsaid).scalars())
    tx.execute(
        update(messages).where(silenced).values(status="cancelled", draft=True, error=TAKEN_OVER)
    )
    unanswer(tx, turn_ids)


def need_attention(
    tx: Connection,
    conversation_id: str,
    reason: str,
    now: datetime,
    policy: Policy,
    kind: NoticeKind = NoticeKind.ATTENTION,
    wants: str = "",
) -> None:
    """A person should look at this conversation; they are told of it once, until one has.

    A call for a person and a reminder are always told. `wants`: what the customer wants, where
    somebody has summed it up.
    """
    if mark(tx, conversation_id, reason, now, kind):
        notices.tell(tx, conversation_id, kind, reason, now, policy, wants=wants)


def mark(
    tx: Connection,
    conversation_id: str,
    reason: str,
    now: datetime,
    kind: NoticeKind = NoticeKind.ATTENTION,
) -> bool:
    """The same without telling anybody; whether it is news."""
    row = tx.execute(_STATE.where(conversations.c.id == conversation_id)).one()
    if row.operator:
        return False
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(needs_attention=True, attention_reason=reason)
    )
    if row.needs_attention and kind is NoticeKind.ATTENTION:
        return False
    action = Action.REMINDED if kind is NoticeKind.WAITING else Action.ATTENTION
    about = {"line_id": row.line_id, "conversation_id": conversation_id}
    audit.note(tx, now, action, BOT, reason=reason, **about)
    return True
