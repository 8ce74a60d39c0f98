"""A verified webhook call becomes a stored event, then a poke.

Calls that arrive while the database commits are stored together by the next commit: that is what
makes one disk sync per call affordable. The poke comes after the commit and can fail without harm.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.crash_points import CrashPoint, reach
from bot.domain.event import ProviderEvent
from bot.domain.inbox import Audience, ContactKey, Filing, file_event
from bot.domain.work import Accepted
from bot.errors import StoreUnavailable
from bot.hearing import Hear, deaf
from bot.metrics import DUPLICATES, RECEIVED
from bot.ports import Clock, Inbox, Queue

log = structlog.get_logger()

_BATCH = 500
_STORE_PATIENCE_S = 15.0
"""Half of what the provider waits for an answer; one deadline for a whole group is cheap."""


@dataclass(slots=True, eq=False)
class _Waiting:
    filing: Filing
    stored: asyncio.Future[None]


class Receiver:
    """Stores events in groups and wakes the workers."""

    def __init__(
        self,
        inbox: Inbox,
        queue: Queue,
        clock: Clock,
        audience: Callable[[str], Audience],
        contact_key: ContactKey,
        quiet_period: timedelta,
        hear: Hear = deaf,
    ) -> None:
        self._inbox = inbox
        self._queue = queue
        self._clock = clock
        self._audience = audience
        self._contact_key = contact_key
        self._quiet_period = quiet_period
        self._hear = hear
        self._waiting: list[_Waiting] = []
        self._storing: asyncio.Task[None] | None = None

    async def receive(self, event: ProviderEvent) -> None:
        """Return once the event is durable. Raises StoreUnavailable: ask for a redelivery."""
        filing = file_event(event, self._audience(event.line_id), self._contact_key)
        waiting = _Waiting(filing, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_waiting(), name="receive")
        await waiting.stored

    async def bury(self, raw: bytes, error: str) -> None:
        """Keep a rightly signed body that cannot be read. Raises StoreUnavailable."""
        try:
            async with asyncio.timeout(_STORE_PATIENCE_S):
                await self._inbox.bury(raw, error, self._clock())
        except TimeoutError:
            raise StoreUnavailable("the database took too long") from None

    async def _store_waiting(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            error = await self._store(group)
            if error is not None:  # those behind it have waited as long: let them come again too
                group, self._waiting = [*group, *self._waiting], []
            for waiting in group:
                if waiting.stored.done():
                    continue  # the caller has gone; the event is stored all the same
                if error is None:
                    waiting.stored.set_result(None)
                else:
                    waiting.stored.set_exception(error)

    async def _store(self, group: list[_Waiting]) -> StoreUnavailable | None:
        filings, now = [waiting.filing for waiting in group], self._clock()
        try:
            async with asyncio.timeout(_STORE_PATIENCE_S):
                accepted = await self._inbox.accept(filings, now)
        except StoreUnavailable as error:
            return error
        except TimeoutError:
            return StoreUnavailable("the database took too long")
        except Exception as error:  # noqa: BLE001 - whatever it is, the provider must redeliver
            log.error("receive.failed", error=type(error).__name__)
            return StoreUnavailable("the event could not be stored")
        reach(CrashPoint.EVENT_STORED)
        RECEIVED.inc(len(group))
        DUPLICATES.inc(accepted.duplicates)
        for filing in filings:
            self._hear(filing.event.line_id, now, filing.message is not None)
        _log_each(accepted)
        self._wake(accepted)
        reach(CrashPoint.WORKER_POKED)
        return None

    def _wake(self, accepted: Accepted) -> None:
        if accepted.wake:
            self._queue.poke(accepted.wake, delay=self._quiet_period)
        if accepted.media:
            self._queue.ring_media(accepted.media)
        if accepted.apply:
            self._queue.ring_events()


def _log_each(accepted: Accepted) -> None:
    """Only for those who debug: thousands arrive in a second. Turns name what they take."""
    if log.is_enabled_for(logging.DEBUG):
        for event_id, conversation_id in accepted.stored:
            log.debug("event.stored", event_id=event_id, conversation=conversation_id)
