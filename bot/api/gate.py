"""Who may use the operator API: whoever knows a token. Nothing of a call is read before that."""

import hashlib
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.api.errors import TOO_LARGE, error_answer

log = structlog.get_logger()

WRONG_PER_MINUTE = 20
_WINDOW_S = 60.0
_REMEMBERED_MAX = 10_000
_UNKNOWN = "that client"


@dataclass(frozen=True, slots=True)
class Known:
    """The call comes from this operator."""

    name: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No token, or a wrong one."""


@dataclass(frozen=True, slots=True)
class TooMany:
    """Too many wrong tokens came from there: none is looked at for so long."""

    retry_after_s: int


Verdict = Known | Unknown | TooMany


class Attempts:
    """Counts wrong tokens by client, a minute at a time, for a bounded number of clients."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait_s(self, client: str) -> int | None:
        """How long this client has to wait; None: it may try."""
        since, count = self._wrong.get(client, (0.0, 0))
        left_s = since + _WINDOW_S - time.monotonic()
        return math.ceil(left_s) if count >= WRONG_PER_MINUTE and left_s > 0 else None

    def note_wrong(self, client: str) -> None:
        """One more wrong token."""
        now = time.monotonic()
        since, count = self._wrong.pop(client, (now, 0))
        if now - since >= _WINDOW_S:
            since, count = now, 0
        self._wrong[client] = (since, count + 1)
        if len(self._wrong) > _REMEMBERED_MAX:
            self._wrong.popitem(last=False)


class Operators:
    """Knows the tokens, as digests, and limits guessing."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        """`tokens` are pairs of name and token."""
        self._digests = tuple((name, _digest(token.encode())) for name, token in tokens)
        self._attempts = Attempts()
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    @property
    def exist(self) -> bool:
        """Whether there is any token at all."""
        return bool(self._digests)

    def identify(self, scope: Scope) -> Verdict:
        """Who calls, by the token in the call's header."""
        given = _bearer(Headers(scope=scope).getlist("authorization"))
        return Unknown() if given is None else self.recognise(scope, given)

    def recognise(self, scope: Scope, given: bytes) -> Verdict:
        """Who has this token. An operator known from an address is never shut out by others there.

        `scope` tells from where it comes.
        """
        client = _client(scope)
        name = self._name_of(given)
        wait_s = self._attempts.wait_s(client)
        if wait_s is not None and (name is None or (client, name) not in self._seen):
            return TooMany(wait_s)
        if name is None:
            self._attempts.note_wrong(client)
            return Unknown()
        self._remember(client, name)
        return Known(name)

    def mark_of(self, name: str) -> str | None:
        """What changes with an operator's tokens, and tells nothing of them; None: no such one."""
        digests = [digest for known, digest in self._digests if known == name]
        return _digest(b"".join(sorted(digests))).hex() if digests else None

    def _name_of(self, token: bytes) -> str | None:
        digest = _digest(token)
        found = None
        for name, known in self._digests:  # all of them, whichever fits
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def _remember(self, client: str, name: str) -> None:
        self._seen[client, name] = None
        self._seen.move_to_end((client, name))
        if len(self._seen) > _REMEMBERED_MAX:
            self._seen.popitem(last=False)


class Gate:
    """In front of everything that is for operators; their name is `request.state.operator`."""

    def __init__(self, app: ASGIApp, operators: Operators, max_body_bytes: int) -> None:
        self._app = app
        self._operators = operators
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_guarded(scope["path"]):
            await self._app(scope, receive, send)
        else:
            limited = _limited(receive, self._max_body_bytes)
            await self._guarded(scope)(scope, limited, _never_stored(send))

    def _guarded(self, scope: Scope) -> ASGIApp:
        if not self._operators.exist:
            return error_answer(404, "not_found", "there is nothing at this address")
        match self._operators.identify(scope):
            case Unknown():
                headers = {"WWW-Authenticate": "Bearer"}
                text = "send an operator's token as `Authorization: Bearer <token>`"
                return error_answer(401, "unauthorized", text, headers)
            case TooMany(retry_after_s):
                log.warning("api.too_many_attempts")
                headers = {"Retry-After": str(retry_after_s)}
                text = "too many wrong tokens came from your address: try again later"
                return error_answer(429, "too_many_attempts", text, headers)
            case Known(name):
                if _holds_nul(scope):
                    return error_answer(400, "malformed", "a NUL character is in the address")
                if _announced_bytes(scope) > self._max_body_bytes:
                    return error_answer(413, "too_large", TOO_LARGE)
                scope["state"] = {**scope.get("state", {}), "operator": name}
                return self._app


def _is_guarded(path: str) -> bool:
    return path == "/openapi.json" or _is_under(path, "/api")


def _is_under(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")


def _holds_nul(scope: Scope) -> bool:
    # PostgreSQL takes no text with a NUL; no id or name has one.
    return "\0" in scope["path"] or b"%00" in scope.get("query_string", b"")


def _announced_bytes(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _bearer(values: list[str]) -> bytes | None:
    """The token of the one Authorization header; None: there is none that could be right."""
    if len(values) != 1:
        return None
    scheme, _, token = values[0].partition(" ")
    token = token.strip()
    return token.encode() if scheme.lower() == "bearer" and token else None


def _client(scope: Scope) -> str:
    """The address of the peer; of an IPv6 one the network, since each client has a whole one."""
    peer: Any = scope.get("client")
    try:
        address = ip_address(peer[0])
    except (TypeError, ValueError, IndexError):
        return _UNKNOWN
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address)


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _limited(receive: Receive, max_body_bytes: int) -> Receive:
    """Bodies up to the limit. FastAPI's own limit answers in plain text, from outside the app."""
    got_bytes = 0

    async def receive_within() -> Message:
        nonlocal got_bytes
        message = await receive()
        got_bytes += len(message.get("body", b""))
        if got_bytes > max_body_bytes:
            raise HTTPException(413)
        return message

    return receive_within


def _never_stored(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["cache-control"] = "no-store"
            headers["x-content-type-options"] = "nosniff"
        await send(message)

    return send_with_headers
