"""Whether the bot can do its work: the parts an operator asks about."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Literal, Protocol

from bot.errors import StoreUnavailable
from bot.ports import Clock, Queue

State = Literal["ok", "degraded", "down"]

_PATIENCE_S = 2.0


class Vitals(Protocol):
    """What the database can say about itself and the workers."""

    async def write_probe(self, now: datetime) -> None:
        """Write something small, durably. Raises StoreUnavailable."""
        ...

    async def live_workers(self, now: datetime) -> int:
        """How many workers have a running lease. Raises StoreUnavailable."""
        ...


class Health:
    """Asks the parts, each within two seconds."""

    def __init__(
        self,
        vitals: Vitals,
        queue: Queue,
        clock: Clock,
        prompt_faults: Callable[[], Sequence[object]],
        open_alerts: Callable[[], Awaitable[tuple[str, ...]]],
    ) -> None:
        """`prompt_faults`: what is wrong with the prompt files right now.

        `open_alerts`: the kinds of alerts that were told and are not over. Raises StoreUnavailable.
        """
        self._vitals = vitals
        self._queue = queue
        self._clock = clock
        self._prompt_faults = prompt_faults
        self._open_alerts = open_alerts

    async def parts(self) -> dict[str, State]:
        """`database` down: nothing can be stored. `queue`: slower. `worker`: no replies.

        `prompts` is named only while an edit is not valid: the last valid version goes on serving.
        """
        database, queue, worker = await asyncio.gather(
            self._ask(self._writes), self._ask(self._queue.check), self._ask(self._works)
        )
        parts = {"database": database, "queue": queue, "worker": worker}
        if self._prompt_faults():
            parts["prompts"] = "degraded"
        return parts

    async def alerts(self) -> tuple[str, ...]:
        """The kinds of what was told and is not over; none also when nobody can say."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self._open_alerts()
        except (StoreUnavailable, TimeoutError):
            return ()

    async def _ask(self, question: Callable[[], Awaitable[bool]]) -> State:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return "ok" if await question() else "down"
        except (StoreUnavailable, TimeoutError):
            return "down"

    async def _writes(self) -> bool:
        await self._vitals.write_probe(self._clock())
        return True

    async def _works(self) -> bool:
        return await self._vitals.live_workers(self._clock()) > 0
