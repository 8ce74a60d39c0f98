"""The list and the thread, and what an operator does there."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.adapters.db.console_desk import Desk, Entries, Which
from bot.adapters.db.sessions import Session
from bot.adapters.db.views import Views
from bot.console.door import ROOT, Door, check_origin, read_form
from bot.console.pages import Pages
from bot.domain.shown import MessagePage, MessageView
from bot.errors import Refused
from bot.handoff import HandOff

WHICH: tuple[Which, ...] = get_args(Which)
_MESSAGES = 60
_QUERY_MAX = 200


class Inbox:
    """The pages of conversations."""

    def __init__(
        self, door: Door, pages: Pages, handoff: HandOff, views: Views, desk: Desk
    ) -> None:
        self._door = door
        self._pages = pages
        self._handoff = handoff
        self._views = views
        self._desk = desk

    def routes(self) -> APIRouter:
        """All of them; everything that changes something is posted."""
        router = APIRouter()
        router.add_api_route("", self._to_list, methods=["GET"])
        router.add_api_route("/conversations", self._list, methods=["GET"])
        router.add_api_route("/conversations/{conversation_id}", self._thread, methods=["GET"])
        router.add_api_route("/parts/list", self._list_part, methods=["GET"])
        router.add_api_route("/parts/thread/{conversation_id}", self._thread_part, methods=["GET"])
        for name, act in (
            ("take-over", self._take_over),
            ("reply", self._reply),
            ("hand-back", self._hand_back),
            ("attend", self._attend),
        ):
            router.add_api_route(
                f"/conversations/{{conversation_id}}/{name}",
                act,
                methods=["POST"],
                dependencies=[Depends(check_origin)],
            )
        return router

    async def _to_list(self) -> Response:
        return RedirectResponse(f"{ROOT}/conversations", 303)

    async def _list(self, request: Request) -> HTMLResponse:
        session = await self._door.require(request)
        shown = await self._list_values(request)
        return self._pages.show(request, "inbox.html", session=session, thread=None, **shown)

    async def _list_part(self, request: Request) -> HTMLResponse:
        await self._door.require(request)
        return self._pages.show(request, "_list.html", **await self._list_values(request))

    async def _list_values(self, request: Request) -> dict[str, Any]:
        asked = request.query_params
        which, q = asked.get("which", "all"), asked.get("q", "")[:_QUERY_MAX].replace("\0", "")
        line_id, cursor = asked.get("line") or None, asked.get("cursor") or None
        chosen: Which = next((one for one in WHICH if one == which), "all")
        entries: Entries = await self._desk.entries(chosen, line_id, q or None, cursor=cursor)
        lines = await self._desk.line_ids()
        filters = {"which": chosen, "q": q, "line": line_id or ""}
        open_one = asked.get("open", "")
        return {"entries": entries, "lines": lines, "filters": filters, "open_one": open_one}

    async def _thread(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        thread = await self._thread_values(request, conversation_id, session)
        shown = await self._list_values(request) | {"open_one": conversation_id}
        return self._pages.show(request, "inbox.html", session=session, thread=thread, **shown)

    async def _thread_part(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        return await self._show_thread(request, conversation_id, session)

    async def _show_thread(
        self, request: Request, conversation_id: str, session: Session, **values: str
    ) -> HTMLResponse:
        thread = await self._thread_values(request, conversation_id, session)
        return self._pages.show(request, "_thread.html", thread=thread | values)

    async def _thread_values(
        self, request: Request, conversation_id: str, session: Session
    ) -> dict[str, Any]:
        conversation = await self._views.conversation(conversation_id)
        before, at = (request.query_params.get(name) or None for name in ("before", "at"))
        page = await self._page(conversation_id, before, at)
        brief = ""
        if conversation.state == "human":
            brief = (await self._views.brief(conversation_id)).text
        await self._desk.note_read(conversation_id)
        return {
            "conversation": conversation,
            "messages": page.items,
            "at": at,
            "earlier": page.items[0].id if len(page.items) == _MESSAGES else None,
            "brief": brief,
            "operator": session.operator,
            # A form sent twice by a double click is one message.
            "request_key": secrets.token_urlsafe(16),
            "written": self._draft(page.items, request.query_params.get("use", "")),
            "fault": "",
        }

    async def _page(self, conversation_id: str, before: str | None, at: str | None) -> MessagePage:
        """The newest messages; those before a message, or around one that was searched for."""
        if at is not None:
            return await self._views.messages_around(conversation_id, at, limit=_MESSAGES)
        return await self._views.messages(conversation_id, limit=_MESSAGES, before=before)

    @staticmethod
    def _draft(messages: Sequence[MessageView], chosen: str) -> str:
        """The words of a draft of the bot's that somebody wants to send themselves."""
        return next((one.text for one in messages if one.id == chosen and one.draft), "")

    # what an operator does

    async def _take_over(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        await self._handoff.pause(conversation_id, session.operator)
        return await self._show_thread(request, conversation_id, session)

    async def _hand_back(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        fields = await read_form(request)
        await self._handoff.resume(
            conversation_id,
            session.operator,
            answer=bool(fields.get("answer")),
            brief=fields.get("brief"),
        )
        return await self._show_thread(request, conversation_id, session)

    async def _attend(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        await self._handoff.attend(conversation_id, session.operator)
        return await self._show_thread(request, conversation_id, session)

    async def _reply(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        fields = await read_form(request)
        fault = await self._send(conversation_id, fields, session)
        written = fields.get("text", "") if fault else ""
        return await self._show_thread(
            request, conversation_id, session, fault=fault, written=written
        )

    async def _send(self, conversation_id: str, fields: Mapping[str, str], session: Session) -> str:
        """Why it was not sent; empty: it was."""
        text = fields.get("text", "").replace("\r\n", "\n")
        if not text.strip():
            return "nothing_written"
        newest, seen = await self._newest_of_person(conversation_id), fields.get("seen", "")
        if newest not in ("", seen) and not fields.get("anyway"):
            return "another_has_written"
        key = f"console-{fields.get('key', '')}"[:255]
        try:
            await self._handoff.send(conversation_id, text, session.operator, request_key=key)
        except Refused as refused:
            return str(refused)
        return ""

    async def _newest_of_person(self, conversation_id: str) -> str:
        """The last message of an operator's, so that two do not answer the same question."""
        page = await self._views.messages(conversation_id, limit=_MESSAGES)
        written = [one.id for one in page.items if one.author == "operator"]
        return written[-1] if written else ""
