"""A person takes over: shared by every transition that gives a conversation away."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from bot.adapters.db.schema import OPEN_SEND, conversations, messages
from bot.domain.conversation import Owner, Pause


def pause_conversation(
    tx: Connection, conversation_id: str, pause: Pause, now: datetime, *, attention: bool = False
) -> None:
    """A person takes over; what the bot still had queued is kept as drafts."""
    values: dict[str, Any] = {"needs_attention": True, "attention_reason": pause.reason}
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(
            state=Owner.HUMAN,
            epoch=conversations.c.epoch + 1,
            paused_at=now,
            paused_until=pause.until,
            paused_by=pause.by,
            pause_reason=pause.reason,
            pause_noticed_at=None,
            **(values if attention else {}),
        )
    )
    cancel_queued(tx, messages.c.conversation_id == conversation_id)


def cancel_queued(tx: Connection, where: Any) -> None:
    """The bot's queued and held replies become drafts; parting words of a hand-off stay."""
    current = select(conversations.c.epoch).where(conversations.c.id == messages.c.conversation_id)
    tx.execute(
        update(messages)
        .where(
            where,
            OPEN_SEND,
            messages.c.author == "bot",
            messages.c.status.in_(("queued", "held")),
            or_(
                messages.c.parting.is_(False),
                messages.c.epoch != current.scalar_subquery(),
            ),
        )
        .values(status="cancelled", draft=True, error="a person took over")
    )


def need_attention(tx: Connection, conversation_id: str, reason: str) -> None:
    """A person should look at this conversation."""
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(needs_attention=True, attention_reason=reason)
    )
