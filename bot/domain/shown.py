"""What operators are shown, by the API, the console and the command line alike."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.domain.outbox import SendStatus

Answerer = Literal["bot", "human"]
LineState = Literal["ready", "disconnected", "stopped"]
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


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """The most recent conversations first; `next_cursor` None: these were the last."""

    items: tuple[ConversationView, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message of a conversation."""

    id: str
    direction: Literal["in", "out"]
    author: Literal["customer", "bot", "operator"]
    type: str
    text: str = field(repr=False)
    transcript: str | None = field(repr=False)
    media_url: str | None
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
class ScopeView:
    """Who answers on a line, or everywhere."""

    state: Answerer
    paused_until: datetime | None


@dataclass(frozen=True, slots=True)
class SendView:
    """A message that had already left when a pause began."""

    id: str
    status: str


@dataclass(frozen=True, slots=True)
class PausedView(ConversationView):
    """A conversation after a pause."""

    in_flight: tuple[SendView, ...]


@dataclass(frozen=True, slots=True)
class PausedScopeView(ScopeView):
    """A line, or everything, after a pause."""

    in_flight: tuple[SendView, ...]


def shown_status(status: str | None) -> str | None:
    """What left and got no answer is still on its way, as far as anybody can tell."""
    return SendStatus.SENDING.value if status == SendStatus.UNKNOWN else status
