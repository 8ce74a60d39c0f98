"""Two worker processes against one, on PostgreSQL and Redis.

One `bot serve` takes the webhooks; one `bot worker` answers, then two do, in turns. The model
takes 1.0 s, and so many customers ask on as soon as they are answered that a worker's processor is
what limits it. Target: two answer at least 1.6 times as many messages a second as one.

`BENCH_DATABASE_URL` and `BENCH_REDIS_URL` name the servers, such as
`postgresql+asyncpg://postgres@127.0.0.1:5432/postgres` and `redis://127.0.0.1:6379`; a database and
a Redis number are made for the run and dropped after it. Serve, workers, PostgreSQL and the load
each want a core: with fewer than five of them the ratio tells more about the machine.
"""

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path

import uvloop

from bench import figures, report, server, stores
from bench.report import Figure, Result, Target
from bench.world import Phone, World, neighbours, phone

CUSTOMERS = 400
_MODEL_S = 1.0
_CORES = 5

RATE = "messages/s, two workers against one"
TARGETS = {RATE: Target("at least", 1.6, of="ratio")}


class Crowd:
    """Customers who ask on as soon as they are answered."""

    def __init__(self, world: World, port: int, count: int) -> None:
        self._world = world
        self._port = port
        self._count = count
        self._phones: list[Phone] = []

    async def connect(self) -> None:
        for customer in range(self._count):
            self._phones.append(await phone(self._world, self._port, customer))

    async def rate(self, warm_up_s: float, seconds: float) -> float:
        """Replies a second, counted once the crowd has spread out over time."""
        start = time.perf_counter()
        begin, end = start + warm_up_s, start + warm_up_s + seconds

        async def asks_on(one: Phone) -> None:
            while time.perf_counter() < end:
                await one.ask()

        await asyncio.gather(*(asks_on(one) for one in self._phones))
        return sum(begin < at <= end for at in self._world.replies.values()) / seconds


@asynccontextmanager
async def _worker(
    addresses: Mapping[str, str], home: Path, places: Mapping[str, str]
) -> AsyncIterator[None]:
    with ExitStack() as stack:
        started = server.product("worker", addresses, home=home, stores=places)
        await asyncio.to_thread(stack.enter_context, started)
        try:
            yield
        finally:
            await asyncio.to_thread(stack.close)


async def measure(customers: int, rounds: int, seconds: float) -> Result:
    """Raises when a server is not there."""
    world = World()
    async with AsyncExitStack() as stack:
        places = await stack.enter_async_context(stores.own())
        addresses = await stack.enter_async_context(neighbours(world))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        serve = server.product("serve", addresses, home=home, stores=places)
        bot = await asyncio.to_thread(stack.enter_context, serve)
        crowd = Crowd(world, bot.port, customers)
        await crowd.connect()
        world.llm_delay_s = _MODEL_S
        rates: tuple[list[float], list[float]] = ([], [])
        warm_up_s = min(8.0, 2 + seconds)
        for _round in range(rounds):
            async with _worker(addresses, home, places):
                rates[0].append(await crowd.rate(warm_up_s, seconds))
                async with _worker(addresses, home, places):
                    rates[1].append(await crowd.rate(warm_up_s, seconds))
    one, two = (figures.median(measured) for measured in rates)
    return Result({RATE: Figure(two, one)}, notes=_notes(customers, rounds, seconds))


def _notes(customers: int, rounds: int, seconds: float) -> list[str]:
    notes = [f"{customers} customers at once; rounds: {rounds}, of {seconds:g} s each."]
    cores = os.cpu_count() or 1
    if cores < _CORES:
        notes.append(f"With {cores} cores the processes share them: the ratio says little.")
    return notes


def run(scale: float) -> Result:
    return run_with(CUSTOMERS, max(1, round(3 * scale)), max(2.0, 10 * min(1.0, scale)))


def run_with(customers: int, rounds: int, seconds: float) -> Result:
    unset = stores.unset()
    if unset:
        return Result(missing=f"{' and '.join(unset)} not set")
    return uvloop.run(measure(customers, rounds, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    chosen = parser.parse_args()
    result = run_with(chosen.customers, chosen.rounds, chosen.seconds)
    print(report.as_text("workers", TARGETS, result))


if __name__ == "__main__":
    main()
