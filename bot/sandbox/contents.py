"""What a message can hold beside words: a file, a place, a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class FileKind(StrEnum):
    """What a phone sends a file as; also the message's type in the webhook."""

    VOICE = "voice"
    IMAGE = "image"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"


@dataclass(frozen=True, slots=True)
class File:
    """A file in the media host."""

    id: str
    kind: FileKind
    mime_type: str
    """As the phone named it."""
    size_bytes: int
    sha256: str
    filename: str = field(repr=False)
    """As the phone named it; empty: it has none."""
    seconds: float | None = None
    """How long a voice note is, where the phone knows."""

    def json(self) -> Mapping[str, object]:
        """For the page, which finds the bytes by the id."""
        return {
            "id": self.id,
            "mime_type": self.mime_type,
            "size_bytes": self.size_bytes,
            "filename": self.filename,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the map; name and address may be empty."""

    latitude: float
    longitude: float
    name: str = field(default="", repr=False)
    address: str = field(default="", repr=False)

    @property
    def kind(self) -> str:
        return "location"

    def json(self) -> Mapping[str, object]:
        """For the page and the webhook: what is empty is left out."""
        words = {"name": self.name, "address": self.address}
        point = {"latitude": self.latitude, "longitude": self.longitude}
        return point | {key: value for key, value in words.items() if value}


@dataclass(frozen=True, slots=True)
class Card:
    """Somebody's contact card."""

    name: str = field(repr=False)
    phones: tuple[str, ...] = field(repr=False)

    @property
    def kind(self) -> str:
        return "contact"

    def json(self) -> Mapping[str, object]:
        """For the page and the webhook."""
        return {"name": self.name, "phones": list(self.phones)}


Content = File | Place | Card
