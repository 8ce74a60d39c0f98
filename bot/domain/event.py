"""What the line provider tells us: one webhook call, parsed, and its state in the inbox."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from bot.domain.media import Announced


class EventState(StrEnum):
    """The life of a stored event; a message event ends in exactly one of the last three."""

    PENDING = "pending"
    """Stored and acknowledged, waiting for its turn."""
    WORKING = "working"
    """Claimed by a turn whose worker's lease still runs."""
    DONE = "done"
    """Answered or applied; `reason` says by what."""
    SKIPPED = "skipped"
    """Never to be answered; `reason` says why."""
    DEAD = "dead"
    """Given up with an error; replay puts it back to pending."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """The message that a customer's message replies to."""

    provider_id: str | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Received:
    """A message on the line: by a contact, or (`from_me`) typed on the line's own phone."""

    provider_id: str
    sender: str
    """Exactly as received: replies go to this very address."""
    kind: str
    """`text`, `voice`, `image`, `video`, `document`, `sticker`, `location`, `contact`, `reaction`
    or whatever else the provider names."""
    text: str
    """The text or the caption; of a place, a contact card or a reaction what it says, in words.
    Empty when there is none."""
    received_at: datetime | None
    """The provider's time, None when absent or unreadable."""
    profile_name: str | None = None
    quoted: Quoted | None = None
    """What it replies or (a reaction) reacts to."""
    media: Announced | None = None
    """The file it carries; None also when the provider named none that can be fetched."""
    unanswerable: Literal["group", "newsletter", "status"] | None = None
    """Set: not a private chat, never answered."""
    from_me: bool = False
    recipient: str | None = None
    """With `from_me`: whom the person wrote to."""

    @property
    def is_group(self) -> bool:
        """Whether this came from anything but a private chat."""
        return self.unanswerable is not None


@dataclass(frozen=True, slots=True)
class Edited:
    """The customer changed the words of an earlier message."""

    provider_id: str
    """Of the message."""
    sender: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """The customer took an earlier message back."""

    provider_id: str
    """Of the message."""
    sender: str | None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The line handed a message over to `recipient`'s phone."""

    provider_id: str | None
    recipient: str | None
    delivered_at: datetime | None
    is_group: bool = False
    """To anything but a private chat."""


@dataclass(frozen=True, slots=True)
class LineChanged:
    """The line came or went."""

    ready: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """Rightly signed, but an odd or incomplete message: kept as a dead letter."""

    error: str
    sender: str | None = None
    """Who wrote it, None when that cannot be told."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event type that nothing acts on (yet): kept, counted, answered 200."""


Content = Received | Edited | Deleted | Delivered | LineChanged | Unread | Ignored


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """One webhook call whose signature was right."""

    id: str
    """The provider's `evt_…`, or what stands for it; redeliveries carry the same one."""
    type: str
    line_id: str
    content: Content
    raw: bytes = field(repr=False)
