"""The poking side: what is due goes to Redis in the background, many conversations in one job."""

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Final
from uuid import uuid4

import structlog
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from arq.utils import timestamp_ms

from bot.adapters.arq_queue import wire

_log = structlog.get_logger()

_TIMEOUT_S: Final = 0.5
_IDS_PER_JOB: Final = 200
_WAITING_MAX: Final = 20_000
_DELAY_STEP_MS: Final = 20
_RINGS_MAX: Final = 8
_RING_BELOW_MS: Final = 500  # workers look this often anyway
_JOB_LIFE_MS: Final = 600_000  # a poke this old is worth nothing: sweeps have been there


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    args: tuple[list[str], ...]
    delay_ms: int


class ArqQueue:
    """Rings the workers. To be used from one event loop; needs no start."""

    def __init__(self, redis_url: str, queue_name: str = "bot") -> None:
        """Raises SettingsError when the URL is none."""
        self._redis = wire.connect(redis_url, queue_name, timeout_s=_TIMEOUT_S)
        self._queue_name = queue_name
        self._doorbell = wire.doorbell_key(queue_name)
        self._waiting: dict[int, dict[str, None]] = {}
        self._waiting_count = 0
        self._events_wait = False
        self._media: dict[str, None] = {}
        self._flusher: asyncio.Task[None] | None = None
        self._is_away = False
        self._is_closed = False
        self.lost_pokes = 0
        """How many pokes never reached Redis; the sweep of the database finds their work."""

    def poke(self, conversation_ids: Iterable[str], *, delay: timedelta = timedelta(0)) -> None:
        """These conversations have something due in `delay`. Returns at once, never raises."""
        batch = self._waiting.setdefault(_delay_step(delay), {})
        for conversation_id in conversation_ids:
            if conversation_id in batch:
                continue
            if self._waiting_count >= _WAITING_MAX:
                self.lost_pokes += 1
                continue
            batch[conversation_id] = None
            self._waiting_count += 1
        self._wake_flusher()

    def ring_events(self) -> None:
        """Line or delivery events are waiting. Returns at once, never raises."""
        self._events_wait = True
        self._wake_flusher()

    def ring_media(self, media_ids: Iterable[str]) -> None:
        """These attachments are to be fetched. Returns at once, never raises."""
        self._media.update(dict.fromkeys(media_ids))
        self._wake_flusher()

    async def check(self) -> bool:
        """Whether Redis answers within half a second."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return bool(await self._redis.ping())
        except wire.AWAY:
            return False

    async def close(self) -> None:
        """Send what still waits, if that goes through within a second, and disconnect."""
        self._is_closed = True
        if self._flusher is not None:
            await asyncio.wait({self._flusher}, timeout=2 * _TIMEOUT_S)
            await wire.end([self._flusher])
        await self._redis.aclose(close_connection_pool=True)

    def _wake_flusher(self) -> None:
        """One flush runs at a time; what arrives meanwhile goes out together in the next."""
        if self._is_closed or (self._flusher is not None and not self._flusher.done()):
            return
        try:
            self._flusher = asyncio.get_running_loop().create_task(self._flush())
        except RuntimeError:  # no loop (any more): nothing can be sent
            self.lost_pokes += self._waiting_count
            self._take()

    async def _flush(self) -> None:
        while self._waiting_count or self._events_wait or self._media:
            count = self._waiting_count + self._events_wait + len(self._media)
            jobs = self._take()
            try:
                await self._enqueue(jobs)
            except Exception as error:  # noqa: BLE001 - a poke may be lost, never raise
                self._lose(count, error)
            else:
                self._is_away = False

    def _take(self) -> list[_Job]:
        """Everything that waits, as few jobs."""
        waiting, events = self._waiting, self._events_wait
        self._waiting, self._waiting_count, self._events_wait = {}, 0, False
        jobs = [_Job(wire.EVENTS, (), 0)] if events else []
        media, self._media = iter(self._media), {}
        while chunk := list(islice(media, _IDS_PER_JOB)):
            jobs.append(_Job(wire.MEDIA, (chunk,), 0))
        for step, batch in waiting.items():
            ids = iter(batch)
            while chunk := list(islice(ids, _IDS_PER_JOB)):
                jobs.append(_Job(wire.TURNS, (chunk,), step * _DELAY_STEP_MS))
        return jobs

    async def _enqueue(self, jobs: list[_Job]) -> None:
        """What arq's `enqueue_job` writes, in one round trip for all jobs, not three for each.

        Its WATCH and EXISTS guard chosen job ids; ours are random. Half the CPU, measured.
        """
        now_ms = timestamp_ms()
        scores: dict[str, int] = {}
        async with self._redis.pipeline(transaction=False) as pipe:
            for job in jobs:
                job_id = uuid4().hex
                # A started millisecond counts as a whole one: never earlier than asked for.
                scores[job_id] = now_ms + job.delay_ms + (1 if job.delay_ms else 0)
                raw = serialize_job(job.name, job.args, {}, None, now_ms, serializer=wire.encode)
                pipe.set(job_key_prefix + job_id, raw, px=job.delay_ms + _JOB_LIFE_MS)
            pipe.zadd(self._queue_name, scores)
            rings = sum(job.delay_ms < _RING_BELOW_MS for job in jobs)
            if rings:
                pipe.lpush(self._doorbell, *("1",) * min(rings, _RINGS_MAX))
                pipe.ltrim(self._doorbell, 0, _RINGS_MAX - 1)
            await pipe.execute()

    def _lose(self, count: int, error: Exception) -> None:
        self.lost_pokes += count
        if not self._is_away:
            _log.warning("pokes_lost", count=count, error=type(error).__name__)
        self._is_away = True


def _delay_step(delay: timedelta) -> int:
    """Delays that differ by less than a step share a job; rounded up, so that none comes early."""
    return max(0, math.ceil(delay.total_seconds() * 1000 / _DELAY_STEP_MS))
