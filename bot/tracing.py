"""Traces: when a reply has left, and when it has arrived, its way is read and told as spans.

Nothing waits for it: what does not get through is lost, and counted.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from bot.domain.trace import Span, spans_when_delivered, spans_when_sent
from bot.domain.work import Delivery
from bot.errors import StoreUnavailable
from bot.metrics import TRACES
from bot.ports import Collector, Journeys

log = structlog.get_logger()

_WAITING_MAX = 2000
_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class _News:
    message_id: str
    delivery: Delivery | None = None
    """None: it was sent."""


class Tracer:
    """The witness of what leaves and arrives."""

    def __init__(self, journeys: Journeys, collector: Collector) -> None:
        self._journeys = journeys
        self._collector = collector
        self._news: asyncio.Queue[_News] = asyncio.Queue(_WAITING_MAX)

    def sent(self, message_id: str) -> None:
        """The line took it, or will never."""
        self._put(_News(message_id))

    def delivered(self, delivery: Delivery) -> None:
        """It is on the customer's phone."""
        self._put(_News(delivery.message_id, delivery))

    def _put(self, news: _News) -> None:
        try:
            self._news.put_nowait(news)
        except asyncio.QueueFull:
            TRACES.labels("dropped").inc()

    async def run(self, stop: asyncio.Event) -> None:
        """Tell what comes, until `stop`."""
        stopped = asyncio.create_task(stop.wait())
        while not stop.is_set():
            coming = asyncio.create_task(self._news.get())
            await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                await self._tell(coming.result())
            else:
                coming.cancel()

    async def finish(self) -> None:
        """Tell what still waits, if that does not take long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_S):
                while not self._news.empty():
                    await self._tell(self._news.get_nowait())
        await self._collector.close()

    async def _tell(self, news: _News) -> None:
        try:
            self._collector.take(await self._spans(news))
        except StoreUnavailable:
            TRACES.labels("dropped").inc()
        except Exception as error:
            log.exception("trace.failed", message=news.message_id, error=type(error).__name__)

    async def _spans(self, news: _News) -> Sequence[Span]:
        journey = await self._journeys.journey(news.message_id)
        if journey is None:
            return ()
        if news.delivery is None:
            return spans_when_sent(journey)
        return spans_when_delivered(journey, was_unknown=news.delivery.was_unknown)
