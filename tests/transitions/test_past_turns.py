"""Turns that have been, read for taking them again; what shadows said; both sides of splits."""

from datetime import timedelta

from sqlalchemy import select

from bot.adapters.db.contact_book import ContactBook
from bot.adapters.db.past_turns import Lines, PastTurn, PastTurns
from bot.adapters.db.schema import metadata, shadow_answers
from bot.adapters.db.shadows import Shadows
from bot.adapters.db.split_figures import SplitFigures
from bot.domain.chat import HandOffCall
from bot.domain.comparison import Answer, Spent
from bot.domain.guards.rules import Done, Guard, Note
from bot.domain.outbox import Sent
from bot.domain.people import Place
from bot.domain.turn import Answered, MadeBy, Opting, Reply, Turn, Withheld
from tests.transitions.scene import ANNA, BEN, LINE, START, Scene

OLD, NEW = "default", "new"
BOTH = {OLD: ("prompts/default.yaml", 80.0), NEW: ("prompts/new.yaml", 20.0)}


def _reply(*parts: str, prompt: str | None = OLD, **more: object) -> Reply:
    made_by = MadeBy("v1", "m", 100, 20, 0.5, 30, prompt_name=prompt)
    return Reply(parts, made_by, **more)  # type: ignore[arg-type]


async def _answers(scene: Scene, conversation: str, reply: Reply) -> Turn:
    """A whole turn, and its reply on the customer's phone."""
    turn = await scene.takes_turn(conversation)
    answered, sent = await scene.store.answer_turn(turn, reply, scene.now)
    assert answered is Answered.STORED
    number = 0
    while sent is not None or number < len(reply.parts):
        sent = await scene.sends(conversation) if sent is None else sent
        await scene.settles(sent, Sent(f"p_{turn.id}_{number}"))
        sent, number = None, number + 1
    scene.pass_time(60)
    return turn


async def _past(scene: Scene, turn: Turn) -> PastTurn:
    found = await PastTurns(scene.database).turn(turn.id)
    assert found is not None
    return found


async def test_a_past_turn_is_as_it_was_claimed(scene: Scene) -> None:
    anna = await scene.writes(text="hello", quoted=None)
    await _answers(scene, anna, _reply("hi", "there"))
    scene.pass_time(3600)
    await scene.writes(text="are you open?")
    await scene.writes(text="today?")
    turn = await _answers(scene, anna, _reply("yes", "until six"))
    scene.pass_time(3600)
    await scene.writes(text="thanks")
    await _answers(scene, anna, _reply("you are welcome"))
    past = await _past(scene, turn)
    assert past.turn.waiting == turn.waiting
    assert past.turn.past == turn.past
    assert [entry.text for entry in past.turn.past] == ["hello", "hi", "there"]
    assert (past.turn.line_id, past.turn.contact) == (turn.line_id, turn.contact)
    assert past.asked == "are you open?\ntoday?"
    assert past.answer == Answer(
        *("yes\n\nuntil six", "answered", "", None, OLD, "v1", "m", 30, 100, 20, 0.5)
    )
    assert past.at == START + timedelta(seconds=3660)


async def test_what_was_taken_back_since_is_told_to_nobody(scene: Scene) -> None:
    anna = await scene.writes(text="my secret")
    turn = await _answers(scene, anna, _reply("oh"))
    await scene.changes("message.deleted")
    await scene.apply()
    assert await PastTurns(scene.database).turn(turn.id) is None


async def test_what_was_held_back_is_no_part_of_the_answer(scene: Scene) -> None:
    anna = await scene.writes()
    held = Withheld(("it is 77.35",), "an answer was held back: figures (price)")
    note = Note(Guard.FIGURES, "price", Done.FALLBACK)
    made_by = MadeBy("v1", "m", prompt_name=OLD, notes=(note,))
    turn = await _answers(scene, anna, Reply(("sorry",), made_by, withheld=held))
    answer = (await _past(scene, turn)).answer
    assert (answer.text, answer.guards) == ("sorry", ("figures price fallback",))


