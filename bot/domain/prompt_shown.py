"""Prompts as operators are shown them, by the API, the console and the command line alike."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.domain.candidate import CandidateView
from bot.errors import Fault

FileState = Literal["valid", "invalid", "waiting", "older", "candidate"]
"""`valid`: what is live stands in the file. `waiting`: a valid edit is about to go live. `older`:
the file holds a version that is no longer live, or was not deployed to this host yet. `candidate`:
it holds a version that is not live until its tests have passed."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a text comes to."""

    version: str | None
    """None: it is invalid."""
    faults: tuple[Fault, ...]
    file: str
    source: str = field(default="", repr=False)
    """What is to be kept as that version: with what it includes."""


@dataclass(frozen=True, slots=True)
class FileLook:
    """What a prompt's file says on this host."""

    file: str
    place: str
    version: str | None
    source: str = field(repr=False)
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class FaultView:
    """A fault in a prompt, and where."""

    line: int
    """0: of the file as a whole."""
    column: int
    key: str
    message: str


@dataclass(frozen=True, slots=True)
class PromptView:
    """A prompt that lines speak with, and the state of its file on the host that was asked."""

    name: str
    file: str
    lines: tuple[str, ...]
    version: str | None
    """The live one; None: none ever was."""
    since: datetime | None
    origin: str | None
    """`file`, `console`, `api` or `shell`; None: before that was recorded."""
    actor: str | None
    host: str | None
    is_rollback: bool
    state: FileState
    file_version: str | None
    """What the file on this host comes to; None while it is invalid."""
    faults: tuple[FaultView, ...]
    gate: str | None = None
    """How the live version's tests went: `passed`, `untested`, or published `anyway`; None: it was
    brought without a gate."""
    candidate: CandidateView | None = None
    """A changed version that is not live until its tests have passed."""


@dataclass(frozen=True, slots=True)
class PromptPage:
    """All of them, by name."""

    items: tuple[PromptView, ...]


@dataclass(frozen=True, slots=True)
class VersionView:
    """One time that a version was live."""

    version: str
    since: datetime
    until: datetime | None
    """None: it is live."""
    origin: str | None
    actor: str | None
    host: str | None
    is_rollback: bool
    gate: str | None = None


@dataclass(frozen=True, slots=True)
class VersionPage:
    """The newest first."""

    items: tuple[VersionView, ...]


@dataclass(frozen=True, slots=True)
class TextView:
    """A version's whole text."""

    name: str
    version: str
    source: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Published:
    """It is live."""

    name: str
    version: str
    changed: bool
    """False: it was live already."""
    file: str
    file_fault: str | None
    """Why the file on this host does not hold it; None: it does."""
    set_aside: str | None
    """Where what the file held before is kept, because it was in no version."""


@dataclass(frozen=True, slots=True)
class Outdated:
    """Another version is live than the one that was edited; nothing has changed."""

    live: str | None


@dataclass(frozen=True, slots=True)
class Invalid:
    """The text has faults; nothing has changed."""

    faults: tuple[FaultView, ...]


@dataclass(frozen=True, slots=True)
class Proposed:
    """It goes live once its tests have passed."""

    name: str
    version: str


Outcome = Published | Outdated | Invalid


def show_fault(fault: Fault, file: str) -> FaultView:
    """A fault in the prompt's own file, which whoever asks knows, or in a part of it."""
    if fault.file in ("", file):
        return FaultView(fault.line, fault.column, fault.key, fault.message)
    place = f"{fault.file}:{fault.line}:{fault.column}" if fault.line else fault.file
    return FaultView(0, 0, fault.key, f"{place}: {fault.message}")
