"""A loopback server that answers with bytes as they are, or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

HANG = b"hang"
"""Instead of an answer: read the request, then say nothing until the client gives up."""


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    """A whole response; `body`: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    extra = "".join(
        f"{name}: {value}\r\n" for name, value in ({} if headers is None else headers).items()
    )
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(raw)}\r\n{extra}\r\n".encode() + raw


@dataclass(slots=True)
class RawServer:
    """Gives `answers` in order, the last one for ever; an empty one closes the connection."""

    answers: list[bytes]
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    """Head and body of each, as received."""
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    def header(self, name: str) -> str | None:
        """A header of the last request."""
        head = self.requests[-1].partition(b"\r\n\r\n")[0].decode()
        for line in head.split("\r\n")[1:]:
            found, _, value = line.partition(":")
            if found.lower() == name.lower():
                return value.strip()
        return None

    @property
    def path(self) -> str:
        return self.requests[-1].split(b" ", 2)[1].decode()

    @property
    def json(self) -> Any:
        return json.loads(self.requests[-1].partition(b"\r\n\r\n")[2])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            await self._exchange(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            self.open.discard(writer)

    async def close(self) -> None:
        """Reset what is open, and wait until nobody is served any more."""
        while self.open:
            for writer in self.open:
                writer.transport.abort()
            await asyncio.sleep(0)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            self.requests.append(head + await reader.readexactly(length))
            reply = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if reply == HANG:
                await reader.read()
                return
            writer.write(reply)
            await writer.drain()
            declared = reply.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            if not declared or len(reply.partition(b"\r\n\r\n")[2]) < int(declared):
                writer.close()  # an answer that breaks off
                await writer.wait_closed()
                return


@asynccontextmanager
async def serving(*answers: bytes) -> AsyncIterator[RawServer]:
    """The server, listening; open connections end with it."""
    server = RawServer(list(answers))
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        await server.close()
