"""Prompts tried on a running bot: replayed, in the shadow, on a part of its contacts."""

from typing import Any

import pytest
from sqlalchemy import make_url, select
from sqlalchemy.ext.asyncio import create_async_engine

from bot.adapters.db.engine import sqlite_url
from bot.adapters.db.schema import metadata
from bot.domain.conversation import conversation_id
from bot.domain.split import side_of
from tests.harness import Bot, Customer, Gate, eventually, fail, hand_off, say
from tests.harness.http_server import Request
from tests.harness.llm import words_of

ON_ONE_DATABASE = True

pytestmark = pytest.mark.slow
SHADOWED, SPLIT = "ln_shadowed", "ln_split"
_PROMPT = """\
instructions: |
  {}
hand_off:
  when: angry
  keywords: [human]
  say: A colleague will write.
"""
PROMPTS = {
    "default": _PROMPT.format("The live one."),
    "new": _PROMPT.format("The new one."),
    "side": _PROMPT.format("The other side."),
}
SETTINGS: dict[str, Any] = {
    "conversation": {"quiet_period_s": 0},
    "llm": {
        "model": "scripted-model",
        "prices": {"scripted-model": {"input": 10_000, "output": 10_000}},
    },
    "lines": {SHADOWED: {"shadow": "new"}, SPLIT: {"split": {"side": 50}}},
}


def _told(request: Request) -> str:
    return words_of(request.json["messages"][0]["content"])


def _asks_shadow(request: Request) -> bool:
    return request.path.endswith("/chat/completions") and "The new one." in _told(request)


async def _pairs(bot: Bot, count: int) -> Any:
    async def there() -> Any:
        view = await bot.api("GET", "/api/prompts/new/shadow")
        assert view["compared"] == count
        return view

    return await eventually(there)


async def test_a_shadow_is_heard_by_operators_only(bot: Bot) -> None:
    anna = bot.provider.customer(line_id=SHADOWED)
    bot.llm.plan(hand_off("angry"), when=_asks_shadow)
    await anna.writes("hello")
    assert await anna.reads() == ["You said: hello"]
    view = await _pairs(bot, 1)
    (item,) = view["items"]
    assert (item["asked"], item["old"]["text"]) == ("hello", "You said: hello")
    assert (item["new"]["text"], item["new"]["effect"]) == ("A colleague will write.", "handed off")
    assert (view["old"]["hand_off_rate"], view["new"]["hand_off_rate"]) == (0.0, 1.0)
    assert item["at"].endswith("Z")
    told = await bot.cli("prompts", "shadow", SHADOWED, "--html", "shadow.html")
    assert told.exit_code == 0, told.stderr
    assert "1 of 1 answers are other words" in told.stdout
    assert "[handed off] A colleague will write." in told.stdout
    assert "A colleague will write." in (bot.folder / "shadow.html").read_text()
    await anna.writes("and again")
    assert (await anna.reads(2))[-1] == "You said: and again"  # nobody has taken over
    await _pairs(bot, 2)
    assert len(bot.provider.attempts_to(anna.number)) == 2


async def test_a_shadow_whose_model_hangs_delays_nobody(bot: Bot) -> None:
    gates = [Gate(), Gate()]
    bot.llm.plan(*(say("late", gate=gate) for gate in gates), when=_asks_shadow)
    customers = [bot.provider.customer(line_id=SHADOWED) for _ in range(4)]
    for customer in customers:
        await customer.writes("hello")
        assert await customer.reads() == ["You said: hello"]
    for gate in gates:
        await gate.reached()
    await customers[0].writes("still there?")
    assert (await customers[0].reads(2))[-1] == "You said: still there?"
    for gate in gates:
        gate.open()


async def _on_both_sides(bot: Bot) -> tuple[Customer, Customer]:
    found: dict[str | None, Customer] = {}
    while len(found) < 2:
        customer = bot.provider.customer(line_id=SPLIT)
        found[side_of({"side": 50}, conversation_id(SPLIT, customer.number))] = customer
    return found[None], found["side"]


async def _spoken_with(bot: Bot, customer: Customer, words: str, answers: int) -> str:
    await customer.writes(words)
    await customer.reads(answers)
    (messages,) = bot.llm.messages_about(words)
    return words_of(messages[0]["content"])


async def test_each_contact_hears_its_side_of_a_split_after_a_restart_too(bot: Bot) -> None:
    ours, theirs = await _on_both_sides(bot)
    assert "The live one." in await _spoken_with(bot, ours, "from our side", 1)
    assert "The other side." in await _spoken_with(bot, theirs, "from the other", 1)
    await bot.restart()
    assert "The live one." in await _spoken_with(bot, ours, "once more from ours", 2)
    assert "The other side." in await _spoken_with(bot, theirs, "once more from theirs", 2)
    await theirs.writes("human")
    await theirs.reads(3)
    view = await bot.api("GET", "/api/prompts/split", params={"line_id": SPLIT})
    default, side = view["sides"]
    assert (default["prompt"], default["percent"], default["answered"]) == ("default", 50, 2)
    assert (side["file"], side["answered"], side["handed_off"]) == ("prompts/side.yaml", 3, 1)
    assert (side["contacts"], side["tokens"], side["cost"]) == (1, 50, 0.5)
    told = await bot.cli("prompts", "split", SPLIT, "--days", "1")
    assert told.exit_code == 0, told.stderr
    assert "1 (33%)" in told.stdout
    assert (await bot.cli("prompts", "split", SPLIT, "--json")).json["sides"] == view["sides"]


