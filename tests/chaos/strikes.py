"""Faults of the machine: kills, stops, outages. Each returns once it is over."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.chaos.record import Record
from tests.chaos.stage import Stage
from tests.harness.http_server import ScriptedServer
from tests.harness.process import Process


class Strikes:
    """Against one `bot serve` and some `bot worker`s."""

    def __init__(
        self,
        stage: Stage,
        dice: random.Random,
        record: Record,
        workers: int,
        *,
        beyond_leases: bool,
    ) -> None:
        self._stage = stage
        self._bot = stage.bot
        self._dice = dice
        self._record = record
        self._web: Process | None = None
        self._workers: list[Process] = []
        self._count = workers
        self._kinds = self._possible(beyond_leases=beyond_leases)

    async def open(self) -> None:
        """Start everything."""
        self._web = await self._bot.start("serve")
        self._workers = [await self._bot.start("worker", ready=False) for _ in range(self._count)]

    async def strike(self) -> None:
        """One fault, chosen by the dice."""
        kind = self._dice.choice(list(self._kinds))
        await self._kinds[kind]()
        self._record.fired[kind] += 1

    def _possible(self, *, beyond_leases: bool) -> dict[str, Callable[[], Awaitable[None]]]:
        stage = self._stage
        kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "kill -9 of a worker": self._kill_worker,
            "kill -9 of the web": self._kill_web,
            "rolling restart of the workers": self._restart_workers,
            "SIGSTOP of a worker": self._stop_worker,
            "SIGSTOP of the web": self._stop_web,
            "kill -9 of Redis": self._kill_redis,
            "FLUSHALL": self._flush,
            "SIGSTOP of Redis": self._stop_redis,
            "outage of the line": lambda: self._outage(stage.line),
            "outage of the model": lambda: self._outage(stage.model),
            "outage of the speech service": lambda: self._outage(stage.speech),
        }
        if beyond_leases:
            kinds["SIGSTOP of a worker beyond its lease"] = self._stop_beyond_lease
        if stage.disk is not None:
            kinds["disk full"] = self._fill_disk
        if stage.postgres is not None:
            kinds["crash of PostgreSQL"] = self._crash_postgres
        return kinds

    async def _kill_worker(self) -> None:
        index = self._dice.randrange(len(self._workers))
        await self._workers[index].kill()
        await self._pause(0, 1)
        self._workers[index] = await self._bot.start("worker", ready=False)

    async def _restart_workers(self) -> None:
        """As an operator does it: the next one runs before the last one is told to end."""
        for index, worker in enumerate(self._workers):
            self._workers[index] = await self._bot.start("worker", ready=False)
            await worker.stop()

    async def _kill_web(self) -> None:
        if self._web is not None:
            await self._web.kill()
        await self._pause(0, 0.5)
        self._web = await self._bot.start("serve", ready=False)

    async def _stop_worker(self) -> None:
        await self._stop_for(self._dice.choice(self._workers).pid)

    async def _stop_beyond_lease(self) -> None:
        await self._stop_for(self._dice.choice(self._workers).pid, 11, 13)

    async def _stop_web(self) -> None:
        if self._web is not None:
            await self._stop_for(self._web.pid)

    async def _stop_for(self, pid: int, least_s: float = 0.2, most_s: float = 3) -> None:
        os.kill(pid, signal.SIGSTOP)
        try:
            await self._pause(least_s, most_s)
        finally:
            os.kill(pid, signal.SIGCONT)

    async def _kill_redis(self) -> None:
        pid = await self._redis_pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    async def _stop_redis(self) -> None:
        pid = await self._redis_pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                await self._stop_for(pid)

    async def _flush(self) -> None:
        redis = self._redis()
        with suppress(RedisError, OSError):
            await redis.flushall()
        await redis.aclose()

    async def _fill_disk(self) -> None:
        assert self._stage.disk is not None
        with self._stage.disk.full():
            await self._pause(0.3, 2)

    async def _crash_postgres(self) -> None:
        assert self._stage.postgres is not None
        await asyncio.to_thread(self._stage.postgres.crash)
        await self._pause(0, 1)
        await asyncio.to_thread(self._stage.postgres.start)

    async def _outage(self, server: ScriptedServer) -> None:
        await server.down()
        try:
            await self._pause(0.3, 2)
        finally:
            await server.up()

    async def _redis_pid(self) -> int | None:
        redis = self._redis()
        try:
            return int((await redis.info("server"))["process_id"])
        except (RedisError, OSError):
            return None  # it is away already
        finally:
            await redis.aclose()

    def _redis(self) -> Redis:
        home = Path(self._bot.env["BOT_DATA_DIR"])
        sockets = [path for path in home.rglob("*.sock*") if path.is_socket()]
        path = sockets[0] if sockets else home / "none.sock"
        redis: Redis = Redis.from_url(f"unix://{path}", socket_timeout=1)
        return redis

    async def _pause(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self._dice.uniform(least_s, most_s))  # how long the fault lasts
