"""The HTTP door: the webhook, health, metrics; the operator API hangs on the same app.

The webhook is a bare ASGI handler in front of the FastAPI app: nothing reads the body before its
signature is checked, and the hot path pays for no framework.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.domain.event import ProviderEvent
from bot.errors import StoreUnavailable
from bot.health import Health
from bot.metrics import BAD_SIGNATURES, REFUSED
from bot.origins import is_forwarded
from bot.receive import Receiver

log = structlog.get_logger()

WEBHOOK_PATH = "/webhooks/whatsapp"
MAX_BODY_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 10.0
DRAINED_MAX_BYTES = 32 * 1024 * 1024
DRAIN_TIMEOUT_S = 3.0

_JSON = (b"content-type", b"application/json")
_BODIES = {
    200: b'{"ok": true}',
    400: b'{"error": "malformed", "message": "not a JSON object with an event and an id"}',
    401: b'{"error": "unauthorized", "message": "the signature is missing or wrong"}',
    405: b'{"error": "method_not_allowed", "message": "webhooks are posted"}',
    413: b'{"error": "too_large", "message": "the body is larger than 1 MiB"}',
    503: b'{"error": "unavailable", "message": "the event was not stored: deliver it again"}',
}


class _Unread(Exception):
    """The body is too large, or too slow, to be read to its end."""

    def __init__(self, status: int, *, more: bool = True) -> None:
        """`more`: a part of it is still to come."""
        super().__init__(status)
        self.status = status
        self.more = more


class _Gone(Exception):
    """The caller hung up before its body was complete."""


class Webhook:
    """`POST /webhooks/whatsapp`: verify the raw bytes, parse, store, answer."""

    def __init__(
        self,
        receiver: Receiver,
        secrets: Sequence[bytes],
        verify: Callable[[bytes, Sequence[bytes], Sequence[bytes]], bool],
        parse: Callable[[bytes], ProviderEvent],
        note_bad_signature: Callable[[], None],
    ) -> None:
        self._receiver = receiver
        self._secrets = tuple(secrets)
        self._verify = verify
        self._parse = parse
        self._note_bad_signature = note_bad_signature

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status = await self._status(scope, receive)
        except _Gone:
            return
        except _Unread as unread:
            await _refuse(unread, receive, send)
            return
        await _answer(send, status)

    async def _status(self, scope: Scope, receive: Receive) -> int:
        if scope["method"] != "POST":
            return 405
        body = await _read_body(scope, receive)
        signatures = [v for name, v in scope["headers"] if name == b"x-mossmoon-signature"]
        if not self._verify(body, signatures, self._secrets):
            BAD_SIGNATURES.inc()
            self._note_bad_signature()
            return 401
        return await self._take(body)

    async def _take(self, body: bytes) -> int:
        try:
            return await self._store(body)
        except StoreUnavailable:
            return 503

    async def _store(self, body: bytes) -> int:
        try:
            event = self._parse(body)
        except ValueError as error:  # rightly signed, so never thrown away
            await self._receiver.bury(body, str(error))
            return 400
        await self._receiver.receive(event)
        return 200


async def _refuse(unread: _Unread, receive: Receive, send: Send) -> None:
    """Answer at once, then let the caller finish writing: many look for an answer only then.

    Hanging up on bytes that are on their way resets the connection, and the answer is lost.
    """
    await _answer(send, unread.status, more=unread.more)
    if unread.more:
        await _drain(receive)
        await send({"type": "http.response.body"})


async def _answer(send: Send, status: int, *, more: bool = False) -> None:
    """The whole answer; `more`: it is ended later, and the connection with it."""
    if status != 200:
        REFUSED.labels(str(status)).inc()
    body = _BODIES[status]
    headers = [_JSON, (b"content-length", str(len(body)).encode())]
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status in (413, 503):
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    """The raw body, however it is sent. Raises _Unread, _Gone."""
    if _announced_length(scope) > MAX_BODY_BYTES:
        raise _Unread(413)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _read_pieces(receive)
    except TimeoutError:
        raise _Unread(503) from None


async def _read_pieces(receive: Receive) -> bytes:
    pieces: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        pieces.append(message.get("body", b""))
        size_bytes += len(pieces[-1])
        if size_bytes > MAX_BODY_BYTES:
            raise _Unread(413, more=bool(message.get("more_body")))
        if not message.get("more_body"):
            return b"".join(pieces)


async def _drain(receive: Receive) -> None:
    """Read on for a while and throw it away."""
    left_bytes = DRAINED_MAX_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            while left_bytes > 0:
                message = await receive()
                if not message.get("more_body"):  # complete, or the caller has hung up
                    return
                left_bytes -= len(message["body"])


def _announced_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


class Doors:
    """One ASGI app: webhook, console, sandbox (in `bot dev`), everything else the FastAPI app."""

    def __init__(
        self, webhook: ASGIApp, app: ASGIApp, console: ASGIApp, sandbox: ASGIApp | None
    ) -> None:
        self._webhook = webhook
        self._app = app
        self._console = console
        self._sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if path == WEBHOOK_PATH:
            await self._webhook(scope, receive, send)
        elif path == "/console" or path.startswith("/console/"):
            await self._console(scope, receive, send)
        elif self._sandbox is not None and (path == "/sandbox" or path.startswith("/sandbox/")):
            await self._sandbox(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def add_operations(
    app: FastAPI,
    health: Health,
    knows_token: Callable[[Request], Awaitable[bool]],
    refresh_gauges: Callable[[], Awaitable[None]],
) -> None:
    """Add health, readiness and metrics to the app. A scrape refreshes the gauges."""

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok"})

    @app.get("/readyz", include_in_schema=False)
    async def readyz(request: Request) -> JSONResponse:
        parts = await health.parts()
        strict = request.query_params.get("all") == "1"
        down = parts["database"] == "down" or (strict and set(parts.values()) != {"ok"})
        alerts = await health.alerts() if strict else ()
        told = {"alerts": list(alerts)} if alerts else {}
        return JSONResponse({**parts, **told}, 503 if down else 200)

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        if not (_is_local(request) or await knows_token(request)):
            body = {"error": "unauthorized", "message": "metrics need an operator's token"}
            return JSONResponse(body, 401)
        await refresh_gauges()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    """Whether the caller is on this machine itself, and no proxy speaks for somebody else."""
    if is_forwarded(request.headers):
        return False
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False
