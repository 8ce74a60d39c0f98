"""A whole answer: webhook received to reply POSTed, the product against the reference.

The model and the line are instant and local, the quiet period is 0. Measured per server:

- one message at a time: p50, p99 and processor time per message (targets: p50 below 12 ms, p99
  below 30 ms, below 8 ms of CPU);
- the same CPU for the first and the eleventh message of a conversation (at most 1.3 times);
- with a model that takes 1.0 s, 100 customers who ask on as soon as they are answered: messages/s
  (target: 85; 100 is the ceiling);
- 64 customers who write as fast as they get their 200, for 5 s: how long after the last 200 every
  message is covered by a reply (target: below 10 s);
- idle: processor share and resident memory (targets: below 1 %, below 180 MB).
"""

import argparse
import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack

import uvloop

from bench import figures, report, server, stores
from bench.report import Figure, Result, Target
from bench.world import Phone, World, neighbours, phone

Measured = dict[str, float]

IDLE_CPU = "idle CPU %"
IDLE_MB = "MB idle"
P50 = "p50 ms"
P99 = "p99 ms"
CPU = "CPU ms"
CPU_GROWTH = "CPU 11th/1st"
RATE = "messages/s"
DRAINED = "drained s"
TARGETS = {
    IDLE_CPU: Target("below", 1),
    IDLE_MB: Target("below", 180),
    P50: Target("below", 12),
    P99: Target("below", 30),
    CPU: Target("below", 8),
    CPU_GROWTH: Target("at most", 1.3),
    RATE: Target("at least", 85),
    DRAINED: Target("below", 10),
}
_PATIENCE_S = 30


class Bench:
    """The measurements of one server; every phase has customers of its own."""

    def __init__(self, world: World, bot: server.Server, scale: float) -> None:
        self._world = world
        self._bot = bot
        self._scale = scale
        self._customers = 0

    async def all(self) -> Measured:
        phases: Sequence[Callable[[], Awaitable[Measured]]] = (
            self._idle,
            self._one_at_a_time,
            self._longer_history,
            self._slow_model,
            self._flood,
        )
        measured: Measured = {}
        for phase in phases:
            measured |= await phase()
        return measured | {"MB after": self._bot.resident_mb()}

    async def _phones(self, count: int) -> list[Phone]:
        first = self._customers
        self._customers += count
        return [
            await phone(self._world, self._bot.port, customer)
            for customer in range(first, first + count)
        ]

    async def _idle(self) -> Measured:
        await asyncio.sleep(1)
        seconds = 5 * self._scale
        before_s = self._bot.cpu_s()
        await asyncio.sleep(seconds)
        share = (self._bot.cpu_s() - before_s) / seconds
        return {IDLE_CPU: share * 100, IDLE_MB: self._bot.resident_mb()}

    async def _one_at_a_time(self) -> Measured:
        phones = await self._phones(100)
        await self._ask_each(phones[:20])
        latencies_s, cpu_ms = await self._ask_each(phones * max(1, round(5 * self._scale)))
        return {
            P50: figures.percentile(latencies_s, 0.5) * 1e3,
            P99: figures.percentile(latencies_s, 0.99) * 1e3,
            CPU: cpu_ms,
        }

    async def _ask_each(self, phones: Sequence[Phone]) -> tuple[list[float], float]:
        """Latencies in seconds, and CPU milliseconds per message."""
        before_s = self._bot.cpu_s()
        latencies_s = [await one.ask() for one in phones]
        return latencies_s, (self._bot.cpu_s() - before_s) / len(phones) * 1e3

    async def _longer_history(self) -> Measured:
        phones = await self._phones(max(1, round(100 * self._scale)))
        _latencies, first_ms = await self._ask_each(phones)
        for _message in range(9):
            await asyncio.gather(*(one.ask() for one in phones))
        _latencies, eleventh_ms = await self._ask_each(phones)
        return {CPU_GROWTH: eleventh_ms / first_ms}

    async def _slow_model(self) -> Measured:
        self._world.llm_delay_s = 1.0
        phones = await self._phones(100)
        start = time.perf_counter()
        ends = start + 2 + max(2, 10 * self._scale)

        async def asks_on(one: Phone) -> None:
            while time.perf_counter() < ends:
                await one.ask()

        await asyncio.gather(*(asks_on(one) for one in phones))
        self._world.llm_delay_s = 0.0
        counted = sum(start + 2 < at <= ends for at in self._world.replies.values())
        return {RATE: counted / (ends - start - 2)}

    async def _flood(self) -> Measured:
        phones = await self._phones(64)
        ends = time.perf_counter() + 5 * self._scale

        async def writes_on(one: Phone) -> tuple[int, int]:
            sent = last = 0
            while time.perf_counter() < ends:
                last = await one.write()
                sent += 1
            return sent, last

        written = await asyncio.gather(*(writes_on(one) for one in phones))
        stopped = time.perf_counter()
        open_ones = await self._uncovered({last for _sent, last in written}, stopped + _PATIENCE_S)
        took_s = time.perf_counter() - stopped
        return {
            "flood/s": sum(sent for sent, _last in written) / (5 * self._scale),
            "unanswered after the flood": float(len(open_ones)),
            DRAINED: math.inf if open_ones else took_s,
        }

    async def _uncovered(self, serials: set[int], deadline: float) -> set[int]:
        """The messages still without a reply at the deadline (perf_counter)."""
        while missing := serials - self._world.replies.keys():
            if time.perf_counter() > deadline:
                return missing
            await asyncio.sleep(0.05)
        return set()


async def _measure(
    scale: float, only: str | None = None, places: Mapping[str, str] | None = None
) -> dict[str, Measured]:
    world = World()
    results: dict[str, Measured] = {}
    async with neighbours(world) as addresses:
        starts: dict[str, Callable[[], AbstractContextManager[server.Server]]] = {
            "reference": lambda: server.reference("turn", addresses),
            "bot": lambda: server.product("run", addresses, stores=places),
        }
        for name, start in starts.items():
            if only is not None and only != name:
                continue
            with ExitStack() as stack:
                bot = await asyncio.to_thread(stack.enter_context, start())
                results[name] = await Bench(world, bot, scale).all()
            world.replies.clear()
    return results


def _result(measured: Mapping[str, Measured]) -> Result:
    base, ours = measured.get("reference", {}), measured.get("bot", {})
    names = ours or base
    return Result({name: Figure(ours.get(name), base.get(name)) for name in names})


def run(scale: float) -> Result:
    return _result(uvloop.run(_measure(scale)))


async def _run_on_chosen_stores(scale: float, only: str | None) -> dict[str, Measured]:
    async with stores.own() as places:
        return await _measure(scale, only, places)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="lengthens or shortens all phases")
    parser.add_argument("--only", choices=["reference", "bot"])
    chosen = parser.parse_args()
    result = _result(uvloop.run(_run_on_chosen_stores(chosen.scale, chosen.only)))
    print(report.as_text("turn", TARGETS, result))


if __name__ == "__main__":
    main()
