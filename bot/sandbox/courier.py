"""Delivers webhooks as the provider does: signed, and again while they are not acknowledged."""

import asyncio
import hashlib
import hmac
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import httpx
import structlog

from bot.sandbox.values import Json

SIGNATURE_HEADER = "X-Mossmoon-Signature"
MAX_ATTEMPTS = 8
ANSWER_WITHIN_S = 30.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """2xx: it is the product's now."""


@dataclass(frozen=True, slots=True)
class Retrying:
    """5xx, no connection or no answer in time: the same event comes again."""

    why: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """A 4xx, which is never repeated, or the last attempt."""

    why: str


Report = Acknowledged | Retrying | GaveUp


def sign(body: bytes, secret: str) -> str:
    """Lower-case hex HMAC-SHA256 of the raw body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Courier:
    """Posts events in the background, each on its own, so that none waits for another."""

    def __init__(self, url: str, secret: str, base_delay: timedelta) -> None:
        self._url = url
        self._secret = secret
        self._base_delay = base_delay
        # The receiver is on this machine: no proxies, and no certificates to be loaded.
        self._client = httpx.AsyncClient(
            timeout=ANSWER_WITHIN_S,
            trust_env=False,
            follow_redirects=False,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )
        self._tasks: set[asyncio.Task[None]] = set()

    def post(
        self,
        event: Json,
        report: Callable[[Report], None],
        after: timedelta = timedelta(),
    ) -> None:
        """Deliver one event, the first attempt `after` this long; `report` hears of each."""
        task = asyncio.create_task(self._deliver(event, report, after))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Drop what is under way: the sandbox keeps nothing over a restart."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    async def _deliver(
        self, event: Json, report: Callable[[Report], None], after: timedelta
    ) -> None:
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        await asyncio.sleep(after.total_seconds())
        for attempt in range(1, MAX_ATTEMPTS + 1):
            result = await self._attempt(body, last=attempt == MAX_ATTEMPTS)
            report(result)
            if not isinstance(result, Retrying):
                self._log_end(event, result, attempt)
                return
            await asyncio.sleep(self._base_delay.total_seconds() * 2 ** (attempt - 1))

    async def _attempt(self, body: bytes, *, last: bool) -> Report:
        headers = {
            SIGNATURE_HEADER: sign(body, self._secret),
            "content-type": "application/json",
        }
        try:
            answer = await self._client.post(self._url, content=body, headers=headers)
        except httpx.TimeoutException:
            return _failed(f"no answer within {ANSWER_WITHIN_S:.0f} s", last=last)
        except httpx.HTTPError as error:
            return _failed(f"no connection ({type(error).__name__})", last=last)
        if answer.is_success:
            return Acknowledged()
        return _failed(
            f"the webhook answered {answer.status_code}", last=last or answer.is_client_error
        )

    def _log_end(self, event: Json, result: Report, attempt: int) -> None:
        if isinstance(result, GaveUp):
            log.warning("sandbox_webhook_given_up", event_id=event.get("id"), attempts=attempt)


def _failed(why: str, *, last: bool) -> Report:
    return GaveUp(why) if last else Retrying(why)
