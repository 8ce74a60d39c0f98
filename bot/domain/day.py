"""A day in figures, as the business counts days."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

HOURS = 24


@dataclass(frozen=True, slots=True)
class LineDay:
    """One line's part of a day."""

    line_id: str
    heard: int
    answered: int
    tokens: int
    cost: float


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on a day, or a part of it."""

    date: date
    heard: int
    """Messages of customers."""
    answered: int
    """Replies of the bot's, each to a burst."""
    handed_off: int
    failed: int
    """Dead letters."""
    median_s: float | None
    """From the first message of a burst to its reply; None: there was no reply."""
    p90_s: float | None
    tokens: int
    cost: float
    by_hour: tuple[int, ...]
    """Messages heard in each of the 24 hours."""
    by_line: tuple[LineDay, ...]


def bounds(of: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When a day begins and ends, whatever the clocks do in it."""
    begins = datetime(of.year, of.month, of.day, tzinfo=zone)
    after = of + timedelta(days=1)
    return begins, datetime(after.year, after.month, after.day, tzinfo=zone)


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The value that so large a share does not exceed; None: there is none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
