"""Candidates: changed prompts that speak to nobody until their tests have passed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.prompt_version import Bringer, Edition
from bot.domain.telling import short

RETRY_FIRST = timedelta(seconds=2)
_RETRY_LONGEST = timedelta(minutes=1)
_DOUBLED_AT_MOST = 10
SHOWN_FAILURES = 5
SHOWN_TALK = 12
SHOWN_CHARS = 600
_TOLD_TALK = 4
_TOLD_CHARS = 120


class CandidateState(StrEnum):
    """The life of a candidate. One that goes live is one no more."""

    WAITING = "waiting"
    """For somebody to run its tests, perhaps for the model to be back."""
    TESTING = "testing"
    """Somebody runs them, who says so every few seconds."""
    FAILED = "failed"
    """The last good version serves on."""


class Gate(StrEnum):
    """How a version has passed the gate; one that was brought without a gate has none."""

    PASSED = "passed"
    UNTESTED = "untested"
    """There are no tests about it."""
    ANYWAY = "anyway"
    """A person wanted it so."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a conversation."""

    who: str
    """`customer`, `bot` or `note`."""
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that has failed: its conversation, and what was not as expected."""

    name: str
    file: str
    line: int
    problems: tuple[str, ...]
    talk: tuple[Said, ...] = field(default=(), repr=False)
    """The end of it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a candidate's tests."""

    passed: int = 0
    failed: int = 0
    not_run: int = 0
    spent: float | None = 0.0
    """None: not known."""
    failures: tuple[Failure, ...] = ()
    """The first of them."""


class Ruling(StrEnum):
    """What the tests say."""

    PASS = "pass"  # noqa: S105 - no password
    UNTESTED = "untested"
    FAIL = "fail"
    NOT_RUN = "not run"
    """The model could not be asked: again later."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of running a candidate's tests."""

    ruling: Ruling
    tests: str
    """Digest of the tests that were run."""
    report: Report = field(default_factory=Report)
    trouble: str = ""
    """Why they could not be run."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One that is in hand: its tests are run here."""

    edition: Edition
    bringer: Bringer
    base: str | None
    """What was live when it was brought."""
    run: int
    """Higher with each that takes it in hand: what an earlier one still writes is refused."""
    attempts: int
    """How often its tests could not be run."""


@dataclass(frozen=True, slots=True)
class CandidateView:
    """A candidate as operators are shown it."""

    version: str
    state: CandidateState
    since: datetime
    origin: str
    actor: str | None
    host: str | None
    trouble: str
    """Why its tests have not been run yet; empty: nothing is in the way."""
    next_at: datetime | None
    """When that is tried again."""
    judged_at: datetime | None
    report: Report


def retry_at(candidate: Candidate, now: datetime) -> datetime:
    """When tests that could not be run are tried again."""
    wait: timedelta = RETRY_FIRST * (1 << min(candidate.attempts, _DOUBLED_AT_MOST))
    return now + min(wait, _RETRY_LONGEST)


def told(name: str, report: Report) -> str:
    """What operators are told of a failure: which test, the end of its conversation, and why."""
    total = report.passed + report.failed + report.not_run
    lines = [
        f"A change of the prompt {name} is not live: {report.failed} of {total} tests failed. "
        "The last good version answers on."
    ]
    for failure in report.failures[:1]:
        lines.append(f"Test: {short(failure.name, _TOLD_CHARS)}")
        lines += [
            f"{one.who}: {short(one.text, _TOLD_CHARS)}" for one in failure.talk[-_TOLD_TALK:]
        ]
        lines += [f"Not as expected: {short(one, _TOLD_CHARS)}" for one in failure.problems[:2]]
    return "\n".join(lines)
