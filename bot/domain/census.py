"""How much there is of everything at one moment, as the database counts it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.shown import LineState


@dataclass(frozen=True, slots=True)
class Census:
    """Counts of more than ten thousand stop there."""

    waiting: int = 0
    """Conversations in which a customer waits for the bot."""
    waiting_since: datetime | None = None
    """The oldest message among theirs."""
    outbox: Mapping[str, int] = field(default_factory=dict)
    """Outbound messages that have not come to an end, by status."""
    uncertain: int = 0
    dead_letters: int = 0
    with_person: int = 0
    """Conversations that are paused by themselves."""
    attention: int = 0
    lines: Mapping[str, LineState] = field(default_factory=dict)
    workers: int = 0
    notices_waiting: int = 0
    alerts: Mapping[str, int] = field(default_factory=dict)
    """Open ones, by kind."""
