"""The gate: a changed prompt speaks to customers once its tests have passed, and not before."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.cli.candidates import candidate_lines
from bot.crash_points import VARIABLE, CrashPoint
from bot.domain.candidate import (
    Candidate,
    CandidateState,
    CandidateView,
    Failure,
    Report,
    Said,
    retry_at,
    told,
)
from bot.domain.prompt_version import Bringer, Edition, Origin
from tests.conftest import NewBot
from tests.console_client import Console
from tests.crashes import ended_and_started, ends_at
from tests.harness import Bot, Gate, eventually, fail, say

_GATED = {"prompts": {"gate": "tests"}}
_NOTIFIED: dict[str, Any] = {"takeover": {"operators": ["+15550009999"]}, "lines": {"ln_test": {}}}
_PROMPT = """\
name: Test shop
instructions: |
  {mark}
hand_off:
  keywords: [person]
  say: |
    {words}
"""
_PATIENCE_S = 30
"""A dead runner's candidate is free when its lease is over."""
_GOOD, _BAD = "A colleague will write.", "Go away."
_BY_RULE = """\
conversations:
  - name: Somebody who asks for a person gets one
    turns:
      - customer: person
        expect:
          contains: colleague
"""
_BY_MODEL = """\
conversations:
  - name: The model repeats
    turns:
      - customer: is this tested?
        expect:
          contains: tested
"""


def _write_tests(bot: Bot, text: str) -> None:
    folder = bot.folder / "prompts" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "default.yaml").write_text(text)


def _edit(bot: Bot, mark: str, words: str = _GOOD) -> None:
    bot.write_prompt("default", _PROMPT.format(mark=mark, words=words))


async def _gated(
    new_bot: NewBot, tests: str = _BY_RULE, *, start: bool = True, **settings: Any
) -> Bot:
    bot = await new_bot(start=False, settings={**_GATED, **settings})
    _edit(bot, "First.")
    if tests:
        _write_tests(bot, tests)
    if start:
        await bot.start()
    return bot


async def _view(bot: Bot) -> Any:
    return (await bot.api("GET", "/api/prompts"))["items"][0]


async def _speaks(bot: Bot, mark: str) -> None:
    """What customers are answered with, within a look or two."""

    async def heard() -> None:
        ana = bot.provider.customer()
        words = f"question of {ana.number}"
        await ana.writes(words)
        await ana.reads()
        assert bot.llm.messages_about(words)[0][0]["content"].startswith(mark)

    await eventually(heard)


async def _is(bot: Bot, state: str) -> Any:
    """The candidate, once it is so."""

    async def seen() -> Any:
        candidate = (await _view(bot))["candidate"]
        assert candidate is not None
        assert candidate["state"] == state, candidate
        return candidate

    return await eventually(seen)


async def _is_live(bot: Bot, version: str | None = None, *, before: str | None = None) -> Any:
    async def seen() -> Any:
        view = await _view(bot)
        assert view["candidate"] is None
        assert view["version"] == version if version else view["version"] != before
        return view

    return await eventually(seen, _PATIENCE_S)


async def test_only_what_passes_its_tests_goes_live(new_bot: NewBot) -> None:
    bot = await _gated(new_bot, **_NOTIFIED)
    first = (await _view(bot))["version"]
    operator = bot.provider.customer(number="+15550009999")
    await bot.provider.customer().writes("hello")  # the line is known
    _edit(bot, "Second.", _BAD)
    failed = await _is(bot, "failed")
    (failure,) = failed["report"]["failures"]
    assert failure["talk"][0] == {"who": "customer", "text": "person"}
    assert failure["talk"][1]["text"] == _BAD
    assert "colleague" in failure["problems"][0]
    view = await _view(bot)
    assert (view["version"], view["state"]) == (first, "candidate")
    await _speaks(bot, "First.")

    (notice,) = [
        text for text in await operator.reads() if "Test shop" in text or "default" in text
    ]
    assert "1 of 1 tests failed" in notice
    assert _BAD in notice
    listed = await bot.cli("prompts")
    assert "1 of 1 tests failed" in listed.stdout
    assert _BAD in listed.stdout
    page = (await (await Console(bot).signed_in()).get("/console/prompts/default")).text
    assert "failed its tests" in page
    assert _BAD in page

    _edit(bot, "Third.")
    await _is_live(bot, before=first)
    assert (await _view(bot))["gate"] == "passed"
    await _speaks(bot, "Third.")
    assert len(await operator.reads()) == 1  # one notice, of the one that failed


