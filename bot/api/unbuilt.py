"""Calls that are promised and not built yet: they say so and do nothing."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from bot.api.calls import ERRORS
from bot.api.errors import error_answer

_ANSWERS = {501: {"description": "not built yet"}, **ERRORS}
_CALLS = (
    ("GET", "/contacts/{phone}/export"),
    ("DELETE", "/contacts/{phone}"),
)


def router() -> APIRouter:
    """All of them."""
    api = APIRouter(tags=["not built yet"], responses=_ANSWERS)
    for method, path in _CALLS:
        api.add_api_route(path, _not_built, methods=[method])
    return api


async def _not_built() -> JSONResponse:
    return error_answer(501, "not_built", "this call is not built yet")
