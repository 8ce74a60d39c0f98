"""Who may see the console: whoever has signed in with an operator's token, from our own pages."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.adapters.db.sessions import LASTS, Session, Sessions
from bot.api.gate import Known, Operators, TooMany
from bot.errors import Refused, StoreUnavailable
from bot.origins import is_from_own_page

ROOT = "/console"
SIGN_IN = f"{ROOT}/sign-in"
COOKIE = "console_session"
_STATIC = f"{ROOT}/static/"
FORM_MAX_BYTES = 256 * 1024
_SCHEMES = frozenset({"http", "https"})
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self'; media-src 'self'; manifest-src 'self'; worker-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class NotSignedIn(Exception):
    """The caller has to sign in first."""


class NotFromHere(Exception):
    """Something was to be changed by a page that is not ours."""


@dataclass(frozen=True, slots=True)
class Door:
    """Lets operators in and out."""

    operators: Operators
    sessions: Sessions

    async def require(self, request: Request) -> Session:
        """Whose page this is. Raises NotSignedIn, StoreUnavailable."""
        return await self._find(request, uses=True)

    async def glance(self, request: Request) -> Session:
        """The same for what a page asks for by itself: it keeps no session from ending."""
        return await self._find(request, uses=False)

    async def _find(self, request: Request, *, uses: bool) -> Session:
        key = request.cookies.get(COOKIE, "")
        session = await self.sessions.find(key, uses=uses) if key else None
        if session is None or self.operators.mark_of(session.operator) != session.token_mark:
            raise NotSignedIn
        return session

    async def knows(self, request: Request) -> bool:
        """Whether whoever opened this is still signed in."""
        try:
            await self._find(request, uses=False)
        except NotSignedIn:
            return False
        except StoreUnavailable:
            return True  # nobody can tell just now
        return True

    async def let_in(self, request: Request, token: str) -> str | int | None:
        """The key of a new session; seconds to wait after too many tries; None: a wrong token."""
        match self.operators.recognise(request.scope, token.strip().encode()):
            case Known(name):
                mark = self.operators.mark_of(name)
                return None if mark is None else await self.sessions.begin(name, mark)
            case TooMany(retry_after_s):
                return retry_after_s
            case _:
                return None


def check_origin(request: Request) -> None:
    """For every call that changes something. Raises NotFromHere."""
    if not is_from_own_page(request.headers, schemes=_SCHEMES):
        raise NotFromHere


async def read_form(request: Request, max_bytes: int = FORM_MAX_BYTES) -> dict[str, str]:
    """A form's fields. Raises Refused."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise Refused("that is too much for one form", 413)
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        raise Refused("that is no form", 400) from None
    if any("\0" in value for _, value in fields):
        raise Refused("a NUL character cannot be kept", 400)
    return dict(fields)


def keep(response: Response, key: str, request: Request) -> None:
    """Let the browser keep a session's key; only over HTTPS, where the page came by it."""
    secure = _is_https(request)
    response.set_cookie(
        COOKIE,
        key,
        max_age=int(LASTS.total_seconds()),
        path=ROOT,
        httponly=True,
        samesite="lax",
        secure=secure,
    )


def forget(response: Response) -> None:
    """The browser has no session any more."""
    response.delete_cookie(COOKIE, path=ROOT)


def _is_https(request: Request) -> bool:
    # The proxy in front of us speaks HTTP to us; the browser's own word is what counts.
    return request.headers.get("origin", "").startswith("https://")


def to_sign_in(request: Request) -> RedirectResponse:
    """To the sign-in page, and back here from there."""
    path = request.url.path if request.method == "GET" else ROOT
    query = f"?{request.url.query}" if request.url.query and path != ROOT else ""
    return RedirectResponse(f"{SIGN_IN}?next={quote(f'{path}{query}', safe='')}", 303)


def to_sign_in_from_part(request: Request) -> str:
    """The address of the sign-in page, and back from there to the page that asked for a part."""
    shown = urlsplit(request.headers.get("hx-current-url", ""))
    page = safe_next(f"{shown.path}?{shown.query}" if shown.query else shown.path)
    return f"{SIGN_IN}?next={quote(page, safe='')}"


def safe_next(wanted: str) -> str:
    """A page of ours to go on to, whatever was asked for."""
    parts = urlsplit(wanted)
    ours = parts.path == ROOT or parts.path.startswith(f"{ROOT}/")
    clean = "\\" not in wanted and wanted.isprintable() and ".." not in parts.path
    if parts.scheme or parts.netloc or not ours or not clean or wanted.startswith("//"):
        return ROOT
    return wanted


class Guarded:
    """Puts the headers on every answer that keep pages to themselves."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                # Files of ours are asked for again, and mostly have not changed.
                kept = "no-cache" if scope["path"].startswith(_STATIC) else "no-store"
                headers.setdefault("cache-control", kept)
            await send(message)

        await self._app(scope, receive, send_with_headers)
