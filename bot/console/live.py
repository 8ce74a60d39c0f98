"""Changes, told to the open pages: a look at the database five times a second while one is open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from bot.adapters.db.console_desk import Desk
from bot.errors import StoreUnavailable

LOOK_S = 0.2
STREAMS_MAX = 200
_ALIVE_S = 10.0
"""A proxy ends a stream that says nothing for long."""


@dataclass(frozen=True, slots=True)
class Change:
    """`list`, `thread`, or `alive`: nothing has changed."""

    kind: str


class Live:
    """Streams end when `stopping` is set: the server waits for them."""

    def __init__(self, desk: Desk, stopping: asyncio.Event) -> None:
        self._desk = desk
        self._stopping = stopping
        self._open = 0

    async def changes(
        self, conversation_id: str | None, is_in: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[Change]:
        """What to show anew, now and from now on; nothing where too many pages are open.

        `is_in`: whether the operator still is signed in; the stream ends soon after they are not.
        """
        if self._open >= STREAMS_MAX:
            return
        self._open += 1
        try:
            async for change in self._watch(conversation_id):
                if change.kind == "alive" and not await is_in():
                    return
                yield change
        finally:
            self._open -= 1

    async def _watch(self, conversation_id: str | None) -> AsyncIterator[Change]:
        known = await self._look(conversation_id)
        since_s = 0.0
        for kind in ("list", "thread"):  # what has changed since the page was made
            yield Change(kind)
        while not await self._is_over():
            now = await self._look(conversation_id)
            changed = [
                kind
                for kind, before, after in zip(("list", "thread"), known, now, strict=True)
                if before != after
            ]
            known, since_s = now, since_s + LOOK_S
            if since_s >= _ALIVE_S:
                since_s = 0.0
                yield Change("alive")
            for kind in changed:
                yield Change(kind)

    async def _look(self, conversation_id: str | None) -> tuple[str, str]:
        try:
            return await self._desk.mark(conversation_id)
        except StoreUnavailable:
            return ("away", "away")  # and everything is shown anew when it is back

    async def _is_over(self) -> bool:
        """Whether the server stops; after the pause between two looks."""
        try:
            async with asyncio.timeout(LOOK_S):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True
