"""The one stream of each open page: what has changed, and that its operator is there."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from bot.adapters.db.presence import Presence
from bot.adapters.db.sessions import Session
from bot.console.door import Door, check_origin
from bot.console.live import Live
from bot.errors import StoreUnavailable

_PAGE = re.compile(r"[A-Za-z0-9-]{8,40}")


class Stream:
    """A page names itself by letters that it has drawn, and the conversation that it shows."""

    def __init__(self, door: Door, live: Live, presence: Presence) -> None:
        self._door = door
        self._live = live
        self._presence = presence
        self._leaving: set[asyncio.Task[None]] = set()

    def routes(self) -> APIRouter:
        """The stream, and the sign that somebody writes."""
        router = APIRouter()
        router.add_api_route(
            "/live",
            self._changes,
            methods=["GET"],
            response_class=EventSourceResponse,
            dependencies=[Depends(self._admit)],
        )
        router.add_api_route(
            "/writing", self._writing, methods=["POST"], dependencies=[Depends(check_origin)]
        )
        return router

    async def _admit(self, request: Request) -> None:
        """Before the answer has begun: whoever is not signed in is told so."""
        request.state.session = await self._door.glance(request)

    async def _changes(self, request: Request) -> AsyncIterator[ServerSentEvent]:
        session: Session = request.state.session
        thread = request.query_params.get("open", "").replace("\0", "")
        page = _page(request)
        try:
            await self._stay(page, thread, session)
            async for change in self._live.changes(
                thread or None, lambda: self._door.knows(request)
            ):
                if change.kind == "alive":
                    await self._stay(page, thread, session)
                yield ServerSentEvent(event=f"changed-{change.kind}", data="")
        finally:
            self._leave(page)

    async def _stay(self, page: str, thread: str, session: Session) -> None:
        """Where nobody can be told of it, the page is worth no less."""
        if page and thread:
            with contextlib.suppress(StoreUnavailable):
                await self._presence.note(page, thread, session.operator)

    def _leave(self, page: str) -> None:
        """In a task of its own: the stream's has been cancelled."""
        if page:
            task = asyncio.create_task(self._gone(page))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _gone(self, page: str) -> None:
        with contextlib.suppress(StoreUnavailable):
            await self._presence.leave(page)

    async def _writing(self, request: Request) -> Response:
        await self._door.require(request)
        if page := _page(request):
            await self._presence.note_writing(page)
        return Response(status_code=204)


def _page(request: Request) -> str:
    """Empty: the page has not named itself."""
    named = request.query_params.get("page", "")
    return named if _PAGE.fullmatch(named) else ""
