"""The stand-in's side of the line API: the one POST through which replies leave."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from bot.sandbox.guard import bearer
from bot.sandbox.line import Line
from bot.sandbox.values import Declined

Filled = Annotated[str, StringConstraints(min_length=1)]


class Send(BaseModel):
    """The body of a send; further keys are taken and ignored."""

    model_config = ConfigDict(strict=True)

    to: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    type: Literal["text"]
    text: Filled


def router(line: Line, api_key: str) -> APIRouter:
    """Routes below `/line/api/v1`."""
    routes = APIRouter(prefix="/line/api/v1", dependencies=[Depends(bearer(api_key))])

    @routes.post("/wa/lines/{line_id}/messages", status_code=201)
    async def send(
        line_id: str,
        request: Request,
        idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
    ) -> dict[str, str]:
        if line_id != line.id:
            raise Declined(404, "not_found", "There is no such line.")
        message = await _read(request)
        return {"id": line.accept(message.to, message.text, idempotency_key)}

    return routes


async def _read(request: Request) -> Send:
    """400 for what is malformed or missing, 422 for what is there but not accepted."""
    try:
        return Send.model_validate(await request.json())
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in fault["loc"])
        status = 400 if fault["type"] in {"missing", "model_type"} else 422
        raise Declined(status, "invalid_request", f"{field or 'body'}: {fault['msg']}") from None
    except (ValueError, RecursionError):
        raise Declined(400, "invalid_request", "The body is not valid JSON.") from None
