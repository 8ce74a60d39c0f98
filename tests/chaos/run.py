"""One chaos run: customers write, faults strike, then calm, then judgement."""

import asyncio
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from tests.chaos.customers import Customers
from tests.chaos.record import Record, Silence, Written
from tests.chaos.stage import Stage, stage
from tests.chaos.strikes import Strikes
from tests.chaos.verdict import Verdict, is_settled, judge
from tests.chaos.whims import LINE, MEDIA, MODEL, SPEECH, Make, Whims
from tests.harness import eventually
from tests.harness.http_server import ScriptedServer
from tests.harness.provider import new_event_id

LINES = ("ln_one", "ln_two")
_PAUSES_PER_S = 3
_JUST_WRITTEN = 5
"""People take over who are being answered just now."""
SETTINGS: dict[str, Any] = {
    "conversation": {"quiet_period_s": 0.1, "max_wait_s": 2},
    "line_api": {"timeout_s": 2, "uncertain_wait_s": 1},
    "llm": {"timeout_s": 2},
    "speech": {"timeout_s": 2},
    "media": {"timeout_s": 2},
    "retry": {"base_delay_s": 0.2, "max_delay_s": 2},
    "limits": {"replies_per_contact_per_hour": 0},
    "takeover": {"auto_resume_after_s": 0},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, for how long, and how badly."""

    seed: int
    messages: int
    per_second: float
    strike_every_s: float = 1.5
    whim_chance: float = 0.03
    customers: int = 40
    workers: int = 2
    calm_within_s: float = 90
    fills_disk: bool = False
    """Where it may: the bot's data then lie on a disk in memory."""
    beyond_leases: bool = False
    """Workers are stopped for longer than their leases too."""
    on_postgres: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    plan: Plan
    record: Record
    verdict: Verdict
    lasted_s: float
    repeated: int
    """Keys that the line got again after it had taken them, and told nobody twice."""


async def run(plan: Plan, *, keep: bool = False) -> Outcome:
    """From the first start to the verdict; everything it started is gone afterwards.

    `keep`: a copy of the bot's folder stays, if an invariant was broken.
    """
    dice = random.Random(plan.seed)  # noqa: S311 - a fight, not a secret
    record = Record()
    begun = time.monotonic()
    with stage(dice, SETTINGS, fills_disk=plan.fills_disk, on_postgres=plan.on_postgres) as playing:
        await _Fight(plan, dice, record, playing).fight()
        line, database = playing.line, playing.database
        with suppress(AssertionError):  # the verdict tells what is still open
            await eventually(lambda: is_settled(record, line, database), plan.calm_within_s)
        await line.network.call(line.settle_notices())
        await playing.bot.stop()
        verdict = await judge(record, line, database)
        await database.close()
        if keep and not verdict.is_clean:
            playing.keep()
    lasted_s = time.monotonic() - begun
    return Outcome(plan, record, verdict, lasted_s, sum(line.repeated.values()))


class _Fight:
    def __init__(self, plan: Plan, dice: random.Random, record: Record, playing: Stage) -> None:
        self._plan = plan
        self._dice = dice
        self._record = record
        self._stage = playing
        self._bot = playing.bot
        self._line = playing.line
        self._writers = Customers(playing.line, playing.media, playing.speech, dice, record)
        self._customers = [playing.line.customer().number for _ in range(plan.customers)]
        self._taken_over: set[str] = set()
        self._is_over = False
        self._strikes = Strikes(
            playing, dice, record, plan.workers, beyond_leases=plan.beyond_leases
        )

    async def fight(self) -> None:
        """Until everybody has written; then the faults end, and the line says that it is there."""
        await self._strikes.open()
        whims = [self._whims(server, kinds) for server, kinds in self._neighbours()]
        troubles = [asyncio.create_task(one) for one in (self._strike_on(), self._pause_on())]
        await self._everybody_writes()
        self._is_over = True
        await asyncio.gather(*troubles)  # each fault to its end
        for whim in whims:
            whim.enabled = False
        await self._calm()

    def _neighbours(self) -> Iterator[tuple[ScriptedServer, Mapping[str, Make]]]:
        yield self._line, LINE
        yield self._stage.model, MODEL
        yield self._stage.speech, SPEECH
        yield self._stage.media, MEDIA

    def _whims(self, server: ScriptedServer, kinds: Mapping[str, Make]) -> Whims:
        chance, fired = self._plan.whim_chance, self._record.fired
        server.whim = whims = Whims(kinds, server.normal_answer, chance, self._dice, fired)
        return whims

    async def _calm(self) -> None:
        for server, _ in self._neighbours():
            await server.down()
            await server.up()
        await self._bot.ready()
        for line_id in LINES:
            await self._line.post_until_stored(
                {"event": "line.ready", "id": new_event_id(), "line_id": line_id}
            )
        for silence in self._record.silences:
            if silence.ends == float("inf"):
                await self._resume(silence)

    async def _everybody_writes(self) -> None:
        writing: list[asyncio.Task[None]] = []
        for serial in range(1, self._plan.messages + 1):
            customer = self._dice.choice(self._customers)
            written = Written(serial, customer, [new_event_id()], time.monotonic())
            self._record.written[serial] = written
            line_id = LINES[self._customers.index(customer) % len(LINES)]
            writing.append(asyncio.create_task(self._writers.write(written, line_id)))
            await asyncio.sleep(self._dice.expovariate(self._plan.per_second))  # their own pace
        await asyncio.gather(*writing)

    async def _strike_on(self) -> None:
        while not self._is_over:
            await asyncio.sleep(self._dice.expovariate(1 / self._plan.strike_every_s))
            await self._strikes.strike()

    async def _pause_on(self) -> None:
        async with asyncio.TaskGroup() as people:
            while not self._is_over:
                await asyncio.sleep(self._dice.expovariate(_PAUSES_PER_S))
                people.create_task(self._pause_one())

    async def _pause_one(self) -> None:
        """A person takes a customer over for a second or two, then lets the bot answer."""
        newest = list(self._record.written.values())[-_JUST_WRITTEN:]
        customers = {one.customer for one in newest} - self._taken_over
        if not customers:
            return
        customer = self._dice.choice(sorted(customers))
        self._taken_over.add(customer)
        await self._take_over(customer)
        self._taken_over.discard(customer)

    async def _take_over(self, customer: str) -> None:
        silence = await self._pause(customer)
        if silence is None:  # not acknowledged, and yet perhaps done
            await self._resume(Silence(customer, time.monotonic(), frozenset()))
            return
        self._record.silences.append(silence)
        self._record.fired["a person takes over"] += 1
        await asyncio.sleep(self._dice.uniform(0.2, 2))
        await self._resume(silence)

    async def _pause(self, customer: str) -> Silence | None:
        try:
            query = {"contact": customer}
            page = await self._bot.api("GET", "/api/conversations", params=query)
            if not page["items"]:
                return None
            path = f"/api/conversations/{page['items'][0]['id']}/pause"
            paused = await self._bot.api("POST", path, {"for_s": None})
        except (AssertionError, httpx.TransportError):
            return None  # the web is down just now
        in_flight = frozenset(one["id"] for one in paused["in_flight"])
        return Silence(customer, time.monotonic(), in_flight)

    async def _resume(self, silence: Silence) -> None:
        silence.ends = time.monotonic()

        async def resumed() -> bool:
            try:
                query = {"contact": silence.customer}
                page = await self._bot.api("GET", "/api/conversations", params=query)
                for one in page["items"]:
                    path = f"/api/conversations/{one['id']}/resume"
                    await self._bot.api("POST", path, {"answer": True})
            except (AssertionError, httpx.TransportError):
                return False
            return True

        await eventually(resumed, 60)
