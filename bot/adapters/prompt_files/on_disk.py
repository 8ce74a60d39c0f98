"""One prompt file, read as it is right now: what it says, or what is wrong with it."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapters.prompt_files.rendering import ReadyPrompt
from bot.adapters.prompt_files.source import ready_prompt
from bot.domain.prompt import Business
from bot.errors import Fault, SettingsError
from bot.yaml_reader import MAX_FILE_BYTES, decode

Stamp = tuple[int, ...]
"""What changes when a file does; empty: there is no such file."""


@dataclass(frozen=True, slots=True)
class Read:
    """What reading a file gave: a prompt or faults."""

    ready: ReadyPrompt | None = None
    faults: tuple[Fault, ...] = field(default=())


def read_file(path: Path, file: str, name: str, business: Business) -> Read:
    """The prompt of a file; whatever is at its place is a fault, never an exception."""
    try:
        source = decode(content(path), file)
    except SettingsError as error:
        return Read(faults=error.faults)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        return Read(faults=(Fault(f"{reason}: put the prompt there", "", file),))
    return read_text(source, file, name, business)


def read_text(source: str, file: str, name: str, business: Business) -> Read:
    """The prompt of a text."""
    try:
        return Read(ready_prompt(source, file, business, name))
    except SettingsError as error:
        return Read(faults=error.faults)


def stamp(path: Path) -> Stamp:
    """Of the file behind any links."""
    try:
        now = path.stat()
    except OSError:
        return ()
    return (now.st_mtime_ns, now.st_ctime_ns, now.st_size, now.st_ino, now.st_dev, now.st_mode)


def content(path: Path) -> bytes:
    """The file's bytes, one too many when it is too long; never waits on a pipe or a device."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "not a file")
        return file.read(MAX_FILE_BYTES + 1)
