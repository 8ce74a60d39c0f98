"""Prompts broken, mended and rolled back while customers are served: none of them notices."""

import asyncio
from itertools import cycle

import pytest

from tests.conftest import NewBot
from tests.harness import Bot, Customer, eventually
from tests.test_prompt_files import BAD_PROMPTS

ON_ONE_DATABASE = True

pytestmark = pytest.mark.slow

FIRST, SECOND = "instructions: |\n  Be kind.\n", "instructions: |\n  Be brief.\n"
TEXTS = [text for text, _ in BAD_PROMPTS.values()]
BROKEN_FOR_S = (0.1, 1.1)
"""One after the other: replaced before the bot looks, and long enough to be found wrong."""


async def _live(bot: Bot) -> str:
    (prompt,) = (await bot.api("GET", "/api/prompts"))["items"]
    return str(prompt["version"])


async def _serve(bot: Bot, over: asyncio.Event) -> list[Customer]:
    """New customers, one after the other, until it is over."""
    customers: list[Customer] = []
    while not over.is_set():
        customers.append(bot.provider.customer())
        await customers[-1].writes(f"hello from {customers[-1].number}")
        await asyncio.sleep(0.05)  # their own pace
    return customers


async def test_nobody_notices_what_becomes_of_a_prompt(new_bot: NewBot) -> None:
    bot = await new_bot(prompts={"default": FIRST})
    first, over = await _live(bot), asyncio.Event()
    serving = asyncio.create_task(_serve(bot, over))
    for text, for_s in zip(TEXTS, cycle(BROKEN_FOR_S), strict=False):
        bot.write_prompt("default", text)
        await asyncio.sleep(for_s)
    assert await _live(bot) == first
    bot.write_prompt("default", SECOND)

    async def second_is_live() -> str:
        version = await _live(bot)
        assert version != first
        return version

    second = await eventually(second_is_live)
    back = await bot.cli("prompts", "rollback", "default", first)
    assert back.exit_code == 0, back.stderr

    async def first_is_live_again() -> None:
        assert await _live(bot) == first

    await eventually(first_is_live_again)
    over.set()
    customers = await serving
    assert len(customers) > len(TEXTS)
    for customer in customers:
        assert await customer.reads(1) == [f"You said: hello from {customer.number}"]
        answer = (await bot.messages(customer))[-1]
        assert answer["prompt_version"] in (first, second)
