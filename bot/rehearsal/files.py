"""Files in a rehearsal: read by the code that reads customers', kept in memory only."""

import asyncio
import hashlib
from pathlib import Path

from bot.domain.media import Attachment, MediaState, Problem, Reading
from bot.errors import BadMedia, MediaMissing, NotFound, Refused
from bot.interpret import Interpreter


class Desk:
    """Our own copies of files, forgotten at the end."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def put(self, key: str, path: Path) -> None:
        """Keep a file."""
        self._kept[key] = await asyncio.to_thread(path.read_bytes)

    async def put_bytes(self, key: str, data: bytes) -> None:
        """Keep something small."""
        self._kept[key] = data

    async def has(self, key: str) -> bool:
        """Whether it is there."""
        return key in self._kept

    async def copy_to(self, key: str, path: Path) -> None:
        """A copy in a local file. Raises NotFound."""
        await asyncio.to_thread(path.write_bytes, await self.get(key))

    async def get(self, key: str) -> bytes:
        """The whole of it. Raises NotFound."""
        if key not in self._kept:
            raise NotFound("there is no such file")
        return self._kept[key]

    async def check(self) -> None:
        """Memory can always be written."""


class Files:
    """Makes attachments of files on this machine."""

    def __init__(self, interpreter: Interpreter, max_bytes: int) -> None:
        self._interpreter = interpreter
        self._max_bytes = max_bytes

    async def attach(self, path: Path) -> Attachment:
        """What a model is told of the file. Raises OSError or Unavailable."""
        path, data = await asyncio.to_thread(_load, path)
        media_type = await self._interpreter.media_type(path, path.name)
        reading = await self._read(path, data, media_type)
        return Attachment(MediaState.READY, reading, media_type, path.name)

    async def _read(self, path: Path, data: bytes, media_type: str) -> Reading:
        if len(data) > self._max_bytes:
            return Reading(Problem.TOO_LARGE, f"more than media.max_bytes ({self._max_bytes})")
        try:
            sha256 = hashlib.sha256(data).hexdigest()
            return await self._interpreter.interpret(path, sha256, media_type)
        except BadMedia as bad:
            return Reading(Problem(bad.problem), str(bad))
        except MediaMissing as error:
            raise Refused(str(error)) from None


def _load(path: Path) -> tuple[Path, bytes]:
    path = path.expanduser()
    return path, path.read_bytes()
