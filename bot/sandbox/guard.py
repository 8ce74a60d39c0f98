"""Who may use the sandbox: this machine's own browser, with the key that `bot dev` printed.

The sandbox holds stand-in secrets and lets its user write as any customer, so nothing that comes
through a proxy, from another machine or from another page may reach it.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.origins import is_forwarded, is_from_own_page
from bot.sandbox.values import Declined

OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' blob:; media-src 'self' blob:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class LocalOnly:
    """Hides the app (404) from everything but direct calls on this machine."""

    def __init__(self, app: ASGIApp, own_port: int) -> None:
        self._app = app
        self._own_port = own_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_local(scope, self._own_port):
            answer = JSONResponse({"error": "not_found", "message": "Not found."}, 404)
            await answer(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)


def is_local(scope: Scope, own_port: int) -> bool:
    """True for a call from loopback, to our own name, that no proxy has touched."""
    headers = Headers(scope=scope)
    return (
        _is_loopback(scope.get("client"))
        and not is_forwarded(headers)
        and _is_own(f"http://{headers.get('host', '')}", own_port)
    )


def _is_loopback(client: tuple[str, int] | None) -> bool:
    if client is None:
        return False
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address.is_loopback if mapped is None else mapped.is_loopback


def _is_own(url: str, own_port: int) -> bool:
    try:
        parts = urlsplit(url)
        port = 80 if parts.port is None else parts.port
    except ValueError:
        return False
    return (
        parts.hostname in OWN_NAMES
        and port == own_port
        and parts.username is None
        and not parts.path
    )


class Door:
    """The key in the printed URL, traded for a cookie."""

    def __init__(self, key: str, own_port: int) -> None:
        self._key = key
        # Cookies are shared between ports: the name keeps two sandboxes apart, and the value is
        # not the key itself, because every server on this machine's loopback gets to see it.
        self.cookie = f"sandbox_{own_port}"
        self.ticket = hmac.new(key.encode(), b"sandbox cookie", hashlib.sha256).hexdigest()

    def opens(self, key: str) -> bool:
        return _same(key, self._key)

    def is_inside(self, connection: HTTPConnection) -> bool:
        return _same(connection.cookies.get(self.cookie, ""), self.ticket)

    async def require(self, request: Request) -> None:
        """For every call of the phone: the cookie and, where something changes, our own page."""
        if not self.is_inside(request):
            text = "Open the URL that `bot dev` printed: it holds the key to the sandbox."
            raise Declined(403, "forbidden", text)
        if request.method not in {"GET", "HEAD"} and not is_from_own_page(request.headers):
            raise Declined(403, "forbidden", "This call did not come from the sandbox's own page.")


def bearer(key: str) -> Callable[[Request], Awaitable[None]]:
    """For the line API and the model: `Authorization: Bearer <key>`."""
    return _authorized("bearer", key)


def token(key: str) -> Callable[[Request], Awaitable[None]]:
    """For the speech service: `Authorization: Token <key>`."""
    return _authorized("token", key)


def _authorized(wanted: str, key: str) -> Callable[[Request], Awaitable[None]]:
    async def require(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != wanted or not _same(given.strip(), key):
            raise Declined(401, "unauthorized", "The API key is missing or not valid.")

    return require


def _same(given: str, right: str) -> bool:
    # As bytes: compare_digest refuses text that is not ASCII.
    return hmac.compare_digest(given.encode(), right.encode())
