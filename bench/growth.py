"""What the bot costs when much is stored, beside the same when nothing is.

Three bots run at once, each `bot run` on SQLite: one on a full database, one on an empty one, and
one on a database that holds some of the full one's customers and nobody else. One message is on
its way at a time, and they take turns, so that whatever else the machine does meets all alike.
The model and the line are instant and local. Measured:

- webhook (until the 200) and turn (until the reply reaches the line) of customers who have never
  written before, full against empty (target: at most 1.2 times, p50 and p99);
- the same of customers who wrote before, among all others against alone (the same target);
- a conversation with 10,000 messages against one with 10 (the same target);
- start to ready (target: below 3 s), the conversation list and a thread through the operator API
  (target: p99 below 150 ms), full against empty.

`--messages 5000000 --conversations 100000` is the size that the targets name.
"""

import argparse
import asyncio
import itertools
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import structlog
import uvloop

from bench import calls, figures, report, server
from bench.fill import Group, fill, thread_id
from bench.report import Figure, Result, Target
from bench.world import Phone, World, neighbours, phone

MESSAGES = 500_000
CONVERSATIONS = 10_000
FULL_MESSAGES = 5_000_000
FULL_CONVERSATIONS = 100_000
LONG_MESSAGES = 10_000
SHORT_MESSAGES = 10

_FRESH_FROM = 0
KNOWN_FROM = 10_000_000
LONG_FROM = 90_000_000
_SHORT_FROM = 91_000_000
_LONG_ONES = 4
_WARM_UP = 20
_SETTLED_S = 0.02
_STARTS = 3

