"""Replies that a pause stops after they have taken the place of others that had not left either."""

import pytest

from bot.domain.outbox import NotSent, Sent
from bot.domain.turn import MadeBy, Reply
from tests.transitions.scene import ANNA, NOT_READY, Scene, pause, thread

SEEN_ALL = Reply(("an answer to everything",), MadeBy(), has_seen_all=True)


async def _replaced(scene: Scene, times: int) -> str:
    """A question whose answer never leaves, and then others, each answered in its place."""
    anna = await scene.writes(text="question 0")
    await scene.settles(await scene.answers(anna), NOT_READY)
    for number in range(1, times + 1):
        scene.pass_time(1)
        await scene.writes(text=f"question {number}")
        turn = await scene.takes_turn(anna)
        _, to_send = await scene.store.answer_turn(turn, SEEN_ALL, scene.now)
        assert to_send is None
    return anna


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_what_a_replaced_reply_was_about_waits_again_with_the_rest(
    scene: Scene, times: int
) -> None:
    anna = await _replaced(scene, times)
    await scene.pauses(anna)
    assert await scene.inbox(anna) == [("pending", None)] * (times + 1)
    await scene.store.resume(anna, "olga", scene.now, answer=True)
    turn = await scene.takes_turn(anna)
    assert [entry.text for entry in turn.waiting] == [f"question {n}" for n in range(times + 1)]


async def test_what_a_person_has_answered_does_not_wait_again(scene: Scene) -> None:
    anna = await _replaced(scene, 1)
    await scene.store.write(anna, ("I have it",), pause("rosa"), scene.now)
    assert [state for state, _ in await scene.inbox(anna)] == ["done", "done"]
    assert {reason for _, reason in await scene.inbox(anna)} == {"answered by a person"}


async def test_what_an_answer_that_left_was_about_stays_answered(scene: Scene) -> None:
    anna = await scene.writes(text="first")
    await scene.settles(await scene.answers(anna), Sent("msg_1"))
    scene.pass_time(1)
    await scene.writes(text="second")
    await scene.settles(await scene.answers(anna), NotSent("503"))
    await scene.pauses(anna)
    assert [state for state, _ in await scene.inbox(thread(ANNA))] == ["done", "pending"]
