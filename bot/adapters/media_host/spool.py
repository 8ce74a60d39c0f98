"""A file on its way to the disk, counted and hashed as it goes."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

from bot.domain.media import Fetched, Problem
from bot.errors import BadMedia, Unavailable

T = TypeVar("T")

_WRITE_BYTES = 256 * 1024


class Spool:
    """Use it with `async with`: whatever is raised inside, the file is gone afterwards."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._size_bytes = 0
        self._waiting = bytearray()
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if error_type is not None:
            await _in_thread(self._discard)

    async def add(self, chunk: bytes) -> None:
        """Raises BadMedia (too_large) and Unavailable (the disk)."""
        self.admit(self._size_bytes + len(chunk))
        self._size_bytes += len(chunk)
        self._waiting += chunk
        if len(self._waiting) >= _WRITE_BYTES:
            await self._flush()

    def admit(self, size_bytes: int) -> None:
        """Raises BadMedia for more than is taken."""
        if size_bytes > self._max_bytes:
            what = f"the file has more than {self._max_bytes} bytes (media.max_bytes)"
            raise BadMedia(Problem.TOO_LARGE, what)

    async def finish(self, announced_sha256: str | None) -> Fetched:
        """The whole file. Raises BadMedia (empty, wrong_hash) and Unavailable (the disk)."""
        if not self._size_bytes:
            raise BadMedia(Problem.EMPTY, "the file has no bytes")
        await self._flush()
        await _on_disk(self._close)
        sha256 = self._hash.hexdigest()
        if announced_sha256 not in {None, sha256}:
            raise BadMedia(Problem.WRONG_HASH, "the file's SHA-256 is not the announced one")
        return Fetched(self._path, sha256, self._size_bytes)

    async def _flush(self) -> None:
        data, self._waiting = self._waiting, bytearray()
        await _on_disk(lambda: self._write(data))

    def _write(self, data: bytearray) -> None:
        if self._file is None:
            self._file = self._path.open("wb")
        self._file.write(data)
        self._hash.update(data)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _discard(self) -> None:
        with suppress(OSError):  # bytes that found no room are tried once more when it is closed
            self._close()
        with suppress(OSError):
            self._path.unlink()


async def _on_disk(work: Callable[[], None]) -> None:
    try:
        await _in_thread(work)
    except OSError as error:
        what = f"a download can't be written ({error.strerror}): check the disk of BOT_DATA_DIR"
        raise Unavailable(what) from None


async def _in_thread(work: Callable[[], T]) -> T:
    """Beside the event loop. Cancelled, it waits all the same: no file is closed under a write."""
    job = asyncio.get_running_loop().run_in_executor(None, work)
    cancelled: asyncio.CancelledError | None = None
    while not job.done():
        try:
            await asyncio.wait({job})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        job.exception()  # seen: the cancellation counts
        raise cancelled
    return job.result()
