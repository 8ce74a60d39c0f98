"""The gate: a changed prompt is live once its tests have passed, and not before.

Any number of processes look for candidates; one runs the tests of each, and another takes over when
it dies. Whatever happens here, what is live goes on serving.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

import structlog

from bot.crash_points import CrashPoint, reach
from bot.domain.candidate import Candidate, Gate, Judgement, Ruling
from bot.errors import StoreUnavailable
from bot.ports import CandidateStore, PromptTests
from bot.publish import Publisher

log = structlog.get_logger()

LOOK_EVERY_S = 0.5
_BEAT_EVERY_S = 2.0
_AFTER_FAILURE_S = 2.0


class Gatekeeper:
    """Of one process that can ask the model."""

    def __init__(
        self,
        store: CandidateStore,
        publisher: Publisher,
        tests: PromptTests,
        names: Sequence[str],
    ) -> None:
        """`names`: the prompts that this host has."""
        self._store = store
        self._publisher = publisher
        self._tests = tests
        self._names = names
        self._looked: dict[str, str] = {}
        """The tests at the look before: files that are still being written are left alone."""
        self._tried: set[tuple[str, str, str]] = set()
        """Failed candidates that were put back for changed tests: each once, so that two hosts
        with different tests come to an end."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; tests in hand are then left to another."""
        while not stop.is_set():
            wait_s = LOOK_EVERY_S
            try:
                await self.look(stop)
            except StoreUnavailable:
                wait_s = _AFTER_FAILURE_S
            except Exception as error:
                log.exception("gate.broke", error=type(error).__name__)
                wait_s = _AFTER_FAILURE_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)

    async def look(self, stop: asyncio.Event) -> None:
        """Test one candidate, if there is one."""
        await self._put_back()
        candidate = await self._store.claim(self._names)
        if candidate is not None:
            reach(CrashPoint.CANDIDATE_CLAIMED)
            await self._hold(candidate, stop)

    async def _put_back(self) -> None:
        """What failed by tests that somebody has changed since."""
        for name, (version, judged_by) in (await self._store.failed(self._names)).items():
            tests = await self._tests.digest(name)
            is_steady, self._looked[name] = self._looked.get(name) == tests, tests
            if is_steady and tests != judged_by and (name, version, tests) not in self._tried:
                self._tried.add((name, version, tests))
                await self._store.test_again(name, version)

    async def _hold(self, candidate: Candidate, stop: asyncio.Event) -> None:
        """Run its tests, and say all the while that they are run here."""
        testing = asyncio.create_task(self._tests.judge(candidate))
        stopped = asyncio.create_task(stop.wait())
        try:
            is_ours = True
            while is_ours and not testing.done() and not stopped.done():
                await asyncio.wait(
                    [testing, stopped],
                    timeout=_BEAT_EVERY_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                is_ours = testing.done() or await self._store.beat(candidate)
            if testing.done():
                await self._decide(candidate, testing.result())
            elif is_ours:
                await self._store.let_go(candidate)
        finally:
            for task in (testing, stopped):
                task.cancel()
            await asyncio.gather(testing, stopped, return_exceptions=True)

    async def _decide(self, candidate: Candidate, judgement: Judgement) -> None:
        about = {"prompt": candidate.edition.name, "version": candidate.edition.version}
        match judgement.ruling:
            case Ruling.PASS | Ruling.UNTESTED:
                await self._let_live(candidate, judgement.ruling, about)
            case Ruling.FAIL:
                if await self._store.fail(candidate, judgement):
                    log.error("candidate.failed", **about, tests=judgement.report.failed)
            case Ruling.NOT_RUN:
                if await self._store.put_off(candidate, judgement.trouble):
                    log.warning("candidate.waits", **about, why=judgement.trouble)

    async def _let_live(
        self, candidate: Candidate, ruling: Ruling, about: Mapping[str, str]
    ) -> None:
        is_tested = ruling is Ruling.PASS
        if not await self._publisher.let_live(
            candidate, Gate.PASSED if is_tested else Gate.UNTESTED
        ):
            return
        if is_tested:
            log.info("candidate.passed", **about)
        else:
            log.warning("candidate.untested", **about)
