"""Off duty: what is written while the bot's hours are over waits, and is answered when they begin.

The clock starts on a Thursday at noon; the business opens an hour later, for an hour.
"""

from dataclasses import replace
from datetime import timedelta

from bot.domain.decide import Duty, decide
from bot.domain.opening_hours import OpeningHours
from bot.domain.outbox import Outbound, Sent
from bot.domain.prompt import RenderedPrompt
from bot.domain.turn import Answered, AskModel, Claimed, Defer, Listening, Nothing, NotYet
from tests.transitions.scene import ANNA, BEN, HOUR_S, Scene, at, pause, reply

OPENS_S = HOUR_S
CLOSES_S = 2 * HOUR_S
OPENS_AGAIN_S = 21 * HOUR_S
AWAY = "We are closed."
DUTY = Duty("in_hours", OpeningHours({"thu": ("13:00-14:00",), "fri": ("09:00-10:00",)}))
PROMPT = RenderedPrompt("default", "1", "", "sorry", "only text, please", away=AWAY)


async def _looks(scene: Scene, conversation: str, duty: Duty = DUTY) -> str | None:
    """The bot looks at what waits, while it is off duty; what it says to that."""
    turn = await scene.takes_turn(conversation)
    decision = decide(turn, PROMPT, duty, scene.now)
    assert isinstance(decision, Defer), decision
    said = reply(decision.away) if decision.away else None
    sent = await scene.store.defer_turn(turn, decision.until, said, scene.now)
    await _arrives(scene, sent)
    return None if sent is None else sent.text


async def _arrives(scene: Scene, sent: Outbound | None) -> None:
    if sent is not None:
        await scene.settles(sent, Sent(f"p_{sent.id}"))


async def _answers(scene: Scene, conversation: str) -> list[str]:
    """What the model is asked at last, and answers."""
    turn = await scene.takes_turn(conversation)
    assert decide(turn, PROMPT, DUTY, scene.now) == AskModel()
    answered, sent = await scene.store.answer_turn(turn, reply(), scene.now)
    assert answered is Answered.STORED
    await _arrives(scene, sent)
    return [entry.text for entry in turn.waiting]


async def test_what_is_written_while_closed_is_answered_at_the_opening(scene: Scene) -> None:
    anna = await scene.writes(text="do you have shoes?")
    assert await _looks(scene, anna) == AWAY
    assert await scene.inbox(anna) == [("pending", None)]
    scene.at(OPENS_S - 1)
    assert (await scene.sweeps()).turns == ()
    assert await scene.store.claim_turn(anna, scene.now) == NotYet(at(OPENS_S))
    scene.at(OPENS_S)
    assert (await scene.sweeps()).turns == (anna,)
    assert await _answers(scene, anna) == ["do you have shoes?"]
    assert await scene.outbox(anna) == [("bot", "sent"), ("bot", "sent")]
    assert (await scene.inbox(anna))[0][0] == "done"
    assert (await scene.sweeps()).turns == ()


async def test_however_long_it_was_closed_a_message_is_fresh_at_the_opening(scene: Scene) -> None:
    scene.settings(stale_after=timedelta(minutes=30))
    anna = await scene.writes()
    await _looks(scene, anna)
    scene.at(OPENS_S)
    await _answers(scene, anna)


async def test_what_nobody_answers_at_the_opening_gets_stale_from_then_on(scene: Scene) -> None:
    scene.settings(stale_after=timedelta(minutes=30))
    anna = await scene.writes()
    await _looks(scene, anna)
    scene.at(OPENS_S + 31 * 60)
    assert (await scene.takes_turn(anna)).standing.refusal == "stale"


async def test_the_customer_is_told_once_in_each_closing(scene: Scene) -> None:
    anna = await scene.writes(text="one")
    assert await _looks(scene, anna) == AWAY
    for minute, text in ((1, "two"), (59, "three")):
        scene.at(60 * minute)
        await scene.writes(text=text)
        assert await _looks(scene, anna) is None
    assert await scene.inbox(anna) == [("pending", None)] * 3
    scene.at(OPENS_S)
    assert await _answers(scene, anna) == ["one", "two", "three"]
    scene.at(CLOSES_S)
    await scene.writes(text="four")
    assert await _looks(scene, anna) == AWAY
    scene.at(OPENS_AGAIN_S)
    assert await _answers(scene, anna) == ["four"]
    authors = [author for author, _status in await scene.outbox(anna)]
    assert authors == ["bot"] * 4


async def test_each_customer_is_told(scene: Scene) -> None:
    anna, ben = await scene.all_write([ANNA, BEN])
    assert [await _looks(scene, anna), await _looks(scene, ben)] == [AWAY, AWAY]


async def test_a_business_that_never_opens_tells_it_once_too(scene: Scene) -> None:
    never = Duty("in_hours", OpeningHours({"mon": ()}))
    anna = await scene.writes()
    assert await _looks(scene, anna, never) == AWAY
    scene.at(60)
    await scene.writes()
    assert await _looks(scene, anna, never) is None
    scene.at(60 + 24 * HOUR_S)  # it looks again now and then: the hours may be set meanwhile
    assert await _looks(scene, anna, never) is None


