"""What an answer's figures may come from: prompt, facts, earlier conversation, the customer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache

from bot.domain.guards.figures import NOT_DIGITS, Figure, numbers
from bot.domain.guards.folding import fold, visible, words_of
from bot.domain.guards.numerals import THOUSAND
from bot.domain.guards.vocabulary import COMMON, COUNT_OF, HALVES

_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ \u00a0().\-/–]{1,3}(?=\d)")
_DURATION = re.compile(
    r"(\d{1,3})(?:\s?(?:-|–|to|a|y|ou|or|e)\s?(\d{1,3}))?\s?(?:working |business )?"
    r"(min|h|hour|hora|day|d[ií]a|laborable|week|semana|month|mes|m[eê]s)",
    re.IGNORECASE,
)
_MINUTES = {"min": 1, "h": 60, "hour": 60, "hora": 60}
_DAYS = {"week": 7, "semana": 7, "month": 31, "mes": 31, "mês": 31}
_NEWEST = 6
_STEM = 5
_COUNT_MAX = 1000


@dataclass(frozen=True)
class Sources:
    """All that was said before the answer. Nothing is worked out before it is asked for."""

    system: str = field(repr=False)
    said: Sequence[str] = field(repr=False)
    """Whoever said it, oldest first; the last is what is answered now."""
    now: datetime
    """In the business's own time."""
    shown: bool = False
    """The model was shown pictures: figures may come from there."""

    @cached_property
    def prompt(self) -> str:
        """The system text as it is seen."""
        return visible(self.system)

    @cached_property
    def talk(self) -> str:
        """What was said, as one text."""
        return visible("\n".join(self.said))

    @cached_property
    def whole(self) -> str:
        """All of it as one text."""
        return f"{self.prompt}\n{self.talk}"

    @cached_property
    def folded(self) -> str:
        """All of it without case and accents."""
        return fold(self.whole)

    @cached_property
    def compact(self) -> str:
        """Its letters and digits alone."""
        return re.sub(r"[^a-z0-9]+", "", self.folded)

    @cached_property
    def digits(self) -> str:
        """Its digits, runs that only separators part as one."""
        return " ".join(NOT_DIGITS.split(_BETWEEN_DIGITS.sub("", self.whole)))

    @cached_property
    def all_figures(self) -> tuple[Figure, ...]:
        """Every figure of it."""
        system = (f for line in self.prompt.splitlines() for f in _read_line(line)[1])
        return (*system, *numbers(self.talk))

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Every number in it, in thousandths, also those in words."""
        read = {v for f in self.all_figures if f.kind in _NUMERIC for v in f.values}
        spoken = COUNT_OF.keys() & set(words_of(self.folded))
        return frozenset(read | {COUNT_OF[word] * THOUSAND for word in spoken})

    @cached_property
    def prices(self) -> frozenset[int]:
        """What is written as an amount of money."""
        return frozenset(v for f in self.all_figures if f.kind == "price" for v in f.values)

    @cached_property
    def percentages(self) -> frozenset[int]:
        """In thousandths of a percent."""
        return frozenset(v for f in self.all_figures if f.kind == "percent" for v in f.values)

    @cached_property
    def minutes(self) -> frozenset[int]:
        """Times of the day; whole hours may be bare numbers."""
        times = {v for f in self.all_figures if f.kind == "time" for v in f.values}
        hours = {n // THOUSAND * 60 for n in self.numbers if n <= 24 * THOUSAND}
        return frozenset(times | hours)

    @cached_property
    def durations(self) -> tuple[frozenset[int], int]:
        """Lengths of time that are spoken of: in minutes; and the longest in days."""
        minutes, most = {15, 30, 60} if HALVES & set(words_of(self.folded)) else set(), 0
        for first, last, unit in _DURATION.findall(self.whole):
            for written in filter(None, (first, last)):
                short = _MINUTES.get(unit.lower())
                if short is not None:
                    minutes.add(int(written) * short)
                else:
                    most = max(most, int(written) * _DAYS.get(unit.lower(), 1))
        return frozenset(minutes), most

    @cached_property
    def recent(self) -> str:
        """What was said last, folded."""
        return fold("\n".join(self.said[-_NEWEST:]))

    def counts(self, answer: str) -> frozenset[int]:
        """How many of a thing are spoken of now."""
        text = f"{self.recent}\n{answer}"
        spoken = {COUNT_OF[word] for word in COUNT_OF.keys() & set(words_of(text))}
        found = (v for f in numbers(text) if f.kind == "number" for v in f.values)
        written = {v // THOUSAND for v in found if not v % THOUSAND and v < _COUNT_MAX * THOUSAND}
        return frozenset(n for n in spoken | written if n > 1)

    def in_play(self, answer: str) -> frozenset[int]:
        """The amounts in those lines of the prompt that are about what is spoken of now."""
        wanted = _stems(f"{self.recent}\n{answer}")
        lines = map(_read_line, self.prompt.splitlines())
        return frozenset(
            value
            for stems, found in lines
            if stems & wanted
            for figure in found
            if figure.kind in {"price", "number"} and not figure.has_unit
            for value in figure.values
        )


_NUMERIC = frozenset({"price", "percent", "number"})


@lru_cache(maxsize=4096)
def _read_line(line: str) -> tuple[frozenset[str], tuple[Figure, ...]]:
    """What a line of the prompt is about, and its figures. Kept: it is the same in every turn."""
    found = tuple(numbers(line))
    return _stems(fold(line)) if found else frozenset(), found


def _stems(folded: str) -> frozenset[str]:
    """The beginnings of longer words: `croissants` is about a `croissant`."""
    return frozenset(w[:_STEM] for w in words_of(folded) if len(w) > 2 and w not in COMMON)
