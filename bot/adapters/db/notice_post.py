"""Notices on their way to the operators' webhook. Each function is one transaction."""

import json
from datetime import datetime, timedelta

from sqlalchemy import Connection, Update, bindparam, select, update

from bot.adapters.db.pacing import retry_delay
from bot.adapters.db.schema import UNTOLD, notices
from bot.domain.conversation import Policy
from bot.domain.work import NoticePost

_IN_HAND = timedelta(seconds=60)
"""How long one attempt is left alone: after a crash it is made again."""
_GIVEN_UP_AFTER = timedelta(hours=24)

_DUE = (
    select(notices)
    .where(UNTOLD, notices.c.next_at <= bindparam("now"))
    .order_by(notices.c.next_at)
    .limit(1)
)


def is_due(tx: Connection, now: datetime) -> bool:
    """Whether a notice waits to be posted."""
    return tx.execute(_DUE, {"now": now}).first() is not None


def claim(tx: Connection, now: datetime) -> NoticePost | None:
    """Take the oldest one that is due, for a minute; None: nothing is due."""
    row = tx.execute(_DUE.with_for_update(skip_locked=True), {"now": now}).first()
    if row is None:
        return None
    tx.execute(
        update(notices)
        .where(notices.c.id == row.id)
        .values(next_at=now + _IN_HAND, attempts=notices.c.attempts + 1)
    )
    return NoticePost(row.id, json.loads(row.body), row.attempts + 1, row.created_at)


def free(tx: Connection, now: datetime) -> None:
    """Whoever had one in hand is gone: what waits is due now, in its order."""
    waiting = (UNTOLD, notices.c.next_at > now)
    tx.execute(update(notices).where(*waiting).values(next_at=notices.c.created_at))


def told(tx: Connection, notice: NoticePost) -> None:
    """It has arrived."""
    tx.execute(_end(notice).values(state="told", error=None))


def fail(
    tx: Connection,
    notice: NoticePost,
    error: str,
    now: datetime,
    policy: Policy,
    retry_after: timedelta | None,
    *,
    final: bool,
) -> bool:
    """It has not: again later, for a day; True when it is given up."""
    if final or now - notice.created_at > _GIVEN_UP_AFTER:
        tx.execute(_end(notice).values(state="failed", error=error))
        return True
    wait = max(retry_delay(notice.attempt, policy), retry_after or timedelta(0))
    tx.execute(_end(notice).values(next_at=now + wait, error=error))
    return False


def _end(notice: NoticePost) -> Update:
    return update(notices).where(notices.c.id == notice.id, UNTOLD)
