"""What the stores hand out: results of a transition, and work that waits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.domain.media import MediaWork
from bot.domain.outbox import Outbound


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a batch of filings."""

    wake: frozenset[str]
    """Conversations with a new message to answer."""
    apply: bool
    """Whether line or delivery events are to be applied."""
    duplicates: int
    media: tuple[str, ...] = ()
    """Attachments to be fetched."""
    stored: tuple[tuple[str, str | None], ...] = ()
    """Our ids of the new events, each with its conversation."""


@dataclass(frozen=True, slots=True)
class ToSend:
    """This message is ours to send now."""

    message: Outbound


@dataclass(frozen=True, slots=True)
class SendLater:
    """Nothing to send before `at`; None: nothing to send."""

    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MediaLater:
    """Nothing to do for an attachment before `at`."""

    at: datetime


@dataclass(frozen=True, slots=True)
class MediaEnded:
    """An attachment came to its end: its conversation may go on."""

    conversation_id: str
    expired: bool = False
    """It could not be fetched for a whole day."""


@dataclass(frozen=True, slots=True)
class MediaTaken:
    """Somebody else works on it, or it has come to its end already."""


MediaClaim = MediaWork | MediaLater | MediaEnded | MediaTaken


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
    media: tuple[str, ...] = ()
    """Attachments to be fetched or read."""
    notices: bool = False
    """Notices wait to be posted to the operators' webhook."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was written since the last look."""

    newest: int
    """The message to count from next time."""
    by_line: Mapping[str, tuple[int, int]]
    """The bot's messages, and customers'."""


@dataclass(frozen=True, slots=True)
class NoticePost:
    """A notice to be posted to the operators' webhook."""

    id: str
    body: Mapping[str, Any] = field(repr=False)
    attempt: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One of our messages is on the other side's phone."""

    message_id: str
    conversation_id: str
    was_unknown: bool
    """Until now nobody knew whether it had left."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of line and delivery events."""

    wake: frozenset[str] = frozenset()
    """Conversations to look at again."""
    deliveries: tuple[Delivery, ...] = ()

    def __add__(self, other: "Applied") -> "Applied":
        return Applied(self.wake | other.wake, self.deliveries + other.deliveries)


@dataclass(frozen=True, slots=True)
class InFlight:
    """A message that was already on its way when a pause began."""

    id: str
    status: str
