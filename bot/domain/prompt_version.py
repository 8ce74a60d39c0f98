"""Versions of prompts: who brought one, and whether what is found in a file goes live."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

VERSION_CHARS = 12


class Origin(StrEnum):
    """The way on which a version went live."""

    FILE = "file"
    """Somebody saved the prompt's file."""
    CONSOLE = "console"
    API = "api"
    SHELL = "shell"


@dataclass(frozen=True, slots=True)
class Bringer:
    """Who made a version live, and from where."""

    origin: Origin
    actor: str | None = None
    """None: whoever saved the file."""
    host: str | None = None
    is_rollback: bool = False


@dataclass(frozen=True, slots=True)
class Edition:
    """One text of a prompt."""

    name: str
    version: str
    source: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileText:
    """The valid text that one host has found in a prompt's file."""

    edition: Edition
    host: str
    place: str
    """The host and the file's path on it: what a host has seen of its own file is kept by it."""
    is_start: bool = False
    """Found when the process started, not while it watched the file."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of a prompt when a file's text is found."""

    live: str | None
    """The live version; None: none ever was."""
    seen: str | None
    """What this host found in its file the last time; None: it has never looked."""
    was_live: bool
    """The text that is found now has been live before."""
    is_alone: bool
    """No other host has looked after this prompt lately."""


def goes_live(version: str, past: Past, *, is_start: bool) -> bool:
    """Whether a file's text is an edit, or just not the newest yet.

    A text that nobody knows is always an edit. One that has been live before is an edit (somebody
    took theirs back) only where the file was changed, on a host that had what is live: a host that
    lags behind, or a new one with an old copy, must not turn everybody back. At a start a host
    among others cannot tell a person's hand from an old copy, so it leaves things as they are.
    """
    if past.live is None:
        return True
    if version in (past.live, past.seen):
        return False
    if not past.was_live:
        return True
    if past.seen is None:
        return False
    return past.is_alone or (not is_start and past.seen == past.live)


@dataclass(frozen=True, slots=True)
class LivePrompt:
    """What is live of a prompt, since when, and by whom."""

    version: str
    since: datetime
    origin: str | None
    actor: str | None
    host: str | None
    is_rollback: bool
    gate: str | None = None
    """How its tests went; None: it was brought without a gate."""


@dataclass(frozen=True, slots=True)
class PastVersion:
    """One time that a version was live; `until` None: it is."""

    version: str
    since: datetime
    until: datetime | None
    origin: str | None
    """None: before that was recorded."""
    actor: str | None
    host: str | None
    is_rollback: bool
    gate: str | None = None
