"""Conversations: reading them, taking them over, writing in them."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import Field

from bot.adapters.db.views import Views
from bot.api.calls import (
    EMPTY_IS_UNSET,
    ERRORS,
    PAGE,
    Body,
    Id,
    Limit,
    Operator,
    PauseBody,
    ResumeBody,
    given_pause,
    show_sends,
)
from bot.domain.shown import (
    Answerer,
    BriefView,
    ConversationPage,
    ConversationView,
    MessagePage,
    MessageView,
    PausedView,
)
from bot.handoff import TEXT_MAX, HandOff


class SendBody(Body):
    """A person's words to the customer, sent as they are typed."""

    text: Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
    keep_bot: Annotated[
        bool, Field(strict=True, description="Leave the conversation with the bot.")
    ] = False


def router(handoff: HandOff, views: Views) -> APIRouter:
    """All calls below `/conversations`."""
    api = APIRouter(prefix="/conversations", tags=["conversations"], responses=ERRORS)
    _add_reads(api, views)
    _add_switches(api, handoff, views)

    @api.post("/{conversation_id}/messages", status_code=202)
    async def send(
        conversation_id: Id,
        body: SendBody,
        operator: Operator,
        idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
    ) -> MessageView:
        message_id = await handoff.send(
            conversation_id,
            body.text,
            operator,
            keep_bot=body.keep_bot,
            request_key=idempotency_key,
        )
        return await views.message(message_id)

    return api


def _add_reads(api: APIRouter, views: Views) -> None:
    @api.get("")
    async def conversations(
        line_id: Annotated[str | None, EMPTY_IS_UNSET] = None,
        contact: Annotated[str | None, EMPTY_IS_UNSET] = None,
        state: Annotated[Answerer | None, EMPTY_IS_UNSET] = None,
        q: Annotated[Annotated[str, Field(max_length=200)] | None, EMPTY_IS_UNSET] = None,
        limit: Limit = PAGE,
        cursor: Annotated[Annotated[str, Field(max_length=400)] | None, EMPTY_IS_UNSET] = None,
    ) -> ConversationPage:
        return await views.conversations(
            line_id=line_id, contact=contact, state=state, q=q, limit=limit, cursor=cursor
        )

    @api.get("/{conversation_id}")
    async def conversation(conversation_id: Id) -> ConversationView:
        return await views.conversation(conversation_id)

    @api.get("/{conversation_id}/messages")
    async def messages(
        conversation_id: Id,
        limit: Limit = PAGE,
        before: Annotated[Annotated[str, Field(max_length=255)] | None, EMPTY_IS_UNSET] = None,
    ) -> MessagePage:
        return await views.messages(conversation_id, limit=limit, before=before)

    @api.get("/{conversation_id}/brief")
    async def brief(conversation_id: Id) -> BriefView:
        return await views.brief(conversation_id)


def _add_switches(api: APIRouter, handoff: HandOff, views: Views) -> None:
    @api.post("/{conversation_id}/pause")
    async def pause(
        conversation_id: Id, operator: Operator, body: PauseBody | None = None
    ) -> PausedView:
        length, reason = given_pause(body)
        open_sends = await handoff.pause(conversation_id, operator, length, reason)
        view = await views.conversation(conversation_id)
        return PausedView(**asdict(view), in_flight=show_sends(open_sends))

    @api.post("/{conversation_id}/resume")
    async def resume(
        conversation_id: Id, operator: Operator, body: ResumeBody | None = None
    ) -> ConversationView:
        given = ResumeBody() if body is None else body
        await handoff.resume(conversation_id, operator, answer=given.answer, brief=given.brief)
        return await views.conversation(conversation_id)

    @api.post("/{conversation_id}/attend")
    async def attend(
        conversation_id: Id, operator: Operator, body: Body | None = None
    ) -> ConversationView:
        del body  # an empty object at most
        await handoff.attend(conversation_id, operator)
        return await views.conversation(conversation_id)
