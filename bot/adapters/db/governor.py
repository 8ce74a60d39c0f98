"""A line's pace: when a late answer may be begun, and when one of the bot's messages may leave.

Most messages are fresh and go by without a look at the line's row.
"""

from datetime import datetime, timedelta
from random import random
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, literal, select, update

from bot.adapters.db import holds
from bot.adapters.db.rows import AnyRow, Thread
from bot.adapters.db.schema import Instant, lines, messages
from bot.domain.conversation import Policy
from bot.domain.pace import Bucket, slow_down, slowed


def wait_to_catch_up(
    tx: Connection, line_id: str, now: datetime, policy: Policy
) -> datetime | None:
    """When a late answer may be begun on this line; None: now, and it counts."""
    return _take_token(tx, line_id, policy.pace.catch_up_per_minute, now, policy)


def wait_to_send(
    tx: Connection, thread: Thread, send: AnyRow, now: datetime, policy: Policy
) -> datetime | None:
    """When one of the bot's messages may leave; None: now, and it counts."""
    gap_ends = _gap_ends(tx, send, policy) if send.part else None
    if gap_ends is not None and now < gap_ends <= now + policy.pace.part_gap:
        return gap_ends
    if policy.pace.counts_days:
        tomorrow = _count_today(tx, thread.row.line_id, now, policy)
        if tomorrow is not None:
            return tomorrow
    pace = slowed(thread.row.line_pace or 1.0, thread.row.line_slowed_at, now)
    if pace >= 1:
        return None
    return _take_token(tx, thread.row.line_id, policy.pace.slow_per_minute * pace, now, policy)


def complain(tx: Connection, line_id: str, now: datetime) -> None:
    """The line has said that it is too much, or went away: half as fast from here on."""
    row = _line(tx, line_id, now)
    pace = slow_down(slowed(row.pace, row.slowed_at, now))
    _set(tx, line_id, pace=pace, slowed_at=now)


def _take_token(
    tx: Connection, line_id: str, per_minute: float, now: datetime, policy: Policy
) -> datetime | None:
    if not per_minute:
        return None
    row, burst = _line(tx, line_id, now), policy.pace.burst
    known = Bucket(row.allowance, row.allowance_at) if row.allowance_at else Bucket(burst, now)
    bucket = known.after(now, per_minute, burst)
    if bucket.tokens >= 1:
        _set(tx, line_id, allowance=bucket.tokens - 1, allowance_at=now)
        return None
    return now + bucket.wait(per_minute) * (1 + policy.pace.jitter * random())  # noqa: S311 - jitter


def _gap_ends(tx: Connection, send: AnyRow, policy: Policy) -> datetime | None:
    """The end of the pause behind the part before this one."""
    before = f"{send.id.rpartition('_')[0]}_{send.part - 1}"
    sent_at = tx.execute(select(messages.c.sent_at).where(messages.c.id == before)).scalar()
    return None if sent_at is None else sent_at + policy.pace.part_gap


def _count_today(tx: Connection, line_id: str, now: datetime, policy: Policy) -> datetime | None:
    """Count one more; the next midnight of the business when the day has had enough."""
    local = now.astimezone(ZoneInfo(policy.timezone))
    row, today = _line(tx, line_id, now), local.date().isoformat()
    count = row.sent_count if row.sent_day == today else 0
    first = now if row.first_sent_at is None else row.first_sent_at
    allowed = policy.pace.allowed_on((now - first).days)
    if allowed is not None and count >= allowed:
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        return (midnight + timedelta(days=1)).astimezone(now.tzinfo)
    _set(
        tx,
        line_id,
        sent_day=today,
        sent_count=count + 1,
        first_sent_at=func.coalesce(lines.c.first_sent_at, literal(now, Instant)),
    )
    return None


def _line(tx: Connection, line_id: str, now: datetime) -> AnyRow:
    holds.ensure_line(tx, line_id, now)
    return tx.execute(select(lines).where(lines.c.line_id == line_id).with_for_update()).one()


def _set(tx: Connection, line_id: str, **values: object) -> None:
    tx.execute(update(lines).where(lines.c.line_id == line_id).values(**values))
