"""The watchdog: looks at the bot as a whole every half minute, and tells people once.

It runs in every process, since each sees what others can't: the web sees that there is no worker,
and who signs wrongly; what the database says is judged by one of the workers.
"""

import asyncio
import contextlib
import shutil
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog

from bot.domain.alert import Told, kind_of
from bot.domain.watchdog import SIGNATURES_MAX, SIGNATURES_WITHIN, Here, Limits, Sighting, judge
from bot.errors import Fault, StoreUnavailable
from bot.metrics import ALERTS
from bot.ports import Clock, Lookout

log = structlog.get_logger()


class Recent:
    """How often something has happened of late, up to one more than matters."""

    def __init__(self, within: timedelta = SIGNATURES_WITHIN, most: int = SIGNATURES_MAX) -> None:
        self._within_s = within.total_seconds()
        self._times: deque[float] = deque(maxlen=most + 1)

    def note(self) -> None:
        """It has happened now."""
        self._times.append(time.monotonic())

    def count(self) -> int:
        """Within the time that matters."""
        since = time.monotonic() - self._within_s
        return sum(at >= since for at in self._times)


@dataclass(frozen=True, slots=True)
class Senses:
    """What a process can see by itself."""

    prompt_faults: Callable[[], Sequence[Fault]]
    data_folder: Path
    machine: str
    bad_signatures: Recent | None = None
    """None: it takes no webhooks."""
    misses_workers: bool = False
    """Whether it says so when there is none."""


class Watchdog:
    """One process's look at the whole."""

    def __init__(
        self,
        lookout: Lookout,
        clock: Clock,
        limits: Limits,
        senses: Senses,
        tell: Callable[[], Awaitable[None]],
    ) -> None:
        """`tell` posts the notices that wait: without a worker nobody else does."""
        self._lookout = lookout
        self._clock = clock
        self._limits = limits
        self._senses = senses
        self._tell = tell
        self._begun_at = clock()
        self._alone_since: float | None = None
        self._invalid_since: dict[str, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop`; whatever a look comes to, the next one follows."""
        every_s = self._limits.look_every.total_seconds()
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every_s)
                return
            await self._look_safely()

    async def _look_safely(self) -> None:
        try:
            await self.look()
        except StoreUnavailable:
            log.warning("watchdog.store_unavailable")
        except Exception as error:
            log.exception("watchdog.failed", error=type(error).__name__)

    async def look(self) -> None:
        """One look. Raises StoreUnavailable."""
        now = self._clock()
        seen = await self._lookout.sight(now, self._limits, self._begun_at)
        verdict = judge(seen.of_all, await self._here(seen), self._limits)
        if seen.has_open or any(alert.ripe for alert in verdict.alerts):
            _note(await self._lookout.settle_alerts(verdict, now))
        if self._senses.misses_workers and not seen.workers:
            await self._tell()

    async def _here(self, seen: Sighting) -> Here:
        signatures = self._senses.bad_signatures
        return Here(
            without_worker=self._without_worker(seen) if self._senses.misses_workers else None,
            bad_signatures=None if signatures is None else signatures.count(),
            invalid_prompts=self._invalid_prompts(),
            free_share=await asyncio.to_thread(_free_share, self._senses.data_folder),
            machine=self._senses.machine,
        )

    def _without_worker(self, seen: Sighting) -> timedelta:
        now_s = time.monotonic()
        if seen.workers:
            self._alone_since = None
            return timedelta(0)
        if self._alone_since is None:
            self._alone_since = now_s
        # At least a moment: zero would say that there is one.
        return timedelta(seconds=now_s - self._alone_since, microseconds=1)

    def _invalid_prompts(self) -> Mapping[str, tuple[str, timedelta]]:
        now_s = time.monotonic()
        first: dict[str, Fault] = {}
        for fault in self._senses.prompt_faults():
            first.setdefault(fault.file, fault)
        since = {file: self._invalid_since.get(file, now_s) for file in first}
        self._invalid_since = since
        return {
            file: (str(fault), timedelta(seconds=now_s - since[file]))
            for file, fault in first.items()
        }


def _note(told: Told) -> None:
    for key in told.raised:
        ALERTS.labels(kind_of(key) or "", "raised").inc()
        log.error("alert.raised", alert=key)
    for key in told.over:
        ALERTS.labels(kind_of(key) or "", "over").inc()
        log.warning("alert.over", alert=key)


def _free_share(folder: Path) -> float | None:
    """None: nobody knows."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return usage.free / usage.total if usage.total else None
