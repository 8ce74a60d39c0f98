"""A scripted host of media: gives out signed addresses, counts who fetches what."""

import asyncio
import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.harness.http_server import Answer, Behaviour, Plan, Request, ScriptedServer
from tests.harness.network import Network


@dataclass(frozen=True, slots=True)
class Stream(Answer):
    """A response piece by piece, head included, byte for byte; then the connection ends."""

    pieces: Callable[[], Iterable[bytes]] = tuple
    every_s: float = 0


class ScriptedMediaHost(ScriptedServer):
    """Gives a file for its exact signed address; 403 with another signature, 404 for the rest."""

    def __init__(self, network: Network) -> None:
        self._files: dict[str, Answer] = {}
        """By path and query."""
        self.connections = 0
        """How many were ever opened."""
        super().__init__(network)

    @property
    def allowed(self) -> str:
        """For `media.allowed_hosts`."""
        return f"127.0.0.1:{self.port}"

    def serve(self, data: bytes, *, media_type: str, path: str | None = None) -> dict[str, str]:
        """The `media` object of a webhook; `path` begins with a slash (None: a random one)."""
        path = f"/{uuid.uuid4().hex}" if path is None else path
        # Characters that a client which encodes anew would change.
        target = f"{path}?sig={uuid.uuid4().hex}%2Fx%3d+/~%41=="
        self._files[target] = Answer(200, data, {"content-type": media_type})
        return {
            "url": f"{self.url}{target}",
            "mime_type": media_type,
            "sha256": hashlib.sha256(data).hexdigest(),
        }

    def fetches(self, media: Mapping[str, str]) -> int:
        """How often it was asked for, whatever the answer."""
        return sum(request.path == _target(media) for request in self.requests)

    def plan_fetches(self, *behaviours: Behaviour, media: Mapping[str, str] | None = None) -> Plan:
        """What the next fetches (of `media` only, when given) get."""
        return self.plan(
            *behaviours, when=lambda request: media is None or request.path == _target(media)
        )

    def normal_answer(self, request: Request) -> Answer:
        file = self._files.get(request.path)
        if file is not None and request.method == "GET":
            return file
        known = {target.partition("?")[0] for target in self._files}
        return Answer(403 if request.path.partition("?")[0] in known else 404)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await super()._serve(reader, writer)

    async def _answer(
        self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if not isinstance(answer, Stream):
            return await super()._answer(answer, reader, writer)
        for piece in answer.pieces():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(answer.every_s)
        writer.close()
        await writer.wait_closed()
        return False


def _target(media: Mapping[str, str]) -> str:
    parts = urlsplit(media["url"])
    return f"{parts.path}?{parts.query}"
