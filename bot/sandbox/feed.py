"""Live updates for the open phone pages, each bounded, ended together when the server stops."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.sandbox.values import Json

MAX_STREAMS = 4
"""A browser opens six connections to a host: streams must leave some for the calls."""
MAX_WAITING = 1_000


@dataclass(frozen=True, slots=True)
class Update:
    """One change, by name, with what the page needs to show it."""

    kind: str
    data: Json


_MOVED = Update("moved", {})


class Feed:
    """Hands every update to every open stream."""

    def __init__(self) -> None:
        # A None in a queue ends its stream.
        self._queues: list[asyncio.Queue[Update | None]] = []
        self._closed = False

    def publish(self, kind: str, data: Json) -> None:
        """Never waits; a page that reads too slowly is ended and starts anew by itself."""
        for queue in list(self._queues):
            if queue.qsize() >= MAX_WAITING:
                self._end(queue)
            else:
                queue.put_nowait(Update(kind, data))

    def close(self) -> None:
        """End all streams, and every later one at once."""
        self._closed = True
        for queue in list(self._queues):
            self._end(queue)

    @contextmanager
    def open(self) -> Iterator[AsyncIterator[Update]]:
        """Updates from now on. One page too many: the oldest is told that it `moved`, and ends."""
        queue: asyncio.Queue[Update | None] = asyncio.Queue()
        if self._closed:
            queue.put_nowait(None)
        else:
            self._queues.append(queue)
            self._make_room()
        try:
            yield _drain(queue)
        finally:
            self._forget(queue)

    def _make_room(self) -> None:
        while len(self._queues) > MAX_STREAMS:
            oldest = self._queues[0]
            oldest.put_nowait(_MOVED)
            self._end(oldest)

    def _end(self, queue: asyncio.Queue[Update | None]) -> None:
        queue.put_nowait(None)
        self._forget(queue)

    def _forget(self, queue: asyncio.Queue[Update | None]) -> None:
        if queue in self._queues:
            self._queues.remove(queue)


async def _drain(queue: asyncio.Queue[Update | None]) -> AsyncIterator[Update]:
    while (update := await queue.get()) is not None:
        yield update
