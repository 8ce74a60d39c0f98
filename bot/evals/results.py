"""What came of the tests: every conversation as it was held, and what was checked in it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal

Who = Literal["customer", "bot", "note"]


class Status(StrEnum):
    """What came of a test."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    """Neither: the model was away, the money was spent, somebody interrupted."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One verdict of the judge's, in its own words."""

    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation and what came of it."""

    expectation: str
    passed: bool
    reason: str = ""
    """Why not; of a judged one the judge's reason in any case."""
    turn: int | None = None
    """From 1; None: at the end."""
    line: int = 0
    votes: tuple[Vote, ...] = ()

    @property
    def where(self) -> str:
        """For people."""
        return "at the end" if self.turn is None else f"turn {self.turn}"


@dataclass(frozen=True, slots=True)
class Talk:
    """One thing that was said, or a note of ours."""

    who: Who
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Playing:
    """One time that a conversation was held."""

    status: Status
    talk: tuple[Talk, ...] = ()
    checks: tuple[Check, ...] = ()
    trouble: str = ""
    """Why it could not be held."""
    cost: float | None = 0.0
    """Of everything that the model was asked, also when it was remembered; None: not known."""
    tokens: int = 0
    calls: int = 0
    remembered: int = 0
    """Calls that the cache answered."""
    prompt_version: str | None = None

    @property
    def failures(self) -> tuple[Check, ...]:
        """What was not as expected."""
        return tuple(check for check in self.checks if not check.passed)


@dataclass(frozen=True, slots=True)
class Result:
    """One conversation with one prompt, held as often as it was to be repeated."""

    name: str
    file: str
    line: int
    prompt: str
    playings: tuple[Playing, ...]
    pass_rate: float = 1.0

    @property
    def passes(self) -> int:
        """How often it went as expected."""
        return sum(one.status is Status.PASSED for one in self.playings)

    @property
    def status(self) -> Status:
        """Enough passed; or too many failed, whatever the others would have come to."""
        needed = self.pass_rate * len(self.playings) - 1e-9
        failed = sum(one.status is Status.FAILED for one in self.playings)
        if self.playings and self.passes >= needed:
            return Status.PASSED
        return Status.FAILED if len(self.playings) - failed < needed else Status.NOT_RUN

    @property
    def cost(self) -> float | None:
        """None: not known."""
        return total_cost([one.cost for one in self.playings])

    @property
    def trouble(self) -> str:
        """Why it could not be held; empty when it was."""
        return next((one.trouble for one in self.playings if one.trouble), "")

    @property
    def worst(self) -> Playing | None:
        """The one to be shown: a failed one before any other."""
        order = (Status.FAILED, Status.NOT_RUN, Status.PASSED)
        return min(self.playings, key=lambda one: order.index(one.status), default=None)


@dataclass(frozen=True, slots=True)
class Results:
    """Everything of one run."""

    results: tuple[Result, ...]
    spent: float | None = 0.0
    """What this run has cost; what was remembered cost nothing. None: not known."""
    stopped: str = ""
    """Why not everything was begun; empty: it was."""

    @property
    def passed(self) -> bool:
        """Whether every test was held and went well."""
        return bool(self.results) and all(one.status is Status.PASSED for one in self.results)

    def count(self, status: Status) -> int:
        """How many ended so."""
        return sum(one.status is status for one in self.results)


def as_data(results: Results) -> dict[str, Any]:
    """For programs."""
    return {
        "passed": results.passed,
        "counts": {status.value: results.count(status) for status in Status},
        "spent": results.spent,
        "stopped": results.stopped,
        "results": [
            {**asdict(one), "status": one.status, "passes": one.passes, "cost": one.cost}
            for one in results.results
        ],
    }


def total_cost(costs: Sequence[float | None]) -> float | None:
    """None as soon as one is not known."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None
