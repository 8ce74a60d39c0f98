"""What lines are heard: noted in memory, and stored once a minute instead of with each webhook."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from bot.domain.silence import Heard
from bot.errors import StoreUnavailable
from bot.ports import Clock, Lookout

log = structlog.get_logger()

STORE_EVERY_S = 60.0
_LINES_MAX = 10_000

Hear = Callable[[str, datetime, bool], None]
"""A line was heard, at that time; whether it was a customer's message."""


def deaf(_line_id: str, _at: datetime, _is_message: bool) -> None:
    """For those whom nobody asks."""


class Hearing:
    """One process's ears. A process that is killed forgets its last minute, which harms nobody."""

    def __init__(self, lookout: Lookout, clock: Clock) -> None:
        self._lookout = lookout
        self._clock = clock
        self._heard: dict[str, Heard] = {}

    def hear(self, line_id: str, at: datetime, is_message: bool) -> None:
        """Costs the webhook a microsecond."""
        known = self._heard.get(line_id)
        if known is None and (not line_id or len(self._heard) >= _LINES_MAX):
            return
        count = 0 if known is None else known.messages
        self._heard[line_id] = Heard(at, count + is_message)

    async def run(self, stop: asyncio.Event) -> None:
        """Store what was heard, until `stop` and then a last time."""
        while not stop.is_set():
            try:
                await asyncio.wait_for(stop.wait(), STORE_EVERY_S)
            except TimeoutError:
                await self._store()
        await self._store()

    async def _store(self) -> None:
        heard, self._heard = self._heard, {}
        if not heard:
            return
        try:
            await self._lookout.note_heard(heard, self._clock())
        except StoreUnavailable:
            log.warning("hearing.not_stored", lines=len(heard))
        except Exception as error:  # noqa: BLE001 - nothing of this may end the process
            log.error("hearing.failed", error=type(error).__name__)
