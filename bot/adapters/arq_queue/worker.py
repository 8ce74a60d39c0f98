"""The worker side: arq's worker, woken by a doorbell, that outlives whatever happens to Redis."""

import asyncio
import contextlib
import random
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import structlog
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.jobs import SerializationError, deserialize_job_raw
from arq.utils import timestamp_ms
from arq.worker import Function, Worker

from bot.adapters.arq_queue import wire

_log = structlog.get_logger()

Work = Callable[..., Awaitable[None]]

_LOOK_EVERY_S: Final = 0.5
_TIMEOUT_S: Final = 1.0
_LISTEN_S: Final = 5
_CANCEL_WITHIN_S: Final = 5.0
_BACKOFF_FIRST_S: Final = 0.05
_BACKOFF_CAP_S: Final = 1.5


class DoorbellWorker(Worker):
    """arq's worker with another main loop: it waits for the doorbell instead of polling.

    A job leaves Redis when it is taken, and is never run again: what it stands for is claimed in
    the database, and found there by a sweep if the job is lost. arq's own bookkeeping (keys for
    jobs in progress, tries and results) would cost three more round trips a job, fail when Redis
    is out of memory, and hold back a dead worker's jobs for as long as the longest may run.
    """

    def __init__(
        self,
        redis: ArqRedis,
        bell: ArqRedis,
        functions: Mapping[str, Work],
        stop: asyncio.Event,
        *,
        max_jobs: int,
        job_timeout: timedelta,
    ) -> None:
        """`bell` is a client of its own: its connection is always busy waiting."""
        super().__init__(
            [_function(name, work, job_timeout) for name, work in functions.items()],
            redis_pool=redis,
            queue_name=redis.default_queue_name,
            handle_signals=False,
            max_jobs=max_jobs,
            job_timeout=job_timeout,
            keep_result=0,
            max_tries=1,
            job_serializer=wire.encode,
            job_deserializer=wire.decode,
            log_results=False,
        )
        self._bell = bell
        self._stop = stop
        self._woken = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._rest_s = 0.0
        self._failures = 0

    async def main(self) -> None:
        """Take and start jobs until `stop` is set; errors are waited out. Jobs may still run."""
        helpers = [asyncio.create_task(self._listen()), asyncio.create_task(self._wake_at_stop())]
        try:
            while not self._stop.is_set():
                await self._take_due_or_back_off()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._rest_s):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            await wire.end(helpers)

    async def drain(self, grace: timedelta) -> None:
        """Let running jobs finish, then cancel what is left."""
        running = set(self.tasks.values())
        if running:
            _, running = await asyncio.wait(running, timeout=grace.total_seconds())
        for task in running:
            task.cancel()
        if running:
            _log.warning("jobs_cancelled", count=len(running))
            await asyncio.wait(running, timeout=_CANCEL_WITHIN_S)

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Take these jobs out of the queue, and run those that nobody else has taken."""
        async with self.pool.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                key = job_key_prefix + job_id.decode(errors="replace")
                pipe.zrem(self.queue_name, job_id)
                pipe.get(key)
                pipe.delete(key)
            answers = await pipe.execute()
        for index, job_id in enumerate(job_ids):
            is_ours, raw, _ = answers[3 * index : 3 * index + 3]
            if is_ours and raw is not None:  # without a body it has expired: a sweep was there
                self._start(job_id.hex(), raw)

    def _start(self, job_id: str, raw: bytes) -> None:
        try:
            name, args, *_ = deserialize_job_raw(raw, deserializer=self.job_deserializer)
            run = self.functions[name].coroutine(self.ctx, *args)
        except (SerializationError, KeyError, TypeError):
            _log.warning("job_unreadable")
            return
        task = self.loop.create_task(run)
        self.tasks[job_id] = task
        task.add_done_callback(lambda _: self._ended(job_id))
        if len(self.tasks) >= self.max_jobs:
            self._has_room.clear()

    def _ended(self, job_id: str) -> None:
        del self.tasks[job_id]
        if not self._has_room.is_set():
            self._has_room.set()
            self._woken.set()

    async def _take_due_or_back_off(self) -> None:
        try:
            self._rest_s = await self._take_due()
        except Exception as error:  # noqa: BLE001 - the loop outlives everything
            self._failures += 1
            self._rest_s = _backoff_s(self._failures)
            if self._failures == 1:
                _log.warning("queue_away", error=type(error).__name__, at=_place(error))
        else:
            if self._failures:
                _log.info("queue_back", failures=self._failures)
            self._failures = 0

    async def _take_due(self) -> float:
        """Start what is due, as far as there is room; the time until there may be more."""
        room = self.max_jobs - len(self.tasks)
        if room <= 0:
            return _LOOK_EVERY_S
        now_ms = timestamp_ms()
        waiting: list[tuple[bytes, float]] = await self.pool.zrange(
            self.queue_name, 0, room, withscores=True
        )
        due = [job_id for job_id, score in waiting[:room] if score <= now_ms]
        if due:
            await self.start_jobs(due)
        if len(due) == len(waiting):
            return _LOOK_EVERY_S
        until_next_s = (waiting[len(due)][1] - now_ms) / 1000
        return min(_LOOK_EVERY_S, max(0.0, until_next_s))

    async def _listen(self) -> None:
        """Wake the loop when the doorbell rings; while there is no room, others may hear it."""
        failures = 0
        while True:
            await self._has_room.wait()
            try:
                rung = await self._hear()
            except Exception:  # noqa: BLE001 - the loop tells of outages, this one only waits
                failures += 1
                await asyncio.sleep(_backoff_s(failures))
            else:
                failures = 0
                if rung is not None:
                    self._woken.set()

    async def _hear(self) -> object | None:
        """One ring; None: none within a few seconds."""
        # The stubs describe the client with and without await in one type.
        key = wire.doorbell_key(self.queue_name)
        return await cast("Awaitable[object | None]", self._bell.blpop([key], _LISTEN_S))

    async def _wake_at_stop(self) -> None:
        await self._stop.wait()
        self._woken.set()


async def run_worker(
    redis_url: str,
    queue_name: str,
    functions: Mapping[str, Work],
    stop: asyncio.Event,
    *,
    max_jobs: int = 200,
    job_timeout: timedelta = timedelta(minutes=10),
    grace: timedelta = timedelta(seconds=20),
) -> None:
    """Run jobs until `stop` is set, whatever happens to Redis; then let running ones finish.

    What still runs after `grace` is cancelled. Raises SettingsError when the URL is none.
    """
    redis = wire.connect(redis_url, queue_name, timeout_s=_TIMEOUT_S)
    bell = wire.connect(redis_url, queue_name, timeout_s=_LISTEN_S + 2 * _TIMEOUT_S)
    worker = DoorbellWorker(
        redis, bell, functions, stop, max_jobs=max_jobs, job_timeout=job_timeout
    )
    try:
        await worker.main()
        await worker.drain(grace)
    finally:
        await worker.drain(timedelta(0))
        await bell.aclose(close_connection_pool=True)
        await redis.aclose(close_connection_pool=True)


def _function(name: str, work: Work, timeout: timedelta) -> Function:
    """A job as arq knows it, around plain work that neither sees arq nor fails its loop."""

    async def run(ctx: dict[Any, Any], *args: Any, **_kwargs: Any) -> None:  # noqa: ARG001 - arq's
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                await work(*args)
        except Exception as error:  # noqa: BLE001 - a failed job is logged, its work stays claimed
            # Not its text nor its arguments: they may hold a customer's words.
            _log.error("job_failed", job=name, error=type(error).__name__, at=_place(error))

    return Function(name, run, timeout.total_seconds(), 0, False, 1)


def _place(error: BaseException) -> str | None:
    """Where it was raised, as `file.py:line`."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return f"{Path(frames[0].filename).name}:{frames[0].lineno}" if frames else None


def _backoff_s(failures: int) -> float:
    longest_s: float = min(_BACKOFF_CAP_S, _BACKOFF_FIRST_S * 2 ** min(failures, 10))
    return longest_s * random.uniform(0.5, 1)  # noqa: S311 - spreads retries, guards no secret
