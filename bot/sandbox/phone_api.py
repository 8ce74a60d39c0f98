"""What the phone page calls: its pages, its JSON API and its live updates."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, StringConstraints

from bot.sandbox.chats import Chats
from bot.sandbox.feed import Feed
from bot.sandbox.guard import Door
from bot.sandbox.line import Line, LineState
from bot.sandbox.media_host import MAX_FILE_BYTES
from bot.sandbox.values import TEXT_LIMIT, Json

STATIC = Path(__file__).parent / "static"

Address = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_LIMIT)]


class Body(BaseModel):
    """What the page sends; unknown fields are a mistake of ours."""

    model_config = ConfigDict(extra="forbid")


class NewCustomer(Body):
    name: Name
    address: Address


class NewMessage(Body):
    customer: Address
    text: Text
    quoted: str | None = None


class ShopMessage(Body):
    customer: Address
    text: Text
    tell_text: bool = False
    """True: a `message.sent` with the text comes before the `message.delivered`."""


class LineSwitch(Body):
    state: LineState


@dataclass(frozen=True, slots=True)
class About:
    """What the page says of itself."""

    shop: str
    model: str
    """The configured model's name; empty: the stand-in answers."""
    speech_is_stand_in: bool


def pages(door: Door) -> APIRouter:
    """The page itself; whoever comes without the key is told where to find it."""
    routes = APIRouter()

    @routes.get("/")
    async def phone(request: Request, key: str | None = None) -> Response:
        if key is not None and door.opens(key):
            answer = RedirectResponse("/sandbox", status_code=303)
            answer.set_cookie(
                door.cookie, door.ticket, path="/sandbox", httponly=True, samesite="strict"
            )
            return answer
        if key is None and door.is_inside(request):
            return HTMLResponse((STATIC / "phone.html").read_text("utf-8"))
        return HTMLResponse((STATIC / "locked.html").read_text("utf-8"), 403)

    return routes


def reads(door: Door, chats: Chats, line: Line, feed: Feed, about: About) -> APIRouter:
    """Everything there is to show, once or live, behind the cookie."""
    routes = APIRouter(dependencies=[Depends(door.require)])

    @routes.get("/state")
    async def state() -> Json:
        return {
            "shop": about.shop,
            "model": about.model,
            "speech_is_stand_in": about.speech_is_stand_in,
            "max_file_bytes": MAX_FILE_BYTES,
            "line": {"id": line.id, "state": line.state},
            "customers": chats.json(),
        }

    @routes.get("/events", response_class=EventSourceResponse)
    async def events() -> AsyncIterator[ServerSentEvent]:
        # The state comes through the stream, read after it began: nothing falls in between.
        with feed.open() as updates:
            yield ServerSentEvent(event="state", data=await state())
            async for update in updates:
                yield ServerSentEvent(event=update.kind, data=update.data)

    return routes


def calls(door: Door, chats: Chats, line: Line) -> APIRouter:
    """What the page can do, behind the cookie and from its own origin only."""
    routes = APIRouter(dependencies=[Depends(door.require)])

    @routes.post("/customers", status_code=201)
    async def add_customer(body: NewCustomer) -> Json:
        customer = chats.add(body.address, body.name)
        return {"address": customer.address}

    @routes.post("/messages", status_code=201)
    async def write(body: NewMessage) -> Json:
        return {"id": line.customer_writes(body.customer, body.text, body.quoted).id}

    @routes.post("/shop-message", status_code=201)
    async def write_as_person(body: ShopMessage) -> Json:
        bubble = line.person_writes(body.customer, body.text, tell_text=body.tell_text)
        return {"id": bubble.id}

    @routes.post("/line")
    async def switch(body: LineSwitch) -> Json:
        line.switch(body.state)
        return {"state": line.state}

    return routes