async def test_a_message_between_the_look_and_its_end_does_not_wait_unseen(scene: Scene) -> None:
    anna = await scene.writes(text="one")
    turn = await scene.takes_turn(anna)
    scene.at(1)
    await scene.writes(text="two")
    sent = await scene.store.defer_turn(turn, at(OPENS_S), reply(AWAY), scene.now)
    await _arrives(scene, sent)
    assert await _looks(scene, anna) is None
    assert await scene.store.claim_turn(anna, scene.now) == NotYet(at(OPENS_S))
    scene.at(OPENS_S)
    assert await _answers(scene, anna) == ["one", "two"]


async def test_a_message_that_comes_while_the_model_writes_at_the_opening_is_answered_with_it(
    scene: Scene,
) -> None:
    anna = await scene.writes(text="one")
    await _looks(scene, anna)
    scene.at(OPENS_S)
    turn = await scene.takes_turn(anna)
    scene.at(OPENS_S + 1)
    await scene.writes(text="two")
    answered, _ = await scene.store.answer_turn(turn, reply("too early"), scene.now)
    assert answered is Answered.SUPERSEDED
    assert await _answers(scene, anna) == ["one", "two"]


async def test_a_persons_answer_meanwhile_ends_the_wait(scene: Scene) -> None:
    anna = await scene.writes()
    await _looks(scene, anna)
    scene.at(60)
    await scene.store.write(anna, ("we open at one",), pause(until_s=120), scene.now)
    assert await scene.inbox(anna) == [("done", "answered by a person")]
    await _arrives(scene, await scene.sends(anna))
    scene.at(121)
    assert await scene.store.lapse_pauses(scene.now) == frozenset()
    scene.at(OPENS_S)
    assert (await scene.sweeps()).turns == ()
    assert await scene.store.claim_turn(anna, scene.now) == Nothing("nothing waits")


async def test_an_answer_from_the_phone_meanwhile_ends_the_wait(scene: Scene) -> None:
    anna = await scene.writes()
    await _looks(scene, anna)
    scene.at(60)
    await scene.phone_writes("we open at one")
    scene.at(66)
    await scene.apply()
    assert await scene.inbox(anna) == [("done", "answered by a person")]
    scene.at(OPENS_S)
    assert (await scene.sweeps()).turns == ()


async def test_a_pause_outlasts_the_opening(scene: Scene) -> None:
    anna = await scene.writes(text="do you have shoes?")
    await _looks(scene, anna)
    scene.at(60)
    await scene.pauses(anna)
    scene.at(OPENS_S)
    assert isinstance(await scene.store.claim_turn(anna, scene.now), Listening)
    assert await scene.inbox(anna) == [("pending", None)]
    assert (await scene.sweeps()).turns == ()
    scene.at(OPENS_S + 60)
    await scene.store.resume(anna, "olga", scene.now, answer=True)
    assert await _answers(scene, anna) == ["do you have shoes?"]


async def test_a_pause_that_ends_before_the_opening_leaves_it_waiting(scene: Scene) -> None:
    scene.settings(resume_grace=timedelta(0))
    anna = await scene.writes(text="do you have shoes?")
    await _looks(scene, anna)
    await scene.store.pause(anna, pause(until_s=60), scene.now)
    scene.at(61)
    assert await scene.store.lapse_pauses(scene.now) == {anna}
    assert await _looks(scene, anna) is None
    scene.at(OPENS_S)
    assert await _answers(scene, anna) == ["do you have shoes?"]


async def test_a_pause_while_the_bot_looks_keeps_it_from_saying_anything(scene: Scene) -> None:
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.pauses(anna)
    assert await scene.store.defer_turn(turn, at(OPENS_S), reply(AWAY), scene.now) is None
    assert await scene.outbox(anna) == []
    assert await scene.inbox(anna) == [("pending", None)]
    await scene.store.resume(anna, "olga", scene.now, answer=True)
    assert isinstance(await scene.store.claim_turn(anna, scene.now), Claimed)


async def test_a_pause_and_a_resume_while_the_bot_looks_leave_the_message_to_whoever_resumed(
    scene: Scene,
) -> None:
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.pauses(anna)
    await scene.store.resume(anna, "olga", scene.now, answer=True)
    assert await scene.store.defer_turn(turn, at(OPENS_S), reply(AWAY), scene.now) is None
    assert await scene.outbox(anna) == []
    assert await _looks(scene, anna) == AWAY


async def test_what_somebody_handed_back_without_an_answer_while_the_bot_looked_is_settled(
    scene: Scene,
) -> None:
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.pauses(anna)
    await scene.store.resume(anna, "olga", scene.now, answer=False)
    assert await scene.store.defer_turn(turn, at(OPENS_S), reply(AWAY), scene.now) is None
    assert await scene.inbox(anna) == [("skipped", "paused")]
    assert await scene.outbox(anna) == []


async def test_the_words_of_a_closing_that_never_left_are_replaced_by_the_answer(
    scene: Scene,
) -> None:
    anna = await scene.writes()
    await scene.arrives("line.disconnected")
    await scene.apply()
    assert await _looks(scene, anna) is None
    assert await scene.outbox(anna) == [("bot", "held")]
    scene.at(OPENS_S)
    turn = await scene.takes_turn(anna)
    has_seen_all = replace(reply(), has_seen_all=True)
    answered, _ = await scene.store.answer_turn(turn, has_seen_all, scene.now)
    assert answered is Answered.STORED
    assert await scene.outbox(anna) == [("bot", "cancelled"), ("bot", "held")]
