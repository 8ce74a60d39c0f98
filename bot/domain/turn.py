"""One turn of the bot: what waits, what is decided, what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.chat import HandOffCall
from bot.domain.entry import Entry
from bot.domain.outbox import Outbound
from bot.domain.prompt import HandOffRule, RenderedPrompt


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
    """Nothing needed to be said."""
    LOST = "lost"
    """Its worker died or was stopped; whatever it still writes is refused."""


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
    past: tuple[Entry, ...] = field(default=(), repr=False)
    """What was said before, the newest part of it, oldest first."""


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


Claim = Claimed | NotYet | Nothing


@dataclass(frozen=True, slots=True)
class MadeBy:
    """What produced a reply; everything None for fixed words of the prompt's own."""

    prompt_version: str | None = None
    model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None

    @property
    def tokens(self) -> int | None:
        """Input and output together; None when the model's server did not count."""
        counted = [n for n in (self.tokens_in, self.tokens_out) if n is not None]
        return sum(counted) if counted else None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the customer gets, in parts of at most the line's limit."""

    parts: tuple[str, ...] = field(repr=False)
    made_by: MadeBy
    hand_off: HandOffCall | None = None
    """Set: these are the bot's last words, a person takes over with them."""
    has_seen_all: bool = False
    """A model's answer, which takes the place of one that has not left yet. Fixed words do not."""


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


@dataclass(frozen=True, slots=True)
class AskModel:
    """The model has to be asked."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing needs to be said."""

    reason: str


Decision = Say | AskModel | Skip

_TOLD = frozenset({"text", "location", "contact"})
"""Types whose words are all there is to them."""
_FILES = frozenset({"image", "video", "document", "sticker"})
_SAID_LATELY = timedelta(hours=24)


def decide(waiting: Sequence[Entry], past: Sequence[Entry], prompt: RenderedPrompt) -> Decision:
    """What to do about the waiting messages, before any model is asked."""
    if not any(_means_something(entry) for entry in waiting):
        if any(entry.kind == "voice" for entry in waiting):
            return Say(prompt.unheard or prompt.unsupported)
        return _say_unsupported(waiting, past, prompt)
    if prompt.hand_off is not None and any(
        _asks_for_person(entry.words, prompt.hand_off) for entry in waiting
    ):
        return Say(prompt.hand_off.say, HandOffCall("keyword", waiting[-1].words))
    return AskModel()


def _means_something(entry: Entry) -> bool:
    """Whether the model can make anything of it, if only that a photo could not be opened."""
    if entry.kind in _TOLD:
        return True
    if entry.kind == "voice":
        return entry.media is not None and bool(entry.media.reading.text.strip())
    return entry.kind in _FILES and (entry.media is not None or bool(entry.text.strip()))


def _say_unsupported(
    waiting: Sequence[Entry], past: Sequence[Entry], prompt: RenderedPrompt
) -> Say | Skip:
    """Once is enough: somebody who sends ten such messages does not get ten such answers."""
    since = waiting[0].at - _SAID_LATELY
    known = _bare(prompt.unsupported)
    if any(
        entry.author == "bot" and entry.at > since and _bare(entry.text) == known for entry in past
    ):
        return Skip("unsupported type, the customer knows")
    return Say(prompt.unsupported)


def _asks_for_person(text: str, rule: HandOffRule) -> bool:
    said = _bare(text)
    return any(said == _bare(keyword) for keyword in rule.keywords)


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!?¡¿")
