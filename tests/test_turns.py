"""Turns: bursts, order, duplicates, what the model sees, messages that arrive meanwhile."""

import asyncio
from typing import Any

from tests.conftest import NewBot
from tests.harness import Bot, Gate, eventually, fail, say

ON_ONE_DATABASE = True
QUIET = {"conversation": {"quiet_period_s": 0.4, "max_wait_s": 3}}


async def test_a_burst_gets_one_answer_that_has_seen_all_of_it(new_bot: NewBot) -> None:
    bot = await new_bot(settings=QUIET)
    ana = bot.provider.customer()
    events = await ana.writes("hello", "are you open", "on Sunday?")
    await bot.handled(*events)
    assert await ana.reads() == ["You said: hello\nare you open\non Sunday?"]
    assert len(bot.llm.requests) == 1


async def test_each_message_begins_the_quiet_period_anew(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"conversation": {"quiet_period_s": 1, "max_wait_s": 20}})
    ana = bot.provider.customer()
    for text in ("one", "two", "three"):
        await ana.writes(text)
        await asyncio.sleep(0.7)  # the customer's own pace, shorter than the quiet period
    assert await ana.reads() == ["You said: one\ntwo\nthree"]


async def test_a_customer_who_never_stops_writing_is_answered_at_the_maximum_wait(
    new_bot: NewBot,
) -> None:
    settings = {"conversation": {"quiet_period_s": 1.5, "max_wait_s": 2}}
    bot = await new_bot(settings=settings)
    ana = bot.provider.customer()

    async def write_on() -> None:
        number = 0
        while not ana.read:
            number += 1
            await ana.writes(f"line {number}")
            await asyncio.sleep(0.2)  # the customer's own pace, shorter than the quiet period

    await asyncio.wait_for(write_on(), 15)
    assert ana.read[0].startswith("You said: line 1\nline 2")


async def test_a_message_that_arrives_while_the_model_writes_is_answered_together(
    bot: Bot,
) -> None:
    ana = bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("too early", gate=gate), about="first half")
    first = await ana.writes("first half")
    await gate.reached()
    second = await ana.writes("second half")
    gate.open()
    await bot.handled(*first, *second)
    assert await ana.reads() == ["You said: first half\nsecond half"]


async def test_after_the_maximum_wait_the_answer_goes_out_and_the_rest_is_the_next_turn(
    new_bot: NewBot,
) -> None:
    settings = {"conversation": {"quiet_period_s": 0, "max_wait_s": 0.2}}
    bot = await new_bot(settings=settings)
    ana = bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("about the first", gate=gate), about="first")
    first = await ana.writes("first")
    await gate.reached()
    await asyncio.sleep(0.25)  # the maximum wait itself
    second = await ana.writes("then this")
    gate.open()
    await bot.handled(*first, *second)
    assert await ana.reads(2) == ["about the first", "You said: then this"]


async def test_one_conversation_never_waits_for_another(bot: Bot) -> None:
    slow, quick = bot.provider.customer(), bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("at last", gate=gate), about="something hard")
    await slow.writes("something hard")
    await gate.reached()
    await quick.writes("something easy")
    assert await quick.reads() == ["You said: something easy"]
    assert slow.read == []
    gate.open()
    assert await slow.reads() == ["at last"]


async def test_an_event_counts_once_however_often_it_comes(bot: Bot) -> None:
    ana = bot.provider.customer()
    event = ana.event("only once")
    await asyncio.gather(*(bot.provider.deliver(event) for _ in range(12)))
    assert await ana.reads() == ["You said: only once"]
    await bot.provider.deliver(event)
    marker = await ana.writes("marker")
    await bot.handled(*marker)
    assert await ana.reads(2) == ["You said: only once", "You said: marker"]


async def test_a_message_counts_once_under_other_event_ids(bot: Bot) -> None:
    ana = bot.provider.customer()
    event = ana.event("only once")
    copies: list[dict[str, Any]] = [{**event, "id": f"{event['id']}{n}"} for n in range(6)]
    await asyncio.gather(*(bot.provider.deliver(copy) for copy in [event, *copies[:5]]))
    await ana.reads(1)
    await bot.provider.deliver(copies[5])  # long after
    settled = await bot.handled(*(one["id"] for one in [event, *copies]))
    assert sorted(one["state"] for one in settled) == ["done", *["skipped"] * 6]
    assert {one["reason"] for one in settled if one["state"] == "skipped"} == {"duplicate"}
    assert await ana.reads() == ["You said: only once"]


