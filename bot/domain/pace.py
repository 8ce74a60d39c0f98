"""How fast a line sends: never slower than a customer who just wrote expects, never like a machine.

A fresh reply leaves at once. What catches up after an outage goes through a bucket of tokens, and
so does everything for some minutes after the line has complained.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_DOUBLES_EVERY = timedelta(minutes=2)
_SLOWEST = 0.25


@dataclass(frozen=True, slots=True)
class Pace:
    """What the settings say. 0: no limit."""

    catch_up_per_minute: float = 60
    """Late answers on one line."""
    slow_per_minute: float = 6000
    """All of the bot's messages on a line that has complained, at half speed of that at first."""
    burst: int = 30
    """So many may leave at once before either counts."""
    part_gap: timedelta = timedelta(seconds=1)
    """Between two messages to a contact who has not written in between."""
    jitter: float = 0.2
    """Waits are up to this much longer."""
    per_day: int = 0
    """The bot's messages on one line in a day."""
    young_days: int = 0
    """So long a line counts as young; its first day has `young_per_day`, each next one double."""
    young_per_day: int = 250
    breaker_ratio: float = 5
    """More of the bot's messages for one of customers' within ten minutes are a runaway."""
    breaker_least: int = 200
    """Fewer than this are none."""

    @property
    def counts_days(self) -> bool:
        """Whether anybody has to count what leaves in a day."""
        return bool(self.per_day or self.young_days)

    def allowed_on(self, day: int) -> int | None:
        """How many may leave on the line's `day`th day (from 0); None: any number."""
        caps = [self.per_day] if self.per_day else []
        if day < self.young_days:
            caps.append(self.young_per_day * 2 ** min(day, 30))
        return min(caps, default=None)

    def is_runaway(self, sent: int, heard: int) -> bool:
        """Whether the bot writes on and on, though hardly anybody writes to it."""
        enough = bool(self.breaker_ratio) and sent >= self.breaker_least
        return enough and sent > self.breaker_ratio * max(1, heard)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A line's tokens at a moment."""

    tokens: float
    at: datetime

    def after(self, now: datetime, per_minute: float, burst: int) -> "Bucket":
        """Filled up since then; a clock that was set back fills nothing."""
        passed = max(timedelta(0), now - self.at)
        filled = self.tokens + per_minute * (passed / timedelta(minutes=1))
        return Bucket(min(float(burst), filled), now)

    def wait(self, per_minute: float) -> timedelta:
        """Until there is a token."""
        missing = max(0.0, 1.0 - self.tokens)
        return timedelta(minutes=missing / per_minute)


def slowed(pace: float, since: datetime | None, now: datetime) -> float:
    """The share of full speed that a line has found back to: it doubles every two minutes."""
    if since is None or pace >= 1:
        return 1.0
    doublings = max(timedelta(0), now - since) / _DOUBLES_EVERY
    return float(min(1.0, pace * 2.0 ** min(doublings, 60)))


def slow_down(pace: float) -> float:
    """Half of it, but never so slow that customers are as good as not answered."""
    return max(_SLOWEST, pace / 2)
