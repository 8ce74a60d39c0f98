"""A folder of this machine.

It is written here and not by obstore: that stages and renames, but can't sync, so that after a
power cut a name could stand for half a file. Here a file is synced before it gets its name, and
the name before `write` returns.
"""

import asyncio
import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from obstore.store import LocalStore

INCOMING = "incoming"
"""Where files are until they are whole; nothing there is ever read."""

_LEFT_OVER_AFTER = timedelta(hours=1)
_COPY_BYTES = 2**20

_REMEDIES: Mapping[int, str] = {
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "the disk quota is used up: make room",
    errno.EFBIG: "a file is larger than this process may write: raise its limit (ulimit -f)",
    errno.EROFS: "the disk is read-only: mount it for writing",
    errno.EACCES: "permission denied: let the bot's user read and write there",
    errno.EPERM: "permission denied: let the bot's user read and write there",
    errno.ENOTDIR: "there is a file where the folder should be: move it away",
    errno.EEXIST: "there is a file where the folder should be: move it away",
    errno.ENOENT: "the file to keep, or the folder, was removed meanwhile: leave them alone",
    errno.EIO: "the disk fails: check it",
    errno.EMFILE: "too many open files: raise the limit (ulimit -n)",
}


class Folder:
    """Files that have their names only once they are whole and on the disk."""

    def __init__(self, folder: Path) -> None:
        self.name = f"the media store {folder}"
        self._folder = folder
        self._store: LocalStore | None = None

    async def opened(self) -> LocalStore:
        """For reading. The folder is made first: a bot without its disk still answers texts."""
        if self._store is None:
            await asyncio.to_thread(_make, self._folder)
            self._store = LocalStore(self._folder)
        return self._store

    async def write(self, name: str, source: Path | bytes) -> None:
        """Atomic, and on the disk when it returns."""
        await asyncio.to_thread(_write, self._folder, name, source)

    async def remove(self, name: str) -> None:
        """On the disk as well; it need not have been there."""
        await asyncio.to_thread(_remove, self._folder / name)

    async def tidy(self) -> None:
        """Remove what killed processes left behind."""
        await asyncio.to_thread(_tidy, self._folder / INCOMING)

    def remedy(self, error: Exception) -> str:
        """What is wrong and what to do about it."""
        known = _REMEDIES.get(_error_number(error))
        return f"{error_name(error)}: check the folder and its disk" if known is None else known


def error_name(error: Exception) -> str:
    """Such as `ENOSPC`."""
    return errno.errorcode.get(_error_number(error), type(error).__name__)


def _error_number(error: Exception) -> int:
    """Of the operating system; 0: not known. obstore only tells it in words."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    told = re.search(r"\(os error (\d{1,4})\)", str(error))
    return 0 if told is None else int(told[1])


def _make(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(folder.parent)


def _write(folder: Path, name: str, source: Path | bytes) -> None:
    target, staged = folder / name, folder / INCOMING / f"{secrets.token_hex(16)}.part"
    for parent in (folder, staged.parent, target.parent):
        _make(parent)
    try:
        _fill(staged, source)
        staged.replace(target)
    finally:
        staged.unlink(missing_ok=True)
    for parent in (target.parent, folder):
        _sync(parent)


def _fill(staged: Path, source: Path | bytes) -> None:
    with staged.open("xb") as file:
        if isinstance(source, bytes):
            file.write(source)
        else:
            with source.open("rb") as original:
                shutil.copyfileobj(original, file, _COPY_BYTES)
        file.flush()
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
        _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _tidy(incoming: Path) -> None:
    before = time.time() - _LEFT_OVER_AFTER.total_seconds()
    for path in incoming.glob("*"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
