"""`bot eval`, as a process of its own."""

import signal
from xml.etree import ElementTree

import pytest

from bot.domain.chat import Usage
from bot.outside import Prices
from tests.conftest import NewBot
from tests.harness import Bot, Gate, hand_off, say
from tests.harness.stores import EMBEDDED
from tests.test_evals import Shop, shop

__all__ = ["shop"]

TESTS = """\
conversations:
- name: a greeting
  turns: [{customer: hello, expect: {contains: hello}}]
- name: "nasty \\e[31m name"
  turns: [{customer: "what\\u202e?", expect: {contains: tarts, hands_off: yes}}]
"""
NO_MODEL = """\
conversations:
- name: asks for a person
  turns: [{customer: human, expect: {hands_off: yes}}]
"""
PROMPT = """\
instructions: Be kind.
hand_off: {when: They complain., keywords: [human], say: A colleague will write.}
"""


@pytest.fixture(scope="module")
def stores_kind() -> str:
    """The command knows no database and no queue: once is enough."""
    return EMBEDDED


def _write(bot: Bot, **files: str) -> None:
    folder = bot.folder / "prompts" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


async def test_a_run_is_told_to_people_and_to_programs(new_bot: NewBot) -> None:
    bot = await new_bot(start=False, prompts={"default": PROMPT})
    _write(bot, default=TESTS)
    told = await bot.cli("eval", "--junit", "out.xml", "--html", "out.html")
    assert told.exit_code == 1
    assert "2 conversations, 4 at a time" in told.stderr
    assert "prompts/tests/default.yaml:4: nasty [31m name: failed" in told.stdout
    assert "prompts/tests/default.yaml:5: turn 1: contains: tarts" in told.stdout
    assert "1 passed, 1 failed, 0 not run" in told.stdout
    assert not set(told.stdout) & {"\x1b", "\u202e"}
    root = ElementTree.fromstring((bot.folder / "out.xml").read_bytes())  # noqa: S314 - our own
    assert (root.attrib["tests"], root.attrib["failures"]) == ("2", "1")
    assert "a greeting" in (bot.folder / "out.html").read_text()
    as_json = (await bot.cli("eval", "--json", "--prompt", "default")).json
    assert (as_json["passed"], as_json["counts"]) == (
        False,
        {"passed": 1, "failed": 1, "not run": 0},
    )
    assert [one["status"] for one in as_json["results"]] == ["passed", "failed"]
    assert len(bot.llm.requests) == 2  # the second run remembered the first
    assert not (bot.folder / "data" / "bot.db").exists()
    assert bot.provider.requests == []


async def test_a_candidate_wins_or_loses_by_its_words(new_bot: NewBot) -> None:
    bot = await new_bot(start=False, prompts={"default": PROMPT})
    bot.llm.plan_calls(say("hello"), hand_off("asked"))
    _write(bot, default=TESTS)
    (bot.folder / "new.yaml").write_text(PROMPT.replace("A colleague", "The tarts colleague"))
    told = await bot.cli(
        "eval", "prompts/tests/default.yaml", "--candidate", "new.yaml", "--jobs", "1"
    )
    assert told.exit_code == 0, told.stdout
    assert "(new)" in told.stdout
    (bot.folder / "new.yaml").write_text("instructions: '{{ nobody }}'")
    told = await bot.cli("eval", "--candidate", "new.yaml")
    assert told.exit_code == 1
    assert "new.yaml:1:" in told.stderr


async def test_without_a_key_what_needs_no_model_runs(new_bot: NewBot) -> None:
    env = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""}
    bot = await new_bot(start=False, prompts={"default": PROMPT}, env=env)
    _write(bot, default=NO_MODEL)
    assert (await bot.cli("eval")).exit_code == 0
    _write(bot, other="prompt: default\n" + TESTS)
    told = await bot.cli("eval")
    assert told.exit_code == 2
    assert told.stderr.splitlines()[-1] == (
        "OPENAI_API_KEY is not set: 2 tests need a model and were not run"
    )
    assert "1 passed, 0 failed, 2 not run" in told.stdout


async def test_wrong_files_and_wishes_are_named(new_bot: NewBot) -> None:
    bot = await new_bot(start=False, prompts={"default": PROMPT})
    _write(bot, default="conversatons: []", other="- x")
    told = await bot.cli("eval")
    assert told.exit_code == 1
    lines = told.stderr.splitlines()
    assert lines[0].startswith("prompts/tests/default.yaml:1:1: conversatons: no such key; did you")
    assert lines[-1].startswith("prompts/tests/other.yaml:1:1: must be a mapping")
    checked = await bot.cli("check")
    assert checked.exit_code == 0
    assert "warning: prompts/tests/default.yaml:1:1: conversatons: no such key" in checked.stderr
    _write(bot, default=NO_MODEL, other=NO_MODEL)
    assert "warning: prompts/tests/other.yaml: prompt: no such" in (await bot.cli("check")).stderr
    for wish, said in (
        (("--prompt", "cakes"), "no tests"),
        (("--junit", "none/out.xml"), "none/out.xml: No such file"),
        (("--max-cost", "1"), "needs the price of gpt-4.1-mini"),
    ):
        told = await bot.cli("eval", *wish)
        assert told.exit_code == 2
        (line,) = told.stderr.splitlines()
        assert said in line
    told = await bot.cli("eval")
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert "other.yaml: prompt: no such prompt: prompts/other.yaml" in told.stderr


async def test_ctrl_c_tells_what_was_done(new_bot: NewBot) -> None:
    bot = await new_bot(start=False, prompts={"default": PROMPT})
    gate = Gate()
    bot.llm.plan_calls(say("hello", gate=gate), about="what")
    _write(bot, default=TESTS)
    process = await bot.start("eval", "--jobs", "1", ready=False)
    await gate.reached()
    process.signal(signal.SIGINT)
    assert await process.wait(20) == 1
    gate.open()
    assert "1 passed, 0 failed, 1 not run" in process.log
    assert "not begun: interrupted" in process.log
    assert "Traceback" not in process.log


@pytest.mark.parametrize(
    ("named", "cost"),
    [("m-1", 3.0), ("m-1-2026-04-14", 3.0), ("m-1-mini", None), ("m-2-2026-04-14", 8.0)],
)
def test_a_models_dated_version_has_its_price(shop: Shop, named: str, cost: float | None) -> None:
    prices = {
        "m-1": {"input": 1, "output": 2},
        "m-2": {"input": 1, "output": 2},
        "m-2-2026-04-14": {"input": 4, "output": 4},
    }
    settings = shop.settings(llm={"prices": prices})
    assert Prices(settings)(Usage(named, 1_000_000, 1_000_000)) == cost
