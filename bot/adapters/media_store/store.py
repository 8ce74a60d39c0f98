"""Files by key, whatever place they are in.

They are read piece by piece, each piece a call of its own: nothing stays open for a slow reader,
nobody reads ahead, and from a folder it is several times faster than obstore's stream.
"""

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import obstore
from obstore.exceptions import BaseError

from bot.adapters.media_store.bucket import Bucket, is_no_bucket
from bot.adapters.media_store.folder import INCOMING, Folder, error_name
from bot.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore  # not there at run time

T = TypeVar("T")

CHUNK_BYTES = 256_000
"""The most that `stream` gives at once."""

_COPY_BYTES = 4_000_000
_KEY = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}(\.[0-9]{1,4}\.jpg)?")


class MediaStore:
    """Everything raises Unavailable, and ValueError for a key that is none of `domain.media`'s."""

    def __init__(self, place: Folder | Bucket) -> None:
        self._place = place

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """A folder of this machine; made, with mode 0700, when it is first used."""
        return cls(Folder(folder.absolute()))

    @classmethod
    def at(cls, url: str) -> Self:
        """A bucket: `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.

        Credentials, endpoint and time-outs are the process environment's: `AWS_…`, `GOOGLE_…`,
        `AZURE_…`. Raises SettingsError.
        """
        return cls(Bucket(url))

    async def put(self, key: str, path: Path) -> None:
        """Keep a file, atomically and durably; what is there already, whole, stays."""
        with _reported_at(path):
            size_bytes = (await asyncio.to_thread(path.stat)).st_size
        if await self._size_or_none(key) != size_bytes:
            with self._reported():
                await self._place.write(key, path)

    async def put_bytes(self, key: str, data: bytes) -> None:
        """The same for something small; what is there already stays."""
        if not await self.has(key):
            with self._reported():
                await self._place.write(key, data)

    async def has(self, key: str) -> bool:
        """Whether it is there."""
        return await self._size_or_none(key) is not None

    async def size(self, key: str) -> int:
        """In bytes. Raises NotFound."""

        async def ask(store: "ObjectStore") -> int:
            return (await obstore.head_async(store, key))["size"]

        return await self._read(key, ask)

    async def get(self, key: str) -> bytes:
        """The whole of something small. Raises NotFound."""

        async def ask(store: "ObjectStore") -> bytes:
            answer = await obstore.get_async(store, key)
            return (await answer.bytes_async()).to_bytes()

        return await self._read(key, ask)

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, without, `end`; it may break off with NotFound."""
        _check(key)
        return self._pieces(key, start, end, CHUNK_BYTES)

    async def copy_to(self, key: str, path: Path) -> None:
        """A copy in a local file; none is left when it fails. Raises NotFound."""
        size_bytes = await self.size(key)
        try:
            with _reported_at(path):
                await asyncio.to_thread(path.write_bytes, b"")
            async for piece in self._pieces(key, 0, size_bytes, _COPY_BYTES):
                with _reported_at(path):
                    await asyncio.to_thread(_append, path, piece)
        except BaseException:
            with suppress(OSError):
                os.unlink(path)
            raise

    async def delete(self, key: str) -> None:
        """Gone for good when this returns; it need not have been there."""
        _check(key)
        with self._reported():
            await self._place.remove(key)

    async def check(self) -> None:
        """Write and delete a few bytes; also clears away what killed processes left behind."""
        name = f"{INCOMING}/{secrets.token_hex(16)}"
        with self._reported():
            await self._place.write(name, b"check")
            await self._place.remove(name)
            await self._place.tidy()

    async def _size_or_none(self, key: str) -> int | None:
        try:
            return await self.size(key)
        except NotFound:
            return None

    async def _pieces(
        self, key: str, start: int, end: int, step_bytes: int
    ) -> AsyncIterator[bytes]:
        while start < end:
            piece = await self._piece(key, start, min(start + step_bytes, end))
            yield piece
            start += len(piece)

    async def _piece(self, key: str, start: int, end: int) -> bytes:
        async def ask(store: "ObjectStore") -> bytes:
            return (await obstore.get_range_async(store, key, start=start, end=end)).to_bytes()

        piece = await self._read(key, ask)
        if len(piece) != end - start:
            raise Unavailable(f"{self._place.name}: a file there has become shorter: try again")
        return piece

    async def _read(self, key: str, ask: Callable[["ObjectStore"], Awaitable[T]]) -> T:
        _check(key)
        with self._reported():
            store = await self._place.opened()
            try:
                return await ask(store)
            except FileNotFoundError as error:
                if is_no_bucket(error):
                    raise
                raise NotFound("the media store has no such file") from None

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            remedy = self._place.remedy(error)
            raise Unavailable(f"{self._place.name}: {remedy}") from None


def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError("not a key of the media store")


@contextmanager
def _reported_at(path: Path) -> Iterator[None]:
    """For the file on the other side of a copy."""
    try:
        yield
    except OSError as error:
        text = f"a file in {path.parent} can't be used ({error_name(error)}): check it and its disk"
        raise Unavailable(text) from None


def _append(path: Path, piece: bytes) -> None:
    with path.open("r+b") as file:  # one that was given up meanwhile is not made anew
        file.seek(0, os.SEEK_END)
        file.write(piece)
