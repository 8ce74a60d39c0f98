"""One turn of the bot: what waits, what is decided, what came of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.chat import HandOffCall
from bot.domain.entry import Entry
from bot.domain.guards.rules import Note
from bot.domain.outbox import Outbound


class TurnState(StrEnum):
    """The life of a turn; at most one per conversation is working."""

    WORKING = "working"
    ANSWERED = "answered"
    """Its reply is in the outbox."""
    SUPERSEDED = "superseded"
    """Newer messages arrived before its reply was stored: the next turn sees them all."""
    DRAFTED = "drafted"
    """A person took over meanwhile: the reply is kept as a draft."""
    RELEASED = "released"
    """An outside part was away: the messages wait for the next try."""
    FAILED = "failed"
    """No reply could be made; counted against the messages."""
    SKIPPED = "skipped"
    """Nothing needed to be said, or not by the bot."""
    DEFERRED = "deferred"
    """The bot is off duty: the messages wait until it is not."""
    LOST = "lost"
    """Its worker died or was stopped; whatever it still writes is refused."""


class Effect(StrEnum):
    """What an answer meant beyond its words."""

    HANDED_OFF = "handed off"
    """A person has the conversation from here on."""
    OPTED_OUT = "opted out"
    OPTED_IN = "opted in"


NOTED_MAX = 200
"""So many of the messages that a turn took are noted with it, the newest."""


class Opting(StrEnum):
    """A customer's word that ends or begins the bot's right to write to them."""

    OUT = "opted out"
    IN = "opted in"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a conversation, as far as the rules ask for it."""

    opted_out: bool = False
    excluded: bool = False
    """The line no longer answers this contact."""
    refusal: str | None = None
    """Why no model may be asked now: too old, over a limit."""
    late: bool = False
    """An answer begins with an apology."""
    away_at: datetime | None = None
    """When the prompt's `away` was said last."""
    is_introduced: bool = False
    """A reply of the bot's waits to leave: it says what the customer talks to."""
    brief: str = field(default="", repr=False)
    """What a person has told the customer."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A claimed turn: these messages, this epoch, this worker."""

    id: str
    conversation_id: str
    line_id: str
    contact_name: str | None
    epoch: int
    first_message_at: datetime
    waiting: tuple[Entry, ...]
    """The customer's unanswered messages, in order of arrival."""
    attempts: int
    """How often making a reply to the oldest of them has failed already."""
    event_ids: tuple[str, ...] = ()
    """Of the webhooks that brought them."""
    past: tuple[Entry, ...] = field(default=(), repr=False)
    """What was said before, the newest part of it, oldest first."""
    taken_back: tuple[Entry, ...] = ()
    """What a reply that has not left yet is about: an answer to this turn takes its place."""
    standing: Standing = field(default_factory=Standing)
    for_show: bool = False
    """Taken beside the real one, or again: nothing of it is sent, and no figure counts it."""
    contact: str = field(default="", repr=False)
    """As `contact_key` gives it; empty: nobody in particular."""

    @property
    def to_answer(self) -> tuple[Entry, ...]:
        """All that the customer has had no answer to, in order of arrival."""
        return (*self.taken_back, *self.waiting)


@dataclass(frozen=True, slots=True)
class Claimed:
    """The turn is ours."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class NotYet:
    """The customer may still be writing: look again then."""

    due_at: datetime


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to answer: no messages, a person's conversation, over a limit, too old, or busy."""

    reason: str


@dataclass(frozen=True, slots=True)
class Listening:
    """A person has the conversation: the bot takes note of what it must, and says nothing."""

    conversation_id: str
    line_id: str
    contact_name: str | None
    waiting: tuple[Entry, ...]
    opted_out: bool
    contact: str = field(default="", repr=False)
    """As `contact_key` gives it."""


Claim = Claimed | NotYet | Nothing | Listening


@dataclass(frozen=True, slots=True)
class MadeBy:
    """What produced a reply; everything None for fixed words of the prompt's own."""

    prompt_version: str | None = None
    model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    llm_ms: int | None = None
    """How long the model took."""
    notes: tuple[Note, ...] = ()
    """What guards have found in the model's words."""
    prompt_name: str | None = None

    @property
    def tokens(self) -> int | None:
        """Input and output together; None when the model's server did not count."""
        counted = [n for n in (self.tokens_in, self.tokens_out) if n is not None]
        return sum(counted) if counted else None


@dataclass(frozen=True, slots=True)
class Withheld:
    """A model's answer that a guard has held back: kept as a draft, a person looks at it."""

    parts: tuple[str, ...] = field(repr=False)
    reason: str
    """Which guard, and what kind of thing it found; never a word of the answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the customer gets, in parts of at most the line's limit."""

    parts: tuple[str, ...] = field(repr=False)
    made_by: MadeBy
    hand_off: HandOffCall | None = None
    """Set: these are the bot's last words, a person takes over with them."""
    has_seen_all: bool = False
    """A model's answer, which takes the place of one that has not left yet. Fixed words do not."""
    late: bool = False
    """With an apology for the time it took."""
    opting: Opting | None = None
    """Set: this confirms that the customer has opted out or in."""
    withheld: Withheld | None = None
    """Set: this is said in place of what the model wrote."""

    @property
    def effect(self) -> Effect | None:
        """None: the conversation goes on."""
        if self.hand_off is not None:
            return Effect.HANDED_OFF
        return None if self.opting is None else Effect(self.opting.value)

    @property
    def is_parting(self) -> bool:
        """Whether it may leave although nothing else of the bot's may after it."""
        return self.hand_off is not None or self.opting is not None


class Answered(StrEnum):
    """What became of a reply that was to be stored."""

    STORED = "stored"
    SUPERSEDED = "superseded"
    DRAFTED = "drafted"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Attended:
    """What a look at a conversation's turn came to."""

    look_again_at: datetime | None = None
    """The customer may still be writing."""
    to_send: Outbound | None = field(default=None, repr=False)
    """The reply's first part, taken for sending in the transaction that stored it."""


@dataclass(frozen=True, slots=True)
class Say:
    """Fixed words, no model needed."""

    text: str
    hand_off: HandOffCall | None = None
    opting: Opting | None = None


@dataclass(frozen=True, slots=True)
class AskModel:
    """The model has to be asked."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing needs to be said."""

    reason: str


@dataclass(frozen=True, slots=True)
class Decline:
    """The bot says nothing; a person is told why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Defer:
    """The bot is off duty until then; `away` is said now, if it is not empty."""

    until: datetime
    away: str = ""


Decision = Say | AskModel | Skip | Decline | Defer
