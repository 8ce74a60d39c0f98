"""What the model has cost, by day."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select

from bot.adapters.db.schema import spending
from bot.adapters.db.upsert import upsert
from bot.domain.turn import MadeBy

_SPENT = select(spending.c.cost).where(spending.c.day == bindparam("on_day"))


def spent_on(tx: Connection, day: str) -> float:
    """What was spent on a day (`YYYY-MM-DD`), in the currency of the prices."""
    cost = tx.execute(_SPENT, {"on_day": day}).scalar()
    return 0.0 if cost is None else float(cost)


def add_spending(tx: Connection, day: str, made_by: MadeBy) -> None:
    """Add one completion to its day."""
    row: dict[str, Any] = {
        "day": day,
        "tokens_in": 0 if made_by.tokens_in is None else made_by.tokens_in,
        "tokens_out": 0 if made_by.tokens_out is None else made_by.tokens_out,
        "cost": 0.0 if made_by.cost is None else made_by.cost,
    }
    tx.execute(_adding(tx.dialect.name), row)


@cache
def _adding(dialect: str) -> Any:
    add = upsert(dialect, spending)
    added = {
        name: spending.c[name] + add.excluded[name] for name in ("tokens_in", "tokens_out", "cost")
    }
    return add.on_conflict_do_update(index_elements=[spending.c.day], set_=added)
