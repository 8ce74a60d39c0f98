"""The page of one contact: what is known of them, notes, and what can be done about them."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.adapters.db.sessions import Session
from bot.adapters.db.views import Views
from bot.api.app import People
from bot.api.contacts import download, zip_name
from bot.console.door import ROOT, Door, check_origin, read_form
from bot.console.pages import Pages
from bot.domain.contact import contact_key
from bot.domain.people import Decision, Erased
from bot.errors import Refused

_AUDIT_ROWS = 20
_CONFIRMED = frozenset({Decision.BLOCK})
"""What asks for the number to be typed."""

_Act = Callable[[Request, str, Session, dict[str, str]], Awaitable[str]]


class ContactPages:
    """Everything about one contact on one line."""

    def __init__(self, door: Door, pages: Pages, views: Views, people: People) -> None:
        self._door = door
        self._pages = pages
        self._views = views
        self._contacts = people.contacts
        self._export = people.export

    def routes(self) -> APIRouter:
        """All of them; everything that changes something is posted."""
        router = APIRouter(prefix="/conversations/{conversation_id}/contact")
        router.add_api_route("", self._page, methods=["GET"])
        router.add_api_route("/export", self._download, methods=["GET"])
        guards = [Depends(check_origin)]
        router.add_api_route("/erase", self._erase, methods=["POST"], dependencies=guards)
        for path, act in (
            ("/decide", self._decide),
            ("/notes", self._add_note),
            ("/notes/{note_id}/edit", self._edit_note),
            ("/notes/{note_id}/delete", self._remove_note),
        ):
            router.add_api_route(path, self._doing(act), methods=["POST"], dependencies=guards)
        return router

    def _doing(self, act: _Act) -> Callable[..., Awaitable[Response]]:
        """A form, carried out: back to the page, or the page with what was wrong."""

        async def do(request: Request, conversation_id: str) -> Response:
            session = await self._door.require(request)
            fields = await read_form(request)
            fault = await act(request, conversation_id, session, fields)
            if fault:
                return await self._show(request, conversation_id, session, fault, 422)
            return RedirectResponse(f"{ROOT}/conversations/{conversation_id}/contact", 303)

        return do

    async def _page(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        return await self._show(request, conversation_id, session)

    async def _show(
        self,
        request: Request,
        conversation_id: str,
        session: Session,
        fault: str = "",
        status: int = 200,
    ) -> HTMLResponse:
        known = await self._contacts.profile(conversation_id)
        rows = await self._views.audit(conversation_id=conversation_id, limit=_AUDIT_ROWS)
        shown: dict[str, Any] = {"contact": known, "rows": rows.items, "fault": fault}
        return self._pages.show(request, "contact.html", status, session=session, **shown)

    async def _download(self, request: Request, conversation_id: str) -> Response:
        session = await self._door.require(request)
        place = await self._contacts.place_of(conversation_id)
        pieces = self._export.archive((place,), session.operator)
        return await download(pieces, "application/zip", zip_name())

    async def _decide(
        self, _request: Request, conversation_id: str, session: Session, fields: dict[str, str]
    ) -> str:
        place = await self._contacts.place_of(conversation_id)
        try:
            decision = Decision(fields.get("decision", ""))
        except ValueError:
            raise Refused("there is no such decision", 422) from None
        if decision in _CONFIRMED and not _is_typed(fields, place.contact_key):
            return "other_number"
        await self._contacts.decide((place,), decision, session.operator, fields.get("reason"))
        return ""

    async def _erase(self, request: Request, conversation_id: str) -> Response:
        session = await self._door.require(request)
        fields = await read_form(request)
        place = await self._contacts.place_of(conversation_id)
        if not _is_typed(fields, place.contact_key):
            return await self._show(request, conversation_id, session, "other_number", 422)
        erased = await self._contacts.erase((place,), session.operator)
        return self._told(request, session, erased)

    def _told(self, request: Request, session: Session, erased: Erased) -> HTMLResponse:
        return self._pages.show(request, "erased.html", session=session, erased=erased)

    # notes

    async def _add_note(
        self, _request: Request, conversation_id: str, session: Session, fields: dict[str, str]
    ) -> str:
        text = fields.get("text", "")
        if not text.strip():
            return "nothing_written"
        await self._contacts.add_note(conversation_id, text, session.operator)
        return ""

    async def _edit_note(
        self, request: Request, conversation_id: str, session: Session, fields: dict[str, str]
    ) -> str:
        text, note_id = fields.get("text", ""), request.path_params["note_id"]
        if not text.strip():
            return "nothing_written"
        await self._contacts.edit_note(conversation_id, note_id, text, session.operator)
        return ""

    async def _remove_note(
        self, request: Request, conversation_id: str, _session: Session, _fields: dict[str, str]
    ) -> str:
        await self._contacts.remove_note(conversation_id, request.path_params["note_id"])
        return ""


def _is_typed(fields: dict[str, str], key: str) -> bool:
    return contact_key(fields.get("number", "")) == key
