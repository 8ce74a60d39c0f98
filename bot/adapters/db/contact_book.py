"""Contacts as people: decided about, noted on, exported, erased. Each call is one transaction."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from bot.adapters.db import (
    audit,
    barring,
    erasing,
    export_rows,
    leftovers,
    notes,
    profile,
    remembered,
    traces,
)
from bot.adapters.db.engine import Database
from bot.adapters.db.recall import LATE
from bot.adapters.db.search_index import SearchIndex
from bot.adapters.db.traces import Traces
from bot.domain.contact import contact_key
from bot.domain.handling import Action
from bot.domain.people import (
    Decision,
    NotePage,
    NoteView,
    Place,
    Profile,
    Record,
    Removed,
    Standing,
)
from bot.errors import NotFound

_GIVEN_UP_AFTER = timedelta(minutes=1)
"""An erasure that has not ended so long after it began has lost whoever began it."""


class ContactBook:
    """Everything raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # where, and how it stands

    async def places(self, address: str, line_id: str | None) -> tuple[Place, ...]:
        """Where a contact is known, however the number is spelt; with a line, there.

        Raises NotFound.
        """
        key = contact_key(address)
        return await self._db.read(lambda tx: barring.places(tx, key, line_id))

    async def kept(self, address: str, line_id: str | None) -> tuple[Place, ...]:
        """Where anything at all is kept of a contact. Raises NotFound."""
        key = contact_key(address)
        return await self._db.read(lambda tx: _kept(tx, key, line_id))

    async def place_of(self, conversation_id: str) -> Place:
        """Whose conversation it is. Raises NotFound."""
        return await self._db.read(lambda tx: profile.place_of(tx, conversation_id))

    async def standing(self, place: Place) -> Standing:
        """Blocked, opted out, or neither."""
        return await self._db.read(lambda tx: profile.standing(tx, place))

    async def profile(self, conversation_id: str) -> Profile:
        """What is known of a contact. Raises NotFound."""
        return await self._db.read(lambda tx: profile.profile(tx, conversation_id))

    async def decide(
        self, place: Place, decision: Decision, by: str, reason: str | None, now: datetime
    ) -> None:
        """From the commit on it is so."""
        await self._db.write(lambda tx: barring.decide(tx, place, decision, by, reason, now))

    # notes

    async def notes(self, conversation_id: str) -> NotePage:
        """In order of time. Raises NotFound."""
        return NotePage(await self._db.read(lambda tx: notes.of(tx, conversation_id)))

    async def add_note(self, conversation_id: str, text: str, by: str, now: datetime) -> NoteView:
        """Raises NotFound, Refused."""
        return await self._db.write(lambda tx: notes.add(tx, conversation_id, text, by, now))

    async def edit_note(
        self, conversation_id: str, note_id: str, text: str, by: str, now: datetime
    ) -> NoteView:
        """Raises NotFound."""
        edit = partial(notes.edit, note_id=note_id, text=text, by=by, now=now)
        return await self._db.write(lambda tx: edit(tx, conversation_id))

    async def remove_note(self, conversation_id: str, note_id: str) -> None:
        """Raises NotFound."""
        await self._db.write(lambda tx: notes.remove(tx, conversation_id, note_id))

    # export

    async def conversation(self, place: Place) -> Record | None:
        """The conversation itself; None: there is none."""
        return await self._db.read(lambda tx: export_rows.conversation(tx, place))

    async def pages(self, place: Place, section: str) -> AsyncIterator[list[dict[str, object]]]:
        """All rows of a section, some at a time: nothing is kept open between two."""
        found = Traces((), (), (), (), (), 0)
        if section == "events":
            found = await self._db.read(lambda tx: traces.find(tx, place))
        after: object = None
        while True:
            read = partial(export_rows.page, place=place, traces=found, section=section)
            rows, after = await self._db.read(partial(read, after=after))
            if not rows:
                return
            yield rows

    async def note_export(self, place: Place, by: str, now: datetime) -> None:
        """It is recorded who got all of a contact's data."""
        about = partial(audit.note, line_id=place.line_id, conversation_id=place.conversation_id)
        await self._db.write(lambda tx: about(tx, now, Action.EXPORTED, by))

    # erasure

    async def begin_erasing(self, place: Place, by: str, now: datetime) -> None:
        """Nothing is claimed or sent there from the commit on."""
        await self._db.write(lambda tx: erasing.begin(tx, place, by, now))

    async def on_its_way(self, place: Place, now: datetime) -> int:
        """Messages to them that a living worker has in hand."""
        return await self._db.read(lambda tx: erasing.on_its_way(tx, place, now))

    async def erase(self, place: Place, by: str, now: datetime) -> Removed:
        """All of it. Raises NotFound when nothing is kept."""
        found = await self._db.read(lambda tx: traces.find(tx, place))
        return await self._db.write(lambda tx: erasing.erase(tx, place, found, by, now))

    async def has_chores(self, now: datetime) -> bool:
        """Whether an erasure has left anything to be done now."""
        return await self._db.read(lambda tx: _has_chores(tx, now))

    async def unfinished(self, now: datetime) -> list[tuple[Place, str]]:
        """Erasures that were begun and not ended, and by whom."""
        before = now - _GIVEN_UP_AFTER
        return await self._db.read(lambda tx: erasing.unfinished(tx, before))

    async def forget_old(self, now: datetime) -> None:
        """Of those erased so long ago that nothing late can come about them."""
        await self._db.write(lambda tx: remembered.forget_old(tx, now - LATE))

    # what is left of it outside the tables

    async def leftovers(self, now: datetime) -> list[str]:
        """Files, by sha256, that may be deleted now; the log is emptied here."""
        due = await self._db.write(lambda tx: leftovers.due(tx, now))
        if leftovers.LOG in due:
            await SearchIndex(self._db).purge()  # the words leave the index's pages as well
        if leftovers.LOG in due and await self._db.truncate_log():
            await self._db.write(leftovers.end_log)
            await self._db.truncate_log()
        return [one for one in due if one != leftovers.LOG]

    async def begin_file(self, sha256: str) -> bool:
        """Whether a file may be deleted: no message has it."""
        return await self._db.write(lambda tx: leftovers.begin_file(tx, sha256))

    async def end_file(self, sha256: str, now: datetime) -> None:
        """It is deleted."""
        await self._db.write(lambda tx: leftovers.end_file(tx, sha256, now))

    async def files_left(self, now: datetime) -> int:
        """Files that could not be deleted yet."""
        return await self._db.read(lambda tx: leftovers.count(tx, now))

    async def copies(self) -> tuple[str, ...]:
        """Names of the copies that were made of the database before it was upgraded."""
        if not self._db.is_sqlite or not self._db.url.database:
            return ()
        path = Path(self._db.url.database)
        return await asyncio.to_thread(_copies, path)


def _has_chores(tx: Connection, now: datetime) -> bool:
    return (
        leftovers.is_due(tx, now)
        or bool(erasing.unfinished(tx, now - _GIVEN_UP_AFTER))
        or remembered.has_old(tx, now - LATE)
    )


def _kept(tx: Connection, key: str, line_id: str | None) -> tuple[Place, ...]:
    known = {one.line_id: one for one in barring.conversations_of(tx, key)}
    lines = [line for line in traces.lines_of(tx, key) if line and line not in known]
    known |= {line: barring.places(tx, key, line)[0] for line in lines}
    if line_id is not None:
        known = {line: place for line, place in known.items() if line == line_id}
    if not known:
        raise NotFound("nothing is kept of this contact")
    return tuple(known[line] for line in sorted(known))


def _copies(path: Path) -> tuple[str, ...]:
    return tuple(sorted(one.name for one in path.parent.glob(f"{path.name}.*.copy")))
