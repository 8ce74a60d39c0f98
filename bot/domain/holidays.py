"""Days on which a business is closed all day, from the settings to the calendar."""

import re
from dataclasses import dataclass
from datetime import date

_DAY = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})")
_SOME_LEAP_YEAR = 2000


@dataclass(frozen=True, slots=True)
class Holiday:
    """From a first local day to a last one, both closed.

    Both are (year, month, day), or both (month, day): then it comes every year, and a last day
    before the first one lies in the next year.
    """

    first: tuple[int, ...]
    last: tuple[int, ...]

    def covers(self, day: date) -> bool:
        """Whether that day is one of them; the 29th of February comes in leap years only."""
        when = (day.year, day.month, day.day)[-len(self.first) :]
        if self.first <= self.last:
            return self.first <= when <= self.last
        return when >= self.first or when <= self.last


def parse_holiday(text: str) -> Holiday:
    """`2026-12-25`, `12-25`, or two such days with `..` between.

    Raises ValueError: what is wrong, and what to write.
    """
    beginning, dots, end = text.partition("..")
    first = _day(beginning)
    last = _day(end) if dots else first
    if len(first) != len(last):
        raise ValueError("write the year on both sides of `..`, or on neither")
    if len(first) == 3 and last < first:
        raise ValueError("ends before it begins: write the earlier day first")
    return Holiday(first, last)


def _day(text: str) -> tuple[int, ...]:
    match = _DAY.fullmatch(text.strip())
    if match is None:
        raise ValueError("write `2026-12-25`, `12-25` for every year, or a span `12-24..01-06`")
    numbers = tuple(int(part) for part in match.groups() if part is not None)
    try:
        date(*(_SOME_LEAP_YEAR, *numbers)[-3:])
    except ValueError:
        raise ValueError("no such day: write the month, then the day, like `12-25`") from None
    return numbers
