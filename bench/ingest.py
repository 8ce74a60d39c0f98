"""Webhooks acknowledged per second: the product, which stores them, against the reference.

Rounds alternate between the two servers, 64 connections each; the medians are compared. The
product's rate is that of `bot serve`: every 200 is a committed, deduplicated event with its worker
woken up. Target: a ratio of at least 0.85 (1.0 is the aim), p99 below 25 ms.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import uvloop

from bench import figures, messages, report, server, stores
from bench.report import Figure, Result, Target
from bench.wire import Messages

CONNECTIONS = 64
CUSTOMERS = 1_000

RATE = "requests/s"
P99 = "p99 ms"
TARGETS = {RATE: Target("at least", 0.85, of="ratio"), P99: Target("below", 25)}


@dataclass(slots=True)
class Round:
    """What one round of load saw."""

    latencies_s: list[float] = field(default_factory=list)
    bad_answers: int = 0
    took_s: float = 0


class _Sender(Messages):
    """One connection: sends the next request as soon as the answer is there."""

    def __init__(self, requests: Iterator[bytes], end: float, seen: Round) -> None:
        super().__init__()
        self._requests = requests
        self._end = end
        self._seen = seen
        self._sent_at = 0.0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._next()

    def _next(self) -> None:
        self._sent_at = time.perf_counter()
        request = next(self._requests, None) if self._sent_at <= self._end else None
        if request is None:
            self.transport.close()
        else:
            self.transport.write(request)

    def received(self, head: bytes, body: bytes) -> None:
        del body
        self._seen.latencies_s.append(time.perf_counter() - self._sent_at)
        self._seen.bad_answers += not head.startswith(b"HTTP/1.1 200")
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.bad_answers += exc is not None
        if not self.finished.done():
            self.finished.set_result(None)


async def one_round(port: int, requests: Iterator[bytes], seconds: float) -> Round:
    """Floods the port until the time or the requests are over."""
    loop = asyncio.get_running_loop()
    seen = Round()
    start = time.perf_counter()
    senders = []
    for _connection in range(CONNECTIONS):
        made = await loop.create_connection(
            lambda: _Sender(requests, start + seconds, seen), "127.0.0.1", port
        )
        senders.append(made[1].finished)
    await asyncio.gather(*senders)
    seen.took_s = time.perf_counter() - start
    return seen


def _requests(port: int, count: int) -> list[bytes]:
    return [messages.webhook(port, serial % CUSTOMERS)[1] for serial in range(count)]


async def measure(
    servers: Sequence[server.Server], rounds: int, seconds: float
) -> list[list[Round]]:
    """Per server its rounds, after one short round to warm up."""
    results: list[list[Round]] = [[] for _server in servers]
    for number in range(rounds + 1):
        for index, one in enumerate(servers):
            lasts_s = seconds if number else min(1.0, seconds)
            requests = iter(_requests(one.port, int(lasts_s * 20_000)))
            seen = await one_round(one.port, requests, lasts_s)
            if number:
                results[index].append(seen)
    return results


def _percentile_ms(rounds: Sequence[Round], share: float) -> float:
    return 1e3 * figures.median([figures.percentile(seen.latencies_s, share) for seen in rounds])


def _rate(rounds: Sequence[Round]) -> float:
    return figures.median([len(seen.latencies_s) / seen.took_s for seen in rounds])


def _bad(rounds: Sequence[Round]) -> int:
    return sum(seen.bad_answers for seen in rounds)


async def compare(
    rounds: int, seconds: float, command: str, places: Mapping[str, str] | None = None
) -> Result:
    """`places` are its database and Redis, if they are not SQLite and the embedded one."""
    with (
        server.reference("ingest", server.NOWHERE) as plain,
        server.product(command, server.NOWHERE, stores=places) as bot,
    ):
        base, ours = await measure([plain, bot], rounds, seconds)
        resident = Figure(bot.resident_mb(), plain.resident_mb())
    return Result(
        {
            RATE: Figure(_rate(ours), _rate(base)),
            "p50 ms": Figure(_percentile_ms(ours, 0.5), _percentile_ms(base, 0.5)),
            P99: Figure(_percentile_ms(ours, 0.99), _percentile_ms(base, 0.99)),
            "answers that were not 200": Figure(_bad(ours), _bad(base)),
            "MB after the load": resident,
        },
        notes=[
            f"`bot {command}`; {CONNECTIONS} connections; rounds: {rounds}, of {seconds:g} s each."
        ],
    )


def run(scale: float) -> Result:
    return uvloop.run(compare(max(1, round(5 * scale)), 3.0 * min(1.0, scale), "serve"))


async def _run_on_chosen_stores(rounds: int, seconds: float, command: str) -> Result:
    async with stores.own() as places:
        return await compare(rounds, seconds, command, places)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--command", default="serve", choices=["serve", "run"])
    chosen = parser.parse_args()
    result = uvloop.run(_run_on_chosen_stores(chosen.rounds, chosen.seconds, chosen.command))
    print(report.as_text("ingest", TARGETS, result))


if __name__ == "__main__":
    main()
