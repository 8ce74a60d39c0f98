"""The scripted line of a chaos run: it honours idempotency keys and tells what it has delivered."""

import asyncio
import random
import time
from collections import Counter

import httpx

from tests.harness import Answer, Network, Request, ScriptedProvider
from tests.harness.http_server import Behaviour
from tests.harness.provider import new_event_id

_REDELIVER_S = (0.1, 0.2, 0.4, 0.8, 1.6)


class ChaosLine(ScriptedProvider):
    """`texts`: what arrived on customers' phones, once for each idempotency key."""

    def __init__(self, network: Network, dice: random.Random) -> None:
        self.texts: dict[str, tuple[str, str, float]] = {}
        """By key: to whom, what, and when it was taken first."""
        self.repeated: Counter[str] = Counter()
        """Keys that came again after they were taken."""
        self._dice = dice
        self._notices: set[asyncio.Task[None]] = set()
        super().__init__(network)

    def noted(self, request: Request, behaviour: Behaviour) -> None:
        before = len(self.sends)
        super().noted(request, behaviour)
        for send in self.sends[before:]:
            key = send.key or ""
            if key in self.texts:
                self.repeated[key] += 1
            elif send.taken:
                self.texts[key] = (send.to, send.text, send.at)
                self._tell_delivered(send.line_id, send.to, send.provider_id)
            if isinstance(behaviour, Answer) and behaviour.status == 409:
                self._later(self._ready(send.line_id))

    def _tell_delivered(self, line_id: str, to: str, provider_id: str) -> None:
        if self._dice.random() < 0.9:
            self._later(self._delivered(line_id, to, provider_id))

    async def _delivered(self, line_id: str, to: str, provider_id: str) -> None:
        await asyncio.sleep(self._dice.uniform(0, 0.4))  # the network's own time
        await self.post_until_stored(
            {
                "event": "message.delivered",
                "id": new_event_id(),
                "line_id": line_id,
                "message": {"id": provider_id, "to": to},
            }
        )

    async def _ready(self, line_id: str) -> None:
        await asyncio.sleep(self._dice.uniform(0.2, 1))  # the line's own time
        await self.post_until_stored(
            {"event": "line.ready", "id": new_event_id(), "line_id": line_id}
        )

    def _later(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload] # a coroutine
        self._notices.add(task)
        task.add_done_callback(self._notices.discard)

    async def settle_notices(self) -> None:
        """Until every notice has been taken."""
        while self._notices:
            await asyncio.wait(self._notices)

    async def post_until_stored(self, event: object) -> float:
        """As the provider does: again and again until a 200; when that came."""
        attempt = 0
        while True:
            try:
                answer = await self.deliver(event, expect=None)  # type: ignore[arg-type] # a dict
                if answer.status_code == httpx.codes.OK:
                    return time.monotonic()
            except httpx.TransportError:
                pass
            await asyncio.sleep(_REDELIVER_S[min(attempt, len(_REDELIVER_S) - 1)])
            attempt += 1
