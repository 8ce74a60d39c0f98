"""What goes to the model and what comes back."""

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture for a model that sees; `data` is empty until somebody loads it."""

    key: str
    """In the media store."""
    data: bytes = field(default=b"", repr=False)
    """JPEG."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message as the model sees it; words and pictures in order, or just words."""

    role: Role
    content: str | tuple[str | Picture, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat completion; `hand_off_when` set: the `hand_off` tool is offered."""

    messages: tuple[ChatMessage, ...] = field(repr=False)
    model: str | None = None
    """None: the configured model."""
    hand_off_when: str | None = None

    @property
    def pictures(self) -> tuple[str, ...]:
        """The keys of all pictures in it."""
        contents = [m.content for m in self.messages if not isinstance(m.content, str)]
        return tuple(part.key for parts in contents for part in parts if isinstance(part, Picture))


@dataclass(frozen=True, slots=True)
class HandOffCall:
    """The model asks for a person. Both texts are the model's: untrusted."""

    reason: str
    summary: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one completion took; counts are None when the server did not say."""

    model: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    took_ms: int | None = None
    """None: nobody measured."""


@dataclass(frozen=True, slots=True)
class Completion:
    """The model's answer: words, a call for a person, or both."""

    text: str = field(repr=False)
    usage: Usage
    hand_off: HandOffCall | None = None