async def test_a_draft_is_what_the_bot_would_have_said(scene: Scene) -> None:
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.pauses(anna)
    await scene.store.answer_turn(turn, _reply("too late"), scene.now)
    answer = (await _past(scene, turn)).answer
    assert (answer.text, answer.ended) == ("too late", "drafted")


async def test_hand_offs_and_wishes_are_known(scene: Scene) -> None:
    call = HandOffCall("asks for a person", "human")
    anna, ben = await scene.all_write([ANNA, BEN])
    one = await _answers(scene, anna, _reply("one moment", hand_off=call))
    two = await _answers(scene, ben, _reply("bye", opting=Opting.OUT))
    await scene.writes(BEN, "START")
    three = await _answers(scene, ben, _reply("back", opting=Opting.IN))
    effects = [(await _past(scene, turn)).answer.effect for turn in (one, two, three)]
    assert effects == ["handed off", "opted out", "opted in"]
    assert (await _past(scene, three)).turn.standing.opted_out


async def test_turns_are_found_by_prompt_or_by_line(scene: Scene) -> None:
    past = PastTurns(scene.database)
    old = await _answers(scene, await scene.writes(line="ln_1"), _reply("1"))
    new = await _answers(scene, await scene.writes(line="ln_1"), _reply("2", prompt=NEW))
    unknown = await _answers(scene, await scene.writes(line="ln_2"), _reply("3", prompt=None))
    ids = {"old": old.id, "new": new.id, "unknown": unknown.id}

    async def of_prompt(name: str, lines: Lines, last: int = 10) -> list[str]:
        found = await past.of_prompt(name, lines, last)
        return [name for one in found for name, known in ids.items() if known == one]

    assert await of_prompt(NEW, Lines()) == ["new"]
    assert await of_prompt(OLD, Lines(("ln_1", "ln_2"))) == ["unknown", "old"]
    assert await of_prompt(OLD, Lines(others_than=("ln_1",))) == ["unknown", "old"]
    assert await of_prompt(OLD, Lines(others_than=("ln_2",))) == ["old"]
    assert await of_prompt(OLD, Lines(("ln_2",)), last=1) == ["unknown"]
    assert set(await past.on_lines(Lines(("ln_1",)), 10)) == {old.id, new.id}
    assert await past.on_lines(Lines(), 10) == ()


async def test_reading_past_turns_changes_nothing(scene: Scene) -> None:
    anna = await scene.writes()
    turn = await _answers(scene, anna, _reply("hi"))
    before = await _everything(scene)
    await _past(scene, turn)
    await PastTurns(scene.database).of_prompt(OLD, Lines(("ln_1",)), 10)
    await scene.store.is_of_others(anna, ["34600333444"])
    assert await _everything(scene) == before


async def _everything(scene: Scene) -> list[object]:
    return await scene.database.read(
        lambda tx: [tx.execute(select(table)).all() for table in metadata.sorted_tables]
    )


async def test_a_shadows_answer_stands_beside_what_the_customer_got(scene: Scene) -> None:
    shadows = Shadows(scene.database)
    turn = await _answers(scene, await scene.writes(text="open?"), _reply("yes"))
    answer = Answer(
        *("closed", "answered", "why", "handed off", NEW, "v9", "m", 5, 7, 8, 0.25), ("figures",)
    )
    await shadows.add(turn, answer, scene.now)
    await shadows.add(turn, Answer("again", prompt_name=NEW), scene.now)
    (pair,) = await shadows.pairs(line_id="ln_1", prompt_name=NEW, last=10)
    assert (pair.asked, pair.old.text, pair.new) == ("open?", "yes", answer)
    assert await shadows.pairs(line_id="ln_2", last=10) == ()
    assert await shadows.pairs(prompt_name=OLD, last=10) == ()


