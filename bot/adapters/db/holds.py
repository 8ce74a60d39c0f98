"""Lines and the account, held: nothing leaves but a probe, until one gets through."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, insert, literal, select, update

from bot.adapters.db.pacing import retry_delay
from bot.adapters.db.rows import ALL, AnyRow, Thread, told_hold
from bot.adapters.db.schema import OPEN_SEND, Instant, lines, messages
from bot.domain.conversation import Policy
from bot.domain.outbox import (
    LineHeld,
)


def mark_held(reason: str, now: datetime) -> dict[str, Any]:
    """A message begins to wait for its line; when it first did so, and why, is kept."""
    return {
        "status": "held",
        "held_at": func.coalesce(messages.c.held_at, literal(now, Instant)),
        "held_reason": func.coalesce(messages.c.held_reason, reason),
    }


def hold(
    tx: Connection, line_id: str, code: str, error: str, now: datetime, probe_at: datetime
) -> None:
    """Nothing leaves on a line (or, `*`, on any) until a probe gets through."""
    ensure_line(tx, line_id, now)
    tx.execute(
        update(lines)
        .where(lines.c.line_id == line_id)
        .values(
            hold_code=code,
            hold_reason=error,
            hold_since=func.coalesce(lines.c.hold_since, literal(now, Instant)),
            probe_at=probe_at,
        )
    )
    queued: list[Any] = [OPEN_SEND, messages.c.status == "queued"]
    if line_id != ALL:
        queued.append(messages.c.line_id == line_id)
    held = mark_held(told_hold(code, error), now)
    tx.execute(update(messages).where(and_(*queued)).values(**held))


def release_holds(tx: Connection, line_id: str) -> None:
    """A probe got through: the line and the account work, what was held goes out."""
    tx.execute(
        update(lines)
        .where(lines.c.line_id.in_((line_id, ALL)))
        .values(hold_code=None, hold_reason=None, hold_since=None, probe_at=None)
    )
    tx.execute(  # its `line.ready` was lost
        update(lines)
        .where(lines.c.line_id == line_id, lines.c.connection != "ready")
        .values(connection="ready", reason=None)
    )
    requeue_unblocked(tx)


def requeue_unblocked(tx: Connection) -> None:
    """What is held on lines that are no longer held goes back into the queue."""
    blocked = select(lines.c.line_id).where(lines.c.hold_code.is_not(None))
    account_blocked = blocked.where(lines.c.line_id == ALL).exists()
    tx.execute(
        update(messages)
        .where(
            OPEN_SEND,
            messages.c.status == "held",
            messages.c.line_id.not_in(blocked),
            ~account_blocked,
        )
        .values(status="queued")
    )


def ensure_line(tx: Connection, line_id: str, now: datetime) -> None:
    """Make sure that a line has a row."""
    known = tx.execute(select(lines.c.line_id).where(lines.c.line_id == line_id)).first()
    if known is None:
        tx.execute(insert(lines).values(line_id=line_id, connection="ready", since=now))


def take_probe(tx: Connection, thread: Thread, now: datetime, policy: Policy) -> bool:
    """Whether this caller may try the hold; only one may, each time."""
    taken = tx.execute(
        update(lines)
        .where(
            lines.c.line_id.in_((thread.row.line_id, ALL)),
            lines.c.hold_code.is_not(None),
            lines.c.probe_at <= now,
        )
        .values(probe_at=now + policy.hold_probe)
    )
    return taken.rowcount > 0


def hold_line(
    tx: Connection, row: AnyRow, outcome: LineHeld, now: datetime, policy: Policy
) -> None:
    wait = policy.hold_probe if outcome.capped else policy.not_ready_probe
    if outcome.retry_after is not None:  # a line that always says "at once" is not hammered
        wait = max(outcome.retry_after, retry_delay(row.attempts, policy))
    code = "rate_limited" if outcome.capped else "not_ready"
    hold(tx, row.line_id, code, f"{outcome.code}: {outcome.error}", now, now + wait)
