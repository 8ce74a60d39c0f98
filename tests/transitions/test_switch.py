"""Who answers: pauses that people make, prolong and end, and what waits meanwhile."""

import asyncio
from datetime import timedelta

import pytest

from bot.domain.outbox import Sent, Unanswered
from bot.domain.turn import Answered, Claimed, Listening
from bot.domain.work import SendLater
from bot.errors import LostClaim, Refused
from tests.transitions.scene import (
    ANNA,
    BEN,
    HOUR_S,
    LINE,
    Scene,
    at,
    crowd,
    pause,
    reply,
)


async def test_what_a_customer_writes_after_the_phones_reply_waits(scene: Scene) -> None:
    anna = await scene.writes(text="do you have shoes?")
    await scene.settles(await scene.answers(anna), Sent("p1"))
    scene.at(10)
    await scene.phone_writes("a person here: which size?")
    scene.at(12)
    await scene.writes(text="size 42 please")
    scene.at(16)
    await scene.apply()
    assert (await scene.conversation(anna)).paused_by == "phone"
    assert [state for state, _ in await scene.inbox(anna)] == ["done", "pending"]
    scene.at(16 + 4 * HOUR_S)
    await scene.store.lapse_pauses(scene.now)
    scene.pass_time(600)
    assert await scene.store.lapse_pauses(scene.now) == {anna}
    turn = await scene.takes_turn(anna)
    assert [entry.text for entry in turn.waiting] == ["size 42 please"]


async def test_what_waited_before_the_phones_reply_is_answered_by_it(scene: Scene) -> None:
    anna = await scene.writes(text="do you have shoes?")
    await scene.phone_writes("yes, we do")
    scene.at(6)
    await scene.apply()
    assert await scene.inbox(anna) == [("done", "answered by a person")]


@pytest.mark.parametrize("whole", [False, True], ids=["one", "all"])
async def test_resuming_what_is_not_paused_loses_nothing(scene: Scene, whole: bool) -> None:
    anna, ben = await scene.all_write([ANNA, BEN])
    if whole:
        await scene.store.resume_scope(LINE, "olga", scene.now)
        await scene.store.resume_scope(None, "olga", scene.now)
    else:
        await scene.store.resume(anna, "olga", scene.now)
    await scene.takes_turn(anna)
    await scene.takes_turn(ben)


async def test_a_resume_while_the_bot_writes_does_not_throw_its_answer_away(scene: Scene) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.store.resume(turn.conversation_id, "olga", scene.now)
    answered, _ = await scene.store.answer_turn(turn, reply(), scene.now)
    assert answered is Answered.STORED


