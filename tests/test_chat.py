"""`bot chat` as somebody types it: the prompt's file changes meanwhile, and they ask why."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.conftest import NewBot
from tests.harness import Bot, hand_off, say
from tests.harness.launcher import PROGRAM

ON_ONE_DATABASE = True

_PRICED = {"llm": {"prices": {"scripted-model": {"input": 1000, "output": 1000}}}}
_SHOP = """\
name: Test shop
instructions: |
  You answer for a test shop.
facts: |
  {about}
hand_off:
  keywords: [person]
  when: |
    The customer wants money back.
  say: |
    A colleague will write.
guards:
  never_say:
    words: [guaranteed]
    do: log
"""


class _Terminal:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def types(self, text: str) -> str:
        """What comes of it: everything up to the answer to a question that is asked behind it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{text}\n/cost\n".encode())
        await self._process.stdin.drain()
        return await self._until_cost()

    async def _until_cost(self) -> str:
        assert self._process.stdout is not None
        heard = ""
        while not ("calls of the model" in heard or "no model was asked" in heard):
            line = await asyncio.wait_for(self._process.stdout.readline(), 30)
            assert line, f"the chat has ended after:\n{heard}"
            heard += line.decode()
        return heard


@asynccontextmanager
async def _chat(bot: Bot) -> AsyncIterator[_Terminal]:
    await bot.cli("check")  # writes the settings
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        "chat",
        env={**os.environ, **bot.env},
        cwd=bot.folder,
        stdin=pipe,
        stdout=pipe,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield _Terminal(process)
        assert process.stdin is not None
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()


def _systems(bot: Bot) -> list[Any]:
    return [request.json["messages"][0]["content"] for request in bot.llm.requests]


async def test_an_edit_is_used_from_the_next_message_on(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    bot.write_prompt("default", _SHOP.format(about="Bread is 3.00."))
    async with _chat(bot) as terminal:
        assert "changed" not in await terminal.types("hello")
        bot.write_prompt("default", _SHOP.format(about="Bread is 4.00."))
        heard = await terminal.types("and now?")
        (told,) = [line for line in heard.splitlines() if "has changed" in line]
        assert "prompts/default.yaml" in told
        bot.write_prompt("default", _SHOP.format(about="Bread is {{ nothing }}."))
        heard = await terminal.types("and now?")
        (fault,) = [line for line in heard.splitlines() if "goes on" in line]
        assert "prompts/default.yaml:5:" in fault
        assert "nothing" in fault
        assert "You said: and now?" in heard
        assert "goes on" not in await terminal.types("once more")  # said once
        (bot.folder / "prompts" / "default.yaml").unlink()
        assert "no such file" in await terminal.types("gone?")
        bot.write_prompt("default", _SHOP.format(about="Bread is 5.00."))
        assert "has changed" in await terminal.types("back")
    bread = [system.partition("Bread is ")[2][:4] for system in _systems(bot)]
    assert bread == ["3.00", "4.00", "4.00", "4.00", "4.00", "5.00"]


async def test_an_edit_of_what_is_included_is_an_edit(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    bot.write_prompt("prices", "facts: |\n  Bread is 3.00.\n")
    bot.write_prompt("default", "include: [prices.yaml]\ninstructions: |\n  Answer.\n")
    async with _chat(bot) as terminal:
        await terminal.types("hello")
        bot.write_prompt("prices", "facts: |\n  Bread is 4.00.\n")
        assert "has changed" in await terminal.types("and now?")
    assert "4.00" in _systems(bot)[1]


async def test_it_tells_why(new_bot: NewBot) -> None:
    bot = await new_bot(start=False, settings=_PRICED)
    bot.write_prompt("default", _SHOP.format(about="Bread is 3.00."))
    bot.llm.plan_calls(say("Our bread is guaranteed."), about="good?")
    bot.llm.plan_calls(hand_off("wants a refund"), about="money")
    stdin = "/why\nis it good?\n/why\nperson\n/why\n/new\nmy money\n/why\nSTOP\n/why\n/cost\n"
    talk = await bot.cli("chat", stdin=stdin)
    assert talk.exit_code == 0, talk.stderr
    nothing, by_model, by_keyword, handed, opted = (
        talk.stdout.split("Our bread", 1)[0],
        *(talk.stdout.split("[prompt: ")[1:]),
    )
    assert "nothing was answered yet" in nothing
    assert by_model.startswith("prompts/default.yaml ")
    assert "[model: scripted-model, 25 tokens, cost 0.0250, " in by_model
    assert "[guard: never_say" in by_model
    assert "[sent: user, 11 characters: is it good?]" in by_model
    assert "[sent: system, " in by_model
    assert "[by rule: `hand_off.keywords` of the prompt]" in by_keyword
    assert "[handed over to a person: wants a refund]" in handed
    assert "[by rule: the customer has opted out" in opted
    assert "[2 calls of the model, 50 tokens, 0.0500]" in opted


async def test_it_speaks_as_another_line(new_bot: NewBot) -> None:
    lines = {
        "ln_bread": {"prompt": "prompts/bread.yaml"},
        "ln_bad": {"prompt": "prompts/bad.yaml"},
    }
    prompts = {
        "default": "instructions: |\n  Shop.\n",
        "bread": "instructions: |\n  Bread.\n",
        "bad": "instruction: |\n  Bad.\n",
    }
    bot = await new_bot(start=False, settings={"lines": lines}, prompts=prompts)
    stdin = "hello\n/as ln_bread\nbread?\n/as ln_bad\nstill?\n/as\n/as ln_new\nshop?\n/nonsense\n"
    talk = await bot.cli("chat", stdin=stdin)
    assert talk.exit_code == 0, talk.stderr
    assert [system.split()[0] for system in _systems(bot)] == ["Shop.", "Bread.", "Bread.", "Shop."]
    sizes = [len(request.json["messages"]) for request in bot.llm.requests]
    assert sizes == [2, 2, 4, 2]  # another line's prompt begins anew, an invalid one does not
    assert "bad.yaml:1:1: instruction" in talk.stderr
    assert "still the prompt of ln_bread" in talk.stderr
    assert "name a line: default, ln_bread, ln_bad" in talk.stderr
    assert "/nonsense: no such command" in talk.stderr
