"""What a bench found, beside its targets: one table, for the terminal and for Markdown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bench import figures

HEAD = ("", "reference", "measured", "ratio", "target", "verdict")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement, and the same of the reference in the same run (None: there is none)."""

    value: float | None
    reference: float | None = None

    @property
    def ratio(self) -> float | None:
        """The measurement in units of the reference's; None when one of the two is missing."""
        if self.value is None or not self.reference:
            return None
        return self.value / self.reference


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure, or its ratio to the reference, should be."""

    bound: Literal["below", "at most", "at least"]
    limit: float
    of: Literal["value", "ratio"] = "value"

    def __str__(self) -> str:
        words = f"{self.bound} {self.limit:g}"
        return f"ratio {words}" if self.of == "ratio" else words

    def verdict(self, figure: Figure) -> str:
        """`met`, `missed`, or why neither can be said."""
        number = figure.value if self.of == "value" else figure.ratio
        if number is None:
            return f"not measured: no {'figure' if figure.value is None else 'reference'}"
        return "met" if self._holds(number) else "missed"

    def _holds(self, number: float) -> bool:
        match self.bound:
            case "below":
                return number < self.limit
            case "at most":
                return number <= self.limit
            case "at least":
                return number >= self.limit


Targets = Mapping[str, Target]


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one bench by name; a target without one was not measured."""

    figures: Mapping[str, Figure] = field(default_factory=dict)
    notes: Sequence[str] = ()
    missing: str = "left out"
    """Why the figures that are not there are not there."""


def rows(targets: Targets, result: Result) -> list[list[str]]:
    """A row for each figure in the order measured, then one for each target without a figure."""
    found = [
        _row(name, figure, targets.get(name), result.missing)
        for name, figure in result.figures.items()
    ]
    unmeasured = [
        [name, "", "", "", str(target), f"not measured: {result.missing}"]
        for name, target in targets.items()
        if name not in result.figures
    ]
    return found + unmeasured


def _row(name: str, figure: Figure, target: Target | None, missing: str) -> list[str]:
    verdict = "" if target is None else target.verdict(figure)
    if target is None and figure.value is None:
        verdict = f"not measured: {missing}"
    shown = (shown_number(number) for number in (figure.reference, figure.value, figure.ratio))
    return [name, *shown, "" if target is None else str(target), verdict]


def shown_number(number: float | None) -> str:
    """Three digits that count."""
    if number is None:
        return ""
    if math.isinf(number):
        return "never"
    if abs(number) >= 100 or number == 0:
        return f"{number:,.0f}"
    return f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def as_text(name: str, targets: Targets, result: Result) -> str:
    """For the terminal."""
    table = figures.table((name, *HEAD[1:]), rows(targets, result), left=(0, 4, 5))
    return "\n".join([table, *result.notes])


def as_markdown(targets: Targets, result: Result) -> str:
    """For a page."""
    rule = ["---", "---:", "---:", "---:", "---", "---"]
    lines = [_cells(HEAD), _cells(rule), *(_cells(row) for row in rows(targets, result))]
    notes = [f"- {note}" for note in result.notes]
    return "\n".join([*lines, *(["", *notes] if notes else [])])


def _cells(row: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
