"""What happened, as the customers and the line saw it, on one monotonic clock."""

import re
from collections import Counter
from dataclasses import dataclass, field

SERIAL = re.compile(r"\bm(\d{6})\b")


@dataclass(slots=True)
class Written:
    """One message of a customer's."""

    serial: int
    customer: str
    event_ids: list[str]
    posted_at: float
    acknowledged_at: float | None = None
    spoken: bool = False
    """A voice note, whose answer may come after that to what was written later."""


@dataclass(slots=True)
class Silence:
    """A pause, from its acknowledgement to the beginning of its end."""

    customer: str
    begins: float
    in_flight: frozenset[str]
    ends: float = float("inf")


@dataclass(slots=True)
class Record:
    """Everything that is judged at the end."""

    written: dict[int, Written] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)
    fired: Counter[str] = field(default_factory=Counter)
    """Faults by kind, counted when they took effect."""

    @property
    def acknowledged(self) -> list[Written]:
        return [one for one in self.written.values() if one.acknowledged_at is not None]


def serials(text: str) -> list[int]:
    """The messages that a reply has seen."""
    return [int(number) for number in SERIAL.findall(text)]
