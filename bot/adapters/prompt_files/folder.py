"""The prompt files of this host as operators work with them: looked at, checked, written."""

import contextlib
import os
import socket
import stat
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from bot.adapters.prompt_files.gathering import gather
from bot.adapters.prompt_files.including import unbundle
from bot.adapters.prompt_files.on_disk import Shelf
from bot.adapters.prompt_files.source import prompt_name
from bot.domain.prompt import Business, LineVoice
from bot.domain.prompt_shown import Checked, FileLook
from bot.errors import Fault, NotFound, Refused
from bot.yaml_reader import MAX_FILE_BYTES


class PromptFolder:
    """Fits the port `PromptFolder`. Files are relative to `root`."""

    def __init__(
        self,
        root: Path,
        lines: Mapping[str, str],
        business: Business,
        voices: Mapping[str, LineVoice] = MappingProxyType({}),
        host: str | None = None,
    ) -> None:
        """`host`: what this machine is called; None: by its own name."""
        self._root = root
        self._shelf = Shelf(root, lines, business, voices)
        self.host = socket.gethostname() if host is None else host
        self._files = {prompt_name(file): file for file in sorted(self._shelf.files())}
        self._lines = {
            name: tuple(line for line, used in lines.items() if used == file)
            for name, file in self._files.items()
        }

    def names(self) -> tuple[str, ...]:
        """The prompts that lines speak with."""
        return tuple(self._files)

    def lines(self, name: str) -> tuple[str, ...]:
        """The lines that speak with a prompt; `default`: all others too."""
        return self._lines.get(name, ())

    def check(self, name: str, source: str) -> Checked:
        """A text as if it were in the prompt's file; one with its parts is taken with those."""
        file = self._file(name)
        try:
            size_bytes = len(source.encode())
        except UnicodeEncodeError as error:
            line = source[: error.start].count("\n") + 1
            message = "half a character, which no file can hold: remove it"
            return Checked(None, (Fault(message, "", file, line, 1),), file)
        if size_bytes > MAX_FILE_BYTES:
            message = f"the text is over {MAX_FILE_BYTES} bytes: make it smaller"
            return Checked(None, (Fault(message, "", file, 1, 1),), file)
        if unbundle(source)[1]:
            read = self._shelf.read_text(source, file, name)
        else:
            read = self._shelf.read(file, name, source)
        if read.ready is None:
            return Checked(None, read.faults, file)
        return Checked(read.ready.prompt.version, (), file, read.ready.prompt.source)

    def look(self, name: str) -> FileLook:
        """What the file says right now."""
        path, file = self._path(name), self._file(name)
        read = self._shelf.read(file, name)
        place = f"{self.host}:{path.absolute()}"
        if read.ready is None:
            return FileLook(file, place, None, "", read.faults)
        return FileLook(file, place, read.ready.prompt.version, read.ready.prompt.source, ())

    def own_text(self, source: str) -> str:
        """A version's text without the parts that it includes, as its file holds it."""
        return unbundle(source)[0]

    def why_not_writable(self, name: str, source: str) -> str | None:
        """What keeps us from writing this text; None: nothing does.

        Parts are shared with other prompts, so they are never written: if they have changed since,
        the prompt's own file alone would make another version.
        """
        path, file = self._path(name), self._file(name)
        text, parts = unbundle(source)
        if parts and gather(self._root, file, text=text).source != source:
            return f"what {file} includes has changed since: change {', '.join(parts)} yourself"
        if path.is_symlink():
            return f"{file} is a link: change the file behind it"
        with contextlib.suppress(FileNotFoundError):
            mode = path.stat().st_mode
            if not stat.S_ISREG(mode):
                return f"{file} is no file: put a file in its place"
            if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH) or not os.access(
                path, os.W_OK
            ):
                return f"{file} is read-only: let the bot write it"
        if not os.access(path.parent, os.W_OK):
            return f"{path.parent} is read-only, or no folder: let the bot write there"
        return None

    def write(self, name: str, source: str) -> None:
        """The whole text at once, under the file's own mode. Raises Refused."""
        fault = self.why_not_writable(name, source)
        if fault is not None:
            raise Refused(fault)
        try:
            _replace(self._path(name), self.own_text(source).encode())
        except OSError as error:
            raise Refused(f"{self._file(name)} can't be written: {error.strerror}") from error

    def set_aside(self, name: str) -> str | None:
        """Keep a copy beside the file of what it holds; None: there is no file. Raises Refused."""
        path = self._path(name)
        try:
            kept = path.read_bytes()
            aside = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.unpublished")
            with aside.open("xb") as file:
                file.write(kept)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Refused(f"{self._file(name)} can't be set aside: {error.strerror}") from error
        return aside.relative_to(self._root).as_posix()

    def _file(self, name: str) -> str:
        try:
            return self._files[name]
        except KeyError:
            raise NotFound("no line speaks with such a prompt") from None

    def _path(self, name: str) -> Path:
        return self._root / self._file(name)


def _replace(path: Path, data: bytes) -> None:
    with _beside(path) as (handle, temporary):
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            _like(path, file.fileno())
            os.fsync(file.fileno())
        temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[tuple[int, Path]]:
    """A new file in the same folder, gone afterwards unless it has become the other."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    temporary = Path(name)
    try:
        yield handle, temporary
    finally:
        temporary.unlink(missing_ok=True)


def _like(path: Path, handle: int) -> None:
    """Mode and, as far as we may, owner of the file that is replaced."""
    try:
        old = path.stat()
    except FileNotFoundError:
        os.fchmod(handle, 0o644)
        return
    with contextlib.suppress(PermissionError):
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))
