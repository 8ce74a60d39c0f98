"""Whether a line that hears nothing should be hearing something: its last two weeks say so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_SHORT = timedelta(minutes=15)
"""Nobody worries before."""
LONG = timedelta(hours=24)
"""A line that is silent for longer was told of, or is not used."""
DAYS = 14
_BUSY = 5.0
"""Messages in an hour; hours with fewer say nothing."""
_MISSED = 15.0
"""By chance alone so many do not stay away at once."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LineHistory:
    """What a line has heard."""

    heard_at: datetime
    """Its latest webhook."""
    by_hour: Mapping[datetime, int] = field(default_factory=dict, repr=False)
    """Customers' messages, by the hour's beginning; an hour that is not there had none."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one process has heard on a line since it last said so."""

    at: datetime
    """Its latest webhook."""
    messages: int
    """Customers' messages among them."""


def hour_of(at: datetime) -> datetime:
    """The beginning of its hour."""
    return at.replace(minute=0, second=0, microsecond=0)


def is_silent(history: LineHistory, now: datetime) -> bool:
    """Whether nothing has been heard for longer than anybody would notice."""
    return now - history.heard_at >= _SHORT


def unusual_silence(
    history: LineHistory, watched_since: datetime | None, now: datetime
) -> float | None:
    """How many messages are missing, if that is unusual; None: it is not.

    Only what was listened to counts: from `watched_since` on.
    """
    begun = history.heard_at
    if watched_since is not None:
        begun = max(begun, watched_since)
    if not _SHORT <= now - begun <= LONG:
        return None
    missed = sum(share * _busy(history, hour) for hour, share in _hours(begun, now))
    return missed if missed >= _MISSED else None


def _hours(begun: datetime, now: datetime) -> Iterator[tuple[datetime, float]]:
    """The hours in between, each with the share of it that lies there."""
    hour = hour_of(begun)
    while hour < now:
        lies_there = min(now, hour + _HOUR) - max(begun, hour)
        yield hour, lies_there / _HOUR
        hour += _HOUR


def _busy(history: LineHistory, hour: datetime) -> float:
    usual = _usual(history, hour)
    return usual if usual >= _BUSY else 0.0


def _usual(history: LineHistory, hour: datetime) -> float:
    """Messages in this hour of a day, or on this day of the week, whichever are fewer."""
    heard = [history.by_hour.get(hour - timedelta(days=day), 0) for day in range(1, DAYS + 1)]
    same_weekday = heard[6::7]
    return min(sum(heard) / len(heard), sum(same_weekday) / len(same_weekday))
