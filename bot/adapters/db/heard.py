"""What lines have heard: when last, and how many customers' messages in each hour."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from bot.adapters.db import holds
from bot.adapters.db.schema import line_hours, lines
from bot.adapters.db.upsert import upsert
from bot.domain.silence import DAYS, Heard, hour_of

_KEPT = timedelta(days=DAYS + 1)


def note(tx: Connection, heard: Mapping[str, Heard], now: datetime) -> None:
    """Add what was heard since the last time."""
    for line_id in sorted(heard):
        one = heard[line_id]
        holds.ensure_line(tx, line_id, now)
        newer = or_(lines.c.heard_at.is_(None), lines.c.heard_at < one.at)
        tx.execute(update(lines).where(lines.c.line_id == line_id, newer).values(heard_at=one.at))
        if one.messages:
            row = {"line_id": line_id, "hour": hour_of(one.at), "heard": one.messages}
            tx.execute(_adding(tx.dialect.name), [row])
    past = line_hours.c.hour < hour_of(now) - _KEPT
    tx.execute(delete(line_hours).where(line_hours.c.line_id.in_(heard), past))


def by_hour(
    tx: Connection, line_ids: Iterable[str], now: datetime
) -> Mapping[str, Mapping[datetime, int]]:
    """What these lines have heard in the last two weeks, by the hours' beginnings."""
    since = hour_of(now) - _KEPT
    query = select(line_hours).where(line_hours.c.line_id.in_(line_ids), line_hours.c.hour >= since)
    found: dict[str, dict[datetime, int]] = {}
    for row in tx.execute(query):
        found.setdefault(row.line_id, {})[row.hour] = row.heard
    return found


@cache
def _adding(dialect: str) -> Any:
    add = upsert(dialect, line_hours)
    more = line_hours.c.heard + add.excluded.heard
    return add.on_conflict_do_update(
        index_elements=list(line_hours.primary_key), set_={"heard": more}
    )