async def test_a_failed_one_goes_live_when_its_tests_are_put_right(new_bot: NewBot) -> None:
    bot = await _gated(new_bot)
    _edit(bot, "Second.", _BAD)
    version = (await _is(bot, "failed"))["version"]
    _write_tests(bot, _BY_RULE.replace("colleague", "away"))
    await _is_live(bot, version)
    await _speaks(bot, "Second.")


async def test_it_waits_while_the_model_is_away(new_bot: NewBot) -> None:
    bot = await _gated(new_bot, _BY_MODEL)
    gate = Gate()
    back = say("This is tested.", gate=gate)
    bot.llm.plan_calls(fail(503), fail(503), back, about="is this tested?")
    _edit(bot, "Second.")

    async def is_told() -> Any:
        candidate = (await _view(bot))["candidate"]
        assert candidate is not None
        assert candidate["trouble"]
        return candidate

    waiting = await eventually(is_told)
    assert "503" in waiting["trouble"]
    await _speaks(bot, "First.")
    await gate.reached()  # asked again
    await _speaks(bot, "First.")
    gate.open()
    await _is_live(bot, waiting["version"])
    await _speaks(bot, "Second.")


@pytest.mark.slow
async def test_another_takes_over_from_a_runner_that_dies(new_bot: NewBot) -> None:
    bot = await _gated(new_bot, _BY_MODEL)
    gate = Gate()
    bot.llm.plan_calls(say("tested", gate=gate), about="is this tested?")
    _edit(bot, "Second.")
    version = (await _is(bot, "testing"))["version"]
    await gate.reached()
    await bot.kill()
    gate.open()
    await bot.start()  # with a candidate that nobody has judged
    await _speaks(bot, "First.")
    await _is_live(bot, version)
    await _speaks(bot, "Second.")


@pytest.mark.slow
@ends_at(CrashPoint.CANDIDATE_CLAIMED, CrashPoint.PROMPT_PUBLISHED)
async def test_wherever_its_runner_ends_it_goes_live_once(
    new_bot: NewBot, point: CrashPoint
) -> None:
    bot = await _gated(new_bot, start=False)
    bot.env[VARIABLE] = point
    await bot.start()
    first = (await _view(bot))["version"]
    _edit(bot, "Second.")
    await ended_and_started(bot)
    await _is_live(bot, before=first)
    history = (await bot.api("GET", "/api/prompts/default/versions"))["items"]
    assert len(history) == 2


@pytest.mark.slow
async def test_one_of_several_processes_runs_the_tests(new_bot: NewBot) -> None:
    bot = await _gated(new_bot, _BY_MODEL, start=False)
    await bot.start("serve")
    await bot.start("worker", ready=False)
    await bot.start("worker", ready=False)
    await _speaks(bot, "First.")
    _edit(bot, "Second.")
    await _is_live(bot, before=(await _view(bot))["version"])
    assert len(bot.llm.calls_about("is this tested?")) == 1


async def test_a_person_may_publish_anyway(new_bot: NewBot) -> None:
    bot = await _gated(new_bot)
    _edit(bot, "Second.", _BAD)
    second = (await _is(bot, "failed"))["version"]
    console = await Console(bot).signed_in()
    stale = await console.post("/console/prompts/default/anyway", {"version": "0" * 12})
    assert stale.status_code == 404
    done = await console.post("/console/prompts/default/anyway", {"version": second})
    assert done.status_code == 303
    view = await _is_live(bot, second)
    assert (view["origin"], view["gate"]) == ("console", "anyway")
    await _speaks(bot, "Second.")
    audit = (await bot.api("GET", "/api/audit"))["items"][0]
    assert (audit["action"], audit["actor"]) == ("published", view["actor"])
    assert second in audit["reason"]

    _edit(bot, "Third.", _BAD)
    third = (await _is(bot, "failed"))["version"]
    refused = await bot.cli("prompts", "publish", "default")  # its tests are run again
    assert refused.exit_code == 0
    await _is(bot, "failed")
    published = await bot.cli("prompts", "publish", "default", "--anyway")
    assert published.exit_code == 0, published.stderr
    assert (await _is_live(bot, third))["origin"] == "shell"

    _edit(bot, "Fourth.", _BAD)
    fourth = (await _is(bot, "failed"))["version"]
    body = {"version": fourth}
    shown = await bot.api("GET", "/api/prompts/default/candidate")
    assert (shown["version"], shown["state"]) == (fourth, "failed")
    await bot.api("POST", "/api/prompts/default/candidate/publish", json=body)
    assert (await _is_live(bot, fourth))["origin"] == "api"
    await bot.api("GET", "/api/prompts/default/candidate", expect=404)


