"""What the rules ask of a conversation when its turn is claimed: limits, age, wishes."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, select

from bot.adapters.db.pacing import day_of
from bot.adapters.db.rows import AnyRow, Thread
from bot.adapters.db.schema import turns
from bot.adapters.db.spend import spent_on
from bot.domain.conversation import Policy
from bot.domain.event import EndReason
from bot.domain.turn import Standing

_HOUR = timedelta(hours=1)

_ANSWERED_SINCE = (
    select(func.count())
    .select_from(turns)
    .where(
        turns.c.conversation_id == bindparam("conversation"),
        turns.c.started_at > bindparam("since"),
        turns.c.state == "answered",
    )
)


def standing_of(
    tx: Connection,
    thread: Thread,
    waiting: list[AnyRow],
    now: datetime,
    policy: Policy,
    *,
    is_introduced: bool,
) -> Standing:
    row = thread.row
    return Standing(
        opted_out=row.opted_out_at is not None,
        excluded=not policy.audience(row.line_id).includes(row.contact_key),
        refusal=_refusal(tx, thread, waiting, now, policy),
        late=age_of(waiting, now) > policy.late_after,
        away_at=row.away_at,
        is_introduced=is_introduced,
        brief=row.brief or "",
    )


def _refusal(
    tx: Connection, thread: Thread, waiting: list[AnyRow], now: datetime, policy: Policy
) -> str | None:
    """Why no model may be asked here now, or None."""
    if age_of(waiting, now) > policy.stale_after:
        return EndReason.STALE.value
    if policy.replies_per_hour:
        asked = {"conversation": thread.row.id, "since": now - _HOUR}
        if tx.execute(_ANSWERED_SINCE, asked).scalar_one() >= policy.replies_per_hour:
            return f"{EndReason.OVER_LIMIT} replies per hour"
    if policy.cost_per_day and spent_on(tx, day_of(now, policy)) >= policy.cost_per_day:
        return f"{EndReason.OVER_LIMIT} cost per day"
    return None


def age_of(waiting: list[AnyRow], now: datetime) -> timedelta:
    """How long the newest of the messages has waited."""
    newest: datetime = max(row.replayed_at or row.created_at for row in waiting)
    return now - newest
