"""What trying prompts costs is kept by day, whichever process tries."""

import asyncio
from datetime import timedelta

import pytest

from bot.adapters.db.try_spending import TrySpending
from bot.console.allowance import PER_MINUTE, UNPRICED_PER_DAY, Allowance
from bot.errors import Refused
from tests.transitions.scene import Scene


async def test_what_was_spent_adds_up_and_is_forgotten_tomorrow(scene: Scene) -> None:
    spending = TrySpending(scene.database, lambda: scene.now, "Europe/Madrid")
    assert await spending.today() == (0.0, 0)
    await asyncio.gather(*(spending.add(0.5, 1) for _ in range(4)))
    assert await spending.today() == (2.0, 4)
    scene.now += timedelta(days=1)
    assert await spending.today() == (0.0, 0)


async def test_nothing_is_begun_beyond_the_days_limit(scene: Scene) -> None:
    spending = TrySpending(scene.database, lambda: scene.now, "UTC")
    allowance = Allowance(spending, 1.0)
    await allowance.took(0.75, 0)
    assert await allowance.begin("rosa") == pytest.approx(0.25)
    await allowance.took(0.25, 0)
    with pytest.raises(Refused, match="try_cost_per_day"):
        await allowance.begin("rosa")
    assert await Allowance(spending, 0).begin("rosa") is None
    await allowance.took(0, UNPRICED_PER_DAY)
    with pytest.raises(Refused, match=r"llm\.prices"):
        await Allowance(spending, 0).begin("rosa")


async def test_one_operators_haste_is_not_anothers(scene: Scene) -> None:
    allowance = Allowance(TrySpending(scene.database, lambda: scene.now, "UTC"), 0)
    for _ in range(PER_MINUTE):
        await allowance.begin("rosa")
    with pytest.raises(Refused, match="within a minute"):
        await allowance.begin("rosa")
    await allowance.begin("olga")
