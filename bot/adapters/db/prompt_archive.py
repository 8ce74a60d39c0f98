"""Every prompt version that was ever live, which one is, and what hosts have seen of their files.

What is live changes in `publish` alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from bot.adapters.db.candidate_rows import find, propose, withdraw
from bot.adapters.db.engine import Database
from bot.adapters.db.schema import live_prompts, prompt_history, prompt_hosts, prompt_versions
from bot.adapters.db.upsert import upsert
from bot.domain.candidate import Gate
from bot.domain.prompt_version import (
    Bringer,
    Edition,
    FileText,
    LivePrompt,
    Origin,
    Past,
    PastVersion,
    goes_live,
)

HOST_FORGOTTEN_AFTER = timedelta(days=1)
"""A host that looks after a prompt says so every hour."""
_HOST_DROPPED_AFTER = timedelta(days=90)
"""Containers come and go under names of their own."""
_HISTORY_MAX = 1000


class PromptArchive:
    """Everything raises StoreUnavailable."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._db = database
        self._clock = clock

    async def take_file(self, text: FileText, *, gated: bool = False) -> str | None:
        """Publish a file's text if it is an edit; the live version, None: ask again soon.

        `gated`: an edit becomes a candidate.
        """
        now = self._clock()
        return await self._db.write(lambda tx: take_file(tx, text, now, gated=gated))

    async def propose(self, edition: Edition, bringer: Bringer, base: str | None) -> str | None:
        """Make it the candidate for the place of `base`; the live version: another, if it is not.

        What is live is no candidate.
        """
        now = self._clock()
        return await self._db.write(lambda tx: _propose(tx, edition, bringer, base, now))

    async def publish(self, edition: Edition, bringer: Bringer, base: str | None) -> str | None:
        """Make it live in place of `base`; the live version then: another, if `base` was not."""
        now = self._clock()
        return await self._db.write(lambda tx: publish(tx, edition, bringer, base, now))

    async def note_file(self, name: str, place: str, version: str) -> None:
        """What a host's file holds now, by our own hand."""
        now = self._clock()
        await self._db.write(lambda tx: _note_seen(tx, name, place, version, now))

    async def live_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """Of these prompts; one that never was live is left out."""
        query = select(live_prompts.c.name, live_prompts.c.version)
        wanted = query.where(live_prompts.c.name.in_(names))
        found = await self._db.read(lambda tx: tx.execute(wanted).all())
        return {row.name: row.version for row in found}

    async def live(self, names: Sequence[str]) -> Mapping[str, LivePrompt]:
        """The same, with who and when."""
        return await self._db.read(lambda tx: _live(tx, names))

    async def source(self, name: str, version: str) -> str | None:
        """A version's text, byte by byte; None: no such version."""
        query = select(prompt_versions.c.source).where(
            prompt_versions.c.name == name, prompt_versions.c.version == version
        )
        found = await self._db.read(lambda tx: tx.execute(query).scalar())
        return None if found is None else str(found)

    async def history(self, name: str, limit: int = _HISTORY_MAX) -> tuple[PastVersion, ...]:
        """What was live when, the newest first."""
        query = select(prompt_history).where(prompt_history.c.name == name)
        newest = query.order_by(prompt_history.c.seq.desc()).limit(min(limit, _HISTORY_MAX))
        rows = await self._db.read(lambda tx: tx.execute(newest).all())
        return tuple(_show(row) for row in rows)

    async def versions_like(self, name: str, beginning: str, limit: int) -> tuple[str, ...]:
        """The versions of a prompt that begin so."""
        query = select(prompt_versions.c.version).where(
            prompt_versions.c.name == name,
            prompt_versions.c.version.startswith(beginning, autoescape=True),
        )
        ordered = query.order_by(prompt_versions.c.version).limit(limit)
        return tuple(await self._db.read(lambda tx: tx.execute(ordered).scalars().all()))

    async def known_names(self) -> tuple[str, ...]:
        """Of every prompt that ever was live."""
        query = select(live_prompts.c.name).order_by(live_prompts.c.name)
        return tuple(await self._db.read(lambda tx: tx.execute(query).scalars().all()))


def publish(
    tx: Connection,
    edition: Edition,
    bringer: Bringer,
    base: str | None,
    now: datetime,
    gate: Gate | None = None,
) -> str | None:
    """Make it live in place of `base`; the live version then: another, if `base` was not.

    The one place where what is live changes. A candidate for the place of another is overtaken.
    """
    if base != edition.version and _move(tx, edition, base, now):
        _keep(tx, edition, now)
        _note_change(tx, edition, bringer, now, gate)
        withdraw(tx, edition.name)
    return _live_version(tx, edition.name)


