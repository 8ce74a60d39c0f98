"""Webhooks acknowledged per second: the product, which stores them, against the reference.

Rounds alternate between the two servers, 64 connections each; the medians are compared. The
product's rate is that of `bot serve`: every 200 is a committed, deduplicated event with its worker
woken up. Target: a ratio of at least 0.85 (1.0 is the aim), p99 below 25 ms.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass, field

import uvloop

from bench import figures, messages, server
from bench.wire import Messages

CONNECTIONS = 64
CUSTOMERS = 1_000


@dataclass(slots=True)
class Round:
    """What one round of load saw."""

    latencies_s: list[float] = field(default_factory=list)
    bad_answers: int = 0
    took_s: float = 0


class _Sender(Messages):
    """One connection: sends the next request as soon as the answer is there."""

    def __init__(self, requests: list[bytes], end: float, seen: Round) -> None:
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
        if self._sent_at > self._end or not self._requests:
            self.transport.close()
        else:
            self.transport.write(self._requests.pop())

    def received(self, head: bytes, body: bytes) -> None:
        del body
        self._seen.latencies_s.append(time.perf_counter() - self._sent_at)
        self._seen.bad_answers += not head.startswith(b"HTTP/1.1 200")
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.bad_answers += exc is not None
        if not self.finished.done():
            self.finished.set_result(None)


async def one_round(port: int, requests: list[bytes], seconds: float) -> Round:
    """Floods the port until the time is over; unused requests stay in the list."""
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


async def measure(servers: list[server.Server], rounds: int, seconds: float) -> list[list[Round]]:
    """Per server its rounds, after one short round to warm up."""
    results: list[list[Round]] = [[] for _server in servers]
    for number in range(rounds + 1):
        for index, one in enumerate(servers):
            lasts_s = 1.0 if number == 0 else seconds
            seen = await one_round(one.port, _requests(one.port, int(lasts_s * 20_000)), lasts_s)
            if number:
                results[index].append(seen)
    return results


def _row(name: str, rounds: list[Round], base_rate: float) -> list[str]:
    rate = _rate(rounds)
    return [
        name,
        f"{rate:,.0f}",
        f"{_percentile_ms(rounds, 0.5):.1f}",
        f"{_percentile_ms(rounds, 0.99):.1f}",
        f"{rate / base_rate:.2f}",
        str(sum(seen.bad_answers for seen in rounds)),
    ]


def _percentile_ms(rounds: list[Round], share: float) -> float:
    return 1e3 * figures.median([figures.percentile(seen.latencies_s, share) for seen in rounds])


def _rate(rounds: list[Round]) -> float:
    return figures.median([len(seen.latencies_s) / seen.took_s for seen in rounds])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--command", default="serve", choices=["serve", "run"])
    chosen = parser.parse_args()
    nowhere = {
        "MOSSMOON_API_KEY": "mm_live_bench",
        "MOSSMOON_BASE_URL": "http://127.0.0.1:9/api/v1",
        "OPENAI_API_KEY": "sk-bench",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    }
    with (
        server.reference("ingest", nowhere) as plain,
        server.product(chosen.command, nowhere) as bot,
    ):
        results = uvloop.run(measure([plain, bot], chosen.rounds, chosen.seconds))
        resident = f"{bot.resident_mb():.0f}"
    base = _rate(results[0])
    rows = [_row(one.name, rounds, base) for one, rounds in zip((plain, bot), results, strict=True)]
    print(figures.table(["ingest", "requests/s", "p50 ms", "p99 ms", "ratio", "not 200"], rows))
    print(f"{bot.name} after the load: {resident} MB resident")


if __name__ == "__main__":
    main()
