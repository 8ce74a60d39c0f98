"""The machine's clock was set back: what waits for a time to come would wait that much longer.

Only on SQLite, whose processes share one clock; on PostgreSQL the other hosts know better.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, insert, select, type_coerce, update

from bot.adapters.db.schema import (
    MICROSECOND,
    OPEN_MEDIA,
    OPEN_SEND,
    UNTOLD,
    alerts,
    conversations,
    lines,
    media,
    messages,
    notices,
)

_KEY = "clock"
_SAME = timedelta(seconds=30)
"""Several processes notice one jump within this time."""
_WAITS: tuple[tuple[Column[Any], Any], ...] = (
    (conversations.c.due_at, conversations.c.due_at.is_not(None)),
    (messages.c.next_at, OPEN_SEND),
    (media.c.next_at, OPEN_MEDIA),
    (notices.c.next_at, UNTOLD),
    (lines.c.probe_at, lines.c.probe_at.is_not(None)),
)


def shift(tx: Connection, by: timedelta, now: datetime) -> bool:
    """Bring forward what waits; False: another process has done so."""
    if tx.dialect.name != "sqlite" or not _is_first(tx, now):
        return False
    for column, waits in _WAITS:
        earlier = type_coerce(column, BigInteger) - by // MICROSECOND
        tx.execute(update(column.table).where(waits, column > now).values({column: earlier}))
    return True


def _is_first(tx: Connection, now: datetime) -> bool:
    noticed = tx.execute(select(alerts.c.seen_at).where(alerts.c.key == _KEY)).scalar()
    if noticed is None:
        at = {"raised_at": now, "seen_at": now, "cleared_at": now}
        tx.execute(insert(alerts).values(key=_KEY, text="the clock was set back", **at))
        return True
    tx.execute(update(alerts).where(alerts.c.key == _KEY).values(seen_at=now))
    return bool(abs(noticed - now) > _SAME)
