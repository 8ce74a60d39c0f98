"""Pauses that end by themselves. Each function is one transaction."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from bot.adapters.db import switch, takeover
from bot.adapters.db.rows import ALL, lock
from bot.adapters.db.schema import (
    conversations,
    lines,
)
from bot.domain.conversation import Policy
from bot.domain.handling import TIMER
from bot.domain.notice import NoticeKind

_LAPSES_AT_ONCE = 100


def due_lapses(tx: Connection, now: datetime) -> tuple[list[str], list[str]]:
    """Conversations, and rows of lines, whose pause's time is up."""
    threads = select(conversations.c.id).where(
        conversations.c.paused_until.is_not(None), conversations.c.paused_until <= now
    )
    scopes = select(lines.c.line_id).where(lines.c.paused_until <= now)
    return (
        list(tx.execute(threads.limit(_LAPSES_AT_ONCE)).scalars()),
        list(tx.execute(scopes).scalars()),
    )


def lapse(tx: Connection, conversation_id: str, now: datetime, policy: Policy) -> bool:
    """End a pause: at once if nobody waits, else after people had their grace to answer.

    Whether the customer waits for the bot now.
    """
    thread = lock(tx, conversation_id)
    if thread is None or thread.row.paused_until is None or thread.row.paused_until > now:
        return False  # prolonged or ended meanwhile
    if not switch.has_tail(tx, conversation_id):
        switch.resume(tx, conversation_id, TIMER, now, answer=False)
        return False
    noticed = thread.row.pause_noticed_at is not None
    if not policy.wait_for_person and (noticed or not policy.resume_grace):
        switch.resume(tx, conversation_id, TIMER, now, answer=True)
        return True
    until = None if policy.wait_for_person else now + policy.resume_grace
    why = _reminder(policy)
    takeover.need_attention(tx, conversation_id, why, now, policy, NoticeKind.WAITING)
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(pause_noticed_at=now, paused_until=until)
    )
    return False


def _reminder(policy: Policy) -> str:
    minutes = max(1, round(policy.resume_grace / timedelta(minutes=1)))
    then = "you" if policy.wait_for_person else f"you; the bot answers in {minutes} min"
    return f"the pause is over and the customer waits for {then}"


def lapse_scope(tx: Connection, scope: str, now: datetime, policy: Policy) -> frozenset[str]:
    """End a line's pause, or (`*`) that of everything; the conversations to answer."""
    line_id = None if scope == ALL else scope
    switch.lock_scope(tx, line_id, now)
    until = tx.execute(select(lines.c.paused_until).where(lines.c.line_id == scope)).scalar()
    if until is None or until > now:
        return frozenset()
    return switch.resume_scope(tx, line_id, TIMER, now, policy, answer=True)
