"""The console with much stored: its pages, what an open page costs, how soon it shows a message.

`bot run` over a filled database, signed in as an operator, one call at a time, over HTTP:

- list, each filter, searches (for a word that almost all, one in seven or no messages hold, for a
  beginning, two words, a name, a part of a number) and threads (target: p99 below 150 ms each);
- a whole page with its style and scripts, without media (target: below 150 kB);
- the processor's share that one open page takes, and each of ten, beside none, while nothing
  happens (target: below 1 % of a core);
- from a stored message (its 200) to the event at an open page (target: below 300 ms), and until
  the search finds it (target: below 2 s).

`--full` stores 5,000,000 messages in 100,000 conversations. `BENCH_DATABASE_URL` measures the same
on PostgreSQL, in a database of its own.
"""

import argparse
import asyncio
import http.client
import re
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import uvloop

from bench import figures, growth, messages, report, server, stores
from bench.fill import fill, thread_id
from bench.fill_postgres import copy_into
from bench.report import Figure, Result, Target
from bot.adapters.db.engine import Database, sqlite_url
from bot.adapters.db.search_index import SearchIndex

LISTED = "/console/conversations"
SMALL_LINE = "ln_small"
SEEN, FOUND = "event after the message p99 ms", "found by search after s"
WEIGHT, WEIGHT_THREAD = "kB, list with style and scripts", "kB, thread with style and scripts"
COST, COST_TEN = "% of a core, one open page", "% of a core, each of ten"
_FILTERS = ("attention", "waiting", "human", "bot")
_SEARCHES = {
    "a word of all messages": "open",
    "a word of one in seven": "sunday",
    "a beginning": "terr",
    "a short beginning": "te",
    "two words": "monday table",
    "a rare and a frequent word": "10000123 ana",
    "a name": "ana 10000123",
    "a part of a number": "5551000012",
    "nothing": "nobody of this name",
}
_PAGES = (
    "list",
    *(f"list, {which}" for which in _FILTERS),
    "list, a small line",
    "list, the second page",
    *(f"search, {what}" for what in _SEARCHES),
    "thread",
    "thread of 10,000",
    "thread around a message",
)
TARGETS = {
    **{f"{page} p99 ms": Target("below", 150) for page in _PAGES},
    WEIGHT: Target("below", 150),
    WEIGHT_THREAD: Target("below", 150),
    COST: Target("below", 1),
    SEEN: Target("below", 300),
    FOUND: Target("below", 2),
}
_SOME_HUMAN = """
    UPDATE conversations SET state = 'human', epoch = 1, paused_at = last_message_at,
    paused_by = 'ana', paused_until = NULL WHERE rowid % 20 = 0;
    UPDATE conversations SET needs_attention = 1, attention_reason = 'a person was asked for'
    WHERE rowid % 50 = 0;
    UPDATE events SET state = 'pending', reason = NULL, ended_at = NULL WHERE seq IN (
        SELECT max(e.seq) FROM events e WHERE e.conversation_id IN (
            SELECT id FROM conversations WHERE rowid % 200 = 0) GROUP BY e.conversation_id);
    UPDATE conversations SET line_id = 'ln_small' WHERE rowid % 1000 = 7;
"""


class _Operator:
    """A signed-in browser with one connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = urlencode({"token": server.OPERATOR_TOKEN, "next": "/console"})
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"http://127.0.0.1:{port}",
        }
        self._connection.request("POST", "/console/sign-in", body, headers)
        answer = self._connection.getresponse()
        answer.read()
        self.cookie = answer.getheader("Set-Cookie", "").partition(";")[0]

    def get(self, path: str) -> tuple[float, bytes]:
        """Seconds, and the page."""
        start = time.perf_counter()
        self._connection.request("GET", path, headers={"Cookie": self.cookie})
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path.partition('?')[0]} answered {answer.status}")
        return time.perf_counter() - start, body

    def timed(self, name: str, path: str, samples: int) -> dict[str, Figure]:
        """After one call that is not counted."""
        self.get(path)
        took_s = [self.get(path)[0] for _ in range(samples)]
        return {
            f"{name} {which} ms": Figure(1e3 * figures.percentile(took_s, share))
            for which, share in (("p50", 0.5), ("p99", 0.99))
        }

    def weight_kb(self, path: str) -> Figure:
        """The page and what it loads."""
        _took_s, page = self.get(path)
        loaded = set(re.findall(rb'(?:src|href)="(/console/static/[^"]+)"', page))
        parts = [page, *(self.get(name.decode())[1] for name in loaded)]
        return Figure(sum(map(len, parts)) / 1e3)

    @contextmanager
    def open_page(self, count: int = 1) -> Iterator[socket.socket]:
        """Streams of open pages; the last one's socket."""
        opened = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(count)]
        thread = thread_id(growth.KNOWN_FROM)
        request = (
            f"GET /console/live?open={thread} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Cookie: {self.cookie}\r\n\r\n"
        )
        for one in opened:
            one.settimeout(10)
            one.sendall(request.encode())
        time.sleep(1)
        for one in opened:
            one.recv(65536)
        yield opened[-1]
        for one in opened:
            one.close()