FRESH, KNOWN, LONG = "new customer", "known customer", "10,000 messages in it"
START = "start to ready s"
LIST, THREAD = "conversation list p99 ms", "thread p99 ms"
_AS_FAST = Target("at most", 1.2, of="ratio")
TARGETS = {
    **{
        f"{what}, {who}, {which} ms": _AS_FAST
        for who in (FRESH, KNOWN, LONG)
        for what in ("webhook", "turn")
        for which in ("p50", "p99")
    },
    START: Target("below", 3),
    LIST: Target("below", 150),
    THREAD: Target("below", 150),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is stored, and how many messages of each kind are measured."""

    messages: int
    conversations: int
    samples: int

    @property
    def asked(self) -> int:
        """Customers of each kind that are written as."""
        return self.samples + _WARM_UP

    def alone(self) -> list[Group]:
        """The customers that are written as, without the others."""
        return [Group(KNOWN_FROM, self.asked, self._exchanges)]

    def full(self) -> list[Group]:
        return [
            Group(KNOWN_FROM, max(self.conversations, self.asked), self._exchanges),
            Group(LONG_FROM, _LONG_ONES, LONG_MESSAGES // 2),
            Group(_SHORT_FROM, self.asked, SHORT_MESSAGES // 2),
        ]

    @property
    def _exchanges(self) -> int:
        return max(1, self.messages // self.conversations // 2)


@dataclass(slots=True)
class _Lane:
    """Customers of one kind at one bot, and how long their messages took."""

    phone: Phone
    customers: Iterator[int]
    webhooks_s: list[float] = field(default_factory=list)
    turns_s: list[float] = field(default_factory=list)

    async def ask(self) -> None:
        self.phone.customer = next(self.customers)
        self.turns_s.append(await self.phone.ask())
        self.webhooks_s.append(self.phone.acknowledged_after_s)
        await asyncio.sleep(_SETTLED_S)  # what follows the reply is no part of the next one

    def forget(self) -> None:
        self.webhooks_s.clear()
        self.turns_s.clear()


Lanes = Mapping[str, tuple[_Lane, _Lane]]
Bots = Mapping[str, server.Server]


async def _lanes(world: World, bots: Bots) -> Lanes:
    """By what is compared: the lane measured, and its reference."""

    async def lane(name: str, customers: Iterator[int]) -> _Lane:
        return _Lane(await phone(world, bots[name].port, 0), customers)

    return {
        FRESH: (
            await lane("full", itertools.count(_FRESH_FROM)),
            await lane("empty", itertools.count(_FRESH_FROM)),
        ),
        KNOWN: (
            await lane("full", itertools.count(KNOWN_FROM)),
            await lane("alone", itertools.count(KNOWN_FROM)),
        ),
        LONG: (
            await lane("full", itertools.cycle(range(LONG_FROM, LONG_FROM + _LONG_ONES))),
            await lane("full", itertools.count(_SHORT_FROM)),
        ),
    }


async def _messages(world: World, bots: Bots, samples: int) -> dict[str, Figure]:
    lanes = await _lanes(world, bots)
    for number in range(_WARM_UP + samples):
        for pair in lanes.values():
            for lane in pair if number % 2 else reversed(pair):
                if number == _WARM_UP:
                    lane.forget()
                await lane.ask()
    found: dict[str, Figure] = {}
    for who, (lane, base) in lanes.items():
        found |= _compared(f"webhook, {who}", lane.webhooks_s, base.webhooks_s)
        found |= _compared(f"turn, {who}", lane.turns_s, base.turns_s)
    return found


def _compared(name: str, took_s: list[float], base_s: list[float]) -> dict[str, Figure]:
    return {
        f"{name}, {which} ms": _in_ms(took_s, base_s, share)
        for which, share in (("p50", 0.5), ("p99", 0.99))
    }


def _in_ms(took_s: list[float], base_s: list[float], share: float) -> Figure:
    return Figure(1e3 * figures.percentile(took_s, share), 1e3 * figures.percentile(base_s, share))


def _pages(bots: Bots, samples: int) -> dict[str, Figure]:
    """What an operator looks at; the thread is the longest there is, its newest page."""
    listed = "/api/conversations?limit=50"
    searched = f"{listed}&q=nobody+of+this+name"
    threads = {"full": thread_id(LONG_FROM), "empty": thread_id(_FRESH_FROM)}
    shown = {name: f"/api/conversations/{one}/messages" for name, one in threads.items()}
    kinds = {
        LIST: dict.fromkeys(threads, listed),
        "search in the list p99 ms": dict.fromkeys(threads, searched),
        THREAD: shown,
    }
    took_s = {
        kind: {
            name: calls.timed(bots[name].port, [path] * (samples + 3))[3:]
            for name, path in paths.items()
        }
        for kind, paths in kinds.items()
    }
    return {kind: _in_ms(by_bot["full"], by_bot["empty"], 0.99) for kind, by_bot in took_s.items()}


def _starts(homes: Mapping[str, Path], addresses: Mapping[str, str]) -> Figure:
    took_s: dict[str, list[float]] = {"full": [], "empty": []}
    for _start in range(_STARTS):
        for name, taken in took_s.items():
            with server.product("run", addresses, home=homes[name]) as bot:
                taken.append(bot.ready_after_s)
    return Figure(figures.median(took_s["full"]), figures.median(took_s["empty"]))


async def measure(size: Size, root: Path) -> Result:
    homes = {name: root / name for name in ("full", "empty", "alone")}
    note = await asyncio.to_thread(_fill_all, homes, size)
    world = World()
    async with neighbours(world) as addresses:
        started = await asyncio.to_thread(_starts, homes, addresses)
        with ExitStack() as stack:
            bots = {
                name: await asyncio.to_thread(stack.enter_context, _bot(addresses, home))
                for name, home in homes.items()
            }
            found = await _messages(world, bots, size.samples)
            found |= {START: started}
            found |= await asyncio.to_thread(_pages, bots, size.samples)
    return Result(found, notes=[note])


def _bot(addresses: Mapping[str, str], home: Path) -> AbstractContextManager[server.Server]:
    return server.product("run", addresses, home=home)


def _fill_all(homes: Mapping[str, Path], size: Size) -> str:
    """What was stored, in a sentence."""
    for home in homes.values():
        home.mkdir()
    start = time.monotonic()
    print(f"growth: storing {size.messages:,} messages …", file=sys.stderr)
    fill(homes["alone"] / "data" / "bot.db", size.alone())
    fill(homes["full"] / "data" / "bot.db", size.full())
    took_s = time.monotonic() - start
    size_mb = (homes["full"] / "data" / "bot.db").stat().st_size / 1e6
    print(f"growth: {size_mb:,.0f} MB in {took_s:.0f} s", file=sys.stderr)
    return (
        f"Stored: {size.messages:,} messages in {size.conversations:,} conversations (the targets "
        f"are for {FULL_MESSAGES:,} in {FULL_CONVERSATIONS:,}), and {_LONG_ONES} conversations "
        f"with {LONG_MESSAGES:,} messages each: {size_mb:,.0f} MB. "
        f"{size.samples} messages measured of each kind."
    )


def run(scale: float, *, full: bool) -> Result:
    """`full`: as much as the targets name."""
    samples = max(10, round(300 * scale))
    if full:
        return run_size(Size(FULL_MESSAGES, FULL_CONVERSATIONS, samples))
    stored = Size(round(MESSAGES * scale), max(1, round(CONVERSATIONS * scale)), samples)
    return run_size(stored)


def run_size(size: Size) -> Result:
    silence()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return uvloop.run(measure(size, Path(folder)))


def silence() -> None:
    """The migrations' lines do not belong to the table."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--conversations", type=int, default=CONVERSATIONS)
    parser.add_argument("--samples", type=int, default=300, help="messages measured of each kind")
    chosen = parser.parse_args()
    result = run_size(Size(chosen.messages, chosen.conversations, chosen.samples))
    print(report.as_text("growth", TARGETS, result))


if __name__ == "__main__":
    main()
