"""Changes, told to the open pages.

While a page is open the process looks at the database five times a second, once for all pages; and
only when something has been written since does it look for what.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from bot.adapters.db.console_desk import Desk, Marks
from bot.errors import StoreUnavailable

LOOK_S = 0.2
STREAMS_MAX = 200
_ALIVE_S = 10.0
"""A proxy ends a stream that says nothing for long."""
_AWAY = Marks("away", {})


@dataclass(frozen=True, slots=True)
class Change:
    """`list`, `thread`, or `alive`: nothing has changed."""

    kind: str


class Live:
    """Streams end when `stopping` is set: the server waits for them."""

    def __init__(self, desk: Desk, stopping: asyncio.Event) -> None:
        self._look = _Look(desk, stopping)
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
            with self._look.open(conversation_id) as page:
                async for change in self._tell(page):
                    if change.kind == "alive" and not await is_in():
                        return
                    yield change
        finally:
            self._open -= 1

    async def _tell(self, page: "_Page") -> AsyncIterator[Change]:
        loop = asyncio.get_running_loop()
        alive_at = loop.time() + _ALIVE_S
        while not self._stopping.is_set() and not page.is_over:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(alive_at):
                    await page.news.wait()
            for kind in page.take():
                yield Change(kind)
            if loop.time() >= alive_at:
                alive_at = loop.time() + _ALIVE_S
                yield Change("alive")


class _Page:
    """What has changed since an open page was told last."""

    def __init__(self, look: "_Look", conversation_id: str | None) -> None:
        self.conversation_id = conversation_id
        self.news = asyncio.Event()
        self.is_known = False
        """Whether a look has been told since it opened: the first shows what came before it."""
        self.is_over = False
        self._look = look
        self._changed: set[str] = set()

    def __enter__(self) -> "_Page":
        self._look.enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._look.leave(self)

    def tell(self, kind: str) -> None:
        """Something has changed."""
        self._changed.add(kind)
        self.news.set()

    def take(self) -> list[str]:
        """The kinds of it, once."""
        taken, self._changed = sorted(self._changed), set()
        self.news.clear()
        return taken


class _Look:
    """Looks for all open pages, as long as there is one."""

    def __init__(self, desk: Desk, stopping: asyncio.Event) -> None:
        self._desk = desk
        self._stopping = stopping
        self._pages: set[_Page] = set()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._version: str | None = None
        self._known = _AWAY

    def open(self, conversation_id: str | None) -> _Page:
        return _Page(self, conversation_id)

    def enter(self, page: _Page) -> None:
        """A page is open from now on."""
        self._pages.add(page)
        self._version = None  # its thread has not been looked for
        self._hurry.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="console-look")

    def leave(self, page: _Page) -> None:
        """A page is open no more."""
        self._pages.discard(page)

    async def _run(self) -> None:
        try:
            while self._pages and not self._stopping.is_set():
                self._hurry.clear()
                await self._once()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._hurry.wait()
        finally:
            for page in self._pages:  # the browser opens the stream again
                page.is_over = True
                page.news.set()
            self._task = None
            await self._desk.forget()

    async def _once(self) -> None:
        version = await self._desk.version()
        if version is not None and version == self._version:
            return
        self._version = version
        pages = list(self._pages)
        now = await self._marks({page.conversation_id for page in pages} - {None})
        before, self._known = self._known, now
        for page in pages:
            _tell(page, before, now)

    async def _marks(self, threads: Collection[str | None]) -> Marks:
        try:
            return await self._desk.marks([one for one in threads if one is not None])
        except StoreUnavailable:
            self._version = None
            return _AWAY  # and everything is shown anew when it is back


def _tell(page: _Page, before: Marks, now: Marks) -> None:
    if not page.is_known or before.of_list != now.of_list:
        page.tell("list")
    thread = page.conversation_id or ""
    if not page.is_known or before.by_thread.get(thread) != now.by_thread.get(thread):
        page.tell("thread")
    page.is_known = True
