"""Lines, dead letters, what people did, what is wrong, the way of a message, the emergency stop."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.console.door import ROOT, Door, check_origin, read_form
from bot.console.pages import Pages
from bot.console.shown import Shown
from bot.domain import payload
from bot.handoff import HandOff

_ROWS = 200


class House:
    """The pages that are not about one customer."""

    def __init__(self, door: Door, pages: Pages, handoff: HandOff, shown: Shown) -> None:
        self._door = door
        self._pages = pages
        self._handoff = handoff
        self._views = shown.views
        self._health = shown.health
        self._paces = shown.paces

    def routes(self) -> APIRouter:
        """All of them."""
        router = APIRouter()
        for path, show in (
            ("/lines", self._lines),
            ("/letters", self._letters),
            ("/letters/{event_id}", self._letter),
            ("/audit", self._audit),
            ("/health", self._show_health),
            ("/why/{named}", self._why),
            ("/parts/why/{named}", self._why_part),
        ):
            router.add_api_route(path, show, methods=["GET"])
        for path, act in (
            ("/stop", self._stop),
            ("/go", self._go),
            ("/lines/{line_id}/pause", self._pause_line),
            ("/lines/{line_id}/resume", self._resume_line),
            ("/letters/{event_id}/replay", self._replay),
            ("/letters/{event_id}/drop", self._drop),
        ):
            router.add_api_route(path, act, methods=["POST"], dependencies=[Depends(check_origin)])
        return router

    async def _show(self, request: Request, template: str, **values: Any) -> HTMLResponse:
        session = await self._door.require(request)
        everything = await self._views.scope(None)
        return self._pages.show(request, template, session=session, everything=everything, **values)

    async def _lines(self, request: Request) -> HTMLResponse:
        await self._door.require(request)
        lines = (await self._views.lines()).items
        scopes = {line.line_id: await self._views.scope(line.line_id) for line in lines}
        paces = await self._paces.of_all()
        return await self._show(request, "lines.html", lines=lines, scopes=scopes, paces=paces)

    async def _letters(self, request: Request) -> HTMLResponse:
        await self._door.require(request)
        page = await self._views.events(states=frozenset({"dead"}), limit=_ROWS)
        return await self._show(request, "letters.html", events=page.items)

    async def _letter(self, request: Request, event_id: str) -> HTMLResponse:
        await self._door.require(request)
        event, raw = await self._views.event(event_id), await self._views.payload(event_id)
        return await self._show(request, "letter.html", event=event, body=payload.shown(raw))

    async def _audit(self, request: Request) -> HTMLResponse:
        await self._door.require(request)
        page = await self._views.audit(limit=_ROWS)
        return await self._show(request, "audit.html", rows=page.items)

    async def _show_health(self, request: Request) -> HTMLResponse:
        await self._door.require(request)
        parts, alerts = await self._health.parts(), (await self._views.alerts()).items
        return await self._show(request, "health.html", parts=parts, alerts=alerts)

    async def _why(self, request: Request, named: str) -> HTMLResponse:
        await self._door.require(request)
        return await self._show(request, "why.html", way=await self._views.why(named))

    async def _why_part(self, request: Request, named: str) -> HTMLResponse:
        await self._door.require(request)
        way = await self._views.why(named)
        return self._pages.show(request, "_why.html", way=way)

    async def _stop(self, request: Request) -> Response:
        session = await self._door.require(request)
        await self._handoff.pause_scope(None, session.operator, None, "the emergency stop")
        return await _back(request)

    async def _go(self, request: Request) -> Response:
        session = await self._door.require(request)
        fields = await read_form(request)
        await self._handoff.resume_scope(None, session.operator, answer=bool(fields.get("answer")))
        return RedirectResponse(f"{ROOT}/lines", 303)

    async def _pause_line(self, request: Request, line_id: str) -> Response:
        session = await self._door.require(request)
        await self._handoff.pause_scope(line_id, session.operator, None)
        return await _back(request)

    async def _resume_line(self, request: Request, line_id: str) -> Response:
        session = await self._door.require(request)
        await self._handoff.resume_scope(line_id, session.operator)
        return await _back(request)

    async def _replay(self, request: Request, event_id: str) -> Response:
        session = await self._door.require(request)
        await self._handoff.replay(event_id, session.operator)
        return RedirectResponse(f"{ROOT}/letters", 303)

    async def _drop(self, request: Request, event_id: str) -> Response:
        session = await self._door.require(request)
        await self._handoff.drop_event(event_id, session.operator)
        return RedirectResponse(f"{ROOT}/letters", 303)


async def _back(request: Request) -> Response:
    await read_form(request)
    return RedirectResponse(f"{ROOT}/lines", 303)