def _pages(operator: _Operator, samples: int) -> dict[str, Figure]:
    filters = {f"list, {which}": f"{LISTED}?which={which}" for which in _FILTERS}
    searches = {
        f"search, {what}": f"{LISTED}?{urlencode({'q': q})}" for what, q in _SEARCHES.items()
    }
    more = re.search(rb'class="more" href="([^"]+)"', operator.get(LISTED)[1])
    assert more is not None
    thread, long = (f"{LISTED}/{thread_id(n)}" for n in (growth.KNOWN_FROM, growth.LONG_FROM))
    shown = re.search(rb'id="m-([^"]+)"', operator.get(long)[1])
    assert shown is not None
    paths = {
        "list": LISTED,
        **filters,
        "list, a small line": f"{LISTED}?line={SMALL_LINE}",
        "list, the second page": more[1].decode().replace("&amp;", "&"),
        **searches,
        "thread": thread,
        "thread of 10,000": long,
        "thread around a message": f"{long}?at={shown[1].decode()}",
    }
    found: dict[str, Figure] = {}
    for name, path in paths.items():
        found |= operator.timed(name, path, samples)
    return found | {WEIGHT: operator.weight_kb(LISTED), WEIGHT_THREAD: operator.weight_kb(long)}


def _costs(bot: server.Server, operator: _Operator, seconds: float) -> dict[str, Figure]:
    """Beside what the bot takes while no page is open."""

    def share() -> float:
        start, cpu_s = time.perf_counter(), bot.cpu_s()
        time.sleep(seconds)
        return 100 * (bot.cpu_s() - cpu_s) / (time.perf_counter() - start)

    alone = share()
    with operator.open_page():
        one = share()
    with operator.open_page(10):
        ten = share()
    return {COST: Figure(one - alone), COST_TEN: Figure((ten - alone) / 10)}


def _told(bot: server.Server, operator: _Operator, samples: int) -> Figure:
    took_s = []
    with operator.open_page() as stream:
        for number in range(samples):
            time.sleep(0.5 + number % 10 / 50)
            stream.setblocking(False)
            try:
                while stream.recv(65536):
                    pass
            except BlockingIOError:
                stream.settimeout(10)
            start = _write(bot.port, messages.webhook(bot.port, 70_000_000)[1])
            while b"changed-list" not in stream.recv(65536):
                pass
            took_s.append(time.perf_counter() - start)
    return Figure(1e3 * figures.percentile(took_s, 0.99))


def _write(port: int, request: bytes) -> float:
    """When the 200 was there."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
            raise RuntimeError("the webhook did not say 200")
    return time.perf_counter()


def _found(bot: server.Server, operator: _Operator, samples: int) -> Figure:
    took_s = []
    for _number in range(samples):
        serial, request = messages.webhook(bot.port, 70_000_001)
        start = _write(bot.port, request)
        while f"#{serial:08}#".encode() not in operator.get(f"{LISTED}?q={serial:08}")[1]:
            time.sleep(0.02)
        took_s.append(time.perf_counter() - start)
    return Figure(max(took_s))


def _store(home: Path, size: growth.Size) -> str:
    """What was stored, in a sentence."""
    path = home / "data" / "bot.db"
    if path.exists():
        return "Stored before."
    fill(path, size.full())
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_SOME_HUMAN)
    return f"Stored: {size.messages:,} messages in {size.conversations:,} conversations."


async def _index(url: str) -> str:
    database, start = Database(url), time.perf_counter()
    await SearchIndex(database).catch_up()
    await database.close()
    return f"Their words were indexed in {time.perf_counter() - start:,.0f} s, with nothing else."


async def measure(home: Path, size: growth.Size) -> Result:
    print(f"console: storing {size.messages:,} messages …", file=sys.stderr)
    path = home / "data" / "bot.db"
    notes = [await asyncio.to_thread(_store, home, size)]
    async with stores.own() as places:
        url = places.get("DATABASE_URL", sqlite_url(path))
        if "DATABASE_URL" in places:
            await copy_into(url, path)
        notes.append(await _index(url))
        found = await asyncio.to_thread(_measure, home, places, size.samples)
    kind = "PostgreSQL" if "DATABASE_URL" in places else "SQLite"
    return Result(found, notes=[f"On {kind}. {size.samples} calls of each kind.", *notes])


def _measure(home: Path, places: Mapping[str, str], samples: int) -> dict[str, Figure]:
    with server.product("run", server.NOWHERE, home=home, stores=places) as bot:
        operator = _Operator(bot.port)
        found = _pages(operator, samples)
        found |= _costs(bot, operator, min(10, samples / 5))
        found[SEEN] = _told(bot, operator, samples)
        # Signed in anew: the connection was idle for longer than the server keeps it.
        found[FOUND] = _found(bot, _Operator(bot.port), max(2, samples // 10))
    return found


def run(scale: float, *, full: bool) -> Result:
    """`full`: as much as the targets name."""
    samples = max(10, round(100 * scale))
    if full:
        size = growth.Size(growth.FULL_MESSAGES, growth.FULL_CONVERSATIONS, samples)
    else:
        conversations = max(200, round(2_000 * scale))
        size = growth.Size(max(10_000, round(100_000 * scale)), conversations, samples)
    return run_size(size)


def run_size(size: growth.Size, home: Path | None = None) -> Result:
    growth.silence()
    if home is not None:
        messages.start_at(int(time.time()) % 100_000_000)
        return uvloop.run(measure(home, size))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return uvloop.run(measure(Path(folder), size))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--conversations", type=int, default=2_000)
    parser.add_argument("--samples", type=int, default=100, help="calls of each kind")
    parser.add_argument("--full", action="store_true", help="the size that the targets name")
    parser.add_argument("--home", type=Path, help="filled before by this bench, or to be kept")
    chosen = parser.parse_args(arguments)
    size = growth.Size(chosen.messages, chosen.conversations, chosen.samples)
    if chosen.full:
        size = growth.Size(growth.FULL_MESSAGES, growth.FULL_CONVERSATIONS, chosen.samples)
    print(report.as_text("console", TARGETS, run_size(size, chosen.home)))


if __name__ == "__main__":
    main()
