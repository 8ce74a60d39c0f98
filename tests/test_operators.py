"""Operators on WhatsApp: they are told who needs them, answer by replying, and command with `#`."""

from typing import Any

import pytest

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, eventually, hand_off

ON_ONE_DATABASE = True

pytestmark = pytest.mark.slow
ROSA = "+15559990001"
OMAR = "+15559990002"
PROMPT = """\
name: Test shop
instructions: |
  You answer for a test shop.
hand_off:
  when: the customer complains
  keywords: [human]
  say: One moment, Rosa will write to you.
"""
PROMPTS = {"default": PROMPT}
SETTINGS = {
    "takeover": {"operators": [ROSA, OMAR], "grace_s": 0},
    "server": {"public_url": "https://bot.example.org"},
}


def _rosa(bot: Bot) -> Customer:
    return bot.provider.customer(number=ROSA)


def _omar(bot: Bot) -> Customer:
    return bot.provider.customer(number=OMAR)


async def _new_text(person: Customer, before: int, holding: str = "") -> str:
    """The next text that a person reads which holds these words."""

    def arrived() -> str:
        fresh = [text for text in person.read[before:] if holding in text]
        assert fresh, person.read[before:]
        return fresh[0]

    return await eventually(arrived, 15)


async def _ask(person: Customer, text: str, holding: str = "", **fields: Any) -> str:
    """What an operator's message is answered."""
    before = len(person.read)
    await person.writes(text, **fields)
    return await _new_text(person, before, holding)


async def _handed_off(bot: Bot, name: str = "Ana", says: str = "Human!") -> tuple[Customer, str]:
    """A customer who has asked for a person, and the number that operators know them by."""
    rosa = _rosa(bot)
    before = len(rosa.read)
    ana = bot.provider.customer()
    await ana.writes(says, profile_name=name)
    notice = await _new_text(rosa, before, ana.number)
    await ana.reads(1)
    return ana, notice.partition(" ")[0]


def _sent_notice(person: Customer, holding: str) -> dict[str, str]:
    """A notice as WhatsApp quotes it."""
    taken = person.provider.taken_for(person.number)
    return {"id": next(send.provider_id for send in reversed(taken) if holding in send.text)}


async def test_a_hand_off_tells_who_wants_what_and_what_was_promised(bot: Bot) -> None:
    rosa, omar, ana = _rosa(bot), _omar(bot), bot.provider.customer()
    before = len(rosa.read), len(omar.read)
    await bot.handled(*await ana.writes("do you sell rye bread?", profile_name="Ana"))
    bot.llm.plan_calls(hand_off("a complaint", "wants her money back"), about="money back")
    await ana.writes("I want my money back")
    lines = (await _new_text(rosa, before[0], ana.number)).splitlines()
    assert lines[0].endswith(f" Ana ({ana.number}): a complaint")
    assert lines[0].startswith("#")
    assert lines[1] == "Wants: wants her money back"
    assert lines[2].startswith("Promised: You said: do you sell rye bread?")
    assert lines[2].endswith("One moment, Rosa will write to you.")
    conversation = await bot.conversation(ana)
    assert lines[3] == f"https://bot.example.org/console/conversations/{conversation['id']}"
    assert await _new_text(omar, before[1], ana.number) == "\n".join(lines + lines[5:])
    assert ana.read[1:] == ["One moment, Rosa will write to you."]
    assert conversation["state"] == "human"
    assert f"#{conversation['number']}" == lines[0].split()[0]


async def test_a_reply_to_the_notice_reaches_the_customer_and_silences_the_bot(bot: Bot) -> None:
    ana, number = await _handed_off(bot)
    rosa = _rosa(bot)
    answer = await _ask(
        rosa,
        "Rosa here. What happened?",
        "sent",
        quoted=_sent_notice(rosa, ana.number),
        profile_name="Rosa",
    )
    assert answer.startswith(f"{number} Ana: sent; the bot is silent until ")
    assert (await ana.reads(2))[1] == "Rosa here. What happened?"
    conversation = await bot.conversation(ana)
    assert (conversation["state"], conversation["paused_by"]) == ("human", "Rosa (WhatsApp)")
    assert conversation["needs_attention"] is False
    (said,) = [one for one in await bot.messages(ana) if one["author"] == "operator"]
    assert said["text"] == "Rosa here. What happened?"


