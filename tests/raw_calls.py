"""Calls to the bot byte by byte: what an HTTP client would tidy up, refuse to send, or not time."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

WEBHOOK = "/webhooks/whatsapp"
PATIENCE_S = 25
CHUNKED = b"Transfer-Encoding: chunked"


@dataclass(frozen=True, slots=True)
class Answered:
    """One response; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """An open connection to the bot; `write` and `answer` may be called again and again."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def write(self, raw: bytes) -> None:
        """Sends it, unless the bot has hung up: then its answer says why."""
        self.writer.write(raw)
        try:
            await self.writer.drain()
        except ConnectionError:
            return

    async def answer(self) -> Answered:
        async with asyncio.timeout(PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
            body = await self.reader.readexactly(int(headers["content-length"]))
        return Answered(int(status.split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Waits until the bot has hung up."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                return await self.reader.read(1) == b""
            except ConnectionError:
                return True


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Call]:
    """A connection to the bot, hung up at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Call(reader, writer)
    finally:
        writer.transport.abort()


def head(
    headers: Iterable[bytes], *, method: str = "POST", length: int | None, path: str = WEBHOOK
) -> bytes:
    """A request's first part; `length` None: no Content-Length."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost", *headers]
    if length is not None:
        lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def chunk(piece: bytes) -> bytes:
    """A piece of a chunked body; the empty one ends it."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


async def post(port: int, body: bytes, headers: Iterable[bytes]) -> Answered:
    """One POST to the webhook on a connection of its own."""
    async with calling(port) as call:
        await call.write(head(headers, length=len(body)) + body)
        return await call.answer()
