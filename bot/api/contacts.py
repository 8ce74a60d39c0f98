"""A contact as a person: how it stands with them, all their data out, all of it gone."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from bot.api.calls import EMPTY_IS_UNSET, ERRORS, Body, Operator
from bot.api.download_names import disposition
from bot.api.media import Stream, joined
from bot.contacts import Contacts
from bot.domain.people import Decision, Erased, StandingPage
from bot.export import Export

Phone = Annotated[
    str, Path(min_length=1, max_length=255, description="The number, however it is spelt.")
]
OnLine = Annotated[
    Annotated[str, Query(max_length=255, description="Left out: every line that knows them.")]
    | None,
    EMPTY_IS_UNSET,
]
_ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "a ZIP, or with `Accept: application/json` the data alone",
        "content": {"application/zip": {}, "application/json": {}},
    }
}


class DecisionBody(Body):
    """On which line, and why."""

    line_id: Annotated[
        str | None,
        Field(max_length=255, description="Left out: every line that knows the contact."),
    ] = None
    reason: Annotated[str | None, Field(max_length=1000, description="Recorded.")] = None


def router(contacts: Contacts, export: Export) -> APIRouter:
    """All calls below `/contacts`."""
    api = APIRouter(prefix="/contacts/{phone}", tags=["contacts"], responses=ERRORS)

    @api.get("")
    async def standing(phone: Phone, line_id: OnLine = None) -> StandingPage:
        """Whether a contact is blocked or has opted out, on each line that knows them."""
        return await contacts.standing(await contacts.places(phone, line_id))

    @api.get("/export", response_class=Response, responses=_ZIP)
    async def everything(
        phone: Phone, operator: Operator, request: Request, line_id: OnLine = None
    ) -> Response:
        """All that is kept: conversations, messages, files, notes, events, costs."""
        places = await contacts.kept(phone, line_id)
        if wants_json(request):
            return await download(export.data(places, operator), "application/json", None)
        return await download(export.archive(places, operator), "application/zip", zip_name())

    @api.delete("")
    async def erase(phone: Phone, operator: Operator, line_id: OnLine = None) -> Erased:
        """All that is kept is removed for good; answered once nothing of it can leave any more."""
        return await contacts.erase(await contacts.kept(phone, line_id), operator)

    for decision in Decision:
        _add_decision(api, contacts, decision)
    return api


def _add_decision(api: APIRouter, contacts: Contacts, decision: Decision) -> None:
    @api.post(f"/{decision.value}", name=decision.value)
    async def decide(
        phone: Phone, operator: Operator, body: DecisionBody | None = None
    ) -> StandingPage:
        given = DecisionBody() if body is None else body
        places = await contacts.places(phone, given.line_id or None)
        return await contacts.decide(places, decision, operator, given.reason)


def wants_json(request: Request) -> bool:
    """Whether the caller asks for the data alone."""
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "application/zip" not in accepted


def zip_name() -> str:
    """Of the download; no number stands in it, since names of downloads are kept and logged."""
    return f"contact-{date.today():%Y-%m-%d}.zip"  # noqa: DTZ011 - the day of this machine


async def download(pieces: AsyncIterator[bytes], media_type: str, filename: str | None) -> Response:
    """Begins once the first bytes are here: until then what fails is a usual error."""
    first = await anext(pieces, b"")
    headers = {"Content-Type": media_type, "X-Content-Type-Options": "nosniff"}
    if filename is not None:
        headers["Content-Disposition"] = disposition("attachment", filename)
    return Stream(joined(first, pieces), 200, headers)