async def test_what_the_customer_answers_comes_to_the_operator(bot: Bot) -> None:
    ana, number = await _handed_off(bot)
    rosa = _rosa(bot)
    await _ask(rosa, f"{number} what happened?", "sent")
    before = len(rosa.read)
    await ana.writes("the bread was burnt")
    assert await _new_text(rosa, before) == f"{number} Ana: the bread was burnt"
    # and a reply to that goes back
    quoted = _sent_notice(rosa, "the bread was burnt")
    await _ask(rosa, "I am sorry!", "sent", quoted=quoted)
    assert (await ana.reads(3))[2] == "I am sorry!"
    await _ask(rosa, f"{number} come by at five", "sent")
    assert len([text for text in rosa.read if "burnt" in text]) == 1


async def test_handing_back_lets_the_bot_answer_with_what_was_promised(bot: Bot) -> None:
    ana, number = await _handed_off(bot)
    rosa = _rosa(bot)
    await _ask(rosa, f"{number} you get ten percent off on Friday", "sent")
    assert "the bot answers again" in await _ask(rosa, f"#resume {number[1:]}", number)
    assert (await bot.conversation(ana))["state"] == "bot"
    await ana.writes("how much off do I get?")
    await ana.reads(3)
    messages = bot.llm.messages_about("how much off do I get?")[0]
    assert "# What a colleague has told this customer" in messages[0]["content"]
    assert "- you get ten percent off on Friday" in messages[0]["content"]
    assert "[human colleague] you get ten percent off on Friday" in str(messages[1:])


async def test_who_lists_those_who_wait(bot: Bot) -> None:
    ana, number = await _handed_off(bot, "Ana the Baker")
    listed = await _ask(_rosa(bot), "#who", number)
    line = next(line for line in listed.splitlines() if line.startswith(f"{number} "))
    assert "Ana the Baker, 0 min [asks for a person]: " in line
    await _ask(_rosa(bot), f"#done {number[1:]}", "looked after")
    assert (await bot.conversation(ana))["needs_attention"] is False


async def test_plain_words_of_an_operator_are_answered_with_help_and_not_by_the_model(
    bot: Bot,
) -> None:
    calls = len(bot.llm.requests)
    answer = await _ask(_rosa(bot), "good morning everybody", "#who")
    assert answer.startswith("Reply to a notice: ")
    assert len(bot.llm.requests) == calls
    page = await bot.api("GET", "/api/conversations", params={"contact": ROSA})
    assert page["items"] == []


async def test_a_customer_who_writes_commands_gets_nothing_special(bot: Bot) -> None:
    ana, number = await _handed_off(bot)
    ben = bot.provider.customer()
    assert await _answers(ben, "#who", f"{number} hello", "#pause all", "#help") == [
        "You said: #who",
        f"You said: {number} hello",
        "You said: #pause all",
        "You said: #help",
    ]
    assert len(ana.read) == 1


async def _answers(customer: Customer, *texts: str) -> list[str]:
    for count, text in enumerate(texts, 1):
        await customer.writes(text)
        await customer.reads(count)
    return customer.read


async def test_wrong_commands_are_named_and_do_nothing(bot: Bot) -> None:
    ana, number = await _handed_off(bot)
    rosa = _rosa(bot)
    for text, answer in (
        ("#999999 hello", "There is no #999999"),
        ("#pause 999999", "There is no #999999"),
        ("#pause +15550009999", "Nobody with this number"),
        (f"#pause {number[1:]} soon", "is not understood as a time"),
        ("#pause", "#pause 3"),
        ("#pausse 3", "did you mean `#pause`?"),
        (f"{number}", "`"),
    ):
        assert answer in await _ask(rosa, text, answer)
    assert len(ana.read) == 1
    assert (await bot.conversation(ana))["paused_by"] == "bot"


async def test_a_command_counts_once_under_other_event_ids(bot: Bot) -> None:
    ana, number = await _handed_off(bot)
    rosa = _rosa(bot)
    event = rosa.event(f"{number} only once")
    for copy in range(3):
        await bot.provider.deliver({**event, "id": f"{event['id']}{copy}"})
    settled = await bot.handled(*(f"{event['id']}{copy}" for copy in range(3)))
    assert sorted(one["state"] for one in settled) == ["done", "skipped", "skipped"]
    await bot.handled(*await rosa.writes("#who"))
    assert ana.read[1:] == ["only once"]


