"""The console as one app for `/console`: put together here."""

import asyncio
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from bot.api import media
from bot.api.errors import error_answer
from bot.console import sign_in
from bot.console.contact import ContactPages
from bot.console.conversations import Inbox
from bot.console.door import ROOT, Door, Guarded
from bot.console.errors import Faults
from bot.console.house import House
from bot.console.live import Live
from bot.console.pages import Pages, make_pages
from bot.console.prompts import Prompts
from bot.console.replies import Replies
from bot.console.shown import Shown
from bot.console.stream import Stream
from bot.console.today import Today
from bot.console.trying import Trying
from bot.handoff import HandOff

__all__ = ["Door", "Shown", "create", "make_pages"]

STATIC = Path(__file__).parent / "static"


def create(
    door: Door, pages: Pages, handoff: HandOff, shown: Shown, stopping: asyncio.Event
) -> ASGIApp:
    """The app; without an operator's token set, everything answers 404."""
    inbox = Inbox(door, pages, shown)
    prompts = Prompts(door, pages, shown.publisher)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for router in (
        sign_in.routes(door, pages),
        inbox.routes(),
        Replies(door, inbox, handoff, shown).routes(),
        ContactPages(door, pages, shown.views, shown.people).routes(),
        Today(door, pages, shown.figures).routes(),
        Trying(door, pages, prompts, shown.publisher, shown.tries).routes(),
        prompts.routes(),
        House(door, pages, handoff, shown).routes(),
        Stream(door, Live(shown.desk, stopping), shown.presence).routes(),
    ):
        app.include_router(router, prefix=ROOT)
    app.include_router(media.routes(shown.views, shown.blobs, ROOT, [Depends(door.require)]))
    # From here, so that it may look after all pages of the console.
    app.add_api_route(f"{ROOT}/sw.js", _service_worker, methods=["GET"])
    app.mount(f"{ROOT}/static", StaticFiles(directory=STATIC))
    Faults(pages).install(app)
    return Guarded(_unless_closed(door, app))


async def _service_worker() -> FileResponse:
    headers = {"service-worker-allowed": ROOT, "cache-control": "no-cache"}
    return FileResponse(STATIC / "sw.js", media_type="text/javascript", headers=headers)


def _unless_closed(door: Door, app: FastAPI) -> ASGIApp:
    if door.operators.exist:
        return app
    return error_answer(404, "not_found", "there is nothing at this address")
