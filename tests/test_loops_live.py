"""Bots that answer bots, floods, and people who only look like that: through the whole bot."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.harness import Bot, Customer, Gate, eventually, say

ON_ONE_DATABASE = True

pytestmark = pytest.mark.slow
ROSA = "+15559990021"
HANDFUL = 12
SETTINGS: dict[str, Any] = {"takeover": {"operators": [ROSA]}}
_SENTENCE = "Our shop is closed on Sundays, see you soon"


async def _talks_back(bot: Bot, other: Customer, words: Callable[[int], str]) -> str:
    """The other side answers each reply at once; why the bot stops at last."""
    for number in range(2 * HANDFUL):
        (settled,) = await bot.handled(*await other.writes(words(number)))
        if settled["state"] == "skipped":
            return str(settled["reason"])
        await other.reads(number + 1)
    raise AssertionError(f"they still talk after {len(other.read)} replies")


async def _is_left_alone(bot: Bot, other: Customer, *words: str) -> None:
    """The bot says nothing more; one person is told, once; everybody else is answered."""
    replies = len(other.read)
    more = await other.writes(*words)
    assert {one["state"] for one in await bot.handled(*more)} == {"skipped"}
    assert (await bot.conversation(other))["needs_attention"] is True
    notice = await _only_notice(bot, other)
    assert other.number in notice
    await _is_answered(bot)
    assert len(other.attempts) == replies


async def _only_notice(bot: Bot, other: Customer) -> str:
    """What Rosa was told about somebody; her own question is answered after all of it."""
    rosa = bot.provider.customer(number=ROSA)

    def told() -> list[str]:
        return [text for text in rosa.read if other.number in text and "Wants: " in text]

    await eventually(lambda: bool(told()))
    before = len(rosa.read)
    await rosa.writes("#help")
    await eventually(lambda: any("#mute" in text for text in rosa.read[before:]))
    (notice,) = told()
    return notice


async def _is_answered(bot: Bot) -> None:
    ben = bot.provider.customer()
    await ben.writes("do you have bread?")
    assert await ben.reads() == ["You said: do you have bread?"]


async def test_a_bot_that_always_says_the_same_is_left_alone(bot: Bot) -> None:
    other = bot.provider.customer()
    reason = await _talks_back(bot, other, lambda _number: _SENTENCE)
    assert reason == "loop: the same words again and again"
    assert len(other.read) <= HANDFUL / 2
    await _is_left_alone(bot, other, _SENTENCE, _SENTENCE)
    assert reason in await _only_notice(bot, other)


async def test_a_bot_that_counts_is_left_alone(bot: Bot) -> None:
    other = bot.provider.customer()
    words = "I have noted request {} of yours and come back to you"
    reason = await _talks_back(bot, other, lambda number: words.format(1000 + number))
    assert reason.startswith("loop: ")
    assert len(other.read) <= HANDFUL
    await _is_left_alone(bot, other, words.format(1500), words.format(1501))


async def test_an_automatic_reply_is_left_alone(bot: Bot) -> None:
    other = bot.provider.customer()
    words = ("Thank you for contacting Blue Shoes!", "Automatic reply: I am out until Monday.")
    reason = await _talks_back(bot, other, lambda number: words[number % 2])
    assert reason == "loop: an automatic reply"
    assert len(other.read) <= HANDFUL / 2
    await _is_left_alone(bot, other, *words)


async def test_a_bot_with_ever_new_words_is_left_alone(bot: Bot) -> None:
    other = bot.provider.customer()
    words = iter(_new_words())
    reason = await _talks_back(bot, other, lambda _number: next(words))
    assert reason == "loop: answers faster than a person types"
    await _is_left_alone(bot, other, next(words))


def _new_words() -> Iterator[str]:
    """Sentences that have hardly a word in common."""
    while True:
        yield " ".join(uuid.uuid4().hex[start : start + 6] for start in range(0, 24, 6))


async def test_a_person_who_has_looked_lets_the_bot_answer_again(bot: Bot) -> None:
    other = bot.provider.customer()
    await _talks_back(bot, other, lambda _number: _SENTENCE)
    replies = len(other.read)
    path = f"/api/conversations/{(await bot.conversation(other))['id']}"
    await bot.api("POST", f"{path}/messages", {"text": "Rosa here: who are you?"}, expect=202)
    await bot.api("POST", f"{path}/resume", {})
    await bot.handled(*await other.writes(_SENTENCE))
    read = await other.reads(replies + 2)
    assert read[replies:] == ["Rosa here: who are you?", f"You said: {_SENTENCE}"]
    assert (await bot.conversation(other))["needs_attention"] is False


async def test_a_flood_gets_no_answer_and_costs_nobody_else_theirs(bot: Bot) -> None:
    other = bot.provider.customer()
    calls = len(bot.llm.requests)
    events = [other.event(f"message {number} of a flood") for number in range(500)]

    async def flood() -> None:
        for start in range(0, 500, 50):
            await asyncio.gather(*(bot.provider.deliver(one) for one in events[start : start + 50]))

    flooding = asyncio.create_task(flood())
    await _is_answered(bot)
    await flooding

    async def settled() -> None:
        query = {"state": "pending,working", "limit": 1000}
        page = await bot.api("GET", "/api/events", params=query)
        assert [one["id"] for one in page["items"] if one["contact"] == other.number] == []

    await eventually(settled, 20)
    assert len(other.read) <= HANDFUL
    await _is_left_alone(bot, other, "and one more", "and yet another")
    assert "flood: too many messages" in await _only_notice(bot, other)
    assert len(bot.llm.requests) - calls <= 2 * HANDFUL + 2


async def test_an_impatient_person_is_answered_each_time(bot: Bot) -> None:
    ana = bot.provider.customer()
    texts = ("hello?", "are you there?", "hello??", "HELLO", "hello?", "anybody?", "hello???")
    for count, text in enumerate(texts, 1):
        await bot.handled(*await ana.writes(text))
        await ana.reads(count)
    assert ana.read == [f"You said: {text}" for text in texts]
    assert (await bot.conversation(ana))["needs_attention"] is False


async def test_an_impatient_person_is_answered_while_the_bot_is_slow(bot: Bot) -> None:
    ana = bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("too early", gate=gate), about="a slow question")
    await ana.writes("a slow question")
    await gate.reached()
    again = ("hello?", "are you there?", "hello??", "hello?", "are you there?", "hello?", "hello?")
    events = await ana.writes(*again)
    gate.open()
    assert {one["state"] for one in await bot.handled(*events)} == {"done"}
    assert await ana.reads() == ["You said: " + "\n".join(("a slow question", *again))]
    assert (await bot.conversation(ana))["needs_attention"] is False
