"""Pokes and the worker they wake, on a real embedded server killed, frozen and filled up."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.worker import Worker, func
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.adapters.arq_queue import ArqQueue, run_worker, wire
from bot.adapters.arq_queue.queue import _delay_step
from bot.adapters.embedded_redis import EmbeddedRedis
from bot.errors import SettingsError

QUEUE = "test"
Work = Callable[..., Awaitable[None]]
CUSTOMER = "+15550001111"


class Redises:
    """One embedded server, and what a test does to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = Redis.from_url(url)

    async def pid(self) -> int:
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(RedisError, OSError):
                    return int((await self.client.info("server"))["process_id"])
                await asyncio.sleep(0.01)

    async def kill(self) -> None:
        """Kill the server; returns once another one answers."""
        pid = await self.pid()
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            while await self.pid() == pid:
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        pid = await self.pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    async def jobs(self) -> list[bytes]:
        ids = await self.client.zrange(QUEUE, 0, -1)
        return [await self.client.get(job_key_prefix + job_id.decode()) for job_id in ids]


class Jobs:
    """Job functions that write down what they were called with."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.calls: list[list[str]] = []
        self.events = 0
        self.running = 0
        self.finish = asyncio.Event()
        self.changed = asyncio.Event()

    async def turns(self, ids: list[str]) -> None:
        self.calls.append(ids)
        self.seen += ids
        self.changed.set()

    async def ring(self) -> None:
        self.events += 1
        self.changed.set()

    async def slow(self, ids: list[str]) -> None:
        self.running += 1
        self.changed.set()
        await self.finish.wait()
        await self.turns(ids)

    async def until(self, condition: Callable[[], bool], within_s: float = 10) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                await self.changed.wait()
                self.changed.clear()


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redises]:
    server = EmbeddedRedis(tmp_path)
    redis = Redises(await server.start())
    yield redis
    await redis.client.aclose()
    await server.stop()


@pytest.fixture
async def queue(redis: Redises) -> AsyncIterator[ArqQueue]:
    queue = ArqQueue(redis.url, QUEUE)
    yield queue
    await queue.close()


@pytest.fixture
async def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def logged() -> Iterator[list[object]]:
    with structlog.testing.capture_logs() as events:
        yield events  # type: ignore[misc] # read only for its text and names


@asynccontextmanager
async def worker(
    redis: Redises,
    jobs: Jobs,
    work: Work | None = None,
    max_jobs: int = 200,
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    functions: dict[str, Work] = {
        "turns": work if work is not None else jobs.turns,
        "events": jobs.ring,
    }
    task = asyncio.create_task(run_worker(redis.url, QUEUE, functions, stop, max_jobs=max_jobs))
    try:
        yield stop
    finally:
        stop.set()
        await task


def names(logged: list[object]) -> list[str]:
    return [event["event"] for event in logged]  # type: ignore[index]


async def queued(redis: Redises) -> list[bytes]:
    async with asyncio.timeout(10):
        while not (found := await redis.jobs()):
            await asyncio.sleep(0.005)
    return found


async def sent(queue: ArqQueue) -> None:
    """Until everything poked has been sent or lost."""
    async with asyncio.timeout(10):
        while queue._flusher is not None and not queue._flusher.done():
            await asyncio.sleep(0.005)


async def test_a_poke_runs_its_job(redis: Redises, queue: ArqQueue, jobs: Jobs) -> None:
    async with worker(redis, jobs):
        queue.poke(["a", "b"])
        queue.ring_events()
        await jobs.until(lambda: jobs.events == 1 and jobs.seen == ["a", "b"])


async def test_many_pokes_are_one_job_for_each_delay(redis: Redises, queue: ArqQueue) -> None:
    for index in range(50):
        queue.poke([f"c{index}", "same"])
        queue.poke([f"d{index}"], delay=timedelta(seconds=3))
        queue.ring_events()
    await sent(queue)
    found = sorted(wire.decode(raw)["f"] for raw in await redis.jobs())
    assert found == ["events", "turns", "turns"]
    sizes = {len(arg) for raw in await redis.jobs() for arg in wire.decode(raw)["a"]}
    assert sizes == {51, 50}


async def test_a_job_holds_at_most_200_conversations(redis: Redises, queue: ArqQueue) -> None:
    queue.poke(f"c{index}" for index in range(450))
    await sent(queue)
    sizes = sorted(len(wire.decode(raw)["a"][0]) for raw in await redis.jobs())
    assert sizes == [50, 200, 200]


async def test_a_deferred_poke_comes_in_time_without_a_ring(
    redis: Redises, queue: ArqQueue, jobs: Jobs
) -> None:
    delay = timedelta(seconds=0.7)
    async with worker(redis, jobs):
        asked = time.time()
        queue.poke(["later"], delay=delay)
        await sent(queue)
        assert await redis.client.llen(wire.doorbell_key(QUEUE)) == 0
        await jobs.until(lambda: jobs.seen == ["later"])
        assert time.time() - asked >= delay.total_seconds()


@pytest.mark.parametrize(
    ("delay_ms", "step"), [(-5, 0), (0, 0), (0.001, 1), (20, 1), (20.5, 2), (3000, 150)]
)
def test_delays_are_rounded_up(delay_ms: float, step: int) -> None:
    assert _delay_step(timedelta(milliseconds=delay_ms)) == step


async def test_a_job_whose_ring_was_lost_runs(redis: Redises, queue: ArqQueue, jobs: Jobs) -> None:
    queue.poke(["a"])
    await queued(redis)
    await redis.client.delete(wire.doorbell_key(QUEUE))
    async with worker(redis, jobs):
        await jobs.until(lambda: jobs.seen == ["a"])
        assert not await redis.jobs()


async def test_two_workers_share_jobs_and_repeat_none(
    redis: Redises, queue: ArqQueue, jobs: Jobs
) -> None:
    async with worker(redis, jobs), worker(redis, jobs):
        for index in range(300):
            queue.poke([f"c{index}"])
            await sent(queue)
        await jobs.until(lambda: len(jobs.seen) >= 300)
    assert sorted(jobs.seen) == sorted(f"c{index}" for index in range(300))


async def test_a_full_worker_goes_on_when_a_job_ends(
    redis: Redises, queue: ArqQueue, jobs: Jobs
) -> None:
    async with worker(redis, jobs, jobs.slow, max_jobs=2):
        for index in range(5):
            queue.poke([f"c{index}"])
            await sent(queue)
        await jobs.until(lambda: jobs.running == 2)
        assert len(await redis.jobs()) == 3
        jobs.finish.set()
        await jobs.until(lambda: len(jobs.seen) == 5)


async def test_a_failing_job_is_logged_without_its_words_and_the_next_one_runs(
    redis: Redises,
    queue: ArqQueue,
    jobs: Jobs,
    logged: list[object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def work(ids: list[str]) -> None:
        if CUSTOMER in ids:
            raise RuntimeError(f"no answer for {CUSTOMER}")
        await jobs.turns(ids)

    caplog.set_level("DEBUG")
    async with worker(redis, jobs, work):
        queue.poke([CUSTOMER])
        await sent(queue)
        queue.poke(["next"])
        await jobs.until(lambda: jobs.seen == ["next"])
    assert "job_failed" in names(logged)
    assert CUSTOMER not in str(logged) + caplog.text


async def test_a_job_that_takes_too_long_is_ended(
    redis: Redises, queue: ArqQueue, jobs: Jobs, logged: list[object]
) -> None:
    stop = asyncio.Event()
    limit = timedelta(milliseconds=50)
    task = asyncio.create_task(
        run_worker(redis.url, QUEUE, {"turns": jobs.slow}, stop, job_timeout=limit)
    )
    queue.poke(["slow"])
    await jobs.until(lambda: jobs.running == 1)
    async with asyncio.timeout(10):
        while "job_failed" not in names(logged):
            await asyncio.sleep(0.01)
    stop.set()
    await task


async def test_nonsense_in_the_queue_is_dropped(
    redis: Redises, queue: ArqQueue, jobs: Jobs, logged: list[object]
) -> None:
    bodies = [b"\x80\x04N.", b"[]", b"{}", b'{"f":[],"a":0,"k":0,"t":0,"et":0}', b"\xff", b""]
    bodies += [b'{"f":"unknown","a":[],"k":{},"t":1,"et":1}']
    bodies += [b'{"f":"turns","a":null,"k":{},"t":1,"et":1}', b"[" * 100_000]
    bodies += [b'{"f":"turns","a":[1,2,3],"k":{},"t":1,"et":1}']
    for index, body in enumerate(bodies):
        await redis.client.set(f"{job_key_prefix}{index}", body)
        await redis.client.zadd(QUEUE, {str(index): 1})
    await redis.client.zadd(QUEUE, {b"\xff\xfe": 1, "no body": 2})
    async with worker(redis, jobs):
        queue.poke(["good"])
        await jobs.until(lambda: jobs.seen == ["good"])
        assert await redis.client.zcard(QUEUE) == 0
    assert "queue_away" not in names(logged)


async def test_arqs_own_client_and_worker_understand_the_jobs(
    redis: Redises, queue: ArqQueue, jobs: Jobs
) -> None:
    client = wire.connect(redis.url, QUEUE, timeout_s=1)
    assert isinstance(client, ArqRedis)
    async with worker(redis, jobs):
        await client.enqueue_job("turns", ["from arq"])
        await jobs.until(lambda: jobs.seen == ["from arq"])

    async def turns(ctx: dict[Any, Any], *args: Any, **_kwargs: Any) -> None:
        assert ctx["job_try"] == 1
        await jobs.turns(*args)

    queue.poke(["to arq"])
    await queued(redis)
    plain = Worker(
        [func(turns, name="turns")],
        queue_name=QUEUE,
        redis_pool=client,
        burst=True,
        handle_signals=False,
        job_serializer=wire.encode,
        job_deserializer=wire.decode,
    )
    await plain.main()
    await client.aclose(close_connection_pool=True)
    assert jobs.seen == ["from arq", "to arq"]


async def test_a_stopped_worker_finishes_its_jobs_and_takes_no_new_ones(
    redis: Redises, queue: ArqQueue, jobs: Jobs
) -> None:
    async with worker(redis, jobs, jobs.slow) as stop:
        queue.poke(["in hand"])
        await jobs.until(lambda: jobs.running == 1)
        stop.set()
        queue.poke(["too late"])
        await queued(redis)
        jobs.finish.set()
    assert jobs.seen == ["in hand"]
    assert len(await redis.jobs()) == 1


async def test_a_job_that_never_ends_is_cancelled_after_the_grace(
    redis: Redises, queue: ArqQueue, jobs: Jobs, logged: list[object]
) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(
        run_worker(redis.url, QUEUE, {"turns": jobs.slow}, stop, grace=timedelta(seconds=0.1))
    )
    queue.poke(["endless"])
    await jobs.until(lambda: jobs.running == 1)
    stop.set()
    async with asyncio.timeout(5):
        await task
    assert "jobs_cancelled" in names(logged)
    assert not jobs.seen


async def test_a_worker_outlives_killed_servers(
    redis: Redises, queue: ArqQueue, jobs: Jobs, logged: list[object]
) -> None:
    async with worker(redis, jobs):
        for round_ in range(3):
            await redis.kill()
            queue.poke([f"after {round_}"])
            await jobs.until(lambda round_=round_: f"after {round_}" in jobs.seen)  # type: ignore[misc]
    assert len(jobs.seen) == 3
    assert names(logged).count("queue_away") <= 3


async def test_a_running_job_survives_the_server(
    redis: Redises, queue: ArqQueue, jobs: Jobs
) -> None:
    async with worker(redis, jobs, jobs.slow):
        queue.poke(["a"])
        await jobs.until(lambda: jobs.running == 1)
        await redis.kill()
        jobs.finish.set()
        await jobs.until(lambda: jobs.seen == ["a"])


async def test_a_worker_outlives_a_flushed_server(
    redis: Redises, queue: ArqQueue, jobs: Jobs
) -> None:
    async with worker(redis, jobs):
        queue.poke(["before"], delay=timedelta(seconds=60))
        await queued(redis)
        await redis.client.flushall()
        queue.poke(["after"])
        await jobs.until(lambda: jobs.seen == ["after"])


async def test_a_frozen_server_delays_nobody_and_is_outlived(
    redis: Redises, queue: ArqQueue, jobs: Jobs, logged: list[object]
) -> None:
    async with worker(redis, jobs):
        async with redis.frozen():
            queue.poke(["lost"])
            assert not await queue.check()
            async with asyncio.timeout(10):
                while queue.lost_pokes == 0 or "queue_away" not in names(logged):
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            while "found again" not in jobs.seen:
                queue.poke(["found again"])
                await sent(queue)
    assert names(logged).count("queue_away") == 1
    assert names(logged).count("queue_back") == 1
    assert names(logged).count("pokes_lost") == 1


async def test_a_frozen_server_does_not_keep_the_worker_from_stopping(
    redis: Redises, jobs: Jobs
) -> None:
    async with asyncio.timeout(10), redis.frozen(), worker(redis, jobs):
        await asyncio.sleep(0)


async def test_a_server_out_of_memory_is_outlived(
    redis: Redises, queue: ArqQueue, jobs: Jobs
) -> None:
    async with worker(redis, jobs):
        queue.poke(["stored before"], delay=timedelta(seconds=1))
        await queued(redis)
        await redis.client.config_set("maxmemory", "1")
        queue.poke(["refused"])
        await sent(queue)
        assert queue.lost_pokes == 1
        await jobs.until(lambda: jobs.seen == ["stored before"])
        await redis.client.config_set("maxmemory", "0")
        queue.poke(["after"])
        await jobs.until(lambda: jobs.seen == ["stored before", "after"])


async def test_a_server_that_comes_late_is_found(tmp_path: Path, jobs: Jobs) -> None:
    server = EmbeddedRedis(tmp_path)
    url = await server.start()
    await server.stop()
    queue = ArqQueue(url, QUEUE)
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(url, QUEUE, {"turns": jobs.turns}, stop))
    queue.poke(["lost"])
    await sent(queue)
    assert queue.lost_pokes == 1
    assert not await queue.check()
    await server.start()
    assert await queue.check()
    queue.poke(["a"])
    await jobs.until(lambda: jobs.seen == ["a"])
    stop.set()
    await task
    await queue.close()
    await server.stop()


async def test_what_waits_is_bounded_while_the_server_is_frozen(
    redis: Redises, queue: ArqQueue
) -> None:
    async with redis.frozen():
        queue.poke(["first"])
        await asyncio.sleep(0)
        queue.poke(f"c{index}" for index in range(30_000))
        assert queue.lost_pokes == 10_000
        await sent(queue)
    assert queue.lost_pokes == 30_001


def test_a_poke_without_an_event_loop_is_lost_quietly() -> None:
    queue = ArqQueue("redis://127.0.0.1:1/0", QUEUE)
    queue.poke(["a"])
    queue.ring_events()
    assert queue.lost_pokes == 1


async def test_closing_sends_what_waits(redis: Redises) -> None:
    queue = ArqQueue(redis.url, QUEUE)
    queue.poke(["last words"])
    await queue.close()
    queue.poke(["too late"])
    assert [wire.decode(raw)["a"] for raw in await redis.jobs()] == [[["last words"]]]


async def test_the_doorbell_never_grows(redis: Redises, queue: ArqQueue) -> None:
    for index in range(40):
        queue.poke([f"c{index}"])
        await sent(queue)
    assert await redis.client.llen(wire.doorbell_key(QUEUE)) == 8


async def test_a_task_that_swallows_a_cancellation_is_ended() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await wire.end([task])
    assert task.cancelled()


async def test_the_password_of_redis_is_nowhere_in_the_logs(
    jobs: Jobs, logged: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    url = "redis://user:pa55word@127.0.0.1:1/0"
    queue = ArqQueue(url, QUEUE)
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(url, QUEUE, {"turns": jobs.turns}, stop))
    queue.poke(["a"])
    assert not await queue.check()
    async with asyncio.timeout(10):
        while {"queue_away", "pokes_lost"} - set(names(logged)):
            await asyncio.sleep(0.01)
    stop.set()
    await task
    await queue.close()
    assert "pa55word" not in str(logged) + caplog.text + repr(queue)


@pytest.mark.parametrize(
    "url", ["", "pa55word", "http://:pa55word@host", "redis://:pa/55word@host:6379/0"]
)
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL") as caught:
        ArqQueue(url, QUEUE)
    assert "55word" not in str(caught.value)
