"""The FastAPI app: the operator API behind its tokens. Other doors hang their routes on it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from bot.adapters.db.views import Views
from bot.adapters.media_store import MediaStore
from bot.api import (
    alerts,
    audit,
    contacts,
    conversations,
    errors,
    events,
    lines,
    media,
    notes,
    prompts,
    trials,
    why,
)
from bot.api.gate import Gate, Known, Operators
from bot.config import Settings
from bot.contacts import Contacts
from bot.export import Export
from bot.handoff import HandOff
from bot.publish import Publisher
from bot.replay.trials import Trials

MAX_BODY_BYTES = 2**20

_DESCRIPTION = (
    "What operators do: read conversations, take them over, give them back, write in the bot's "
    "place. Every error is an object with `error` (stable, for programs) and `message` (for "
    "people). Times are ISO 8601 in UTC. Longer pages than the largest are cut, not refused."
)


@dataclass(frozen=True, slots=True)
class People:
    """What is done with contacts as people."""

    contacts: Contacts
    export: Export


def create_app(
    operators: Operators,
    handoff: HandOff,
    views: Views,
    blobs: MediaStore,
    publisher: Publisher,
    people: People,
    tried: Trials,
) -> FastAPI:
    """The app; without an operator's token set, everything for operators answers 404."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    errors.install(app)
    app.add_middleware(Gate, operators=operators, max_body_bytes=MAX_BODY_BYTES)
    for router in (
        conversations.router(handoff, views),
        lines.router(handoff, views),
        events.router(handoff, views),
        audit.router(views),
        alerts.router(views),
        why.router(views),
        trials.router(tried),
        prompts.router(publisher),
        contacts.router(people.contacts, people.export),
        notes.router(people.contacts),
    ):
        app.include_router(router, prefix="/api")
    app.include_router(media.routes(views, blobs))

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(_schema(app))

    return app


def knows_token(settings: Settings) -> Callable[[Request], Awaitable[bool]]:
    """Whether a request carries an operator's token, for calls outside the operator API."""
    operators = operators_of(settings)

    async def knows(request: Request) -> bool:
        return isinstance(operators.identify(request.scope), Known)

    return knows


def operators_of(settings: Settings) -> Operators:
    """Whoever has a token."""
    tokens = settings.secrets.operator_tokens
    return Operators([(one.name, one.token.get_secret_value()) for one in tokens])


def _schema(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title="Operator API", version="1", description=_DESCRIPTION, routes=app.routes
    )
    bearer = {"type": "http", "scheme": "bearer"}
    schema.setdefault("components", {})["securitySchemes"] = {"operator": bearer}
    schema["security"] = [{"operator": []}]
    return schema
