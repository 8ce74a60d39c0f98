"""How fast a line sends: fresh answers at once, late ones one after the other, never a runaway."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.notice import Roster
from bot.domain.outbox import LineHeld, Outbound, Sent
from bot.domain.pace import Pace
from bot.domain.turn import Answered, Claimed, NotYet
from bot.domain.work import SendLater, ToSend
from tests.transitions.scene import HOUR_S, LINE, Scene, at, crowd, pause, reply

OPERATOR = "+70001"


def _settings(scene: Scene, **pace: Any) -> None:
    scene.settings(pace=replace(Pace(part_gap=timedelta(0), jitter=0), **pace))


async def _claimed(scene: Scene, conversations: list[str]) -> list[str]:
    """Those whose turn may begin now."""
    claims = {one: await scene.store.claim_turn(one, scene.now) for one in conversations}
    assert all(isinstance(claim, Claimed | NotYet) for claim in claims.values())
    return [one for one, claim in claims.items() if isinstance(claim, Claimed)]


async def test_after_an_outage_late_answers_begin_one_after_the_other(scene: Scene) -> None:
    _settings(scene, catch_up_per_minute=60, burst=3)
    waiting = await scene.all_write(crowd(5))
    scene.at(HOUR_S)
    assert await _claimed(scene, waiting) == waiting[:3]
    scene.pass_time(0.5)
    assert await _claimed(scene, waiting[3:]) == []
    scene.pass_time(0.5)
    assert await _claimed(scene, waiting[3:]) == [waiting[3]]
    scene.pass_time(1)
    assert await _claimed(scene, waiting[4:]) == [waiting[4]]


async def test_somebody_who_has_just_written_never_waits_for_those_who_are_late(
    scene: Scene,
) -> None:
    _settings(scene, catch_up_per_minute=1, burst=1)
    waiting = await scene.all_write(crowd(3))
    scene.at(HOUR_S)
    assert len(await _claimed(scene, waiting)) == 1
    fresh = await scene.writes("+15559999")
    assert await _claimed(scene, [fresh]) == [fresh]
    late = await scene.writes(crowd(3)[2], "still there?")  # and whoever writes again is not late
    assert await _claimed(scene, [late]) == [late]


@pytest.mark.parametrize(("hours", "late"), [(0.1, False), (0.2, True)])
async def test_how_long_it_took_is_told_to_the_turn(scene: Scene, hours: float, late: bool) -> None:
    anna = await scene.writes()
    scene.at(hours * HOUR_S)
    assert (await scene.takes_turn(anna)).standing.late is late


async def test_people_get_one_summary_of_an_outage(scene: Scene) -> None:
    _settings(scene)
    scene.settings(roster=Roster((OPERATOR,), webhook=True))
    (old,) = await scene.all_write(["+1900"])
    scene.at(5 * HOUR_S)
    waiting = await scene.all_write(crowd(3))
    scene.at(13 * HOUR_S)
    for conversation in waiting:
        turn = await scene.takes_turn(conversation)
        answered, first = await scene.store.answer_turn(
            turn, replace(reply(), late=True), scene.now
        )
        assert answered is Answered.STORED
        assert first is not None
    turn = await scene.takes_turn(old)
    assert turn.standing.refusal == "stale"
    await scene.store.decline_turn(turn, "stale", scene.now)
    assert (await scene.conversation(old)).needs_attention
    await scene.store.summarise(scene.now)
    assert await scene.store.claim_notice(scene.now) is None  # it may not be over yet
    scene.pass_time(61)
    for _ in range(2):
        await scene.store.summarise(scene.now)
    notice = await scene.store.claim_notice(scene.now)
    assert notice is not None
    assert notice.body["text"] == (
        "Back after an outage: 3 conversations were answered late, with an apology. "
        "1 have waited too long and are left to you: #who"
    )
    assert await scene.store.claim_notice(scene.now) is None


async def test_the_next_outage_gets_a_summary_of_its_own(scene: Scene) -> None:
    scene.settings(roster=Roster(webhook=True))
    for count, hour in ((1, 1), (2, 30)):
        waiting = await scene.all_write(crowd(count))
        scene.at(hour * HOUR_S)
        for conversation in waiting:
            turn = await scene.takes_turn(conversation)
            late = replace(reply(), late=True)
            _, first = await scene.store.answer_turn(turn, late, scene.now)
            assert first is not None
            await scene.settles(first, Sent(None))
        scene.pass_time(61)
        await scene.store.summarise(scene.now)
        notice = await scene.store.claim_notice(scene.now)
        assert notice is not None
        assert f": {count} conversations were answered late" in notice.body["text"]
        await scene.store.notice_told(notice)


async def _reply_of_two(scene: Scene) -> tuple[str, Outbound]:
    anna = await scene.writes()
    first = await scene.answers(anna, "one", "two")
    await scene.settles(first, Sent("p1"))
    return anna, first


async def test_parts_of_an_answer_keep_their_distance(scene: Scene) -> None:
    _settings(scene, part_gap=timedelta(seconds=1))
    anna, _ = await _reply_of_two(scene)
    assert await scene.store.claim_reply(anna, scene.now) == SendLater(at(1))
    scene.at(1)
    assert isinstance(await scene.store.claim_reply(anna, scene.now), ToSend)


async def test_after_a_429_the_line_sends_slower_for_a_while(scene: Scene) -> None:
    _settings(scene, slow_per_minute=60, burst=1)
    first, *others = await scene.all_write(crowd(4))
    too_much = LineHeld("rate_limited", "slow down", timedelta(seconds=1), capped=True)
    await scene.settles(await scene.answers(first), too_much)
    scene.at(10)
    (probe,) = await scene.probes()
    await scene.settles(probe, Sent(None))
    assert await scene.holds() == {}
    assert await scene.stores(others[0]) is not None  # the burst
    assert await scene.stores(others[1]) is None
    scene.pass_time(1)  # half speed: a message in two seconds, a little less by now
    assert await _leaves(scene, others[1]) is False
    scene.pass_time(1)
    assert await _leaves(scene, others[1]) is True
    scene.pass_time(600)
    assert await scene.stores(others[2]) is not None
    fresh = [await scene.writes(address) for address in crowd(9)[4:]]
    assert all([await scene.stores(one) is not None for one in fresh])


async def _leaves(scene: Scene, conversation: str) -> bool:
    return isinstance(await scene.store.claim_reply(conversation, scene.now), ToSend)


async def test_a_person_is_never_slowed_down(scene: Scene) -> None:
    _settings(scene, per_day=1)
    anna, ben = await scene.all_write(crowd(2))
    await scene.answers(anna)
    await scene.store.write(ben, ("a person's",), pause(), scene.now)
    assert await _leaves(scene, ben)


async def test_a_day_has_only_so_many_and_the_rest_leaves_on_the_next(scene: Scene) -> None:
    _settings(scene, per_day=2)
    first, second, third = await scene.all_write(crowd(3))
    assert await scene.stores(first) is not None
    assert await scene.stores(second) is not None
    assert await scene.stores(third) is None
    assert await scene.store.claim_reply(third, scene.now) == SendLater(at(12 * HOUR_S))
    scene.settings(stale_after=timedelta(days=2))
    scene.at(12 * HOUR_S)
    assert await _leaves(scene, third)


async def test_a_young_lines_day_allows_twice_as_much_as_the_one_before(scene: Scene) -> None:
    _settings(scene, young_days=2, young_per_day=1)
    left = []
    for day in range(3):
        scene.at(day * 24 * HOUR_S)
        waiting = [await scene.writes(f"+1{day}55{number}") for number in range(5)]
        left.append(sum([await scene.stores(one) is not None for one in waiting]))
    assert left == [1, 2, 5]


async def test_a_runaway_is_stopped_until_a_person_resumes_the_line(scene: Scene) -> None:
    scene.settings(roster=Roster((OPERATOR,), webhook=True))
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    assert await scene.store.stop_line(LINE, scene.now)
    assert not await scene.store.stop_line(LINE, scene.now)
    answered, _ = await scene.store.answer_turn(turn, reply(), scene.now)
    assert answered is Answered.DRAFTED
    notice = await scene.store.claim_notice(scene.now)
    assert notice is not None
    assert "is stopped" in notice.body["text"]
    scene.at(10 * HOUR_S)
    await scene.store.lapse_pauses(scene.now)
    ben = await scene.writes("+15557777")
    assert not isinstance(await scene.store.claim_turn(ben, scene.now), Claimed)
    await scene.store.resume_scope(LINE, "olga", scene.now, answer=True)
    assert isinstance(await scene.store.claim_turn(ben, scene.now), Claimed)


async def test_what_is_written_on_each_line_is_counted_from_the_last_look(scene: Scene) -> None:
    first = await scene.store.traffic(None)
    assert first.by_line == {}
    anna = await scene.writes()
    await scene.answers(anna, "one", "two")
    second = await scene.store.traffic(first.newest)
    assert second.by_line == {LINE: (2, 1)}
    assert (await scene.store.traffic(second.newest)).by_line == {}
