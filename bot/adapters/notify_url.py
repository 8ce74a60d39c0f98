"""Notices to the operators' own webhook, like the incoming ones of Slack and Mattermost.

Such an address is a secret: whoever has it can write there. No error names more than its host.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import certifi
from yarl import URL

from bot.domain.refusal import status_error
from bot.errors import Refused, Unavailable

_KEY = "takeover.notify_url"
_AGENT = "whatsapp-bot"
_BODY_LIMIT_BYTES = 4096
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?")
_CHECK = f"check {_KEY}"
_REDIRECT = f"a redirect, which is not followed: write the final address in {_KEY}"
_REMEDIES = {
    400: f"it can't read this notice, or {_CHECK}",
    413: "this notice is too large for it",
    422: f"it can't read this notice, or {_CHECK}",
}


class NotifyUrl:
    """One webhook. `close` it at the end."""

    def __init__(self, url: str, timeout: timedelta = timedelta(seconds=10)) -> None:
        """`timeout` is for a whole post, from the name's look-up to the answer."""
        self._url = _address(url)
        self._timeout_s = timeout.total_seconds()
        self._session: aiohttp.ClientSession | None = None

    async def post(self, notice_id: str, body: Mapping[str, Any]) -> None:
        """Deliver one notice, in one attempt; `notice_id` tells the receiver of repeated ones.

        Raises Unavailable (again later, with `retry_after`) or Refused (never).
        """
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        failure = await self._attempt(notice_id, data)
        if failure is not None:
            # Raised only here, so that it has no context: aiohttp's errors quote the address.
            raise failure

    async def close(self) -> None:
        """Close the connections; a later post opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _attempt(self, notice_id: str, data: bytes) -> Unavailable | Refused | None:
        if self._url is None:
            return Refused(f"{_KEY} is not an address that begins with https:// or http://")
        host = self._url.raw_host or ""
        try:
            response = await self._answer(self._url, notice_id, data)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _failed(host, error)
        return _judged(host, response)

    async def _answer(self, url: URL, notice_id: str, data: bytes) -> aiohttp.ClientResponse:
        """Status and headers. The body is nobody's concern, and never a reason to fail."""
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        async with asyncio.timeout_at(deadline):
            response = await self._open_session(url).post(
                url, data=data, headers=_headers(notice_id), allow_redirects=False
            )
        try:
            with suppress(aiohttp.ClientError, OSError):
                async with asyncio.timeout_at(deadline):
                    await _read_out(response)
        finally:
            response.close()  # also the connection, unless the body has ended
        return response

    def _open_session(self, url: URL) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A look-up that several share ends for all of them, as if cancelled, at `close`.
                connector=aiohttp.TCPConnector(limit=0, use_dns_cache=False, ssl=_tls(url)),
                timeout=aiohttp.ClientTimeout(),  # `_answer` has one for everything
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def _address(text: str) -> URL | None:
    """None: it can't be used. Otherwise as it was written, since rewriting may void a signature."""
    text = text.strip()
    if not text.isprintable() or " " in text:
        return None
    try:
        url = URL(text, encoded=text.isascii())
        return url if url.scheme in {"https", "http"} and url.port and _has_host(url) else None
    except ValueError:
        return None


def _has_host(url: URL) -> bool:
    """What stands before the path may hold more than a host, where a slash went wrong."""
    return _HOST.fullmatch(url.raw_host or "") is not None


def _headers(notice_id: str) -> dict[str, str]:
    return {
        "Idempotency-Key": notice_id,
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": _AGENT,
    }


async def _read_out(response: aiohttp.ClientResponse) -> None:
    """A connection can be used again when its answer was read to the end."""
    left_bytes = _BODY_LIMIT_BYTES
    while left_bytes > 0 and (chunk := await response.content.read(left_bytes)):
        left_bytes -= len(chunk)


def _judged(host: str, response: aiohttp.ClientResponse) -> Unavailable | Refused | None:
    status = response.status
    text = f"{host} answered the notice with {status}"
    if 200 <= status < 300:
        return None
    if status < 200:
        return Unavailable(f"{text}, which is no answer")
    if status == 409:
        # About the idempotency key: an earlier attempt with this notice has arrived.
        return Refused(f"{text}: it has this notice already, or {_CHECK}", status)
    retry_after = response.headers.get("Retry-After")
    otherwise = _REDIRECT if status < 400 else _CHECK
    return status_error(text, status, retry_after, datetime.now(UTC), _REMEDIES, otherwise)


def _failed(host: str, error: Exception) -> Unavailable | Refused:
    if isinstance(error, TimeoutError):
        return Unavailable(f"{host} can't be notified (no answer in time)")
    name = type(error).__name__
    # A bad certificate is a ValueError as well, and an address that is none a ClientError.
    is_outage = isinstance(error, aiohttp.ClientError | OSError)
    if is_outage and not isinstance(error, aiohttp.InvalidURL):
        return Unavailable(f"{host} can't be notified ({name})")
    return Refused(f"{host} can't be notified ({name}): {_CHECK}")


def _tls(url: URL) -> ssl.SSLContext | bool:
    if url.scheme != "https":
        return True
    context = ssl.create_default_context()
    # Some installations of Python come without the system's certificates.
    context.load_verify_locations(certifi.where())
    return context
