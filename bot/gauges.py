"""What /metrics shows of the database: one cheap read, at most every five seconds.

A scrape waits for it for a second. When the database is away longer, the old values are shown, and
`bot_database_up` says so.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import get_args

import structlog
from prometheus_client import Gauge

from bot import metrics
from bot.domain.census import Census
from bot.domain.outbox import SendStatus
from bot.domain.shown import LineState
from bot.errors import StoreUnavailable
from bot.ports import Clock, Lookout

log = structlog.get_logger()

_GOOD_FOR_S = 5.0
_PATIENCE_S = 1.0
_OPEN = (SendStatus.QUEUED, SendStatus.HELD, SendStatus.SENDING, SendStatus.UNKNOWN)


class Gauges:
    """Sets the gauges."""

    def __init__(self, lookout: Lookout, clock: Clock) -> None:
        self._lookout = lookout
        self._clock = clock
        self._asked_at = -_GOOD_FOR_S
        self._asking: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Have them at most five seconds old, if that can be had within one."""
        if self._asking is None and time.monotonic() - self._asked_at >= _GOOD_FOR_S:
            self._asking = asyncio.create_task(self._ask(), name="gauges")
        if self._asking is None:
            return
        await asyncio.wait([self._asking], timeout=_PATIENCE_S)
        if self._asking is not None:  # never cancelled: it would only be asked again
            metrics.DATABASE_UP.set(0)

    async def _ask(self) -> None:
        try:
            _show(await self._lookout.count(self._clock()), self._clock().timestamp())
        except StoreUnavailable:
            metrics.DATABASE_UP.set(0)
        except Exception as error:
            log.exception("gauges.failed", error=type(error).__name__)
            metrics.DATABASE_UP.set(0)
        else:
            metrics.DATABASE_UP.set(1)
        finally:
            self._asked_at, self._asking = time.monotonic(), None


def _show(census: Census, now_s: float) -> None:
    since = census.waiting_since
    metrics.OLDEST_WAITING.set(0.0 if since is None else max(0.0, now_s - since.timestamp()))
    metrics.WAITING.set(census.waiting)
    metrics.UNCERTAIN.set(census.uncertain)
    metrics.DEAD_LETTERS.set(census.dead_letters)
    metrics.WITH_PERSON.set(census.with_person)
    metrics.ATTENTION.set(census.attention)
    metrics.WORKERS.set(census.workers)
    metrics.NOTICES_WAITING.set(census.notices_waiting)
    _show_each(metrics.OUTBOX, {status.value: 0 for status in _OPEN} | dict(census.outbox))
    _show_each(metrics.ALERTS_OPEN, census.alerts)
    _show_lines(census.lines)


def _show_each(gauge: Gauge, values: Mapping[str, int]) -> None:
    gauge.clear()
    for label, value in values.items():
        gauge.labels(label).set(value)


def _show_lines(lines: Mapping[str, LineState]) -> None:
    metrics.LINE_STATE.clear()
    for line_id, state in lines.items():
        for known in get_args(LineState):
            metrics.LINE_STATE.labels(line_id, known).set(known == state)
