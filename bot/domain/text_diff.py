"""What changed from one text to another, line by line."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

_CONTEXT = 3
LINES_MAX = 5000


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a difference; numbers count from 1, None: not in that text."""

    kind: Literal["same", "added", "removed", "gap"]
    before: int | None
    after: int | None
    text: str = field(repr=False)


def diff_texts(before: str, after: str) -> tuple[DiffLine, ...]:
    """Changed lines with three around them, a `gap` between; nothing: the texts are equal."""
    old, new = before.splitlines(), after.splitlines()
    if old == new and before != after:
        return (DiffLine("gap", None, None, "only line ends differ"),)
    matcher = difflib.SequenceMatcher(None, old, new)
    lines: list[DiffLine] = []
    for number, group in enumerate(matcher.get_grouped_opcodes(_CONTEXT)):
        if number:
            lines.append(DiffLine("gap", None, None, ""))
        for step in group:
            lines += _lines(step, old, new)
    return tuple(lines[:LINES_MAX])


def _lines(
    step: tuple[str, int, int, int, int], old: list[str], new: list[str]
) -> Iterator[DiffLine]:
    kind, old_from, old_to, new_from, new_to = step
    if kind == "equal":
        for offset in range(old_to - old_from):
            at = old_from + offset
            yield DiffLine("same", at + 1, new_from + offset + 1, old[at])
        return
    for at in range(old_from, old_to):
        yield DiffLine("removed", at + 1, None, old[at])
    for at in range(new_from, new_to):
        yield DiffLine("added", None, at + 1, new[at])