async def test_the_end_of_a_pause_of_everything_leaves_a_lines_own(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.store.pause_scope(LINE, pause("olga"), scene.now)
    await scene.store.pause_scope(None, pause("paul", until_s=HOUR_S), scene.now)
    scene.at(HOUR_S + 1)
    await scene.store.lapse_pauses(scene.now)
    assert isinstance(await scene.store.claim_turn(anna, scene.now), Listening)


async def test_resuming_everything_leaves_a_lines_own_pause_and_what_waits_there(
    scene: Scene,
) -> None:
    anna = await scene.writes()
    await scene.store.pause_scope(LINE, pause("olga"), scene.now)
    await scene.store.pause_scope(None, pause("paul"), scene.now)
    await scene.store.resume_scope(None, "olga", scene.now)
    assert [state for state, _ in await scene.inbox(anna)] == ["pending"]
    await scene.store.resume_scope(LINE, "olga", scene.now, answer=True)
    await scene.takes_turn(anna)


async def test_resuming_a_line_leaves_a_pause_of_everything(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.store.pause_scope(LINE, pause("olga"), scene.now)
    await scene.store.pause_scope(None, pause("paul"), scene.now)
    await scene.store.resume_scope(LINE, "olga", scene.now, answer=True)
    assert not isinstance(await scene.store.claim_turn(anna, scene.now), Claimed)


async def test_a_pause_that_is_prolonged_as_it_ends_goes_on(scene: Scene) -> None:
    scene.settings(resume_grace=timedelta(0))
    anna = await scene.writes()
    await scene.store.pause(anna, pause(until_s=60), scene.now)
    scene.at(61)
    await asyncio.gather(
        scene.store.lapse_pauses(scene.now),
        scene.store.pause(anna, pause(until_s=HOUR_S), scene.now),
    )
    row = await scene.conversation(anna)
    assert (row.state, row.paused_until) == ("human", at(HOUR_S))


async def test_a_pause_of_everything_that_is_prolonged_as_it_ends_goes_on(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.store.pause_scope(None, pause(until_s=60), scene.now)
    scene.at(61)
    await asyncio.gather(
        scene.store.lapse_pauses(scene.now),
        scene.store.pause_scope(None, pause(), scene.now),
    )
    assert not isinstance(await scene.store.claim_turn(anna, scene.now), Claimed)


async def test_people_get_their_grace_before_the_bot_answers_the_tail(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.store.pause(anna, pause(until_s=60), scene.now)
    scene.at(61)
    assert await scene.store.lapse_pauses(scene.now) == frozenset()
    row = await scene.conversation(anna)
    assert (row.state, row.needs_attention) == ("human", True)
    scene.pass_time(599)
    assert not (await scene.sweeps()).lapses  # nothing to look at until the grace is over
    scene.pass_time(1)
    assert (await scene.sweeps()).lapses
    assert await scene.store.lapse_pauses(scene.now) == {anna}
    await scene.takes_turn(anna)


async def test_a_pause_with_nobody_waiting_ends_without_a_word(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), Sent("p1"))
    await scene.store.pause(anna, pause(until_s=60), scene.now)
    scene.at(61)
    assert await scene.store.lapse_pauses(scene.now) == frozenset()
    row = await scene.conversation(anna)
    assert (row.state, row.needs_attention) == ("bot", False)


async def test_a_bot_that_waits_for_a_person_is_not_looked_at_again_and_again(scene: Scene) -> None:
    scene.settings(wait_for_person=True)
    anna = await scene.writes()
    await scene.store.pause(anna, pause(until_s=60), scene.now)
    scene.at(61)
    assert (await scene.sweeps()).lapses
    assert await scene.store.lapse_pauses(scene.now) == frozenset()
    for later_s in (62, HOUR_S, 100 * HOUR_S):
        scene.at(later_s)
        assert not (await scene.sweeps()).lapses
    row = await scene.conversation(anna)
    assert (row.state, row.needs_attention) == ("human", True)


async def test_a_pause_and_a_resume_while_the_bot_writes_make_its_words_a_draft(
    scene: Scene,
) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.store.pause(turn.conversation_id, pause(), scene.now)
    await scene.store.resume(turn.conversation_id, "olga", scene.now)
    answered, _ = await scene.store.answer_turn(turn, reply(), scene.now)
    assert answered is Answered.DRAFTED
    (row,) = await scene.outbound(turn.conversation_id)
    assert (row.status, row.draft) == ("cancelled", True)


async def test_after_a_pause_of_everything_no_send_begins(scene: Scene) -> None:
    waiting = await scene.all_write(crowd(60))
    turns = [await scene.takes_turn(conversation) for conversation in waiting]
    for turn in turns[:30]:  # these have a second part to send, the others a reply to store
        _, first = await scene.store.answer_turn(turn, reply("one", "two"), scene.now)
        assert first is not None
        await scene.settles(first, Sent(None))

    async def in_flight() -> set[str]:
        return {send.id for send in await scene.store.in_flight(None, None)}

    async def stop() -> set[str]:
        await scene.store.pause_scope(None, pause(), scene.now)
        return await in_flight()

    # of each kind five that nobody works on
    sends = [scene.store.claim_reply(conversation, scene.now) for conversation in waiting[:25]]
    answers = [scene.store.answer_turn(turn, reply(), scene.now) for turn in turns[30:55]]
    mixed = [job for pair in zip(sends, answers, strict=True) for job in pair]
    early = asyncio.gather(*mixed[:25])
    stopped = asyncio.create_task(stop())
    late = asyncio.gather(*mixed[25:])
    await asyncio.gather(early, late)
    assert await in_flight() == await stopped
    assert "queued" not in await scene.statuses()


async def test_after_a_pause_of_everything_an_unknown_send_is_not_sent_again(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), Unanswered("it hangs"))
    await scene.store.pause_scope(None, pause(), scene.now)
    scene.at(11)
    assert await scene.store.claim_reply(anna, scene.now) == SendLater()
    assert await scene.statuses() == ["uncertain"]


async def test_of_many_replays_of_a_dead_letter_one_counts(scene: Scene) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.store.fail_turn(turn, "broken", reply("sorry"), scene.now, final=True)
    dead = await scene.event_id(turn.conversation_id)
    replays = (scene.another_worker().replay(dead, "olga", scene.now) for _ in range(6))
    outcomes = await asyncio.gather(*replays, return_exceptions=True)
    assert outcomes.count(turn.conversation_id) == 1
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 5


async def test_a_dead_letter_may_be_replayed_however_old_it_is(scene: Scene) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.store.fail_turn(turn, "broken", reply("sorry"), scene.now, final=True)
    await scene.settles(await scene.sends(turn.conversation_id), Sent("p1"))
    scene.at(13 * HOUR_S)
    await scene.store.replay(await scene.event_id(turn.conversation_id), "olga", scene.now)
    again = await scene.takes_turn(turn.conversation_id)
    assert [entry.id for entry in again.waiting] == [entry.id for entry in turn.waiting]


async def test_a_lost_turn_cannot_be_answered_by_its_first_worker(scene: Scene) -> None:
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.store.sign_off()
    second = scene.another_worker()
    await second.register(scene.now, sole=False)
    assert await second.mend(scene.now, frozenset()) == {anna}
    with pytest.raises(LostClaim):
        await scene.store.answer_turn(turn, reply(), scene.now)
    assert isinstance(await second.claim_turn(anna, scene.now), Claimed)
