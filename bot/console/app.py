"""The console as one app for `/console`: put together here."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from bot.adapters.db.console_desk import Desk
from bot.adapters.db.day_figures import DayFigures
from bot.adapters.db.views import Views
from bot.adapters.media_store import MediaStore
from bot.api import media
from bot.api.app import People
from bot.api.errors import error_answer
from bot.console import sign_in
from bot.console.contact import ContactPages
from bot.console.conversations import Inbox
from bot.console.door import ROOT, Door, Guarded
from bot.console.errors import Faults
from bot.console.house import House
from bot.console.live import Live
from bot.console.pages import Pages, make_pages
from bot.console.today import Today
from bot.handoff import HandOff
from bot.health import Health

__all__ = ["Door", "Shown", "create", "make_pages"]

STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the pages are made of."""

    views: Views
    desk: Desk
    figures: DayFigures
    health: Health
    blobs: MediaStore
    people: People


def create(
    door: Door, pages: Pages, handoff: HandOff, shown: Shown, stopping: asyncio.Event
) -> ASGIApp:
    """The app; without an operator's token set, everything answers 404."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in (
        sign_in.routes(door, pages),
        Inbox(door, pages, handoff, shown.views, shown.desk).routes(),
        ContactPages(door, pages, shown.views, shown.people).routes(),
        Today(door, pages, shown.figures).routes(),
        House(door, pages, handoff, shown.views, shown.health).routes(),
        _live(door, Live(shown.desk, stopping)),
    ):
        app.include_router(router, prefix=ROOT)
    app.include_router(media.routes(shown.views, shown.blobs, ROOT, [Depends(door.require)]))
    app.mount(f"{ROOT}/static", StaticFiles(directory=STATIC))
    Faults(pages).install(app)
    return Guarded(_unless_closed(door, app))


def _unless_closed(door: Door, app: FastAPI) -> ASGIApp:
    if door.operators.exist:
        return app
    return error_answer(404, "not_found", "there is nothing at this address")


def _live(door: Door, live: Live) -> APIRouter:
    router = APIRouter()

    @router.get("/live", response_class=EventSourceResponse, dependencies=[Depends(door.require)])
    async def changes(request: Request) -> AsyncIterator[ServerSentEvent]:
        thread = request.query_params.get("open", "").replace("\0", "")
        async for change in live.changes(thread or None, lambda: door.knows(request)):
            yield ServerSentEvent(event=f"changed-{change.kind}", data="")

    return router
