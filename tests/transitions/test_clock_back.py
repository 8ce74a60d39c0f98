"""A clock that is set back an hour makes nobody wait an hour."""

from datetime import timedelta

import pytest

from bot.domain.outbox import NotSent
from bot.domain.turn import Claimed, NotYet
from bot.domain.work import ToSend
from tests.transitions.scene import HOUR_S, Scene

HOUR = timedelta(hours=1)


async def _set_back(scene: Scene) -> None:
    scene.at(-HOUR_S)
    assert await scene.store.clock_went_back(HOUR, scene.now)


@pytest.fixture(autouse=True)
def _one_clock(scene: Scene) -> None:
    if not scene.database.is_sqlite:
        pytest.skip("the hosts of a PostgreSQL have clocks of their own")


async def test_a_customers_quiet_period_ends_all_the_same(scene: Scene) -> None:
    scene.settings(quiet_period=timedelta(seconds=3))
    anna = await scene.writes()
    await _set_back(scene)
    assert isinstance(await scene.store.claim_turn(anna, scene.now), NotYet)
    scene.pass_time(3)
    assert isinstance(await scene.store.claim_turn(anna, scene.now), Claimed)


async def test_a_send_is_tried_again_in_time(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), NotSent("no connection"))
    await _set_back(scene)
    scene.pass_time(2)
    assert isinstance(await scene.store.claim_reply(anna, scene.now), ToSend)


async def test_of_several_processes_that_notice_it_one_acts(scene: Scene) -> None:
    anna = await scene.writes()
    later = scene.now + 3 * HOUR
    await scene.store.defer_turn(await scene.takes_turn(anna), later, None, scene.now)
    await _set_back(scene)
    scene.pass_time(2)
    assert not await scene.store.clock_went_back(HOUR, scene.now)
    assert (await scene.conversation(anna)).due_at == later - HOUR
