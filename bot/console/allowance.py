"""What trying prompts may take: so often by one operator, so much in a day by all of them."""

import time
from collections import deque

from bot.adapters.db.try_spending import TrySpending
from bot.errors import Refused

PER_MINUTE = 30
"""Turns that one operator may try; tests count as several."""
UNPRICED_PER_DAY = 500
"""Calls of a model that has no price."""
_MINUTE_S = 60.0
_TOO_MANY = 429


class Allowance:
    """Asked before anything is tried, told of what it took afterwards."""

    def __init__(self, spending: TrySpending, cost_per_day: float) -> None:
        """`cost_per_day` 0: no limit."""
        self._spending = spending
        self._cost_per_day = cost_per_day
        self._lately: dict[str, deque[float]] = {}

    async def begin(self, operator: str, weight: int = 1) -> float | None:
        """What may be spent now, None: no limit. Raises Refused, StoreUnavailable."""
        self._count(operator, weight)
        cost, unpriced = await self._spending.today()
        if unpriced >= UNPRICED_PER_DAY:
            raise Refused(
                f"{UNPRICED_PER_DAY} calls of a model without a price were made today: "
                "set llm.prices, or go on tomorrow",
                _TOO_MANY,
            )
        if not self._cost_per_day:
            return None
        left = self._cost_per_day - cost
        if left <= 0:
            raise Refused(
                "what trying prompts may cost in a day is spent (prompts.try_cost_per_day)",
                _TOO_MANY,
            )
        return left

    async def took(self, cost: float, unpriced: int) -> None:
        """Add it to the day."""
        if cost or unpriced:
            await self._spending.add(cost, unpriced)

    def _count(self, operator: str, weight: int) -> None:
        now = time.monotonic()
        lately = self._lately.setdefault(operator, deque())
        while lately and now - lately[0] > _MINUTE_S:
            lately.popleft()
        if len(lately) + weight > PER_MINUTE:
            raise Refused("that is a lot within a minute: wait a little, then go on", _TOO_MANY)
        lately.extend([now] * weight)