async def test_what_shadows_cost_is_counted_by_itself(scene: Scene) -> None:
    shadows = Shadows(scene.database)
    turn = await _answers(scene, await scene.writes(), _reply("yes"))
    await shadows.add(turn, Answer("a", model="m", cost=0.5, prompt_name="a"), scene.now)
    await shadows.add(turn, Answer("b", model="m", cost=0.25, prompt_name="b"), scene.now)
    await shadows.add(turn, Answer("fixed", prompt_name="c"), scene.now)
    assert await shadows.spent_since(scene.now) == Spent(0.75, 0)
    assert await shadows.spent_since(scene.now + timedelta(seconds=1)) == Spent(0.0, 0)
    await shadows.add(turn, Answer("d", model="m", prompt_name="d"), scene.now)
    assert await shadows.spent_since(scene.now) == Spent(0.75, 1)


async def test_shadows_answers_go_after_three_months(scene: Scene) -> None:
    shadows = Shadows(scene.database)
    turn = await _answers(scene, await scene.writes(), _reply("yes"))
    await shadows.add(turn, Answer("old", prompt_name="a"), scene.now)
    await shadows.add(turn, Answer("new", prompt_name="b"), scene.now + timedelta(days=91))
    rows = await scene.database.read(lambda tx: tx.execute(select(shadow_answers.c.text)).all())
    assert [row.text for row in rows] == ["new"]


async def test_both_sides_of_a_split_in_figures(scene: Scene) -> None:
    call = HandOffCall("asks for a person", "human")
    anna, ben = await scene.writes(ANNA), await scene.writes(BEN)
    await _answers(scene, anna, _reply("12345", "67"))
    await scene.writes(ANNA)
    await _answers(scene, anna, _reply("123"))
    await _answers(scene, ben, _reply("1", prompt=NEW, hand_off=call))
    elsewhere = await scene.writes(line="ln_2")
    await _answers(scene, elsewhere, _reply("elsewhere"))
    failing = await scene.takes_turn(await scene.writes("+1777"))
    sorry = Reply(("sorry",), MadeBy("v1", prompt_name=NEW))
    await scene.store.fail_turn(failing, "empty", sorry, scene.now)
    old, new = await SplitFigures(scene.database).of("ln_1", BOTH, START)
    assert (old.prompt, old.percent, old.contacts, old.answered) == (OLD, 80.0, 1, 2)
    assert (old.handed_off, old.hand_off_rate, old.median_chars) == (0, 0.0, 5.0)
    assert (old.tokens, old.cost, old.failed) == (240, 1.0, 0)
    assert (new.prompt, new.contacts, new.answered, new.handed_off) == (NEW, 2, 1, 1)
    assert (new.hand_off_rate, new.failed, new.opted_out) == (1.0, 1, 0)
    later = await SplitFigures(scene.database).of("ln_1", BOTH, scene.now + timedelta(days=1))
    assert [(side.answered, side.hand_off_rate, side.median_chars) for side in later] == [
        (0, None, None)
    ] * 2


async def test_nothing_of_a_shadow_outlives_its_contact(scene: Scene) -> None:
    shadows = Shadows(scene.database)
    anna, ben = await scene.writes(ANNA), await scene.writes(BEN)
    turn, other = await _answers(scene, anna, _reply("1")), await _answers(scene, ben, _reply("2"))
    for one in (turn, other):
        await shadows.add(one, Answer("kept", prompt_name="a"), scene.now)
    place = Place(LINE, ANNA, anna, is_known=True)
    await ContactBook(scene.database).erase(place, "olga", scene.now)
    await shadows.add(turn, Answer("too late", prompt_name="b"), scene.now)
    kept = select(shadow_answers.c.turn_id)
    assert await scene.database.read(lambda tx: tx.execute(kept).scalars().all()) == [other.id]
