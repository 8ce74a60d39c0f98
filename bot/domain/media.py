"""What customers attach: voice notes, photos, documents, and how far each has come.

A file is fetched once, kept under the SHA-256 of its bytes, and then read: made into words or
pictures that a model understands. What was learnt of a file is kept with its hash.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Literal


class MediaState(StrEnum):
    """The life of one attachment."""

    WAITING = "waiting"
    """To be fetched, at its `next_at`."""
    FETCHING = "fetching"
    """A worker downloads it."""
    STORED = "stored"
    """Its bytes are ours; they wait to be read, at `next_at`."""
    READING = "reading"
    """A worker reads or transcribes it."""
    READY = "ready"
    """What it says is known, or that it says nothing that can be understood."""
    FAILED = "failed"
    """Its bytes could not be had."""


MEDIA_OPEN = frozenset(
    {MediaState.WAITING, MediaState.FETCHING, MediaState.STORED, MediaState.READING}
)
"""States that an answer waits for."""


class Problem(StrEnum):
    """Why nothing could be made of an attachment; the model is told in words of `history`."""

    EXPIRED = "expired"
    """Its address ran out before it could be fetched."""
    MISSING = "missing"
    """The host did not give it, however often it was asked."""
    FORBIDDEN = "forbidden"
    """It is not on a host that media may be fetched from."""
    TOO_LARGE = "too_large"
    """More bytes, pixels or pages than are taken."""
    WRONG_HASH = "wrong_hash"
    """The bytes are not those that were announced."""
    EMPTY = "empty"
    """No bytes, or nothing in them."""
    UNREADABLE = "unreadable"
    """Corrupt, or of no type that is read here."""
    PROTECTED = "protected"
    """Behind a password."""
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    SILENT = "silent"
    UNHEARD = "unheard"
    """Speech that no service could make words of."""
    NO_SOUND = "no_sound"
    """A video without a sound track."""
    NO_SERVICE = "no_service"
    """No speech service is configured."""


@dataclass(frozen=True, slots=True)
class Announced:
    """An attachment as the provider announces it: all of it is untrusted."""

    url: str = field(repr=False)
    """Signed, good for a day."""
    mime_type: str | None = None
    sha256: str | None = None
    """64 lower-case hex digits; None: not announced, or not in this form."""
    filename: str | None = field(default=None, repr=False)
    """A name for people and for the model, never a path."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was downloaded whole and is what was announced."""

    path: Path
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Sound:
    """Something spoken, ready for a speech service that takes this type."""

    data: bytes = field(repr=False)
    media_type: str
    """Of the bytes, e.g. `audio/ogg`."""
    duration_s: float

    @property
    def filename(self) -> str:
        """A name whose ending fits the bytes: some services go by that."""
        return f"voice.{_ENDINGS.get(self.media_type, 'bin')}"


_ENDINGS = {
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/wav": "wav",
    "audio/webm": "webm",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "audio/amr": "amr",
}


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said, and who understood it."""

    text: str = field(repr=False)
    """Empty: there were no words in it."""
    service: str
    """`deepgram`, `openai`, `local`."""
    model: str
    language: str | None = None
    """As the service names it, e.g. `es`."""


@dataclass(frozen=True, slots=True)
class Page:
    """A picture for a model: a photo made fit, or a page of a scanned document."""

    data: bytes = field(repr=False)
    """JPEG."""


@dataclass(frozen=True, slots=True)
class DocumentText:
    """What a document says; `pages` instead of words when it is a scan."""

    text: str = field(repr=False)
    left_out: str = ""
    """What of it is not here, e.g. `12 of 15 pages`; empty: nothing."""
    page_count: int | None = None
    """None: it has no pages."""
    pages: tuple[Page, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What was made of a file; `problem` set: why it is nothing, or not all."""

    problem: Problem | None = None
    error: str | None = None
    """For operators, beside the problem."""
    text: str = field(default="", repr=False)
    """A transcript, or a document's words."""
    left_out: str = ""
    """What of a document is not in the text, e.g. `12 of 15 pages`; empty: nothing."""
    pictures: tuple[str, ...] = ()
    """Keys in the media store."""
    language: str | None = None
    duration_s: float | None = None
    pages: int | None = None
    service: str | None = None
    """Who transcribed it."""
    model: str | None = None
    cost: float | None = None
    """In the currency of the prices; None: not known, or nothing was paid."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a conversation, as far as it is known now."""

    state: MediaState
    reading: Reading
    media_type: str | None = None
    filename: str | None = field(default=None, repr=False)
    ended_at: datetime | None = None
    """When what it says was known, or that nothing will be."""

    @property
    def is_open(self) -> bool:
        """Whether an answer should still wait for it."""
        return self.state in MEDIA_OPEN


Way = Literal["speech", "picture", "document", "none"]
"""How a file is read."""


@dataclass(frozen=True, slots=True)
class MediaWork:
    """One attachment that is ours to bring on."""

    id: str
    conversation_id: str
    line_id: str
    kind: str
    """Of the message: `voice`, `image`, …"""
    announced: Announced | None
    """Set: to be fetched."""
    attempts: int
    """Answers that counted against it."""
    interrupted: bool = False
    """A worker has died over it: perhaps after storing its bytes."""
    sha256: str | None = None
    """Set: fetched, to be read."""
    media_type: str | None = None
    """Of its bytes, once they are here."""
    filename: str | None = field(default=None, repr=False)


def media_key(sha256: str) -> str:
    """Where the bytes of a file are kept: content-addressed."""
    return f"{sha256[:2]}/{sha256}"


def picture_key(sha256: str, number: int) -> str:
    """Where the picture made for a model is kept, beside its original."""
    return f"{sha256[:2]}/{sha256}.{number}.jpg"


def way_of(media_type: str) -> Way:
    """How a file is read, by what its bytes are, whatever it was sent as."""
    if media_type.startswith(("audio/", "video/")):
        return "speech"
    if media_type in PICTURES:
        return "picture"
    if media_type in DOCUMENTS:
        return "document"
    return "none"


PICTURES = frozenset(
    {"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff", "image/heic"}
)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
DOCUMENTS = frozenset({"application/pdf", DOCX, "text/plain", "text/csv"})
