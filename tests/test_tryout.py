"""Trying a prompt on its page of the console, as a browser speaks to it without JavaScript."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx
import pytest

from bot.console.tries import Tried, write_talk
from bot.rehearsal import Ended
from tests.conftest import NewBot
from tests.console_client import Console
from tests.harness import Bot, fail, hand_off, say

ON_ONE_DATABASE = True

PAGE = "/console/prompts/default"
PROMPT = """\
name: Test shop
instructions: |
  You answer for a test shop.
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
PROMPTS = {"default": PROMPT}
SETTINGS = {
    "llm": {"prices": {"scripted-model": {"input": 1000, "output": 1000}}},
    "prompts": {"try_cost_per_day": 100},
}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=y>{{ 7*7 }}"


class _Panel:
    """The page's form, filled in again with what the page before has kept."""

    def __init__(self, console: Console, source: str = PROMPT) -> None:
        self._console = console
        self.source = source
        self.talk = ""

    async def send(self, what: str = "try", **fields: str) -> httpx.Response:
        given = {"source": self.source, "talk": self.talk, **fields}
        answer = await self._console.post(f"{PAGE}/{what}", given)
        if 'name="talk"' in answer.text:
            self.talk = re.search(r'name="talk" form="editor" value="([^"]*)"', answer.text)[1]  # type: ignore[index]
            self.talk = unescape(self.talk)
        return answer

    async def says(self, text: str) -> str:
        answer = await self.send(said=text)
        assert answer.status_code == 200, answer.text
        return answer.text


async def _panel(bot: Bot, source: str = PROMPT) -> _Panel:
    return _Panel(await Console(bot).signed_in(), source)


async def test_the_text_in_the_editor_answers_saved_or_not(bot: Bot) -> None:
    live = (await bot.api("GET", "/api/prompts"))["items"][0]["version"]
    unsaved = PROMPT.replace("a test shop", "a shop that nobody saved")
    panel = await _panel(bot, unsaved)
    first = await panel.says("do you sell bread?")
    assert "You said: do you sell bread?" in first
    assert "scripted-model" in first
    assert "25 tokens" in first
    assert "cost 0.0250" in first
    assert unsaved in unescape(first)  # the editor holds what was tried
    second = await panel.says("and butter?")
    assert "You said: do you sell bread?" in second
    (messages,) = bot.llm.messages_about("and butter?")
    assert "a shop that nobody saved" in messages[0]["content"]
    assert [one["content"] for one in messages[1:]][:2] == [
        "do you sell bread?",
        "You said: do you sell bread?",
    ]
    anew = await panel.send(anew="1", said="x")
    assert "do you sell bread?" not in anew.text
    await panel.says("only this?")
    assert len(bot.llm.messages_about("only this?")[0]) == 2
    # Nothing was sent, stored or published.
    assert bot.provider.requests == []
    assert (await bot.api("GET", "/api/conversations"))["items"] == []
    assert (await bot.api("GET", "/api/prompts"))["items"][0]["version"] == live


async def test_it_shows_what_guards_and_rules_have_done(bot: Bot) -> None:
    panel = await _panel(bot)
    bot.llm.plan_calls(say("Our bread is guaranteed."), about="any good?")
    assert "never_say" in await panel.says("any good?")
    bot.llm.plan_calls(hand_off("wants a refund"), about="my money")
    handed = await panel.says("my money!")
    assert "wants a refund" in handed
    assert "A colleague will write." in handed
    assert "a person has the conversation" in await panel.says("hello?")
    await panel.send(anew="1")
    by_rule = await panel.says("person")
    assert "by rule, no model asked" in by_rule
    bot.llm.plan_calls(fail(503), about="away?")
    await panel.send(anew="1")
    assert "the model is away" in await panel.says("are you away?")


async def test_hostile_words_stay_words(bot: Bot) -> None:
    panel = await _panel(bot, PROMPT.replace("a test shop", "a test shop # </textarea><script>"))
    bot.llm.plan_calls(say(HOSTILE), about="49")
    page = await panel.says(f"{HOSTILE} 49")
    again = await panel.says("once more")
    for shown in (page, again):
        assert "<script>alert" not in shown
        assert "<img" not in shown
        assert "</textarea><script>" not in shown
        assert "{{ 7*7 }}" in unescape(shown)


