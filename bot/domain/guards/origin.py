"""Whether a figure of an answer comes from somewhere."""

import re
from datetime import timedelta

from bot.domain.guards.figures import NOT_DIGITS, Day, Figure, figures
from bot.domain.guards.folding import fold, words_of
from bot.domain.guards.numerals import THOUSAND
from bot.domain.guards.sources import Sources
from bot.domain.guards.sums import Sums
from bot.domain.guards.vocabulary import SUM_WORDS

_SOON_DAYS = 7
_HARMLESS = 1_000 * THOUSAND
_YEARS = range(1900, 2101)
_PHONE_TAIL = 8
_SCHEME = re.compile(r"^(?:https?://)?(?:www\.)?")
_WRITTEN = re.compile(r"\d+(?:[.,]\d+)*")
_SURE = frozenset({0, 50 * THOUSAND, 100 * THOUSAND})
"""Percentages that are ways of speaking."""


class Origin:
    """Looks for where the figures of one answer come from."""

    def __init__(self, sources: Sources, answer: str) -> None:
        self._sources = sources
        self._answer = fold(answer)
        self._sums: Sums | None = None
        self._times: set[int] = set()
        """Of the answer, and founded."""

    def has(self, figure: Figure) -> bool:
        """Whether the figure is known, follows from what is known, or says nothing."""
        match figure.kind:
            case "url" | "email":
                return self._has_address(figure.said)
            case "phone":
                return is_known_number(NOT_DIGITS.sub("", figure.said), self._sources)
            case "code":
                return re.sub(r"[^a-z0-9]+", "", fold(figure.said)) in self._sources.compact
            case "date":
                return self._literally(figure.said) or self._has_date(figure)
            case "time":
                return self._literally(figure.said) or self._has_time(figure)
            case _:
                return self._has_number(figure)

    def _literally(self, said: str) -> bool:
        """Whether it stands there just so, not as a part of another number."""
        whole = self._sources.whole
        at = whole.find(said)
        while at >= 0:
            before, after = whole[max(0, at - 2) : at], whole[at + len(said) :][:2]
            if not _goes_on(before[::-1]) and not _goes_on(after):
                return True
            at = whole.find(said, at + 1)
        return False

    def _has_address(self, said: str) -> bool:
        wanted = fold(_SCHEME.sub("", said)).rstrip("/")
        known = self._sources.folded
        at = known.find(wanted)
        while at >= 0:
            around = (known[at - 1 : at], known[at + len(wanted) :][:1])
            if not any(sign.isalnum() for sign in around):
                return True
            at = known.find(wanted, at + 1)
        return self._is_filled_in(wanted)

    def _is_filled_in(self, wanted: str) -> bool:
        """A known address with a known number behind it, as for tracking or a chat."""
        head, slash, tail = re.sub(r"[=?#]", "/", wanted).rpartition("/")
        code = re.sub(r"[^a-z0-9]+", "", tail)
        if not slash or not any(sign.isdigit() for sign in code):
            return False
        known = head in self._sources.folded.replace("=", "/") or head == "wa.me"
        return known and code in self._sources.compact

    def _has_date(self, figure: Figure) -> bool:
        known = {day for f in self._sources.all_figures if f.kind == "date" for day in f.days}
        if any(_same_day(day, other) for day in figure.days for other in known):
            return True
        today = self._sources.now.date()
        _, most = self._sources.durations
        last = max(_SOON_DAYS, most * 3 // 2 + 2)
        near = {today + timedelta(days) for days in range(-1, min(last, 400) + 1)}
        return any(_same_day(day, (d.year, d.month, d.day)) for day in figure.days for d in near)

    def _has_time(self, figure: Figure) -> bool:
        """12 and 24 hours are alike; so is what a known length of time makes of a known time."""
        now = self._sources.now.hour * 60 + self._sources.now.minute
        lengths, _ = self._sources.durations
        known = {*self._sources.minutes, *self._times, now, now - 1, now + 1}
        reached = {
            (one + sign * m) % 720 for one in known for m in (0, *lengths) for sign in (1, -1)
        }
        if all(value % 720 not in reached for value in figure.values):
            return False
        self._times |= figure.values
        return True

    def _has_number(self, figure: Figure) -> bool:
        if figure.kind == "number" and self._is_harmless(figure):
            return True
        if figure.kind == "percent":
            return bool(figure.values & (_SURE | self._sources.percentages))
        written = _WRITTEN.search(figure.said)
        if written is not None and "cent" not in figure.said and self._literally(written[0]):
            return True
        if figure.values & self._sources.numbers:
            self._remember(figure)
            return True
        if self._sums is None:
            self._sums = self._known_sums()
        if any(self._sums.give(value) for value in figure.values):
            self._remember(figure)
            return True
        return False

    def _is_harmless(self, figure: Figure) -> bool:
        """Small counts, measures, years."""
        smallest = min(figure.values)
        return figure.has_unit or smallest < _HARMLESS or smallest // THOUSAND in _YEARS

    def _remember(self, figure: Figure) -> None:
        if self._sums is not None and figure.kind == "price":
            for value in figure.values:
                self._sums.add(value)

    def _known_sums(self) -> Sums:
        """From what is spoken of; from all prices where the answer sounds like a sum."""
        sources = self._sources
        counts = sources.counts(self._answer)
        amounts = set(sources.in_play(self._answer))
        for text in sources.said[-6:]:
            amounts |= _prices_in(text)
        amounts |= _prices_in(self._answer) & sources.numbers
        if not SUM_WORDS.isdisjoint(words_of(self._answer)) or (
            counts and not amounts & sources.prices
        ):
            amounts |= sources.prices
        return Sums(amounts, counts, sources.percentages, sources.prices)


def is_known_number(digits: str, sources: Sources) -> bool:
    """Whether a telephone number was named before, with or without its country's code."""
    return digits[-_PHONE_TAIL:] in sources.digits


def _goes_on(text: str) -> bool:
    """Whether a number goes on there: a digit, or a separator and a digit."""
    return text[:1].isdigit() or (text[:1] in {".", ","} and text[1:2].isdigit())


def _same_day(day: Day, other: Day) -> bool:
    return day[1:] == other[1:] and (None in (day[0], other[0]) or day[0] == other[0])


def _prices_in(text: str) -> set[int]:
    return {value for f in figures(text) if f.kind == "price" for value in f.values}