async def test_two_operators_at_once_are_told_of_each_other(bot: Bot) -> None:
    ana, number = await _handed_off(bot)
    rosa, omar = _rosa(bot), _omar(bot)
    before = len(omar.read)
    await _ask(rosa, f"{number} I come", "sent", profile_name="Rosa")
    assert "Rosa (WhatsApp) is answering" in await _new_text(omar, before, "is answering")
    answer = await _ask(omar, f"{number} me too", "sent", profile_name="Omar")
    assert "Note: Rosa (WhatsApp) has this conversation too." in answer
    assert (await ana.reads(3))[1:] == ["I come", "me too"]
    assert (await bot.conversation(ana))["paused_by"] == "Omar (WhatsApp)"


async def test_an_operators_picture_is_not_taken_for_words(bot: Bot) -> None:
    ana, _ = await _handed_off(bot)
    rosa = _rosa(bot)
    quoted = _sent_notice(rosa, ana.number)
    before = len(rosa.read)
    await rosa.sends("image", {"url": f"{bot.media.url}/x.jpg"}, "look", quoted=quoted)
    assert "Only text is passed on" in await _new_text(rosa, before)
    assert len(ana.read) == 1


async def test_the_emergency_stop_works_from_the_phone(new_bot: NewBot) -> None:
    bot = await new_bot(settings=SETTINGS, prompts=PROMPTS)
    rosa, ana = _rosa(bot), bot.provider.customer()
    await bot.handled(*await ana.writes("hello"))
    await ana.reads(1)
    stopped = await _ask(rosa, "#pause all")
    assert stopped == "Everywhere: the bot is silent until " + stopped[36:]
    (event,) = await ana.writes("anybody?")
    assert "marker" not in await _ask(rosa, "#help")
    assert len(ana.read) == 1
    assert "The bot answers again" in await _ask(rosa, "#resume all answer")
    await bot.handled(event)
    assert (await ana.reads(2))[1] == "You said: anybody?"


async def test_a_muted_operator_gets_no_notices(new_bot: NewBot) -> None:
    bot = await new_bot(settings=SETTINGS, prompts=PROMPTS)
    rosa, omar, ana = _rosa(bot), _omar(bot), bot.provider.customer()
    assert "No notices to you until" in await _ask(rosa, "#mute 2h")
    await ana.writes("Human!")
    await omar.reads(1)
    assert await _ask(rosa, "#unmute") == "You get notices again."
    assert not [text for text in rosa.read if ana.number in text]


async def test_operators_command_a_line_that_answers_nobody(new_bot: NewBot) -> None:
    lines = {"ln_test": {"answer": "nobody"}}
    bot = await new_bot(settings={**SETTINGS, "lines": lines}, prompts=PROMPTS)
    rosa = _rosa(bot)
    assert (await _ask(rosa, "#who")) == "Nobody waits for a person here."


async def test_an_operator_of_one_line_is_a_customer_of_another(new_bot: NewBot) -> None:
    lines = {"ln_bakery": {"operators": [ROSA]}, "ln_shoes": {"operators": []}}
    bot = await new_bot(settings={"lines": lines}, prompts=PROMPTS)
    at_work = bot.provider.customer(number=ROSA, line_id="ln_bakery")
    shopping = bot.provider.customer(number=ROSA, line_id="ln_shoes")
    ana = bot.provider.customer(line_id="ln_bakery")
    await shopping.writes("#who")
    await eventually(lambda: shopping.read == ["You said: #who"])
    await ana.writes("Human!")
    await eventually(lambda: any(ana.number in send.text for send in bot.provider.sends))
    assert {send.line_id for send in bot.provider.sends if ana.number in send.text} == {"ln_bakery"}
    answer = await _ask(at_work, "#pause all", "On this line")
    assert answer.startswith("On this line: the bot is silent")
    await shopping.writes("still there?")
    await eventually(lambda: "You said: still there?" in shopping.read)


async def test_a_notice_survives_a_line_that_is_away(new_bot: NewBot) -> None:
    bot = await new_bot(settings=SETTINGS, prompts=PROMPTS)
    rosa, ana = _rosa(bot), bot.provider.customer()
    bot.provider.plan_sends(Answer(503), Answer(503), to=ROSA)
    await ana.writes("Human!")
    assert ana.number in (await rosa.reads(1))[0]
    keys = {send.key for send in rosa.attempts}
    assert (len(rosa.attempts), len(keys)) == (3, 1)
