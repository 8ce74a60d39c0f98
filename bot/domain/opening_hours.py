"""Opening hours: as the settings hold them, as a model reads them, and by the clock."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

from bot.domain.calendar_words import ENGLISH, CalendarWords
from bot.domain.holidays import Holiday

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BotAnswers = Literal["always", "in_hours", "outside_hours"]
"""When the bot answers at all."""

_DAY = timedelta(days=1)
_DAY_MINUTES = 24 * 60
_HORIZON = timedelta(days=400)
_RANGE = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*[-–]\s*(?:([01]?\d|2[0-3]):([0-5]\d)|24:00)")


def opening(text: str) -> str | None:
    """`9:00 - 13:00` as `09:00-13:00`; None when it is no span of time.

    An end before the start means the next morning.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        return None
    start = f"{int(match[1]):02}:{match[2]}"
    end = "24:00" if match[3] is None else f"{int(match[3]):02}:{match[4]}"
    return None if start == end else f"{start}-{end}"


def hours_text(hours: Mapping[str, Sequence[str]], words: CalendarWords = ENGLISH) -> str:
    """`Mon-Fri 09:00-13:00 and 16:00-20:00; Sun closed`; days not given are left out."""
    groups: list[tuple[str, str, str]] = []
    for day, before in zip(DAYS, (None, *DAYS), strict=False):
        if day not in hours:
            continue
        spans = f" {words.joined} ".join(hours[day]) or words.closed
        if groups and groups[-1][1] == before and groups[-1][2] == spans:
            groups[-1] = (groups[-1][0], day, spans)
        else:
            groups.append((day, day, spans))
    names = dict(zip(DAYS, words.short_days, strict=True))
    return "; ".join(f"{_span(names[first], names[last])} {spans}" for first, last, spans in groups)


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first}-{last}"


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When a business is open by its local clock. All instants in and out are aware UTC.

    Without `hours` it is always open, on holidays too; with them, days they do not name are
    closed. A holiday closes its local day, though a span that began the evening before goes on.

    A span reaches from the first moment at which the clock shows its start, or a later time, to
    the first at which it shows its end or later. So what begins in an hour that is skipped begins
    when the clock jumps, and an hour that comes twice opens and closes once.
    """

    hours: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By day, spans as `opening` returns them."""
    holidays: Sequence[Holiday] = ()
    timezone: tzinfo = UTC
    timezone_name: str = "UTC"
    _week: tuple[tuple[tuple[int, int], ...], ...] = field(init=False, repr=False, compare=False)
    """From Monday on, spans in minutes of the day; an end over 1440 is on the next one."""

    def __post_init__(self) -> None:
        week = tuple(tuple(map(_minutes, self.hours.get(day, ()))) for day in DAYS)
        object.__setattr__(self, "_week", week)

    def is_open(self, at: datetime) -> bool:
        """Whether the business is open at that moment."""
        today = self._clock(at).date()
        # Tomorrow too: clocks that went back over midnight have shown it already.
        days = (today - _DAY, today, today + _DAY)
        return not self.hours or any(
            start <= at < end for day in days for start, end in self._openings(day)
        )

    def changed_at(self, at: datetime) -> datetime | None:
        """When the present state, open or closed, began; None: over 400 days ago, or never."""
        state, latest = self.is_open(at), self._clock(at).date() + _DAY
        days = (latest - _DAY * back for back in range(_HORIZON.days + 3))
        for edge in (edge for day in days for edge in reversed(self._edges(day))):
            if edge <= at and self.is_open(edge - timedelta.resolution) != state:
                return edge if at - edge <= _HORIZON else None
        return None

    def changes_at(self, at: datetime) -> datetime | None:
        """When the present state, open or closed, ends; None: not within 400 days."""
        state, today = self.is_open(at), self._clock(at).date()
        days = (today + _DAY * ahead for ahead in range(_HORIZON.days + 2))
        for edge in (edge for day in days for edge in self._edges(day)):
            if edge > at and self.is_open(edge) != state:
                return edge if edge - at <= _HORIZON else None
        return None

    def _spans(self, day: date) -> tuple[tuple[int, int], ...]:
        """In minutes, of the spans that begin on that local day."""
        spans = self._week[day.weekday()]
        is_closed = not spans or any(holiday.covers(day) for holiday in self.holidays)
        return () if is_closed else spans

    def _openings(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        for start, end in self._spans(day):
            yield self._instant(day, start), self._instant(day, end)

    def _edges(self, day: date) -> list[datetime]:
        """Where spans begin and end on that local day, in order, without those that touch."""
        today, yesterday = self._spans(day), self._spans(day - _DAY)
        starts = {start for start, _ in today}
        ends = {end for _, end in today if end < _DAY_MINUTES}
        ends |= {end - _DAY_MINUTES for _, end in yesterday if end >= _DAY_MINUTES}
        return [self._instant(day, minute) for minute in sorted(starts ^ ends)]

    def _instant(self, day: date, minute: int) -> datetime:
        """The first moment at which the clock shows that time of that day, or a later one."""
        shown = datetime.combine(day, time.min) + timedelta(minutes=minute)
        folds = (shown.replace(tzinfo=self.timezone, fold=fold) for fold in (0, 1))
        early, late = sorted(local.astimezone(UTC) for local in folds)
        if self._clock(early) == shown:
            return early
        return self._jump(early, late, shown)

    def _jump(self, early: datetime, late: datetime, shown: datetime) -> datetime:
        """When, between two moments, the clock jumps over a time that it never shows."""
        seconds = range(int((late - early).total_seconds()))
        jump = bisect_left(seconds, shown, key=lambda s: self._clock(early + timedelta(seconds=s)))
        return early + timedelta(seconds=jump)

    def _clock(self, at: datetime) -> datetime:
        """What the local clock shows, without its zone."""
        return at.astimezone(self.timezone).replace(tzinfo=None)


def off_duty(mode: BotAnswers, opening_hours: OpeningHours, now: datetime) -> bool:
    """Whether the bot does not answer at this moment; without any hours it always does."""
    if mode == "always" or not opening_hours.hours:
        return False
    return opening_hours.is_open(now) == (mode == "outside_hours")


def _minutes(span: str) -> tuple[int, int]:
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in span.split("-"))
    return start, end if end > start else end + _DAY_MINUTES
