"""What trying prompts on the console's pages has taken, by day: nothing else is kept of it."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from bot.adapters.db.engine import Database
from bot.adapters.db.schema import try_spending
from bot.adapters.db.upsert import upsert


class TrySpending:
    """Everything raises StoreUnavailable."""

    def __init__(self, database: Database, clock: Callable[[], datetime], timezone: str) -> None:
        self._db = database
        self._clock = clock
        self._zone = ZoneInfo(timezone)

    async def today(self) -> tuple[float, int]:
        """The known cost, and the calls of the model of which none is known."""
        c, day = try_spending.c, self._day()
        query = select(c.cost, c.unpriced).where(c.day == day)
        row = await self._db.read(lambda tx: tx.execute(query).first())
        return (0.0, 0) if row is None else (float(row.cost), int(row.unpriced))

    async def add(self, cost: float, unpriced: int) -> None:
        """More was taken."""
        day = self._day()
        await self._db.write(lambda tx: _add(tx, day, cost, unpriced))

    def _day(self) -> str:
        return self._clock().astimezone(self._zone).date().isoformat()


def _add(tx: Connection, day: str, cost: float, unpriced: int) -> None:
    added = upsert(tx.dialect.name, try_spending).values(day=day, cost=cost, unpriced=unpriced)
    c = try_spending.c
    tx.execute(
        added.on_conflict_do_update(
            index_elements=[c.day],
            set_={
                "cost": c.cost + added.excluded.cost,
                "unpriced": c.unpriced + added.excluded.unpriced,
            },
        )
    )