async def test_what_is_not_tried_is_not_found(bot: Bot) -> None:
    await bot.api("GET", "/api/prompts/default/shadow", expect=404)
    await bot.api("GET", "/api/prompts/split", params={"line_id": SHADOWED}, expect=404)
    await bot.api("GET", "/api/prompts/split", expect=422)
    for command in (("shadow", SPLIT), ("split", SHADOWED), ("replay", "nothing")):
        told = await bot.cli("prompts", *command)
        assert told.exit_code == 1
        assert len(told.stderr.splitlines()) == 1, told.stderr
    assert (await bot.http("GET", "/api/prompts/new/shadow")).status_code == 401


@pytest.fixture
def line(request: pytest.FixtureRequest) -> str:
    """A line of the test's own."""
    return f"ln_{request.node.name.partition('[')[0]}"


@pytest.fixture
async def past(bot: Bot, line: str) -> Bot:
    """A bot at rest that has answered: a greeting, a question, a plea for a person."""
    customer = bot.provider.customer(line_id=line)
    for number, words in enumerate(("good morning", "when do you open?", "human"), 1):
        await customer.writes(words)
        await customer.reads(number)
    await bot.stop()
    return bot


async def _tables(bot: Bot) -> list[Any]:
    url = make_url(bot.env.get("DATABASE_URL", sqlite_url(bot.folder / "data" / "bot.db")))
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        rows = [(await connection.execute(select(table))).all() for table in metadata.sorted_tables]
    await engine.dispose()
    return rows


async def test_past_turns_are_taken_again_and_nothing_is_sent_or_stored(
    past: Bot, line: str
) -> None:
    before, sends = await _tables(past), len(past.provider.requests)
    asked = len(past.llm.requests)
    past.llm.plan_calls(say("Good morning!"), hand_off("angry"))
    replay = ("prompts", "replay", "default", "--line", line, "--jobs", "1")
    told = await past.cli(*replay, "--candidate", "prompts/new.yaml", "--html", "page.html")
    assert told.exit_code == 0, told.stdout + told.stderr
    assert "3 turns, 1 at a time" in told.stderr
    assert "2 of 3 answers are other words" in told.stdout
    requests = past.llm.requests[asked:]
    assert len(requests) == 2  # fixed words need no model
    assert all("The new one." in _told(request) for request in requests)
    contents = [[message["content"] for message in one.json["messages"]][1:] for one in requests]
    assert contents == [
        ["good morning", "You said: good morning", "when do you open?"],
        ["good morning"],
    ]  # the newest first, each with the history of then
    assert "You said: good morning" in (past.folder / "page.html").read_text()
    data = (await past.cli(*replay, "--candidate", "prompts/new.yaml", "--json")).json
    assert len(past.llm.requests) == asked + 2  # the second time it was remembered
    assert (data["compared"], data["changed"], data["spent"]) == (3, 2, 0)
    assert (data["old"]["handed_off"], data["new"]["handed_off"]) == (1, 2)
    assert data["turns"][-1]["old"]["text"] == data["turns"][-1]["new"]["text"]
    assert len(past.provider.requests) == sends
    assert await _tables(past) == before


async def test_a_replay_says_what_it_could_not_do(past: Bot, line: str) -> None:
    replay = ("prompts", "replay", "default", "--line", line, "--no-cache")
    past.llm.plan_calls(*[fail(400)] * 2)
    told = await past.cli(*replay)
    assert told.exit_code == 1
    assert "2 could not be made" in told.stdout
    told = await past.cli(*replay, "--max-cost", "0.1", "--jobs", "1")
    assert told.exit_code == 1
    assert "stopped early: 0.2500 of 0.1000 is spent" in told.stderr
    (past.folder / "bad.yaml").write_text("instructions: '{{ nobody }}'\n")
    told = await past.cli(*replay, "--candidate", "bad.yaml")
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr.startswith("bad.yaml:1:")
    for wrong in (("--last", "0"), ("--candidate", "a", "--version", "b"), ("--jobs", "x")):
        assert (await past.cli(*replay, *wrong)).exit_code == 2
    past.env["OPENAI_API_KEY"] = past.env["OPENAI_BASE_URL"] = ""
    try:
        told = await past.cli(*replay)
    finally:
        past.env["OPENAI_API_KEY"] = "sk-of-the-tests"
        past.env["OPENAI_BASE_URL"] = f"{past.llm.url}/v1"
    assert told.exit_code == 2
    assert "OPENAI_API_KEY is not set: 2 turns need a model" in told.stderr


async def test_a_replay_speaks_with_the_file_or_with_a_version(past: Bot, line: str) -> None:
    replay = ("prompts", "replay", "default", "--line", line, "--json")
    path = past.folder / "prompts" / "default.yaml"
    text = path.read_text()
    try:
        path.write_text(text.replace("A colleague", "Rosa"))
        now = (await past.cli(*replay)).json
        live = (await past.cli(*replay, "--version", "live")).json
        path.unlink()
        without = (await past.cli(*replay)).json
    finally:
        path.write_text(text)
    assert (now["changed"], live["changed"]) == (1, 0)
    assert now["version"] != live["version"] == without["version"]
