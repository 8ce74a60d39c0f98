"""Candidates of prompts, in the database: brought, taken in hand by one process, judged."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, or_, select, update

from bot.adapters.db import alerts, audit, prompt_archive
from bot.adapters.db.candidate_rows import find
from bot.adapters.db.engine import Database
from bot.adapters.db.schema import prompt_candidates
from bot.domain.candidate import (
    Candidate,
    CandidateState,
    CandidateView,
    Failure,
    Gate,
    Judgement,
    Report,
    Said,
    retry_at,
    told,
)
from bot.domain.conversation import Policy
from bot.domain.handling import Action
from bot.domain.notice import NoticeKind
from bot.domain.prompt_version import Bringer, Edition, Origin

LEASE = timedelta(seconds=10)
"""Whoever runs tests says so more often."""
_FAR_OFF = timedelta(minutes=10)
"""Nothing waits so long: the clock was set back."""


class Candidates:
    """Fits the port `CandidateStore`. Everything raises StoreUnavailable."""

    def __init__(self, database: Database, clock: Callable[[], datetime], policy: Policy) -> None:
        self._db = database
        self._clock = clock
        self._policy = policy

    async def of(self, names: Sequence[str]) -> Mapping[str, CandidateView]:
        """Of these prompts; one that has none is left out."""
        query = select(prompt_candidates).where(prompt_candidates.c.name.in_(names))
        rows = await self._db.read(lambda tx: tx.execute(query).all())
        return {row.name: _view(row) for row in rows}

    async def edition(self, name: str) -> Edition | None:
        """A prompt's candidate; None: it has none."""
        row = await self._db.read(lambda tx: find(tx, name))
        return None if row is None else Edition(name, row.version, row.source)

    async def failed(self, names: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """Version and tests of those that have failed."""
        c = prompt_candidates.c
        query = select(c.name, c.version, c.tests).where(
            c.name.in_(names), c.state == CandidateState.FAILED
        )
        rows = await self._db.read(lambda tx: tx.execute(query).all())
        return {row.name: (row.version, row.tests or "") for row in rows}

    async def claim(self, names: Sequence[str]) -> Candidate | None:
        """Take one in hand whose tests nobody runs; None: there is none."""
        now = self._clock()
        if await self._db.read(lambda tx: _due(tx, names, now)) is None:
            return None
        return await self._db.write(lambda tx: _claim(tx, names, now))

    async def beat(self, candidate: Candidate) -> bool:
        """Still in hand here; False: it is another's, or gone."""
        until = self._clock() + LEASE
        return await self._db.write(lambda tx: _set(tx, candidate, lease_until=until))

    async def go_live(self, candidate: Candidate, gate: Gate) -> str | None:
        """Make it live; the live version then: another, if it was overtaken."""
        now = self._clock()
        return await self._db.write(lambda tx: _go_live(tx, candidate, gate, now))

    async def fail(self, candidate: Candidate, judgement: Judgement) -> bool:
        """Keep why, and tell operators once; False: it is another's, or gone."""
        now, policy = self._clock(), self._policy
        return await self._db.write(lambda tx: _fail(tx, candidate, judgement, now, policy))

    async def put_off(self, candidate: Candidate, trouble: str) -> bool:
        """Its tests could not be run: again later; False: it is another's, or gone."""
        values: dict[str, Any] = {
            "state": CandidateState.WAITING,
            "trouble": trouble,
            "lease_until": None,
            "next_at": retry_at(candidate, self._clock()),
            "attempts": candidate.attempts + 1,
        }
        return await self._db.write(lambda tx: _set(tx, candidate, **values))

    async def let_go(self, candidate: Candidate) -> None:
        """Whoever had it in hand ends: another may take it at once."""
        values = {"state": CandidateState.WAITING, "lease_until": None, "next_at": None}
        await self._db.write(lambda tx: _set(tx, candidate, **values))

    async def test_again(self, name: str, version: str) -> bool:
        """One that has failed waits again; False: there is no such one."""
        return await self._db.write(lambda tx: _test_again(tx, name, version))

    async def publish_anyway(self, name: str, version: str, bringer: Bringer) -> str | None:
        """Make it live whatever its tests say; the live version then, None: no such candidate."""
        now = self._clock()
        return await self._db.write(lambda tx: _publish_anyway(tx, name, version, bringer, now))


def _due(tx: Connection, names: Sequence[str], now: datetime) -> Row[Any] | None:
    c = prompt_candidates.c
    waits = and_(
        c.state == CandidateState.WAITING,
        or_(c.next_at.is_(None), c.next_at <= now, c.next_at > now + _FAR_OFF),
    )
    left = and_(
        c.state == CandidateState.TESTING,
        or_(c.lease_until <= now, c.lease_until > now + _FAR_OFF),
    )
    query = select(prompt_candidates).where(c.name.in_(names), or_(waits, left))
    return tx.execute(query.order_by(c.brought_at).limit(1)).first()


def _claim(tx: Connection, names: Sequence[str], now: datetime) -> Candidate | None:
    row = _due(tx, names, now)
    if row is None:
        return None
    taken = (
        update(prompt_candidates)
        .where(prompt_candidates.c.name == row.name, prompt_candidates.c.run == row.run)
        .values(state=CandidateState.TESTING, run=row.run + 1, lease_until=now + LEASE)
    )
    if not tx.execute(taken).rowcount:
        return None
    return Candidate(
        Edition(row.name, row.version, row.source),
        Bringer(Origin(row.origin), row.actor, row.host),
        row.base,
        row.run + 1,
        row.attempts,
    )


def _in_hand(candidate: Candidate) -> tuple[Any, ...]:
    c = prompt_candidates.c
    return (
        c.name == candidate.edition.name,
        c.version == candidate.edition.version,
        c.run == candidate.run,
        c.state == CandidateState.TESTING,
    )


def _set(tx: Connection, candidate: Candidate, **values: Any) -> bool:
    done = update(prompt_candidates).where(*_in_hand(candidate)).values(**values)
    return bool(tx.execute(done).rowcount)


def _go_live(tx: Connection, candidate: Candidate, gate: Gate, now: datetime) -> str | None:
    edition = candidate.edition
    if not tx.execute(delete(prompt_candidates).where(*_in_hand(candidate))).rowcount:
        return None
    return prompt_archive.publish(tx, edition, candidate.bringer, candidate.base, now, gate)


def _fail(
    tx: Connection, candidate: Candidate, judgement: Judgement, now: datetime, policy: Policy
) -> bool:
    report = json.dumps(asdict(judgement.report), ensure_ascii=False)
    values: dict[str, Any] = {
        "state": CandidateState.FAILED,
        "report": report,
        "tests": judgement.tests,
        "judged_at": now,
        "lease_until": None,
        "trouble": "",
    }
    if not _set(tx, candidate, **values):
        return False
    name = candidate.edition.name
    alerts.tell_operators(
        tx, f"candidate:{name}", told(name, judgement.report), NoticeKind.CANDIDATE, now, policy
    )
    return True


def _test_again(tx: Connection, name: str, version: str) -> bool:
    c = prompt_candidates.c
    again = update(prompt_candidates).where(
        c.name == name, c.version == version, c.state == CandidateState.FAILED
    )
    values = {"state": CandidateState.WAITING, "next_at": None, "attempts": 0, "trouble": ""}
    return bool(tx.execute(again.values(**values)).rowcount)


def _publish_anyway(
    tx: Connection, name: str, version: str, bringer: Bringer, now: datetime
) -> str | None:
    c = prompt_candidates.c
    row = find(tx, name)
    if row is None or row.version != version:
        return None
    if not tx.execute(delete(prompt_candidates).where(c.name == name, c.run == row.run)).rowcount:
        return None
    edition = Edition(name, version, row.source)
    live = prompt_archive.publish(tx, edition, bringer, row.base, now, Gate.ANYWAY)
    if live == version:
        actor = bringer.actor or bringer.origin.value
        about = f"prompt {name} {version}: its tests have not passed"
        audit.note(tx, now, Action.PUBLISHED, actor, reason=about)
    return live


def _view(row: Row[Any]) -> CandidateView:
    return CandidateView(
        version=row.version,
        state=CandidateState(row.state),
        since=row.brought_at,
        origin=row.origin,
        actor=row.actor,
        host=row.host,
        trouble=row.trouble,
        next_at=row.next_at,
        judged_at=row.judged_at,
        report=_report(row.report),
    )


def _report(kept: str | None) -> Report:
    if kept is None:
        return Report()
    found = json.loads(kept)
    failures = tuple(
        Failure(
            one["name"],
            one["file"],
            one["line"],
            tuple(one["problems"]),
            tuple(Said(said["who"], said["text"]) for said in one["talk"]),
        )
        for one in found["failures"]
    )
    counts = {name: found[name] for name in ("passed", "failed", "not_run", "spent")}
    return Report(**counts, failures=failures)
