"""What is outside the house: lines, models, files, webhooks."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from bot.domain.chat import ChatRequest, Completion
from bot.domain.media import (
    Announced,
    DocumentText,
    Fetched,
    Page,
    Sound,
    Transcript,
)
from bot.domain.outbox import Outbound, SendOutcome
from bot.domain.trace import Span
from bot.domain.work import (
    Delivery,
)

Clock = Callable[[], datetime]
"""Now, as an aware UTC datetime."""


class Line(Protocol):
    """The way a message leaves; never raises for what the line answers."""

    async def send(self, message: Outbound) -> SendOutcome:
        """One attempt, within the configured time-out."""
        ...


class Llm(Protocol):
    """The model that writes replies."""

    async def complete(self, request: ChatRequest) -> Completion:
        """One completion. Raises Unavailable (outage) or Refused (this request never works)."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Gallery(Protocol):
    """Where pictures for the model are kept."""

    async def get(self, key: str) -> bytes:
        """The whole of something small. Raises NotFound or Unavailable."""
        ...


class Blobs(Gallery, Protocol):
    """Our own copies of files. Everything raises Unavailable; keys are `domain.media`'s."""

    async def put(self, key: str, path: Path) -> None:
        """Keep a file, atomically; what is there already stays."""
        ...

    async def put_bytes(self, key: str, data: bytes) -> None:
        """The same for something small."""
        ...

    async def has(self, key: str) -> bool:
        """Whether it is there."""
        ...

    async def copy_to(self, key: str, path: Path) -> None:
        """A copy in a local file. Raises NotFound."""
        ...

    async def check(self) -> None:
        """Whether files can be kept; clears away what killed processes left half written."""
        ...


class MediaHost(Protocol):
    """Where attachments are downloaded from."""

    async def fetch(self, announced: Announced, into: Path) -> Fetched:
        """Download to the file `into`, checked against what was announced.

        Raises Unavailable (outage), MediaMissing (perhaps not there yet) or BadMedia (never).
        Whatever is raised, no file is left.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class MediaReader(Protocol):
    """Looks into files, apart from this process: a hostile one harms nobody else.

    Everything raises BadMedia (of the file) or Unavailable (of the machine).
    """

    async def media_type(self, path: Path, filename: str | None) -> str:
        """What the bytes are, whatever they were announced as; `application/octet-stream`: who
        knows. The name only tells CSV from other text."""
        ...

    async def sound(self, path: Path, media_type: str) -> Sound:
        """The sound of a voice note or a video, fit for speech services.

        Raises BadMedia with `too_short`, `too_long`, `silent`, `no_sound` or `unreadable`.
        """
        ...

    async def picture(self, path: Path) -> Page:
        """A photo, upright and of a size that models take."""
        ...

    async def document(self, path: Path, media_type: str) -> DocumentText:
        """The words of a document, or pictures of its pages where it has none."""
        ...


class Transcriber(Protocol):
    """A speech service."""

    async def transcribe(self, sound: Sound) -> Transcript:
        """What was said. Raises Unavailable (outage) or Refused (not this sound)."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Deletable(Protocol):
    """Holds files that can be deleted."""

    async def delete(self, key: str) -> None:
        """Gone for good when this returns; it need not have been there. Raises Unavailable."""
        ...


class Readable(Protocol):
    """Holds files; everything raises NotFound or Unavailable."""

    async def size(self, key: str) -> int:
        """In bytes."""
        ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, without, `end`."""
        ...


class Queue(Protocol):
    """The doorbell of the workers. Losing a ring loses time, never work."""

    def poke(self, conversation_ids: Iterable[str], *, delay: timedelta = timedelta(0)) -> None:
        """These conversations have something due in `delay`. Returns at once, never raises."""
        ...

    def ring_events(self) -> None:
        """Line or delivery events are waiting. Returns at once, never raises."""
        ...

    def ring_media(self, media_ids: Iterable[str]) -> None:
        """These attachments are to be fetched. Returns at once, never raises."""
        ...

    async def check(self) -> bool:
        """Whether the queue answers within half a second."""
        ...


class Notifier(Protocol):
    """The operators' webhook."""

    async def post(self, notice_id: str, body: Mapping[str, Any]) -> None:
        """Raises Unavailable (again later) or Refused (never)."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Collector(Protocol):
    """Where traces go."""

    def take(self, spans: Sequence[Span]) -> None:
        """Tell them, soon. Returns at once."""
        ...

    async def close(self) -> None:
        """Tell what waits, if that does not take long."""
        ...


class Witness(Protocol):
    """Wants to know when replies leave and arrive. Returns at once, never raises."""

    def sent(self, message_id: str) -> None:
        """The line took it, or will never."""
        ...

    def delivered(self, delivery: Delivery) -> None:
        """It is on the customer's phone."""
        ...
