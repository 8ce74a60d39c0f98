"""A conversation: one contact on one line. Either the bot answers it or a person does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

from bot.domain.inbox import Audience
from bot.domain.notice import Roster
from bot.domain.pace import Pace


class Owner(StrEnum):
    """Who answers; every change raises the conversation's epoch and cancels what was queued."""

    BOT = "bot"
    HUMAN = "human"


def conversation_id(line_id: str, contact_key: str) -> str:
    """The id that belongs to a contact on a line: derived, so that nobody has to look it up."""
    digest = blake2b(f"{line_id}\n{contact_key}".encode(), digest_size=12)
    return f"cv_{digest.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Pause:
    """A person takes over: who, why and until when (None: until somebody resumes)."""

    by: str
    until: datetime | None
    reason: str | None = None
    prolongs: bool = False
    """A person's message: it never shortens a pause that lasts longer."""


def operator_chat_id(line_id: str, contact_key: str) -> str:
    """The id of an operator's chat with a line: apart from what they write as a customer."""
    return conversation_id(line_id, f"operator:{contact_key}")


def _everybody(_line_id: str) -> Audience:
    return Audience()


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that turns and sends are decided by."""

    quiet_period: timedelta = timedelta(seconds=3)
    max_wait: timedelta = timedelta(seconds=20)
    late_after: timedelta = timedelta(minutes=10)
    """A message that has waited longer is answered with the prompt's apology."""
    stale_after: timedelta = timedelta(hours=12)
    """One that has waited longer than this is for a person."""
    pace: Pace = field(default_factory=Pace)
    replies_per_hour: int = 30
    """0: no limit."""
    cost_per_day: float = 0.0
    """0: no limit; in the currency of `llm.prices`."""
    max_attempts: int = 8
    base_delay: timedelta = timedelta(seconds=1)
    max_delay: timedelta = timedelta(minutes=5)
    send_timeout: timedelta = timedelta(seconds=15)
    resend_unknown: bool = True
    """False: an unknown send is for an operator at once."""
    unknown_wait: timedelta = timedelta(seconds=10)
    auto_resume_after: timedelta | None = timedelta(hours=4)
    resume_grace: timedelta = timedelta(minutes=10)
    wait_for_person: bool = False
    foreign_messages: str = "pause"
    """`pause`, `record` or `ignore`."""
    timezone: str = "UTC"
    hold_probe: timedelta = field(default=timedelta(minutes=5))
    not_ready_probe: timedelta = field(default=timedelta(seconds=60))
    delivery_grace: timedelta = field(default=timedelta(seconds=5))
    """How long a delivery notice may wait for the send it belongs to."""
    roster: Roster = field(default_factory=Roster)
    """Who is told when a person is needed."""
    audience: Callable[[str], Audience] = field(default=_everybody)
    """Whom a line answers."""
