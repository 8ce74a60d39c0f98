"""A prompt file and the parts it includes, read from the disk as one text."""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bot.adapters.prompt_files.including import Included, bundle, folder_of, unbundle, whole
from bot.domain.suggestion import nearest
from bot.errors import Fault, SettingsError
from bot.yaml_reader import MAX_FILE_BYTES, decode, parse_yaml

Stamp = tuple[int, ...]
"""What changes when a file does; empty: there is no such file."""

_SUGGESTED_FROM = 500


@dataclass(frozen=True, slots=True)
class Gathered:
    """What reading came to: a source that needs no other file, or faults."""

    source: str = field(default="", repr=False)
    faults: tuple[Fault, ...] = ()
    stamps: tuple[tuple[Path, Stamp], ...] = ()
    """Of every file that was looked for, the prompt's own first, from before it was read."""


def gather(root: Path, file: str, folder: Path = Path(), text: str | None = None) -> Gathered:
    """Read `file`, which is relative to `root`; `folder` stands before names in faults.

    `text`: a draft of the file, to be taken for what is in it, or a kept version with its parts.
    """
    if text is not None and unbundle(text)[1]:
        return Gathered(text)
    reader = _Reader(root, file, folder)
    try:
        source = reader.read(text)
    except SettingsError as error:
        return Gathered("", error.faults, tuple(reader.stamps.items()))
    return Gathered(source, (), tuple(reader.stamps.items()))


def spread(root: Path, file: str, source: str) -> dict[Path, str]:
    """What a kept version says each file should hold: the prompt's own first, then its parts.

    The way back from `gather`, for whoever writes them: each part's name has been checked to lie in
    the prompts' folder, and so has what is at its place. Raises SettingsError.
    """
    text, parts = unbundle(source)
    whole(parse_yaml(text, file), parts)
    base = (root / folder_of(file)).resolve()
    for name in parts:
        if not (root / name).resolve().is_relative_to(base):
            message = f"{name} leads out of the prompts' folder by a link: take the link away"
            raise SettingsError((Fault(message, "", file),))
    return {root / file: text} | {root / name: part for name, part in parts.items()}


def stamp(path: Path) -> Stamp:
    """Follows links."""
    try:
        now = path.stat()
    except OSError:
        return ()
    return (now.st_mtime_ns, now.st_ctime_ns, now.st_size, now.st_ino, now.st_dev, now.st_mode)


@dataclass(slots=True)
class _Reader:
    root: Path
    file: str
    folder: Path
    stamps: dict[Path, Stamp] = field(default_factory=dict)
    _bytes: int = 0

    def read(self, draft: str | None) -> str:
        shown = str(self.folder / self.file)
        text = draft
        if text is None:
            text = self._content(self.root / self.file, shown, "put a prompt there")
        if "include" not in text:
            return self._bundled(text, Included(self.file, self._part))
        included = Included(self.file, self._part, self.folder)
        included.merge(parse_yaml(text, shown))
        if included.faults:
            raise SettingsError(tuple(included.faults))
        return self._bundled(text, included)

    def _bundled(self, text: str, included: Included) -> str:
        try:
            return bundle(text, included.texts)
        except ValueError:
            message = "a line begins with `--- # included:`: remove it"
            raise SettingsError((Fault(message, "", str(self.folder / self.file)),)) from None

    def _part(self, name: str) -> str:
        """Raises SettingsError: without a place when the name is at fault."""
        path, base = self.root / name, self.root / folder_of(self.file)
        self.stamps[path] = stamp(path)
        if not self.stamps[path]:
            raise SettingsError((Fault(f"no such file {name}; {self._hint(name)}"),))
        if not path.resolve().is_relative_to(base.resolve()):
            message = f"{name} is a link that leads out of the prompts' folder: put the file there"
            raise SettingsError((Fault(message),))
        return self._content(path, str(self.folder / name), "put a file there")

    def _content(self, path: Path, shown: str, remedy: str) -> str:
        self.stamps[path] = stamp(path)
        try:
            data = bytes_of(path)
        except OSError as error:
            reasons = {errno.ENOENT: "no such file", errno.EISDIR: "not a file"}
            reason = reasons.get(error.errno or 0, error.strerror)
            raise SettingsError((Fault(f"{reason}: {remedy}", "", shown),)) from error
        self._bytes += len(data)
        if len(data) < self._bytes > MAX_FILE_BYTES:
            message = f"with this file the prompt is over {MAX_FILE_BYTES} bytes: make it smaller"
            raise SettingsError((Fault(message, "", shown),))
        return decode(data, shown)

    def _hint(self, name: str) -> str:
        known = [*self._nearby()]
        wanted = str(PurePosixPath(name).relative_to(folder_of(self.file)))
        hint = nearest(wanted, known)
        return hint if known else "write it, or take it out"

    def _nearby(self) -> Iterator[str]:
        """Files that could be meant."""
        base = self.root / folder_of(self.file)
        own = self.root / self.file
        found = (path for pattern in ("*.yaml", "*/*.yaml") for path in base.glob(pattern))
        for _, path in zip(range(_SUGGESTED_FROM), found, strict=False):
            if path != own:
                yield path.relative_to(base).as_posix()


def bytes_of(path: Path) -> bytes:
    """The file's bytes, one too many when it is too long; never waits on a pipe or a device."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(0, "not a file")
        return file.read(MAX_FILE_BYTES + 1)