async def test_what_is_published_on_a_page_is_a_candidate_too(new_bot: NewBot) -> None:
    bot = await _gated(new_bot)
    first = (await _view(bot))["version"]
    console = await Console(bot).signed_in()
    path = bot.folder / "prompts" / "default.yaml"
    bad = {"source": _PROMPT.format(mark="Second.", words=_BAD), "base": first}
    assert (await console.post("/console/prompts/default/publish", bad)).status_code == 303
    await _is(bot, "failed")
    assert "First." in path.read_text()
    source = _PROMPT.format(mark="Third.", words=_GOOD)
    body = {"source": source, "base_version": first}
    await bot.api("PUT", "/api/prompts/default", json=body, expect=202)
    view = await _is_live(bot, before=first)
    assert view["origin"] == "api"
    await eventually(lambda: _holds(path, source))
    back = await bot.cli("prompts", "rollback", "default", first)
    assert back.exit_code == 0, back.stderr  # at once, without its tests
    await _is_live(bot, first)
    await _speaks(bot, "First.")


def _holds(path: Path, text: str) -> bool:
    return path.read_text() == text


@pytest.mark.slow
async def test_without_tests_it_goes_live_with_a_warning(new_bot: NewBot) -> None:
    bot = await _gated(new_bot, "")
    _edit(bot, "Second.")
    view = await _is_live(bot, before=(await _view(bot))["version"])
    assert view["gate"] == "untested"
    assert "candidate.untested" in bot.log


@pytest.mark.slow
async def test_an_edit_that_is_taken_back_is_a_candidate_no_more(new_bot: NewBot) -> None:
    bot = await _gated(new_bot)
    first = (await _view(bot))["version"]
    _edit(bot, "Second.", _BAD)
    await _is(bot, "failed")
    _edit(bot, "First.")
    view = await _is_live(bot, first)
    assert view["state"] == "valid"
    _edit(bot, "Second.", _BAD)
    await _is(bot, "failed")
    # Without a gate what waits is an edit like any other.
    bot.settings = {**bot.settings, "prompts": {"gate": "off"}}
    await bot.restart()
    await _is_live(bot, before=first)
    await _speaks(bot, "Second.")


# without a bot

_SINCE = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _candidate(state: CandidateState, **known: Any) -> CandidateView:
    brought = ("abc", state, _SINCE, "file", None, "a-host")
    return CandidateView(
        *brought, **{"trouble": "", "next_at": None, "judged_at": None, "report": Report()} | known
    )


@pytest.mark.parametrize(
    ("candidate", "told"),
    [
        (_candidate(CandidateState.WAITING), "waits for its tests"),
        (_candidate(CandidateState.TESTING), "tests are running"),
        (
            _candidate(CandidateState.WAITING, trouble="away (503)", next_at=_SINCE),
            "could not be run: away (503), again at",
        ),
        (
            _candidate(CandidateState.FAILED, report=Report(passed=2, failed=1, not_run=1)),
            "1 of 4 tests failed",
        ),
    ],
)
def test_the_shell_tells_how_far_a_candidate_is(candidate: CandidateView, told: str) -> None:
    first, *_, last = candidate_lines("default", candidate)
    assert told in first
    assert "bot prompts publish default --anyway" in last


def test_a_notice_is_short_and_holds_the_end_of_the_conversation() -> None:
    talk = tuple(Said("customer", f"number {number} " + "x" * 500) for number in range(20))
    failure = Failure("It answers", "t.yaml", 3, ("contains: yes: it does not",), talk)
    text = told("default", Report(passed=1, failed=1, failures=(failure, failure)))
    assert "number 19" in text
    assert "number 2 " not in text
    assert "contains: yes" in text
    assert len(text) < 1000


def test_a_wait_doubles_up_to_a_minute() -> None:
    edition = Edition("default", "abc", "")
    waits = [
        retry_at(Candidate(edition, Bringer(Origin.FILE), None, 1, attempts), _SINCE) - _SINCE
        for attempts in (0, 1, 2, 9, 10_000)
    ]
    assert [wait.total_seconds() for wait in waits] == [2, 4, 8, 60, 60]
