"""What the phone page calls for all but words: files, places, people, and second thoughts."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, StringConstraints

from bot.sandbox.contents import Card, FileKind, Place
from bot.sandbox.guard import Door
from bot.sandbox.line import Line
from bot.sandbox.media_host import MAX_FILE_BYTES, MediaHost, shown
from bot.sandbox.phone_api import Address, Body, Name, Text
from bot.sandbox.values import TEXT_LIMIT, Json

_MIME = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}(?:; ?[a-z0-9-]{1,20}=[\w.,+\"-]{1,60})*")

Stripped = StringConstraints(strip_whitespace=True)
Phone = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]
MessageId = Annotated[str, Field(min_length=1, max_length=100)]


class Upload(Body):
    """Beside the bytes; what has no words has none."""

    customer: Address
    kind: FileKind
    caption: Annotated[str, Stripped, Field(max_length=TEXT_LIMIT)] = ""
    filename: Annotated[str, Field(max_length=255)] = ""
    quoted: MessageId | None = None
    seconds: Annotated[float | None, Field(ge=0, le=86_400, allow_inf_nan=False)] = None
    """How long a voice note is."""


class NewPlace(Body):
    customer: Address
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    name: Annotated[str, Stripped, Field(max_length=200)] = ""
    address: Annotated[str, Stripped, Field(max_length=300)] = ""


class NewCard(Body):
    customer: Address
    name: Name
    phones: Annotated[list[Phone], Field(min_length=1, max_length=10)]


class Reaction(Body):
    customer: Address
    message_id: MessageId
    emoji: Annotated[str, Stripped, Field(max_length=16)]
    """Empty: it is taken back."""


class Edit(Body):
    customer: Address
    message_id: MessageId
    text: Text


class Deletion(Body):
    customer: Address
    message_id: MessageId


def files(door: Door, line: Line, media: MediaHost) -> APIRouter:
    """Uploads, and the page's own look at what was uploaded."""
    routes = APIRouter(dependencies=[Depends(door.require)])

    @routes.post("/upload", status_code=201, max_body_size=MAX_FILE_BYTES)
    async def upload(request: Request, about: Annotated[Upload, Query()]) -> Json:
        line.must_know(about.customer, about.quoted)
        mime_type = _mime_type(request.headers.get("content-type", ""))
        data = await request.body()
        file = media.keep(about.kind, data, mime_type, about.filename, about.seconds)
        return {"id": line.customer_writes(about.customer, about.caption, about.quoted, file).id}

    @routes.get("/files/{file_id}")
    async def file(file_id: str, request: Request) -> Response:
        return shown(*media.get(file_id), request)

    return routes


def gestures(door: Door, line: Line) -> APIRouter:
    """Places, contact cards, reactions, and a customer's own messages edited and deleted."""
    routes = APIRouter(dependencies=[Depends(door.require)])

    @routes.post("/location", status_code=201)
    async def send_place(body: NewPlace) -> Json:
        place = Place(body.latitude, body.longitude, body.name, body.address)
        return {"id": line.customer_writes(body.customer, "", None, place).id}

    @routes.post("/contact", status_code=201)
    async def send_card(body: NewCard) -> Json:
        card = Card(body.name, tuple(body.phones))
        return {"id": line.customer_writes(body.customer, "", None, card).id}

    @routes.post("/reaction")
    async def react(body: Reaction) -> Json:
        return {"id": line.customer_reacts(body.customer, body.message_id, body.emoji).id}

    @routes.post("/edit")
    async def edit(body: Edit) -> Json:
        return {"id": line.customer_edits(body.customer, body.message_id, body.text).id}

    @routes.post("/delete")
    async def delete(body: Deletion) -> Json:
        return {"id": line.customer_deletes(body.customer, body.message_id).id}

    return routes


def _mime_type(given: str) -> str:
    """As the browser says, in lower case; what is no type becomes one of bytes."""
    given = given.strip().lower()
    return given if _MIME.fullmatch(given) else "application/octet-stream"
