"""What the stores hand out: results of a transition, and work that waits."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.outbox import Outbound


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a batch of filings."""

    wake: frozenset[str]
    """Conversations with a new message to answer."""
    apply: bool
    """Whether line or delivery events are to be applied."""
    duplicates: int


@dataclass(frozen=True, slots=True)
class ToSend:
    """This message is ours to send now."""

    message: Outbound


@dataclass(frozen=True, slots=True)
class SendLater:
    """Nothing to send before `at`; None: nothing to send."""

    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What a sweep found."""

    turns: tuple[str, ...] = ()
    """Conversations whose turn is due."""
    replies: tuple[str, ...] = ()
    """Conversations with a message to send."""
    probes: tuple[str, ...] = ()
    """Conversations whose oldest held message may try its line."""
    events: bool = False
    """Line or delivery events are due."""
    lapses: bool = False
    """A pause's time is up."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """A message that was already on its way when a pause began."""

    id: str
    status: str
