"""What was left from an outage: noted as it is worked off, told in one summary when it is done."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, case, func, select, update

from bot.adapters.db import notices
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import ALERT_KEY_CHARS, LATE, alerts, conversations, turns
from bot.adapters.db.upsert import upsert
from bot.domain.conversation import Policy
from bot.domain.notice import NoticeKind
from bot.domain.turn import Turn

_KEY = "catch_up:"
_DONE_AFTER = timedelta(minutes=1)
"""Nothing late has been answered or given up for so long: it is over."""
_OPEN = alerts.c.key.startswith(_KEY) & alerts.c.cleared_at.is_(None)


def note(tx: Connection, turn: Turn, now: datetime) -> None:
    """An answer came late, or too late."""
    tx.execute(update(turns).where(turns.c.id == turn.id).values(late=True))
    row = {"key": f"{_KEY}{turn.line_id}"[:ALERT_KEY_CHARS], "text": turn.line_id}
    tx.execute(_noting(tx.dialect.name), [row | {"raised_at": now, "seen_at": now}])


def tell(tx: Connection, now: datetime, policy: Policy) -> None:
    """One summary for each line that has caught up."""
    for row in tx.execute(select(alerts).where(_OPEN, alerts.c.seen_at < now - _DONE_AFTER)).all():
        cleared = update(alerts).where(alerts.c.key == row.key, alerts.c.cleared_at.is_(None))
        if tx.execute(cleared.values(cleared_at=now)).rowcount == 1:
            text = _summary(tx, row)
            notices.announce(tx, row.text, NoticeKind.SUMMARY, text, now, policy)


def _summary(tx: Connection, row: AnyRow) -> str:
    late, left = (_count(tx, row, state) for state in ("answered", "skipped"))
    text = f"Back after an outage: {late} conversations were answered late, with an apology."
    if not left:
        return text
    return f"{text} {left} have waited too long and are left to you: #who"


def _count(tx: Connection, row: AnyRow, state: str) -> int:
    """Conversations whose late turn ended so since the first of them."""
    query = (
        select(func.count(turns.c.conversation_id.distinct()))
        .select_from(turns.join(conversations, conversations.c.id == turns.c.conversation_id))
        .where(
            LATE,
            turns.c.ended_at >= row.raised_at,
            turns.c.state == state,
            conversations.c.line_id == row.text,
        )
    )
    return int(tx.execute(query).scalar_one())


@cache
def _noting(dialect: str) -> Any:
    add = upsert(dialect, alerts)
    begins_anew = alerts.c.cleared_at.is_not(None)
    return add.on_conflict_do_update(
        index_elements=[alerts.c.key],
        set_={
            "seen_at": add.excluded.seen_at,
            "raised_at": case((begins_anew, add.excluded.raised_at), else_=alerts.c.raised_at),
            "cleared_at": None,
        },
    )
