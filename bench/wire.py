"""HTTP/1.1 with the least work: keep-alive, Content-Length, whole messages of a few kilobytes."""

import asyncio
from collections.abc import Callable
from typing import cast


def split(buffer: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Head, body and the rest of the first whole message, or None while it is not all there."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = buffer[:end]
    start = end + 4
    length = _content_length(head)
    if len(buffer) < start + length:
        return None
    return head, buffer[start : start + length], buffer[start + length :]


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])


class Messages(asyncio.Protocol):
    """Collects bytes and calls `received(head, body)` for every whole message."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop has a class of its own

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer and (message := split(self._buffer)) is not None:
            head, body, self._buffer = message
            self.received(head, body)

    def received(self, head: bytes, body: bytes) -> None:
        raise NotImplementedError


class _Answering(Messages):
    def __init__(self, answer: Callable[[bytes], bytes], delay_s: Callable[[], float]) -> None:
        super().__init__()
        self._answer = answer
        self._delay_s = delay_s

    def received(self, head: bytes, body: bytes) -> None:
        del head
        content = self._answer(body)
        response = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        )
        whole = response % len(content) + content
        delay_s = self._delay_s()
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self.transport.write, whole)
        else:
            self.transport.write(whole)


async def serve(
    answer: Callable[[bytes], bytes], delay_s: Callable[[], float] = lambda: 0.0
) -> tuple[asyncio.Server, int]:
    """A server on a free loopback port: `answer` makes the response body from the request's."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(answer, delay_s), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]
