"""Every error of the HTTP side as `{"error": code, "message": text}`, the framework's own too.

No answer repeats what was sent: it may hold a phone number, a text or a secret.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from bot.errors import Ambiguous, BotError, LostClaim, NotFound, Refused, Unavailable

log = structlog.get_logger()

TOO_LARGE = "the body is larger than 1 MiB"
_RETRY_AFTER_S = "5"
_CODES = {400: "malformed", 404: "not_found", 409: "conflict", 413: "too_large", 422: "invalid"}
_TEXTS = {
    404: "there is nothing at this address",
    405: "this call does not exist with this method",
    413: TOO_LARGE,
}
_WORDS = {
    "json_invalid": "not valid JSON",
    "extra_forbidden": "a field that is not known: see /openapi.json",
}
_SHOWN_FAULTS = 5


class ErrorBody(BaseModel):
    """What every error answers."""

    error: str
    """Stable, for programs."""
    message: str
    """For people."""


def error_answer(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One error."""
    kept = {"Cache-Control": "no-store", **({} if headers is None else headers)}
    return JSONResponse({"error": code, "message": message}, status, kept)


def install(app: FastAPI) -> None:
    """Let all errors of the app be answered here."""
    app.add_exception_handler(BotError, _bot_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(Exception, _internal_error)


async def _bot_error(_request: Request, error: Exception) -> JSONResponse:
    match error:
        case NotFound():
            return error_answer(404, "not_found", "there is nothing with this id")
        case Refused(status=status):
            status = 409 if status is None else status
            return error_answer(status, _code(status), str(error))
        case Unavailable():
            return error_answer(503, "unavailable", str(error), {"Retry-After": _RETRY_AFTER_S})
        case Ambiguous() | LostClaim():
            return error_answer(409, "conflict", "it has changed meanwhile: look again")
        case _:
            return await _internal_error(_request, error)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    text = "; ".join(dict.fromkeys(_fault(fault) for fault in faults[:_SHOWN_FAULTS]))
    return error_answer(422, "invalid", text)


def _fault(fault: Mapping[str, Any]) -> str:
    place: Sequence[object] = fault["loc"]
    kind = str(fault["type"])
    if kind in _WORDS:
        return f"{place[0]}: {_WORDS[kind]}"
    named = ".".join(str(part) for part in (place[1:] if len(place) > 1 else place))
    return f"{named}: {fault['msg']}"


async def _framework_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    text = _TEXTS.get(status, HTTPStatus(status).phrase)
    return error_answer(status, _code(status), text, error.headers)


async def _internal_error(_request: Request, error: Exception) -> JSONResponse:
    log.error("http.failed", error=type(error).__name__, exc_info=True)  # noqa: LOG014 - called in one
    return error_answer(500, "internal", "something went wrong here: the log says what")


def _code(status: int) -> str:
    return _CODES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
