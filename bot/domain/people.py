"""A contact as a person: where they are known, what is decided about them, what is noted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

NOTE_MAX = 4000
"""Code points."""
NOTES_MAX = 500
"""On one conversation."""


class Decision(StrEnum):
    """What operators decide about a contact, by hand."""

    BLOCK = "block"
    """Never answered, nothing is sent to them, hardly anything of what they write is kept."""
    UNBLOCK = "unblock"
    OPT_OUT = "opt-out"
    """As if they had written STOP: nothing is sent."""
    OPT_IN = "opt-in"


@dataclass(frozen=True, slots=True)
class Place:
    """A contact on one line."""

    line_id: str
    contact_key: str = field(repr=False)
    conversation_id: str
    is_known: bool
    """Whether there is a conversation; the id is derived, so it is there either way."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a contact on a line."""

    line_id: str
    known: bool
    """False: nothing is kept but, by a digest, what follows."""
    conversation_id: str | None
    blocked_at: datetime | None
    blocked_by: str | None
    opted_out_at: datetime | None


@dataclass(frozen=True, slots=True)
class StandingPage:
    """On each line where the contact is known."""

    items: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """What an erasure has removed on one line."""

    line_id: str
    messages: int
    events: int
    files: int
    notes: int


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure, done."""

    removed: tuple[Removed, ...]
    files_left: int
    """Files that could not be deleted yet: the bot goes on trying."""
    copies: tuple[str, ...]
    """Copies of the database from before upgrades: nothing was changed in them."""


@dataclass(frozen=True, slots=True)
class NoteView:
    """What an operator has noted, for colleagues alone."""

    id: str
    author: str
    text: str = field(repr=False)
    created_at: datetime
    edited_at: datetime | None
    edited_by: str | None


@dataclass(frozen=True, slots=True)
class NotePage:
    """In order of time."""

    items: tuple[NoteView, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of a contact on a line, in figures."""

    conversation_id: str
    line_id: str
    contact: str = field(repr=False)
    name: str | None = field(repr=False)
    first_seen_at: datetime
    last_seen_at: datetime
    received: int
    sent: int
    files: int
    language: str | None
    """Of their last voice note; None: not known."""
    cost: float
    """Of all answers and transcripts, in the currency of the prices."""
    standing: Standing
    notes: tuple[NoteView, ...]


Record = Mapping[str, object]
"""One row of what is kept, ready for JSON."""
