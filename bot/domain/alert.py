"""Something that is wrong with the bot as a whole, and that somebody should know of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class AlertKind(StrEnum):
    """What may be wrong. The first part of an alert's key."""

    UNANSWERED = "unanswered"
    """Customers of a line wait, and no person has taken over."""
    NO_WORKER = "no_worker"
    """Nobody answers, on any line."""
    LINE_DOWN = "line_down"
    """Disconnected or held."""
    ACCOUNT_HELD = "account_held"
    """The key or the account is refused: nothing leaves on any line."""
    LINE_SILENT = "line_silent"
    """Nothing is heard at a time at which much usually is."""
    SIGNATURES = "signatures"
    """Webhooks that somebody else has signed, or with another secret."""
    DEAD_LETTERS = "dead_letters"
    """Something could not be processed."""
    PROMPT = "prompt"
    """A prompt file is not valid: its last valid version goes on serving."""
    DISK = "disk"
    """A machine's data directory is nearly full."""


OF_ALL = frozenset(
    {
        AlertKind.UNANSWERED,
        AlertKind.LINE_DOWN,
        AlertKind.ACCOUNT_HELD,
        AlertKind.LINE_SILENT,
        AlertKind.DEAD_LETTERS,
    }
)
"""What the database tells, the same to every process: one of them is enough to judge it."""

_OVER_AFTER: Mapping[AlertKind, timedelta] = {
    AlertKind.SIGNATURES: timedelta(minutes=30),  # nobody makes operators' phones ring at will
    AlertKind.PROMPT: timedelta(minutes=2),
    AlertKind.DISK: timedelta(minutes=2),
}


def over_after(kind: AlertKind) -> timedelta:
    """How long nobody must have seen it: what one process does not see, another may."""
    return _OVER_AFTER.get(kind, timedelta(0))


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong. Its text holds no customer's name, number or words."""

    kind: AlertKind
    text: str
    about: str = ""
    """Which of several: a line, a file, a machine."""
    line_id: str | None = None
    """Whose operators are told; None: those of all lines."""
    conversation_id: str | None = None
    """One to look at first."""
    ripe: bool = True

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.about}" if self.about else self.kind.value


def kind_of(key: str) -> AlertKind | None:
    """The kind that a key begins with; None: no alert's key."""
    name = key.partition(":")[0]
    return AlertKind(name) if name in set(AlertKind) else None


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a look: the keys that were told as new, and as over."""

    raised: tuple[str, ...] = ()
    over: tuple[str, ...] = ()
