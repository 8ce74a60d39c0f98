"""The provider's API: sending one text.

Known: the path, `Authorization`, the error body (`error`, `message`) and what its statuses mean.
Assumed: the header `Idempotency-Key`; the body's shape, which is a template in the settings; the
answer's id as `id`, else `message.id`, else `message_id`, or none at all.

aiohttp instead of httpx: at 64 sends at once it takes 0.1 ms of CPU a call against 1.3 ms, and it
tells when the request's bytes begin to leave, which is what the outcome depends on.
"""

import json
import re
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import aiohttp
import certifi
from yarl import URL

from bot.adapters.mossmoon.answers import classify
from bot.crash_points import CrashPoint, reach
from bot.domain.outbox import AccountHeld, NotSent, Outbound, Rejected, SendOutcome, Unanswered
from bot.domain.text_body import render_body

_BODY_LIMIT_BYTES = 64 * 1024
_CHUNK_BYTES = 16 * 1024
_KEY = re.compile(r"[\x21-\x7e]+")
_AGENT = "whatsapp-bot"


@dataclass(slots=True)
class _Flight:
    """One request: whether its bytes may have left this machine."""

    left: bool = False


@dataclass(slots=True)
class MossmoonLine:
    """Sends through every line of one workspace. `close` it at the end."""

    base_url: str
    api_key: str = field(repr=False)
    timeout: timedelta
    """For the whole attempt, from the name's look-up to the answer's last byte."""
    body_template: Any
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)

    async def send(self, message: Outbound) -> SendOutcome:
        """One attempt, without retries. Never raises for what happens on the way."""
        if message.line_id in {"", ".", ".."}:
            return Rejected("bad_line_id", "the line id can't be part of a path: nothing was sent")
        if not _KEY.fullmatch(self.api_key):
            return AccountHeld("bad_key", "MOSSMOON_API_KEY is empty or holds what no key holds")
        flight = _Flight()
        try:
            async with self._open_session().post(
                self._url(message.line_id),
                data=self._body(message),
                headers=self._headers(message),
                allow_redirects=False,
                trace_request_ctx=flight,
            ) as response:
                reach(CrashPoint.REPLY_LEFT)
                body = await _read(response)
                return self._outcome(message, response, body)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # TimeoutError is an OSError; ValueError: an address that is none.
            return _failed(error, flight)

    async def close(self) -> None:
        """Close the connections; a later send opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            tracer = aiohttp.TraceConfig()
            tracer.on_request_headers_sent.append(_note_departure)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=_tls(self.base_url)),
                timeout=aiohttp.ClientTimeout(
                    total=self.timeout.total_seconds(), ceil_threshold=float("inf")
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[tracer],
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _url(self, line_id: str) -> URL:
        path = f"/wa/lines/{quote(line_id, safe='')}/messages"
        return URL(self.base_url.rstrip("/") + path, encoded=True)

    def _headers(self, message: Outbound) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.api_key}",
            "Idempotency-Key": message.id,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": _AGENT,
        }

    def _body(self, message: Outbound) -> bytes:
        body = render_body(self.body_template, message.to, message.text)
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")

    def _outcome(
        self, message: Outbound, response: aiohttp.ClientResponse, body: bytes
    ) -> SendOutcome:
        private = (self.api_key, message.to, message.text)
        retry_after = response.headers.get("Retry-After")
        return classify(response.status, body, retry_after, private, datetime.now(UTC))


async def _note_departure(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    context.trace_request_ctx.left = True


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body; empty when it is too long or breaks off: the status alone says enough."""
    body = bytearray()
    try:
        while chunk := await response.content.read(_CHUNK_BYTES):
            body += chunk
            if len(body) > _BODY_LIMIT_BYTES:
                response.close()  # the rest stays unread, so the connection can't be used again
                return b""
    except (aiohttp.ClientError, OSError):
        return b""
    return bytes(body)


def _failed(error: Exception, flight: _Flight) -> SendOutcome:
    name = "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
    if flight.left:
        return Unanswered(f"the request left and got no answer ({name})")
    return NotSent(f"no connection to the line API ({name}): check MOSSMOON_BASE_URL and the net")


def _tls(base_url: str) -> ssl.SSLContext | bool:
    if not base_url.startswith("https:"):
        return True
    context = ssl.create_default_context()
    # Some installations of Python come without the system's certificates.
    context.load_verify_locations(certifi.where())
    return context
