"""What the governor has made of each line: how fast it sends, and how much of its day is used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bot.adapters.db.engine import Database
from bot.adapters.db.rows import ALL, AnyRow
from bot.adapters.db.schema import lines
from bot.domain.conversation import Policy
from bot.domain.pace import slowed


@dataclass(frozen=True, slots=True)
class LinePace:
    """One line's, at this moment."""

    speed: float
    """A share of full speed: less after the line has complained."""
    sent_today: int
    """The bot's messages; counted only where there is a cap."""
    allowed_today: int | None
    """None: any number."""


class LinePaces:
    """Raises StoreUnavailable."""

    def __init__(self, database: Database, policy: Policy, clock: Callable[[], datetime]) -> None:
        self._db = database
        self._policy = policy
        self._clock = clock

    async def of_all(self) -> Mapping[str, LinePace]:
        """By line; a line that has sent nothing yet may have none."""
        now = self._clock()
        return await self._db.read(lambda tx: _paces(tx, self._policy, now))


def _paces(tx: Connection, policy: Policy, now: datetime) -> Mapping[str, LinePace]:
    rows = tx.execute(select(lines).where(lines.c.line_id != ALL))
    return {row.line_id: _pace(row, policy, now) for row in rows}


def _pace(row: AnyRow, policy: Policy, now: datetime) -> LinePace:
    today = now.astimezone(ZoneInfo(policy.timezone)).date().isoformat()
    age_days = 0 if row.first_sent_at is None else (now - row.first_sent_at).days
    return LinePace(
        speed=slowed(row.pace, row.slowed_at, now),
        sent_today=row.sent_count if row.sent_day == today else 0,
        allowed_today=policy.pace.allowed_on(age_days),
    )
