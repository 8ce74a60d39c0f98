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


class EndReason(StrEnum):
    """Why an event ended: each stored reason begins with one of these.

    Where it names a message, a command or a limit, that comes behind the words.
    """

    # done
    ANSWERED = "answered by"
    """The message named is the answer."""
    MERGED = "merged into"
    """Part of a burst: the message named is its last, and the answer to all of it is named too."""
    BY_PERSON = "answered by a person"
    """A person wrote to the customer before the bot did."""
    OPTED_OUT = "opted out"
    """Done: it was the STOP. Skipped: the customer has written STOP and not START since."""
    OPTED_IN = "opted in"
    """It was the START."""
    OPERATOR = "operator:"
    """An operator wrote it; the command is named, and was answered."""
    TAKEN_OVER = "a person wrote on the line's phone"
    """And has the conversation from then on."""
    RECORDED = "recorded:"
    """Somebody else wrote on the line, without taking the conversation over."""
    DELIVERY = "delivery of"
    """The notice that the message named has arrived."""
    ECHO = "echo of"
    """The message named is ours, told by the line once more."""
    CHANGE = "change of"
    """The customer changed the words of the message named."""
    DELETION = "deletion of"
    """The customer took the message named back."""
    LINE_READY = "line ready"
    LINE_DISCONNECTED = "line disconnected"

    # skipped
    PAUSED = "paused"
    """A person had the conversation, and gave it back without having the bot answer this."""
    STALE = "stale"
    """It had waited too long for an answer of the bot's: a person was told."""
    OVER_LIMIT = "over limit:"
    """The limit named was reached: a person was told."""
    LOOP = "loop:"
    """The other side seems to be a machine, by the sign named: a person was told."""
    FLOOD = "flood:"
    """Too much at once: a person was told."""
    UNSUPPORTED = "unsupported type, the customer knows"
    """Nothing could be made of it, and that was said lately."""
    DELETED = "deleted by the customer"
    """Before it was answered."""
    REACTION = "reaction"
    """No reaction starts an answer."""
    EXCLUDED = "excluded"
    """The line does not answer this contact."""
    BLOCKED = "blocked"
    """An operator has blocked this contact."""
    ERASED = "about what was erased"
    """It belongs to a contact's erased past; nothing of it was kept."""
    GROUP = "group"
    """Not a private chat."""
    OWN_NUMBER = "our own number"
    """It came from, or went to, one of the business's own lines."""
    DUPLICATE = "duplicate"
    """The same message came before, in another event."""
    DROPPED = "dropped by"
    """A dead letter that the person named has put away."""
    NOT_OPERATOR = "not an operator"
    """It waited to be carried out, and its author is no operator any more."""
    TO_OPERATOR = "to an operator"
    """Somebody else wrote to an operator on the line."""
    NOT_OURS = "not our message"
    """A notice about a message that the bot did not send, and need not know of."""
    UNKNOWN_MESSAGE = "about a message that is not known"
    """A change of, or the taking back of, something that never came."""
    NOT_ACTED_ON = "event type not acted on"

    # dead
    NO_REPLY = "no reply could be made"
    """The error says why; the customer got the prompt's `fallback`."""
    NO_FILE = "media: answered without it by"
    """Its file could not be had; the message named answers what else there was."""
    UNREADABLE = "unreadable"
    """Rightly signed, but odd or incomplete."""
    NOT_APPLIED = "could not be applied"
    """A fault of the bot's own."""

    @classmethod
    def of(cls, reason: str) -> "EndReason | None":
        """The one that a stored reason begins with; None: it is not of this set."""
        return max((one for one in cls if reason.startswith(one)), key=len, default=None)


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
