"""Downloads of media: plain GETs, redirects checked hop by hop, nothing inflated.

aiohttp and not httpx: that inflates a compressed body even when it asked for none.
"""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import certifi
from yarl import URL

from bot.adapters.media_host.addresses import AllowedHosts, shown
from bot.adapters.media_host.resolver import (
    GuardedResolver,
    LookUp,
    NoPublicAddress,
    system_look_up,
)
from bot.adapters.media_host.spool import Spool
from bot.domain.media import Announced, Fetched, Problem
from bot.domain.retry_after import parse_retry_after
from bot.errors import BadMedia, MediaMissing, Unavailable

_READ_BYTES = 64 * 1024
_REDIRECTS_MAX = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429})
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "whatsapp-bot"}


class MediaHosts:
    """The hosts that media may be fetched from. `close` it at the end."""

    def __init__(
        self,
        allowed_hosts: Sequence[str],
        max_bytes: int,
        timeout: timedelta,
        *,
        look_up: LookUp = system_look_up,
    ) -> None:
        """`timeout` is for a whole download, from the first look-up to the last byte on disk.

        Raises SettingsError for a host that could never be matched.
        """
        self._allowed = AllowedHosts(allowed_hosts)
        self._max_bytes = max_bytes
        self._timeout_s = timeout.total_seconds()
        self._look_up = look_up
        self._session: aiohttp.ClientSession | None = None
        self._tls: ssl.SSLContext | None = None

    async def fetch(self, announced: Announced, into: Path) -> Fetched:
        """Download to the file `into`, checked against what was announced.

        Raises Unavailable (outage), MediaMissing (perhaps not there yet) or BadMedia (never).
        Whatever is raised, no file is left.
        """
        async with Spool(into, self._max_bytes) as spool:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._follow(announced.url, spool)
                    return await spool.finish(announced.sha256)
            except TimeoutError:
                what = f"a download took more than {self._timeout_s:g} s (media.timeout_s)"
                raise Unavailable(what) from None

    async def close(self) -> None:
        """Close the connections, when no download is in hand; a later one opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _follow(self, address: str, spool: Spool) -> None:
        for _request in range(1 + _REDIRECTS_MAX):
            onward = await self._ask(address, spool)
            if onward is None:
                return
            address = onward
        raise MediaMissing(f"the media's host redirected more than {_REDIRECTS_MAX} times")

    async def _ask(self, address: str, spool: Spool) -> str | None:
        """One request: the file goes to the spool, or the address to ask next is returned."""
        url = self._allowed.admit(address)
        host = shown(url.host)
        try:
            # A connection that ends before an answer is tried a second time by aiohttp.
            async with self._open_session().get(
                url, headers=_HEADERS, allow_redirects=False, ssl=self._trust(url)
            ) as response:
                onward = _redirect(address, response)
                if onward is None:
                    _check_status(host, response)
                    _check_head(host, response, spool)
                    await _copy(response, spool)
                return onward
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unavailable(f"media could not be fetched from {host} ({_fault(error)})") from None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, resolver=GuardedResolver(self._look_up)),
                timeout=aiohttp.ClientTimeout(),  # `fetch` has one for everything
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session

    def _trust(self, url: URL) -> ssl.SSLContext | bool:
        """Whose certificates hold; loaded once, when first needed: it takes 80 ms."""
        if url.scheme != "https":
            return True
        if self._tls is None:
            self._tls = ssl.create_default_context()
            # Some installations of Python come without the system's certificates.
            self._tls.load_verify_locations(certifi.where())
        return self._tls


def _redirect(address: str, response: aiohttp.ClientResponse) -> str | None:
    """Where the host sends us; None when it doesn't, or doesn't say where."""
    location = response.headers.get("Location")
    if response.status not in _REDIRECTS or not location:
        return None
    try:
        return urljoin(address, location)
    except ValueError:
        return None


def _check_status(host: str, response: aiohttp.ClientResponse) -> None:
    status = response.status
    if status == 200:
        return
    text = f"{host} answered {status} for media"
    if status in _PASSING or status >= 500:
        retry_after = response.headers.get("Retry-After")
        raise Unavailable(text, parse_retry_after(retry_after, datetime.now(UTC)))
    raise MediaMissing(text)


def _check_head(host: str, response: aiohttp.ClientResponse, spool: Spool) -> None:
    content = ",".join(response.headers.getall("Content-Encoding", []))
    transfer = ",".join(response.headers.getall("Transfer-Encoding", []))
    if content.lower() not in {"", "identity"} or transfer.lower() not in {"", "chunked"}:
        raise BadMedia(Problem.UNREADABLE, f"{host} sent media compressed, unasked")
    if response.content_length is not None:
        spool.admit(response.content_length)


async def _copy(response: aiohttp.ClientResponse, spool: Spool) -> None:
    while chunk := await response.content.read(_READ_BYTES):
        await spool.add(chunk)


def _fault(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        error.os_error, NoPublicAddress
    ):
        return "its public name leads to a private address"
    return type(error).__name__
