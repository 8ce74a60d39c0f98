"""Answers that a guard has held back, and whose numbers an answer may not name."""

from bot.domain.chat import HandOffCall
from bot.domain.guards.rules import Done, Guard, Note
from bot.domain.turn import Answered, MadeBy, Reply, Withheld
from tests.transitions.scene import ANNA, Scene, thread

NOTES = (Note(Guard.FIGURES, "price", Done.HANDED_OFF),)
HELD = Withheld(("it is 77.35", "or more"), "an answer was held back: figures (price)")
GOODBYE = Reply(
    ("one moment",), MadeBy(model="m", notes=NOTES), HandOffCall("why", "bread"), withheld=HELD
)
SORRY = Reply(("sorry",), MadeBy(model="m", notes=NOTES), withheld=HELD)


async def test_what_is_held_back_is_a_draft_and_never_sent(scene: Scene) -> None:
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    assert (await scene.store.answer_turn(turn, GOODBYE, scene.now))[0] is Answered.STORED
    first, second, said = await scene.outbound(anna)
    assert [(one.text, one.status, one.draft) for one in (first, second)] == [
        ("it is 77.35", "cancelled", True),
        ("or more", "cancelled", True),
    ]
    assert first.error == HELD.reason
    assert (await scene.sends(anna)).id == said.id
    conversation = await scene.conversation(anna)
    assert (conversation.state, conversation.last_text) == ("human", "one moment")
    assert (await scene.inbox(anna)) == [("done", f"answered by {said.id}")]


async def test_without_a_hand_off_a_person_is_told_and_the_bot_goes_on(scene: Scene) -> None:
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    _, sent = await scene.store.answer_turn(turn, SORRY, scene.now)
    assert sent is not None
    assert sent.text == "sorry"
    conversation = await scene.conversation(anna)
    assert (conversation.state, conversation.needs_attention) == ("bot", True)
    assert conversation.attention_reason == HELD.reason


async def test_in_a_persons_conversation_all_of_it_is_a_draft(scene: Scene) -> None:
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.pauses(anna)
    assert (await scene.store.answer_turn(turn, SORRY, scene.now))[0] is Answered.DRAFTED
    assert {status for _, status in await scene.outbox(anna)} == {"cancelled"}


async def test_a_number_is_known_with_and_without_its_country(scene: Scene) -> None:
    own, other = "+34600111222", "+34600333444"
    mine = await scene.writes(own)
    await scene.writes(other)

    async def is_of_others(*numbers: str) -> bool:
        return await scene.store.is_of_others(mine, numbers)

    assert await is_of_others("34600333444")
    assert await is_of_others("0034600333444")
    assert await is_of_others("600333444")
    assert await is_of_others("600999888", "600333444")
    assert not await is_of_others("600111222", "34600111222")
    assert not await is_of_others("600999888")
    assert not await scene.store.is_of_others(thread(ANNA), ["34600333444"])  # nobody's
