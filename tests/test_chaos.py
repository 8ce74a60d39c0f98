"""A short chaos run in every test run; `make chaos` is the long one."""

from typing import Any

import pytest

from tests.chaos.run import Plan, run
from tests.chaos.table import table

_LONG: dict[str, Any] = {
    "messages": 400,
    "per_second": 15,
    "strike_every_s": 1,
    "whim_chance": 0.06,
    "beyond_leases": True,
}


@pytest.mark.parametrize("seed", [11])
async def test_nothing_is_lost_or_said_twice_among_faults(seed: int) -> None:
    outcome = await run(Plan(seed, messages=120, per_second=12, strike_every_s=1))
    assert outcome.verdict.is_clean, table(outcome)
    assert outcome.verdict.messages == 120
    assert sum(outcome.record.fired.values()) > 10, table(outcome)


@pytest.mark.slow
@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(12, fills_disk=True, **_LONG), id="disk"),
        pytest.param(
            Plan(13, on_postgres=True, **_LONG), id="postgres", marks=pytest.mark.postgres
        ),
    ],
)
async def test_nothing_is_lost_among_many_faults(plan: Plan) -> None:
    outcome = await run(plan)
    assert outcome.verdict.is_clean, table(outcome)
    assert sum(outcome.record.fired.values()) > 80, table(outcome)
