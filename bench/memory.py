"""Resident memory while webhooks come in as fast as they are answered.

`bot run` with SQLite and the embedded Redis, 64 connections that send their next message as soon
as they have their 200, and a worker that answers meanwhile, with an instant model and line. The
memory of all its processes is read at even intervals; pages that they share count once. Targets:
the peak below 250 MB, and flat: over the second half, when the caches are full, it grows by less
than 1 MB a minute (10 MB in ten minutes). The reference gets the same load for a tenth of the time.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from itertools import count

import uvloop

from bench import figures, ingest, messages, report, server
from bench.report import Figure, Result, Target
from bench.world import World, neighbours

MINUTES = 1.0
FULL_MINUTES = 10.0
_SAMPLES = 60

PEAK = "MB, peak"
SLOPE = "MB a minute, second half"
TARGETS = {PEAK: Target("below", 250), SLOPE: Target("below", 1)}

Samples = list[tuple[float, float]]
"""Minutes since the load began, and MB."""


def _endless(port: int) -> Iterator[bytes]:
    return (messages.webhook(port, serial % ingest.CUSTOMERS)[1] for serial in count())


async def _under_load(bot: server.Server, minutes: float) -> tuple[Samples, ingest.Round]:
    start = time.monotonic()
    load = asyncio.create_task(ingest.one_round(bot.port, _endless(bot.port), minutes * 60))
    samples = [(0.0, bot.resident_mb())]
    while not load.done():
        await asyncio.wait({load}, timeout=minutes * 60 / _SAMPLES)
        samples.append(((time.monotonic() - start) / 60, bot.resident_mb()))
    return samples, await load


async def _one(
    started: AbstractContextManager[server.Server], minutes: float
) -> tuple[Samples, ingest.Round]:
    with ExitStack() as stack:
        bot = await asyncio.to_thread(stack.enter_context, started)
        try:
            return await _under_load(bot, minutes)
        finally:
            await asyncio.to_thread(stack.close)


async def measure(minutes: float, command: str = "run") -> Result:
    world = World()
    async with neighbours(world) as addresses:
        base = await _one(server.reference("ingest", addresses), minutes / 10)
        ours = await _one(_product(command, addresses), minutes)
    return _result(*ours, base[0])


def _product(command: str, addresses: Mapping[str, str]) -> AbstractContextManager[server.Server]:
    return server.product(command, addresses)


def _result(samples: Samples, seen: ingest.Round, base: Samples) -> Result:
    peak, base_peak = (max(mb for _minute, mb in each) for each in (samples, base))
    found = {
        "MB, first": Figure(samples[0][1], base[0][1]),
        "MB, last": Figure(samples[-1][1], base[-1][1]),
        PEAK: Figure(peak, base_peak),
        SLOPE: Figure(figures.slope(samples[len(samples) // 2 :])),
    }
    note = (
        f"{len(seen.latencies_s):,} webhooks in {samples[-1][0]:.2g} minutes, "
        f"{seen.bad_answers} not answered with 200 (the target is for {FULL_MINUTES:g} minutes)."
    )
    return Result(found, notes=[note])


def run(scale: float, *, full: bool) -> Result:
    """`full`: as long as the target names."""
    return uvloop.run(measure(FULL_MINUTES if full else MINUTES * scale))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--command", default="run", choices=["run", "serve"])
    chosen = parser.parse_args()
    result = uvloop.run(measure(chosen.minutes, chosen.command))
    print(report.as_text("memory", TARGETS, result))


if __name__ == "__main__":
    main()
