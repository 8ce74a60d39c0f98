"""The worker: attends to conversations when the queue rings, and sweeps for what fell.

The database says what is to be done; the queue only says when to look. So a ring for work that is
done already costs one look, and a ring that was lost costs a second until the sweep comes by.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.breaker import LOOK_S, Breaker
from bot.deliver import Deliverer
from bot.errors import StoreUnavailable
from bot.herald import Herald
from bot.metrics import ORPHANS
from bot.perceive import Perceiver
from bot.ports import Clock, Queue, Upkeep
from bot.respond import Responder

log = structlog.get_logger()

BEAT_S = 2.0
SWEEP_S = 1.0
TIDY_S = 900.0
SUMMARY_S = 20.0
_OVERDUE = timedelta(milliseconds=700)
"""How long a doorbell may take before the sweep does its work."""
_SET_BACK = timedelta(seconds=5)
"""A clock that is corrected by less than this makes nobody wait."""
_AT_ONCE = 1000
"""Conversations attended to at the same time; most of them wait for the model."""
_FILES_AT_ONCE = 500
"""Attachments brought on at the same time; each step has narrower limits of its own."""
_ALARMS_MAX = 10_000
_DRAIN_S = 18.0


@dataclass(slots=True)
class _Again:
    """What was asked for while a conversation is attended to."""

    asked: bool
    probe: bool


@dataclass(frozen=True, slots=True)
class Crew:
    """Who does the work, step by step."""

    perceiver: Perceiver
    responder: Responder
    deliverer: Deliverer
    herald: Herald
    breaker: Breaker


class Lease:
    """This process's right to work, on a clock that nobody sets back."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = 0.0

    def prolong(self, beaten_at: float) -> None:
        """A heartbeat sent at monotonic `beaten_at` was stored."""
        self._until = beaten_at + self._seconds

    def end(self) -> None:
        """This process works no more."""
        self._until = 0.0

    def holds(self) -> bool:
        """Whether nobody can have taken this process's work yet."""
        return time.monotonic() < self._until


