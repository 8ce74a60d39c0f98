"""Turns that wait, are overtaken or lose their worker, and the sweep that finds what is due."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.outbox import NotSent, Sent
from bot.domain.turn import Answered, Claimed, NotYet
from tests.transitions.scene import ANNA, HOUR_S, Scene, at, crowd, reply, thread

PATIENT = {"quiet_period": timedelta(seconds=3), "max_wait": timedelta(seconds=20)}


async def test_an_overtaken_answer_keeps_the_first_messages_maximum_wait(scene: Scene) -> None:
    scene.settings(**PATIENT)
    anna = await scene.writes(text="first")
    scene.at(3)
    turn = await scene.takes_turn(anna)
    scene.at(19.5)
    await scene.writes(text="second")
    scene.at(19.9)
    answered, _ = await scene.store.answer_turn(turn, reply(), scene.now)
    assert answered is Answered.SUPERSEDED
    scene.at(20)
    turn = await scene.takes_turn(anna)
    assert [entry.text for entry in turn.waiting] == ["first", "second"]
    assert turn.first_message_at == at(0)


async def test_after_the_maximum_wait_an_answer_is_not_overtaken(scene: Scene) -> None:
    scene.settings(**PATIENT)
    anna = await scene.writes(text="first")
    scene.at(3)
    turn = await scene.takes_turn(anna)
    scene.at(19)
    await scene.writes(text="second")
    scene.at(21)
    answered, _ = await scene.store.answer_turn(turn, reply(), scene.now)
    assert answered is Answered.STORED
    assert [state for state, _ in await scene.inbox(anna)] == ["done", "pending"]


async def test_a_turn_is_due_once_the_customer_is_quiet(scene: Scene) -> None:
    scene.settings(**PATIENT)
    anna = await scene.writes()
    scene.at(2)
    await scene.writes()
    assert await scene.store.claim_turn(anna, scene.now) == NotYet(at(5))


async def test_of_many_workers_one_gets_the_turn(scene: Scene) -> None:
    anna = await scene.writes()
    workers = [scene.another_worker() for _ in range(8)]
    claims = await asyncio.gather(*(worker.claim_turn(anna, scene.now) for worker in workers))
    assert sum(isinstance(claim, Claimed) for claim in claims) == 1


async def test_a_dead_workers_turn_is_taken_back_though_the_clock_was_set_back(
    scene: Scene,
) -> None:
    if scene.database.dialect == "postgresql":
        pytest.skip("there the server's clock measures leases, which no test can set back")
    anna = await scene.writes()
    await scene.takes_turn(anna)
    scene.at(-HOUR_S)
    second = scene.another_worker()
    await second.register(scene.now, sole=False)
    scene.pass_time(60)
    assert await second.mend(scene.now, frozenset()) == {anna}
    assert isinstance(await second.claim_turn(anna, scene.now), Claimed)


async def test_a_living_workers_turn_is_left_to_it(scene: Scene) -> None:
    await scene.takes_turn(await scene.writes())
    second = scene.another_worker()
    await second.register(scene.now, sole=False)
    scene.at(5)
    assert await second.mend(scene.now, frozenset()) == frozenset()


async def test_a_turn_is_not_mistaken_for_forgotten_before_it_is_noted(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.takes_turn(anna)
    scene.at(4)
    assert await scene.store.mend(scene.now, frozenset()) == frozenset()
    scene.at(6)
    assert await scene.store.mend(scene.now, frozenset()) == {anna}


async def test_conversations_in_hand_do_not_hide_one_that_is_due(scene: Scene) -> None:
    in_hand = await scene.all_write(crowd(60))
    await asyncio.gather(*(scene.takes_turn(conversation) for conversation in in_hand))
    await scene.all_write(crowd(60))
    scene.at(2)
    anna = await scene.writes()
    scene.at(10)
    assert (await scene.sweeps()).turns == (anna,)


async def test_conversations_that_wait_for_a_send_do_not_hide_one_that_is_due(
    scene: Scene,
) -> None:
    sending = await scene.all_write(crowd(60))
    await asyncio.gather(*(scene.answers(conversation) for conversation in sending))
    await scene.all_write(crowd(60))
    scene.at(2)
    anna = await scene.writes()
    scene.at(10)
    assert (await scene.sweeps()).turns == (anna,)


async def test_parts_behind_a_backoff_do_not_hide_one_that_can_be_sent(scene: Scene) -> None:
    scene.settings(base_delay=timedelta(hours=1), max_delay=timedelta(hours=1))
    crowded = await scene.all_write(crowd(120))
    firsts = await asyncio.gather(*(scene.answers(c, "one", "two") for c in crowded))
    await asyncio.gather(*(scene.settles(first, NotSent("503")) for first in firsts))
    await scene.settles(await scene.answers(await scene.writes(), "one", "two"), Sent(None))
    scene.at(60)
    assert (await scene.sweeps()).replies == (thread(ANNA),)


async def test_an_outage_is_waited_for_as_long_as_the_model_asks(scene: Scene) -> None:
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.store.release_turn(turn, "away", scene.now, timedelta(seconds=90))
    assert await scene.store.claim_turn(anna, scene.now) == NotYet(at(90))


async def test_a_failing_message_is_given_up_after_its_tries_and_not_before(scene: Scene) -> None:
    scene.settings(max_attempts=3)
    anna = await scene.writes()
    for tries in (1, 2, 3):
        turn = await scene.takes_turn(anna)
        gave_up = await scene.store.fail_turn(turn, "broken", reply("sorry"), scene.now)
        assert gave_up is (tries == 3)
        scene.pass_time(60)
    assert await scene.inbox(anna) == [("dead", "no reply could be made")]
    assert await scene.outbox(anna) == [("bot", "queued")]


async def test_an_answer_that_replaces_a_held_one_is_also_about_what_that_was_about(
    scene: Scene,
) -> None:
    scene.settings(max_wait=timedelta(0))
    anna = await scene.writes(text="first")
    turn = await scene.takes_turn(anna)
    await scene.writes(text="second")  # before the first answer stands in the thread
    _, sent = await scene.store.answer_turn(turn, reply("about the first"), scene.now)
    assert sent is not None
    await scene.settles(sent, Sent("p1"))
    await scene.arrives("line.disconnected")
    await scene.apply()
    assert await scene.stores(anna, "about the second") is None
    for number, text in enumerate(("third", "fourth")):
        await scene.writes(text=text)
        turn = await scene.takes_turn(anna)
        assert [entry.text for entry in turn.waiting] == [text]
        expected = ["second", "third", "fourth"][: number + 2]
        assert [entry.text for entry in turn.to_answer] == expected
        assert [entry.text for entry in turn.past] == ["first", "about the first"]
        whole = replace(reply("about all of it"), has_seen_all=True)
        assert (await scene.store.answer_turn(turn, whole, scene.now))[0] is Answered.STORED
    statuses = [status for _, status in await scene.outbox(anna)]
    assert statuses == ["sent", "cancelled", "cancelled", "held"]
