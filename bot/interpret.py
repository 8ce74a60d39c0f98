"""A file becomes words or pictures, by what its bytes are."""

import asyncio
from dataclasses import replace
from pathlib import Path

from bot.domain.media import Problem, Reading, picture_key, way_of
from bot.listen import Listener
from bot.ports import Blobs, MediaReader

_LISTENING_AT_ONCE = 12
"""Voice notes held in memory for a speech service at the same time."""


class Interpreter:
    """Makes sense of files that are here."""

    def __init__(self, reader: MediaReader, blobs: Blobs, listener: Listener) -> None:
        """Pictures for the model are put into `blobs`."""
        self._reader = reader
        self._blobs = blobs
        self._listener = listener
        self._listening = asyncio.Semaphore(_LISTENING_AT_ONCE)

    async def media_type(self, path: Path, filename: str | None) -> str:
        """What the bytes are. Raises Unavailable."""
        return await self._reader.media_type(path, filename)

    async def interpret(self, path: Path, sha256: str, media_type: str) -> Reading:
        """What a model is told of it.

        Raises BadMedia when nothing will come of it; Unavailable or MediaMissing: try again.
        """
        match way_of(media_type):
            case "speech":
                return await self._hear(path, media_type)
            case "picture":
                return await self._look(path, sha256)
            case "document":
                return await self._read(path, sha256, media_type)
            case "none":
                return Reading(Problem.UNREADABLE, f"files of the type {media_type} are not read")

    async def _hear(self, path: Path, media_type: str) -> Reading:
        async with self._listening:
            sound = await self._reader.sound(path, media_type)
            heard = await self._listener.listen(sound)
        return replace(heard, duration_s=sound.duration_s)

    async def _look(self, path: Path, sha256: str) -> Reading:
        page = await self._reader.picture(path)
        key = picture_key(sha256, 1)
        await self._blobs.put_bytes(key, page.data)
        return Reading(pictures=(key,))

    async def _read(self, path: Path, sha256: str, media_type: str) -> Reading:
        found = await self._reader.document(path, media_type)
        keys = tuple(picture_key(sha256, number) for number in range(1, len(found.pages) + 1))
        for key, page in zip(keys, found.pages, strict=True):
            await self._blobs.put_bytes(key, page.data)
        return Reading(
            text=found.text, left_out=found.left_out, pictures=keys, pages=found.page_count
        )
