"""The sandbox as one ASGI app for `/sandbox`: put together, started and stopped here."""

import asyncio
from datetime import timedelta

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sandbox import line_api, media_host, model, phone_api, phone_media, speech
from bot.sandbox.chats import Chats
from bot.sandbox.courier import Courier
from bot.sandbox.feed import Feed
from bot.sandbox.guard import Door, LocalOnly
from bot.sandbox.line import Line
from bot.sandbox.media_host import MediaHost
from bot.sandbox.values import Declined

ROOT = "/sandbox"
LINE_ID = "ln_sandbox"
PRESET = (("+15550100001", "Ana"), ("+15550100002", "Ben"), ("+15550100003", "Chidi"))
OWNER = ("+15550100009", "Rosa, the owner")
"""Gets notices, and commands the bot, where the settings name no operators."""


class SandboxApp:
    """Takes calls whose path begins with `/sandbox`; `start` needs a running loop."""

    def __init__(
        self, app: LocalOnly, line: Line, courier: Courier, feed: Feed, stopping: asyncio.Event
    ) -> None:
        self._app = app
        self._line = line
        self._courier = courier
        self._feed = feed
        self._stopping = stopping
        self._closer: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root = scope.get("root_path", "")
        if not root.endswith(ROOT):
            root += ROOT
        path = f"{root}/" if scope.get("path") == root else scope.get("path")
        await self._app(dict(scope) | {"root_path": root, "path": path}, receive, send)

    def in_front_of(self, product: ASGIApp) -> ASGIApp:
        """The product's app with the sandbox at `/sandbox`, before any redirect of its router."""

        async def either(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            is_ours = scope["type"] == "http" and (path == ROOT or path.startswith(f"{ROOT}/"))
            await (self if is_ours else product)(scope, receive, send)

        return either

    async def start(self) -> None:
        """Send `line.ready`: it is repeated until the receiver is up."""
        self._line.announce()
        self._closer = asyncio.create_task(self._close_streams())

    async def stop(self) -> None:
        """End the streams and drop webhooks that are under way."""
        self._stopping.set()
        if self._closer is not None:
            await self._closer
        await self._courier.stop()

    async def _close_streams(self) -> None:
        # uvicorn waits for open responses before it shuts the app down: so not first in `stop`.
        await self._stopping.wait()
        self._feed.close()


def create(  # noqa: PLR0913 - keyword-only: each is one wire to the outside
    *,
    secret: str,
    api_key: str,
    webhook_url: str,
    key: str,
    own_port: int,
    model_enabled: bool,
    model_name: str = "",
    speech_enabled: bool = False,
    shop_name: str = "Your shop",
    line_id: str = LINE_ID,
    has_owner: bool = False,
    stopping: asyncio.Event | None = None,
    redeliver_after: timedelta = timedelta(seconds=1),
) -> SandboxApp:
    """Put the sandbox together.

    `key` is in the URL that opens the phone, `api_key` guards line API, model and speech service.
    `model_enabled` and `speech_enabled` bring the stand-ins; `model_name` is shown where there is
    none; `has_owner` adds an operator to the customers. Set `stopping` to end the open streams,
    before the server waits for them. `redeliver_after` is the first pause before a webhook comes
    again.
    """
    feed = Feed()
    chats = Chats(feed)
    courier = Courier(webhook_url, secret, redeliver_after)
    media = MediaHost(f"http://127.0.0.1:{own_port}{ROOT}")
    line = Line(line_id, chats, courier, feed, media)
    for address, name in (*PRESET, OWNER) if has_owner else PRESET:
        chats.add(address, name)
    door = Door(key, own_port)
    about = phone_api.About(shop_name, "" if model_enabled else model_name, speech_enabled)
    app = FastAPI(openapi_url=None, max_body_size=2**20)
    app.include_router(phone_api.pages(door))
    app.include_router(phone_api.reads(door, chats, line, feed, about))
    app.include_router(phone_api.calls(door, chats, line))
    app.include_router(phone_media.files(door, line, media))
    app.include_router(phone_media.gestures(door, line))
    app.include_router(media_host.router(media))
    app.include_router(line_api.router(line, api_key))
    app.mount("/static", StaticFiles(directory=phone_api.STATIC))
    if model_enabled:
        app.mount("/model", model.create(api_key))
    if speech_enabled:
        app.mount("/speech", speech.create(api_key))
    _answer_errors(app)
    stopping = asyncio.Event() if stopping is None else stopping
    return SandboxApp(LocalOnly(app, own_port), line, courier, feed, stopping)


def _answer_errors(app: FastAPI) -> None:
    app.add_exception_handler(Declined, _declined)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _failed)


async def _declined(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Declined):
        raise error
    headers = None if error.retry_after_s is None else {"retry-after": str(error.retry_after_s)}
    return JSONResponse({"error": error.code, "message": str(error)}, error.status, headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    fault = error.errors()[0]
    text = f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
    return JSONResponse({"error": "invalid_request", "message": text}, 422)


async def _failed(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code = error.detail.lower().replace(" ", "_")
    return JSONResponse({"error": code, "message": error.detail}, error.status_code, error.headers)