class Worker:
    """Runs turns and sends of many conversations, each conversation by itself."""

    def __init__(
        self,
        upkeep: Upkeep,
        crew: Crew,
        queue: Queue,
        clock: Clock,
        lease: Lease,
        in_hand: set[str],
    ) -> None:
        self._upkeep = upkeep
        self._perceiver = crew.perceiver
        self._responder = crew.responder
        self._deliverer = crew.deliverer
        self._herald = crew.herald
        self._breaker = crew.breaker
        self._queue = queue
        self._clock = clock
        self._lease = lease
        self._in_hand = in_hand
        self._attended: dict[str, _Again] = {}
        self._alarms: dict[str, tuple[datetime, asyncio.TimerHandle]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._files: set[str] = set()
        self._file_slots = asyncio.Semaphore(_FILES_AT_ONCE)
        self._applying = asyncio.Lock()
        self._stopping = False
        self._clocks: tuple[datetime, float] | None = None
        """Wall clock and monotonic clock at the last heartbeat."""
        self.last_beat_at: float | None = None
        """Monotonic time of the last stored heartbeat; None before the first."""

    # what the queue calls

    async def turns(self, conversation_ids: list[str]) -> None:
        """See to it that these conversations are attended to; returns at once."""
        self._spawn_all(conversation_ids)

    async def events(self) -> None:
        """Apply waiting line and delivery events."""
        async with self._applying:
            applied = await self._upkeep.apply_events(self._clock())
        self._spawn_all(applied.wake)
        for delivery in applied.deliveries:
            self._deliverer.note_delivery(delivery)

    async def media(self, media_ids: list[str]) -> None:
        """See to it that these attachments are fetched and read; returns at once."""
        for media_id in media_ids:
            self._spawn(self.perceive(media_id))

    async def perceive(self, media_id: str) -> None:
        """Bring an attachment on, and then its conversation."""
        if media_id in self._files:
            return
        self._files.add(media_id)
        try:
            async with self._file_slots:
                if self._stopping:
                    return
                brought = await self._perceiver.bring_on(media_id)
        except StoreUnavailable:
            log.warning("worker.store_unavailable", media=media_id)
            return
        finally:
            self._files.discard(media_id)
        if brought.look_again_at is not None:
            self._set_alarm(media_id, brought.look_again_at, self.perceive)
        if brought.conversation_id is not None:
            await self.attend(brought.conversation_id)

    async def attend(self, conversation_id: str, *, probe: bool = False) -> None:
        """Take the turn that is due and send what is queued, until nothing is left to do now."""
        again = self._attended.get(conversation_id)
        if again is not None:
            again.asked, again.probe = True, again.probe or probe
            return
        again = self._attended[conversation_id] = _Again(asked=True, probe=probe)
        try:
            while again.asked:
                async with self._slots:
                    if self._stopping:
                        return
                    probe = again.probe
                    again.asked = again.probe = False
                    await self._look_after(conversation_id, probe=probe)
        except StoreUnavailable:
            log.warning("worker.store_unavailable", conversation=conversation_id)
        finally:
            del self._attended[conversation_id]

    async def _look_after(self, conversation_id: str, *, probe: bool) -> None:
        turn = await self._responder.take_turn(conversation_id)
        send_due = await self._deliverer.deliver(conversation_id, turn.to_send, probe=probe)
        times = [due for due in (turn.look_again_at, send_due) if due is not None]
        if times:
            self._set_alarm(conversation_id, min(times), self.attend)

    # its own life

    async def run(self, stop: asyncio.Event, *, sole: bool) -> None:
        """Work until `stop`, then finish or hand back what is in hand."""
        await self._register(sole=sole)
        beat = asyncio.create_task(self._every(BEAT_S, self._beat), name="beat")
        sweep = asyncio.create_task(self._every(SWEEP_S, self._sweep), name="sweep")
        tidy = asyncio.create_task(self._every(TIDY_S, self._perceiver.tidy), name="tidy")
        summary = asyncio.create_task(self._every(SUMMARY_S, self._summarise), name="summary")
        breaker = asyncio.create_task(self._every(LOOK_S, self._breaker.look), name="breaker")
        try:
            await stop.wait()
        finally:
            self._stopping = True
            for alarm in self._alarms.values():
                alarm[1].cancel()
            await _end_task(sweep)
            await _end_task(tidy)
            await _end_task(summary)
            await _end_task(breaker)
            await self._drain()  # under a lease that is still prolonged
            self._lease.end()
            await _end_task(beat)
            await self._sign_off()

    async def _register(self, *, sole: bool) -> None:
        """Retried for ever: without its database a worker has nothing to do but wait for it."""
        while True:
            begun = time.monotonic()
            try:
                await self._upkeep.register(self._clock(), sole=sole)
            except StoreUnavailable:
                await asyncio.sleep(1)
                continue
            self._lease.prolong(begun)
            self.last_beat_at = begun
            return

    async def _every(self, seconds: float, chore: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await chore()
            except StoreUnavailable:
                log.warning("worker.store_unavailable", chore=chore.__name__)
            except Exception as error:
                log.exception(
                    "worker.chore_failed", chore=chore.__name__, error=type(error).__name__
                )
            await asyncio.sleep(seconds)

    async def _beat(self) -> None:
        begun = time.monotonic()
        await self._look_at_clock()
        if await self._upkeep.beat(self._clock()):
            self._lease.prolong(begun)
            self.last_beat_at = begun
        else:
            log.warning("worker.lease_lost")
            await self._register(sole=False)
        woken = await self._upkeep.mend(self._clock(), frozenset(self._in_hand))
        ORPHANS.inc(len(woken))
        self._spawn_all(woken)

    async def _look_at_clock(self) -> None:
        """A clock that is set back must not let customers wait for it to come round again."""
        wall, steady = self._clock(), time.monotonic()
        before, self._clocks = self._clocks, (wall, steady)
        if before is None:
            return
        back = timedelta(seconds=steady - before[1]) - (wall - before[0])
        if back > _SET_BACK and await self._upkeep.clock_went_back(back, wall):
            log.warning("clock.set_back", seconds=round(back.total_seconds()))

    async def _sweep(self) -> None:
        now = self._clock()
        overdue = _OVERDUE if await self._queue.check() else timedelta(0)
        work = await self._upkeep.sweep(now, overdue)
        self._spawn_all(dict.fromkeys((*work.turns, *work.replies)))
        await self.media(list(work.media))
        for conversation in work.probes:
            self._spawn(self.attend(conversation, probe=True))
        if work.events:
            await self.events()
        if work.notices:
            self._spawn(self._herald.tell())
        if work.lapses:
            self._spawn_all(await self._upkeep.lapse_pauses(now))

    async def _summarise(self) -> None:
        await self._upkeep.summarise(self._clock())

    def _set_alarm(self, key: str, at: datetime, then: Callable[[str], Awaitable[None]]) -> None:
        """Look again then; without room the sweep does it, up to a second later."""
        known = self._alarms.get(key)
        if self._stopping or (known is not None and known[0] <= at):
            return
        if known is not None:
            known[1].cancel()
        elif len(self._alarms) >= _ALARMS_MAX:
            return
        wait_s = max(0.0, (at - self._clock()).total_seconds()) + 0.002
        loop = asyncio.get_running_loop()
        self._alarms[key] = (at, loop.call_later(wait_s, self._alarm, key, then))

    def _alarm(self, key: str, then: Callable[[str], Awaitable[None]]) -> None:
        del self._alarms[key]
        self._spawn(then(key))

    def _spawn_all(self, conversation_ids: Iterable[str]) -> None:
        for conversation in conversation_ids:
            self._spawn(self.attend(conversation))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        """Let turns and sends in hand come to their end; what does not, is handed back."""
        deadline = time.monotonic() + _DRAIN_S
        while self._is_busy and time.monotonic() < deadline:  # noqa: ASYNC110 - of many tasks
            await asyncio.sleep(0.05)
        await asyncio.gather(*(_end_task(task) for task in tuple(self._tasks)))

    @property
    def _is_busy(self) -> bool:
        return bool(self._attended or self._files)

    async def _sign_off(self) -> None:
        try:
            await self._upkeep.sign_off()
        except StoreUnavailable:
            log.warning("worker.not_signed_off")


async def _end_task(task: asyncio.Task[None]) -> None:
    """Cancel a task until it has ended: a library on the way may swallow a cancellation."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.5)