async def test_the_model_sees_who_said_what(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("first question")
    await ana.reads(1)
    conversation = await bot.conversation(ana)
    await bot.api(
        "POST",
        f"/api/conversations/{conversation['id']}/messages",
        {"text": "a person's words", "keep_bot": True},
    )
    await ana.reads(2)
    await ana.writes("second question", quoted={"id": "msg_x", "text": "a person's words"})
    await ana.reads(3)
    messages = bot.llm.messages_about("second question")[0]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert "You answer for a test shop." in messages[0]["content"]
    assert messages[1]["content"] == "first question"
    assert "You said: first question" in messages[2]["content"]
    assert "[human colleague] a person's words" in messages[2]["content"]
    assert '[replying to: "a person\'s words"]' in messages[3]["content"]


async def test_a_type_that_cannot_be_read_gets_the_prompts_own_words(bot: Bot) -> None:
    ana = bot.provider.customer()
    calls = len(bot.llm.requests)
    event = ana.event(type="poll")
    await bot.provider.deliver(event)
    await bot.handled(event["id"])
    assert await ana.reads() == ["I can only read text."]
    assert len(bot.llm.requests) == calls


async def test_a_photo_beside_a_question_is_named_to_the_model(new_bot: NewBot) -> None:
    bot = await new_bot(settings=QUIET)
    ana = bot.provider.customer()
    media = {"url": "https://media.mossmoon.app/x", "mime_type": "image/jpeg", "sha256": "00"}
    await bot.provider.deliver(ana.event(type="image", caption="this one", media=media))
    await ana.writes("what does it cost?")
    (answer,) = await ana.reads()
    assert "the customer sent a photo" in answer
    assert "this one" in answer
    assert "what does it cost?" in answer


async def test_a_reaction_never_starts_a_turn(bot: Bot) -> None:
    ana = bot.provider.customer()
    event = ana.event(type="reaction", reaction={"emoji": "👍", "message_id": "msg_1"})
    await bot.provider.deliver(event)
    (settled,) = await bot.handled(event["id"])
    assert (settled["state"], settled["reason"]) == ("skipped", "reaction")
    await bot.handled(*await ana.writes("marker"))
    (answer,) = await ana.reads()  # it has seen the reaction, and answered the marker only
    assert answer.endswith("marker")


async def test_a_reply_records_what_made_it(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("what made this?")
    await ana.reads()
    reply = (await bot.messages(ana))[-1]
    assert reply["author"] == "bot"
    assert reply["model"] == "scripted-model"
    assert reply["tokens"] == 25
    assert len(reply["prompt_version"]) == 12


async def test_an_answer_longer_than_a_message_arrives_whole_and_in_order(bot: Bot) -> None:
    ana = bot.provider.customer()
    sentences = [f"This is sentence number {number} of a long answer." for number in range(240)]
    bot.llm.plan_calls(say(" ".join(sentences)), about="everything")
    events = await ana.writes("tell me everything")
    await bot.handled(*events)
    parts = await ana.reads(3)
    assert all(len(part) <= 4096 for part in parts)
    assert " ".join(parts).split() == " ".join(sentences).split()


async def test_markdown_becomes_the_lines_own_formatting(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.llm.plan_calls(say("# Prices\n\n**Bread**: 2 * 3 = 6"), about="prices")
    await ana.writes("prices")
    assert await ana.reads() == ["*Prices*\n\n*Bread*: 2 * 3 = 6"]


async def test_too_many_replies_an_hour_need_a_person(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"limits": {"replies_per_contact_per_hour": 2}})
    ana = bot.provider.customer()
    for number in range(3):
        events = await ana.writes(f"question {number}")
        settled = await bot.handled(*events)
    assert settled[0]["state"] == "skipped"
    assert settled[0]["reason"] == "over limit: replies per hour"
    assert (await bot.conversation(ana))["needs_attention"] is True
    assert await ana.reads() == ["You said: question 0", "You said: question 1"]


async def test_a_day_that_has_cost_enough_needs_a_person(new_bot: NewBot) -> None:
    prices = {"scripted-model": {"input": 1_000_000, "output": 1_000_000}}
    settings = {"limits": {"llm_cost_per_day": 20}, "llm": {"prices": prices}}
    bot = await new_bot(settings=settings)
    ana = bot.provider.customer()
    await bot.handled(*await ana.writes("costs 25"))
    (settled,) = await bot.handled(*await ana.writes("one too many"))
    assert settled["reason"] == "over limit: cost per day"
    assert await ana.reads() == ["You said: costs 25"]
    assert (await bot.messages(ana))[1]["cost"] == 25


async def test_an_outage_of_the_model_is_waited_for_and_not_counted(new_bot: NewBot) -> None:
    retry = {"max_attempts": 1, "base_delay_s": 0.05, "max_delay_s": 0.2}
    bot = await new_bot(settings={"retry": retry})
    ana = bot.provider.customer()
    bot.llm.plan_calls(fail(503), fail(429, retry_after="0"), fail(500), about="patience")
    events = await ana.writes("patience")
    (settled,) = await bot.handled(*events)
    assert settled["state"] == "done"
    assert await ana.reads() == ["You said: patience"]


async def test_a_reply_that_cannot_be_made_ends_in_the_prompts_fallback(new_bot: NewBot) -> None:
    retry = {"max_attempts": 2, "base_delay_s": 0.05}
    bot = await new_bot(settings={"retry": retry})
    ana = bot.provider.customer()
    bot.llm.plan_calls(fail(400), fail(400), about="poison")
    (dead,) = await bot.handled(*await ana.writes("poison"))
    assert (dead["state"], dead["attempts"]) == ("dead", 2)
    assert "400" in dead["error"]
    assert await ana.reads() == ["Sorry, that did not work. A colleague will answer."]
    assert (await bot.conversation(ana))["needs_attention"] is True
    await ana.writes("and now?")  # nothing behind it is blocked
    assert (await ana.reads(2))[1] == "You said: and now?"
    assert "poison" not in str(bot.llm.messages_about("and now?")[0])


async def test_a_dead_letter_can_be_replayed(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"retry": {"max_attempts": 1}})
    ana = bot.provider.customer()
    bot.llm.plan_calls(fail(422), about="try again")
    (dead,) = await bot.handled(*await ana.writes("try again"))
    await ana.reads(1)
    await bot.api("POST", f"/api/events/{dead['id']}/replay")
    assert (await ana.reads(2))[1] == "You said: try again"


async def test_nothing_else_is_said_when_the_model_asks_for_a_person(new_bot: NewBot) -> None:
    prompt = (
        "instructions: |\n  Answer.\n"
        "hand_off:\n  when: The customer wants a person.\n  keywords: [agent]\n"
        "  say: A colleague will write to you.\n"
    )
    bot = await new_bot(prompts={"default": prompt})
    ana = bot.provider.customer()
    await bot.handled(*await ana.writes("Agent!"))
    assert await ana.reads() == ["A colleague will write to you."]
    conversation = await bot.conversation(ana)
    assert conversation["state"] == "human"
    assert conversation["needs_attention"] is True
    await ana.writes("hello?")

    async def recorded() -> None:
        assert [one["text"] for one in await bot.messages(ana)][-1] == "hello?"

    await eventually(recorded)
    assert ana.read == ["A colleague will write to you."]


async def test_the_shops_own_lines_never_answer_each_other(new_bot: NewBot) -> None:
    lines = {"ln_second": {"number": "+1 555 999-0000"}}
    bot = await new_bot(settings={"lines": lines})
    twin = bot.provider.customer(number="+15559990000")
    (settled,) = await bot.handled(*await twin.writes("How can I help you?"))
    assert (settled["state"], settled["reason"]) == ("skipped", "our own number")
    assert twin.attempts == []


async def test_a_configured_line_can_be_paused_before_anybody_wrote(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"lines": {"ln_new": {"answer": "all"}}})
    await bot.api("POST", "/api/lines/ln_new/pause", {})
    ana = bot.provider.customer(line_id="ln_new")
    await ana.writes("hello?")
    assert (await bot.conversation(ana))["state"] == "human"
