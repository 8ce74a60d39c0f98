"""What operators are shown, by the API, the console and the command line alike."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.domain.outbox import SendStatus

Answerer = Literal["bot", "human"]
LineState = Literal["ready", "disconnected", "stopped"]
PauseScope = Literal["conversation", "line", "everything"]
EventStateName = Literal["pending", "working", "done", "skipped", "dead"]


@dataclass(frozen=True, slots=True)
class ConversationView:
    """One contact on one line."""

    id: str
    line_id: str
    contact: str = field(repr=False)
    name: str | None = field(repr=False)
    state: Answerer
    """`human` also while the line, or everything, is paused."""
    paused_until: datetime | None
    """None while `human`: until somebody resumes."""
    paused_by: str | None
    needs_attention: bool
    last_message_at: datetime
    last_text: str = field(repr=False)
    number: int | None
    """What operators call it on WhatsApp: `#3`; None: nobody had to yet."""
    attention_reason: str | None
    opted_out_at: datetime | None
    """The customer wrote STOP: nothing is sent until they write START."""
    blocked_at: datetime | None
    """An operator has blocked them: never answered, nothing is sent."""
    pause_scope: PauseScope | None = None
    """What is paused, the narrowest of it; None while `bot`."""
    holder: str | None = None
    """Who has this conversation itself; None: nobody, though its line may be paused."""


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """The most recent conversations first; `next_cursor` None: these were the last."""

    items: tuple[ConversationView, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MediaView:
    """A message's file: how far it has come, and what each step took."""

    state: Literal["waiting", "fetching", "stored", "reading", "ready", "failed"]
    media_type: str | None
    """Of its bytes, whatever was announced; None: not here yet."""
    size_bytes: int | None
    sha256: str | None
    filename: str | None = field(repr=False)
    """As the sender named it."""
    problem: str | None
    error: str | None
    left_out: str | None
    """What of a document the model does not get to read."""
    pages: int | None
    service: str | None
    """Who transcribed it."""
    model: str | None
    cost: float | None
    """Of the transcript, in the currency of the prices; None: not known, or nothing was paid."""
    fetched_at: datetime | None
    fetch_ms: int | None
    read_at: datetime | None
    read_ms: int | None


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message of a conversation."""

    id: str
    direction: Literal["in", "out"]
    author: Literal["customer", "bot", "operator"]
    author_name: str | None
    """Which operator."""
    type: str
    text: str = field(repr=False)
    transcript: str | None = field(repr=False)
    language: str | None
    """Of what was said in it."""
    duration_s: float | None
    media_url: str | None
    """Set once the file is ours."""
    media: MediaView | None
    quoted_text: str | None = field(repr=False)
    """What it replies or reacts to, as far as the provider told."""
    edited_at: datetime | None
    deleted_at: datetime | None
    """Its author has taken it back; the model is no longer told its words."""
    status: str | None
    """None for inbound messages."""
    error: str | None
    provider_id: str | None
    prompt_version: str | None
    model: str | None
    tokens: int | None
    cost: float | None
    draft: bool
    """Written by the bot and never sent, because a person took over."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MessagePage:
    """The newest messages, oldest first."""

    items: tuple[MessageView, ...]


@dataclass(frozen=True, slots=True)
class AuditView:
    """Who did what, when and why."""

    at: datetime
    action: str
    """One of `domain.handling.Action`."""
    actor: str
    """An operator's name, `shell`, `phone`, `bot`, `customer` or `timer`."""
    line_id: str | None
    """None: everything."""
    conversation_id: str | None
    reason: str | None = field(repr=False)
    until: datetime | None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """The newest first."""

    items: tuple[AuditView, ...]


@dataclass(frozen=True, slots=True)
class BriefView:
    """What the bot is told of a person's promises when it gets a conversation back."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EventView:
    """One webhook call that was stored."""

    id: str
    provider_event_id: str
    type: str
    line_id: str
    contact: str | None = field(repr=False)
    state: EventStateName
    reason: str | None
    error: str | None
    attempts: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class EventPage:
    """The newest events first."""

    items: tuple[EventView, ...]


@dataclass(frozen=True, slots=True)
class LineView:
    """One line, and what waits for it."""

    line_id: str
    state: LineState
    """`stopped`: nothing of the bot leaves until somebody acts, or a cap is over."""
    reason: str | None
    since: datetime | None
    queued: int
    held: int


@dataclass(frozen=True, slots=True)
class LinePage:
    """All lines that are known or configured."""

    items: tuple[LineView, ...]


@dataclass(frozen=True, slots=True)
class AlertView:
    """Something that is wrong now, and was told."""

    key: str
    text: str
    raised_at: datetime
    seen_at: datetime
    """When it was last found to be so still."""


@dataclass(frozen=True, slots=True)
class AlertPage:
    """The oldest first."""

    items: tuple[AlertView, ...]


@dataclass(frozen=True, slots=True)
class ScopeView:
    """Who answers on a line, or everywhere."""

    state: Answerer
    paused_until: datetime | None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a customer's that is ours to show."""

    key: str
    """In the media store."""
    media_type: str
    """What its bytes are."""
    size_bytes: int
    filename: str | None = field(repr=False)
    """As the customer named it: untrusted."""
    sha256: str


@dataclass(frozen=True, slots=True)
class SendView:
    """A message that had already left when a pause began."""

    id: str
    status: str


@dataclass(frozen=True, slots=True)
class PausedView(ConversationView):
    """A conversation after a pause."""

    in_flight: tuple[SendView, ...] = ()


@dataclass(frozen=True, slots=True)
class PausedScopeView(ScopeView):
    """A line, or everything, after a pause."""

    in_flight: tuple[SendView, ...]


def shown_status(status: str | None) -> str | None:
    """What left and got no answer is still on its way, as far as anybody can tell."""
    return SendStatus.SENDING.value if status == SendStatus.UNKNOWN else status
