"""The list of conversations, and the thread of one."""

import secrets
from collections.abc import Sequence
from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.adapters.db.console_desk import Entries, Which
from bot.adapters.db.sessions import Session
from bot.console.door import ROOT, Door
from bot.console.pages import Pages
from bot.console.shown import Shown
from bot.domain.shown import MessagePage, MessageView

WHICH: tuple[Which, ...] = get_args(Which)
MESSAGES = 60
"""Of a thread, on one page."""
_QUERY_MAX = 200


class Inbox:
    """The pages of conversations."""

    def __init__(self, door: Door, pages: Pages, shown: Shown) -> None:
        self._door = door
        self._pages = pages
        self._views = shown.views
        self._desk = shown.desk
        self._presence = shown.presence

    def routes(self) -> APIRouter:
        """All of them; none changes anything."""
        router = APIRouter()
        router.add_api_route("", self._to_list, methods=["GET"])
        router.add_api_route("/", self._to_list, methods=["GET"])
        router.add_api_route("/conversations", self._list, methods=["GET"])
        router.add_api_route("/conversations/{conversation_id}", self._thread, methods=["GET"])
        router.add_api_route("/parts/list", self._list_part, methods=["GET"])
        router.add_api_route("/parts/thread/{conversation_id}", self._thread_part, methods=["GET"])
        router.add_api_route("/parts/needs", self._needs_part, methods=["GET"])
        return router

    async def _to_list(self) -> Response:
        return RedirectResponse(f"{ROOT}/conversations", 303)

    async def _list(self, request: Request) -> HTMLResponse:
        session = await self._door.require(request)
        shown = await self._list_values(request)
        return self._pages.show(request, "inbox.html", session=session, thread=None, **shown)

    async def _list_part(self, request: Request) -> HTMLResponse:
        await self._door.glance(request)
        return self._pages.show(request, "_list.html", **await self._list_values(request))

    async def _list_values(self, request: Request) -> dict[str, Any]:
        asked = request.query_params
        which, q = asked.get("which", "all"), asked.get("q", "")[:_QUERY_MAX].replace("\0", "")
        line_id, cursor = asked.get("line") or None, asked.get("cursor") or None
        chosen: Which = next((one for one in WHICH if one == which), "all")
        entries: Entries = await self._desk.entries(chosen, line_id, q or None, cursor=cursor)
        lines = await self._desk.line_ids()
        filters = {"which": chosen, "q": q, "line": line_id or "", "cursor": cursor or ""}
        open_one = asked.get("open", "")
        return {"entries": entries, "lines": lines, "filters": filters, "open_one": open_one}

    async def _thread(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        thread = await self._thread_values(request, conversation_id, session)
        shown = await self._list_values(request) | {"open_one": conversation_id}
        return self._pages.show(request, "inbox.html", session=session, thread=thread, **shown)

    async def _thread_part(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.glance(request)
        return await self.show_thread(request, conversation_id, session)

    async def _needs_part(self, request: Request) -> HTMLResponse:
        await self._door.glance(request)
        needs, everything = await self._desk.in_need(), await self._views.scope(None)
        return self._pages.show(request, "_needs.html", needs=needs, everything=everything)

    async def show_thread(
        self, request: Request, conversation_id: str, session: Session, **values: str
    ) -> HTMLResponse:
        """The open thread anew, as a part of its page."""
        thread = await self._thread_values(request, conversation_id, session)
        shown = thread | {"is_part": True} | values
        return self._pages.show(request, "_thread.html", thread=shown)

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
        draft = self._draft(page.items, request.query_params.get("use", ""))
        return {
            "conversation": conversation,
            "messages": page.items,
            "at": at,
            "before": before,
            "earlier": page.items[0].id if len(page.items) == MESSAGES else None,
            "brief": brief,
            "operator": session.operator,
            # A form sent twice by a double click is one message.
            "request_key": secrets.token_urlsafe(16),
            "draft": "" if draft is None else draft.id,
            "written": "" if draft is None else draft.text,
            "others": await self._presence.others(conversation_id, session.operator),
            "fault": "",
            "is_part": False,
        }

    async def _page(self, conversation_id: str, before: str | None, at: str | None) -> MessagePage:
        """The newest messages; those before a message, or around one that was searched for."""
        if at is not None:
            return await self._views.messages_around(conversation_id, at, limit=MESSAGES)
        return await self._views.messages(conversation_id, limit=MESSAGES, before=before)

    @staticmethod
    def _draft(messages: Sequence[MessageView], chosen: str) -> MessageView | None:
        """A draft of the bot's that somebody wants to send themselves."""
        return next((one for one in messages if one.id == chosen and one.draft), None)