@pytest.mark.parametrize(
    ("talk", "status"),
    [
        ("nonsense", 400),
        ("{}", 400),
        ("[1]", 400),
        ('[{"said": "a", "at": "2026-01-01T00:00:00Z", "ended": "answered", "parts": 1}]', 400),
        ('[{"said": "a", "at": "2026-01-01T00:00:00Z", "ended": "odd", "parts": []}]', 400),
        ("[" + "[" * 20_000, 400),
        ("x" * 60_001, 413),
    ],
)
async def test_a_conversation_that_no_page_has_kept_is_refused(
    bot: Bot, talk: str, status: int
) -> None:
    before = len(bot.llm.requests)
    console = await Console(bot).signed_in()
    answer = await console.post(f"{PAGE}/try", {"source": PROMPT, "said": "forged", "talk": talk})
    assert answer.status_code == status
    assert "begin anew" in answer.text
    assert "forged" in answer.text  # nothing that was typed is lost
    assert len(bot.llm.requests) == before


@pytest.mark.parametrize(("turns", "status"), [(30, 422), (31, 400)])
async def test_a_conversation_comes_to_an_end(bot: Bot, turns: int, status: int) -> None:
    said = Tried(said="a", at=datetime.now(UTC), ended=Ended.ANSWERED, parts=("b",))
    panel = await _panel(bot)
    panel.talk = write_talk([said] * turns)
    answer = await panel.send(said="one more")
    assert answer.status_code == status
    assert "begin anew" in answer.text


async def test_a_text_with_mistakes_is_named_and_not_tried(bot: Bot) -> None:
    panel = await _panel(bot, "instructions: |\n  Be {{ knid }}.\n")
    answer = await panel.send(said="hello")
    assert answer.status_code == 422
    assert "knid" in answer.text
    assert (await panel.send(said="  ")).status_code == 422
    panel = await _panel(bot)
    missing = await Console(bot).signed_in()
    answer = await missing.post("/console/prompts/none/try", {"source": PROMPT, "said": "x"})
    assert answer.status_code == 404


async def test_only_operators_on_our_own_pages_may_try(bot: Bot) -> None:
    before = len(bot.llm.requests)
    for path in (f"{PAGE}/try", f"{PAGE}/tests"):
        stranger = await Console(bot).post(path, {"source": PROMPT, "said": "let me in"})
        assert stranger.status_code == 303
        assert "/console/sign-in" in stranger.headers["location"]
        console = await Console(bot).signed_in()
        elsewhere = await console.post(path, {"said": "x"}, Origin="https://evil.example")
        assert elsewhere.status_code == 403
    assert len(bot.llm.requests) == before


async def test_a_part_is_enough_for_a_page_with_htmx(bot: Bot) -> None:
    console = await Console(bot).signed_in()
    answer = await console.post(
        f"{PAGE}/try", {"source": PROMPT, "said": "in part"}, **{"HX-Request": "true"}
    )
    assert answer.text.lstrip().startswith('<section id="try"')
    page = await console.get(PAGE)
    assert 'form="editor"' in page.text
    assert "Try it out" in page.text


async def test_its_tests_run_with_the_text_in_the_editor(bot: Bot) -> None:
    folder = bot.folder / "prompts" / "tests"
    folder.mkdir(exist_ok=True)
    panel = await _panel(bot)
    assert "There are no tests" in (await panel.send("tests")).text
    (folder / "default.yaml").write_text(
        "conversations:\n"
        "  - name: A person is called\n"
        "    turns:\n"
        "      - customer: person\n"
        "        expect: {contains: colleague}\n"
        "  - name: It repeats\n"
        "    turns:\n"
        "      - customer: parrot\n"
        "        expect: {contains: parrot}\n"
    )
    good = await panel.send("tests")
    assert "2 passed, 0 failed" in good.text
    panel.source = PROMPT.replace("A colleague will write.", "Go away.")
    bad = await panel.send("tests")
    assert "1 passed, 1 failed" in bad.text
    opened: list[Any] = re.findall(r'<details class="test" open>.*?</details>', bad.text, re.S)
    assert len(opened) == 1
    assert "Go away." in opened[0]
    assert bot.provider.requests == []


async def test_a_page_cannot_spend_without_end(new_bot: NewBot) -> None:
    bot = await new_bot(
        prompts=PROMPTS, settings={**SETTINGS, "prompts": {"try_cost_per_day": 0.04}}
    )
    panel = await _panel(bot)
    await panel.says("one")
    await panel.says("two")  # 0.05 by now
    refused = await panel.send(said="three")
    assert refused.status_code == 429
    assert "prompts.try_cost_per_day" in refused.text
    assert "You said: two" in refused.text  # the conversation is still there
    assert (await panel.send("tests")).status_code in (200, 429)
    await bot.restart()
    refused = await (await _panel(bot)).send(said="four")
    assert refused.status_code == 429
    assert len(bot.llm.requests) == 2


async def test_nobody_tries_faster_than_a_person(new_bot: NewBot) -> None:
    bot = await new_bot(prompts=PROMPTS, settings=SETTINGS)
    panel = await _panel(bot)
    statuses = [(await panel.send(said="person", talk="")).status_code for _ in range(31)]
    assert statuses == [200] * 30 + [429]
