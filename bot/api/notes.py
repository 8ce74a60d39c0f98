"""What operators note on a conversation, for each other alone."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from bot.api.calls import ERRORS, Body, Id, Operator
from bot.contacts import Contacts
from bot.domain.people import NOTE_MAX, NotePage, NoteView


class NoteBody(Body):
    """Never shown to the customer, nor to the model."""

    text: Annotated[str, Field(min_length=1, max_length=NOTE_MAX)]


def router(contacts: Contacts) -> APIRouter:
    """All calls below `/conversations/{conversation_id}/notes`."""
    api = APIRouter(
        prefix="/conversations/{conversation_id}/notes", tags=["notes"], responses=ERRORS
    )

    @api.get("")
    async def notes(conversation_id: Id) -> NotePage:
        return await contacts.notes(conversation_id)

    @api.post("", status_code=201)
    async def add(conversation_id: Id, body: NoteBody, operator: Operator) -> NoteView:
        return await contacts.add_note(conversation_id, body.text, operator)

    @api.put("/{note_id}")
    async def edit(
        conversation_id: Id, note_id: Id, body: NoteBody, operator: Operator
    ) -> NoteView:
        return await contacts.edit_note(conversation_id, note_id, body.text, operator)

    @api.delete("/{note_id}", status_code=204, response_class=Response)
    async def remove(conversation_id: Id, note_id: Id) -> Response:
        await contacts.remove_note(conversation_id, note_id)
        return Response(status_code=204)

    return api