def take_file(tx: Connection, text: FileText, now: datetime, *, gated: bool = False) -> str | None:
    """Publish (or propose) a file's text if it is an edit, and keep what this host has seen."""
    edition = text.edition
    past = _past(tx, text, now)
    live = past.live
    candidate = find(tx, edition.name)
    held = None if candidate is None else candidate.version
    if held is not None and past.seen == held:
        past = replace(past, seen=live)  # what is no more than a candidate was never served
        if held != edition.version:
            withdraw(tx, edition.name)
    if goes_live(edition.version, past, is_start=text.is_start):
        bringer = Bringer(Origin.FILE, host=text.host)
        if gated and live is not None:
            if held != edition.version:
                propose(tx, edition, bringer, live, now)
        else:
            live = publish(tx, edition, bringer, live, now)
            if live != edition.version:
                return None  # somebody was faster: what this file means now is for the next look
    _note_seen(tx, edition.name, text.place, edition.version, now)
    gone = prompt_hosts.c.seen_at < now - _HOST_DROPPED_AFTER
    tx.execute(delete(prompt_hosts).where(prompt_hosts.c.name == edition.name, gone))
    return live


def _propose(
    tx: Connection, edition: Edition, bringer: Bringer, base: str | None, now: datetime
) -> str | None:
    live = _live_version(tx, edition.name)
    if live == base and live != edition.version:
        propose(tx, edition, bringer, base, now)
    return live


def _past(tx: Connection, text: FileText, now: datetime) -> Past:
    name, version = text.edition.name, text.edition.version
    hosts = tx.execute(select(prompt_hosts).where(prompt_hosts.c.name == name)).all()
    own = next((row.version for row in hosts if row.place == text.place), None)
    others = [
        row for row in hosts if row.place != text.place and now - row.seen_at < HOST_FORGOTTEN_AFTER
    ]
    known = select(prompt_history.c.seq).where(
        prompt_history.c.name == name, prompt_history.c.version == version
    )
    was_live = tx.execute(known.limit(1)).first() is not None
    return Past(_live_version(tx, name), own, was_live, not others)


def _live_version(tx: Connection, name: str) -> str | None:
    query = select(live_prompts.c.version).where(live_prompts.c.name == name)
    found = tx.execute(query).scalar()
    return None if found is None else str(found)


def _move(tx: Connection, edition: Edition, base: str | None, now: datetime) -> bool:
    """Whether `base` was still live, and this one is now."""
    if base is None:
        first = upsert(tx.dialect.name, live_prompts).values(
            name=edition.name, version=edition.version, since=now
        )
        return bool(tx.execute(first.on_conflict_do_nothing()).rowcount)
    moved = (
        update(live_prompts)
        .where(live_prompts.c.name == edition.name, live_prompts.c.version == base)
        .values(version=edition.version, since=now)
    )
    return bool(tx.execute(moved).rowcount)


def _keep(tx: Connection, edition: Edition, now: datetime) -> None:
    kept = upsert(tx.dialect.name, prompt_versions).values(
        name=edition.name, version=edition.version, source=edition.source, saved_at=now
    )
    tx.execute(kept.on_conflict_do_nothing())


def _note_change(
    tx: Connection, edition: Edition, bringer: Bringer, now: datetime, gate: Gate | None
) -> None:
    ended = update(prompt_history).where(
        prompt_history.c.name == edition.name, prompt_history.c.until.is_(None)
    )
    tx.execute(ended.values(until=now))
    tx.execute(
        insert(prompt_history).values(
            name=edition.name,
            version=edition.version,
            since=now,
            origin=bringer.origin.value,
            actor=bringer.actor,
            host=bringer.host,
            is_rollback=bringer.is_rollback,
            gate=None if gate is None else gate.value,
        )
    )


def _note_seen(tx: Connection, name: str, place: str, version: str, now: datetime) -> None:
    seen = upsert(tx.dialect.name, prompt_hosts).values(
        name=name, place=place, version=version, seen_at=now
    )
    tx.execute(
        seen.on_conflict_do_update(
            index_elements=[prompt_hosts.c.name, prompt_hosts.c.place],
            set_={"version": seen.excluded.version, "seen_at": seen.excluded.seen_at},
        )
    )


def _live(tx: Connection, names: Sequence[str]) -> Mapping[str, LivePrompt]:
    now_live = and_(prompt_history.c.name == live_prompts.c.name, prompt_history.c.until.is_(None))
    query = select(
        live_prompts.c.name,
        live_prompts.c.version,
        live_prompts.c.since,
        prompt_history.c.origin,
        prompt_history.c.actor,
        prompt_history.c.host,
        prompt_history.c.is_rollback,
        prompt_history.c.gate,
    ).outerjoin(prompt_history, now_live)
    rows = tx.execute(query.where(live_prompts.c.name.in_(names)))
    return {
        row.name: LivePrompt(
            row.version,
            row.since,
            row.origin,
            row.actor,
            row.host,
            bool(row.is_rollback),
            row.gate,
        )
        for row in rows
    }


def _show(row: Row[Any]) -> PastVersion:
    return PastVersion(
        row.version,
        row.since,
        row.until,
        row.origin,
        row.actor,
        row.host,
        row.is_rollback,
        row.gate,
    )
