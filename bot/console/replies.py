"""What an operator does in a thread: take over, reply, hand back, put a draft away."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from bot.adapters.db.sessions import Session
from bot.adapters.db.views import Views
from bot.console.conversations import MESSAGES, Inbox
from bot.console.door import Door, check_origin, read_form
from bot.console.errors import Changed
from bot.console.markup import to_html
from bot.console.shown import Shown
from bot.domain.untrusted import is_visible
from bot.errors import NotFound, Refused
from bot.handoff import HandOff


class Replies:
    """Each call answers with the thread as it is then."""

    def __init__(self, door: Door, inbox: Inbox, handoff: HandOff, shown: Shown) -> None:
        self._door = door
        self._inbox = inbox
        self._handoff = handoff
        self._views: Views = shown.views
        self._to_phone: Callable[[str], str] = shown.to_phone

    def routes(self) -> APIRouter:
        """All of them are posted, from our own pages."""
        router = APIRouter(dependencies=[Depends(check_origin)])
        for path, act in (
            ("take-over", self._take_over),
            ("reply", self._reply),
            ("preview", self._preview),
            ("hand-back", self._hand_back),
            ("attend", self._attend),
            ("drafts/{message_id}/drop", self._drop_draft),
        ):
            router.add_api_route(
                f"/conversations/{{conversation_id}}/{path}", act, methods=["POST"]
            )
        return router

    async def _take_over(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        await self._handoff.pause(conversation_id, session.operator)
        if (await self._views.conversation(conversation_id)).needs_attention:
            await self._handoff.attend(conversation_id, session.operator)
        return await self._inbox.show_thread(request, conversation_id, session)

    async def _hand_back(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        fields = await read_form(request)
        conversation = await self._views.conversation(conversation_id)
        if (conversation.holder or "") != fields.get("holder", ""):
            raise Changed
        await self._handoff.resume(
            conversation_id,
            session.operator,
            answer=bool(fields.get("answer")),
            brief=fields.get("brief"),
        )
        return await self._inbox.show_thread(request, conversation_id, session)

    async def _attend(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        await self._handoff.attend(conversation_id, session.operator)
        return await self._inbox.show_thread(request, conversation_id, session)

    async def _drop_draft(
        self, request: Request, conversation_id: str, message_id: str
    ) -> HTMLResponse:
        session = await self._door.require(request)
        await self._handoff.drop_draft(message_id, session.operator)
        return await self._inbox.show_thread(request, conversation_id, session)

    async def _preview(self, request: Request, conversation_id: str) -> HTMLResponse:
        """What the text will look like on the phone."""
        del conversation_id
        await self._door.require(request)
        fields = await read_form(request)
        return HTMLResponse(to_html(self._leaving(fields)))

    async def _reply(self, request: Request, conversation_id: str) -> HTMLResponse:
        session = await self._door.require(request)
        fields = await read_form(request)
        fault = await self._send(conversation_id, fields, session)
        if not fault:
            return await self._inbox.show_thread(request, conversation_id, session)
        kept = {"written": fields.get("text", ""), "draft": fields.get("draft", "")}
        return await self._inbox.show_thread(request, conversation_id, session, fault=fault, **kept)

    async def _send(self, conversation_id: str, fields: Mapping[str, str], session: Session) -> str:
        """Why it was not sent; empty: it was."""
        text = self._leaving(fields)
        if not is_visible(text):
            return "nothing_written"
        if await self._is_overtaken(conversation_id, fields.get("seen", ""), session):
            return "another_has_written"
        key = f"console-{fields.get('key', '')}"[:255]
        try:
            await self._handoff.send(conversation_id, text, session.operator, request_key=key)
        except Refused as refused:
            return str(refused)
        await self._use_up(fields.get("draft", ""), session)
        return ""

    def _leaving(self, fields: Mapping[str, str]) -> str:
        return self._to_phone(fields.get("text", "").replace("\r\n", "\n"))

    async def _use_up(self, draft: str, session: Session) -> None:
        """A draft that was sent is one no more; somebody else may have seen to it."""
        if not draft:
            return
        try:
            await self._handoff.drop_draft(draft, session.operator)
        except (NotFound, Refused):
            return

    async def _is_overtaken(self, conversation_id: str, seen: str, session: Session) -> bool:
        """Whether a colleague has written since the message of a person's that the page showed."""
        page = await self._views.messages(conversation_id, limit=MESSAGES)
        written = [one for one in page.items if one.author == "operator"]
        places = [place for place, one in enumerate(written) if one.id == seen]
        later = written[places[0] + 1 :] if places else written
        return any(one.author_name != session.operator for one in later)
