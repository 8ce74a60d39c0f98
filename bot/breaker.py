"""The breaker: a bot that writes on and on is stopped, and stays so until a person has looked."""

from collections import deque

import structlog

from bot.domain.pace import Pace
from bot.domain.work import Traffic
from bot.ports import Clock, TrafficStore

log = structlog.get_logger()

LOOK_S = 10.0
_LOOKS = 60
"""Ten minutes."""


class Breaker:
    """Counts what is written on each line, by what the database says."""

    def __init__(self, store: TrafficStore, clock: Clock, pace: Pace) -> None:
        self._store = store
        self._clock = clock
        self._pace = pace
        self._newest: int | None = None
        self._looks: deque[Traffic] = deque(maxlen=_LOOKS)

    async def look(self) -> None:
        """One look, every `LOOK_S`. Raises StoreUnavailable."""
        traffic = await self._store.traffic(self._newest)
        self._newest = traffic.newest
        self._looks.append(traffic)
        for line_id in traffic.by_line:
            if self._pace.is_runaway(*self._sums(line_id)):
                await self._stop(line_id)

    async def _stop(self, line_id: str) -> None:
        if await self._store.stop_line(line_id, self._clock()):
            log.error("breaker.tripped", line=line_id)
        self._looks.clear()  # after a person's release it is counted anew

    def _sums(self, line_id: str) -> tuple[int, int]:
        counts = [traffic.by_line.get(line_id, (0, 0)) for traffic in self._looks]
        return sum(sent for sent, _ in counts), sum(heard for _, heard in counts)
