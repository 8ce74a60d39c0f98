"""A day's figures, read from what was kept of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, literal_column, select

from bot.adapters.db.engine import Database
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import ENDED_BADLY, audit, conversations, events, line_hours, turns
from bot.domain.day import HOURS, Day, LineDay, bounds, quantile
from bot.domain.handling import BOT, Action
from bot.domain.turn import TurnState


class DayFigures:
    """Raises StoreUnavailable."""

    def __init__(self, database: Database, timezone: str) -> None:
        self._db = database
        self._zone = ZoneInfo(timezone)

    async def of(self, day: date) -> Day:
        """One day; of a day that is not over, what there is so far."""
        begins, ends = bounds(day, self._zone)
        return await self._db.read(lambda tx: _figures(tx, day, begins, ends, self._zone))


def _figures(tx: Connection, day: date, begins: datetime, ends: datetime, zone: ZoneInfo) -> Day:
    hours = tx.execute(
        select(line_hours).where(line_hours.c.hour >= begins, line_hours.c.hour < ends)
    ).all()
    answered = _answered(tx, begins, ends)
    waits = sorted((row.ended_at - row.first_message_at).total_seconds() for row in answered)
    return Day(
        date=day,
        heard=sum(row.heard for row in hours),
        answered=len(answered),
        handed_off=_handed_off(tx, begins, ends),
        failed=_failed(tx, begins, ends),
        median_s=quantile(waits, 0.5),
        p90_s=quantile(waits, 0.9),
        tokens=sum(_tokens(row) for row in answered),
        cost=sum(row.cost or 0.0 for row in answered),
        by_hour=_by_hour(hours, zone),
        by_line=_by_line(hours, answered),
    )


def _answered(tx: Connection, begins: datetime, ends: datetime) -> Sequence[AnyRow]:
    of_turn = ("first_message_at", "ended_at", "tokens_in", "tokens_out", "cost")
    return tx.execute(
        select(conversations.c.line_id, *(turns.c[name] for name in of_turn))
        .select_from(turns.join(conversations, conversations.c.id == turns.c.conversation_id))
        .where(
            turns.c.started_at >= begins,
            turns.c.started_at < ends,
            turns.c.state == TurnState.ANSWERED.value,
        )
    ).all()


def _handed_off(tx: Connection, begins: datetime, ends: datetime) -> int:
    query = select(func.count()).where(
        audit.c.at >= begins,
        audit.c.at < ends,
        audit.c.action == Action.PAUSED.value,
        audit.c.actor == BOT,
    )
    return int(tx.execute(query.select_from(audit)).scalar_one())


def _failed(tx: Connection, begins: datetime, ends: datetime) -> int:
    query = select(func.count()).where(
        ENDED_BADLY,
        events.c.state == literal_column("'dead'"),
        events.c.ended_at >= begins,
        events.c.ended_at < ends,
    )
    return int(tx.execute(query.select_from(events)).scalar_one())


def _tokens(row: AnyRow) -> int:
    return (row.tokens_in or 0) + (row.tokens_out or 0)


def _by_hour(rows: Sequence[AnyRow], zone: ZoneInfo) -> tuple[int, ...]:
    heard: Counter[int] = Counter()
    for row in rows:
        heard[row.hour.astimezone(zone).hour] += row.heard
    return tuple(heard[hour] for hour in range(HOURS))


def _by_line(hours: Sequence[AnyRow], answered: Sequence[AnyRow]) -> tuple[LineDay, ...]:
    heard: Counter[str] = Counter()
    for row in hours:
        heard[row.line_id] += row.heard
    theirs: Mapping[str, list[AnyRow]] = {row.line_id: [] for row in (*hours, *answered)}
    for row in answered:
        theirs[row.line_id].append(row)
    return tuple(
        LineDay(
            line_id,
            heard[line_id],
            len(rows),
            sum(_tokens(row) for row in rows),
            sum(row.cost or 0.0 for row in rows),
        )
        for line_id, rows in sorted(theirs.items())
    )
