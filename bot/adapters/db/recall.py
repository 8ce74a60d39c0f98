"""At the inbox's door: what was erased does not come in again, and what is blocked stays out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, func, select

from bot.adapters.db import remembered as memory
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import BLOCKED, conversations, remembered, seen
from bot.domain.contact import contact_key
from bot.domain.conversation import conversation_id
from bot.domain.event import (
    Delivered,
    Edited,
    EndReason,
    EventState,
    Received,
)
from bot.domain.inbox import Filing

LATE = timedelta(hours=24)
"""How long the line may still tell of what was sent before an erasure: a phone may be off."""
_CLOCKS_APART = timedelta(seconds=2)

_ANYTHING = select(
    # The last by its index: SQLite finds it without a walk.
    select(func.max(seen.c.digest)).scalar_subquery().is_not(None).label("seen"),
    select(func.max(remembered.c.digest)).scalar_subquery().is_not(None).label("remembered"),
    exists(select(conversations.c.id).where(BLOCKED)).label("blocked"),
)


@dataclass(frozen=True, slots=True)
class _Person:
    """The contact that an event is about."""

    conversation: str
    line_id: str
    key: str


@dataclass(slots=True)
class Recall:
    """What is known of a batch's events, messages and contacts beside the tables of the inbox."""

    events: frozenset[str] = frozenset()
    """Ids of events that were erased."""
    messages: frozenset[str] = frozenset()
    """Ids of messages that were erased."""
    blocked: frozenset[str] = frozenset()
    """Conversations."""
    forgotten: Mapping[str, datetime] = field(default_factory=dict)
    """Conversations that were erased lately, and when, and not begun anew."""
    marked: Mapping[str, _Person] = field(default_factory=dict)
    """Conversations of whose contact something is remembered."""

    def refile(self, filing: Filing) -> Filing:
        """The same, or as something of which nothing is kept."""
        content = filing.event.content
        person = _person_of(filing)
        where = None if person is None else person.conversation
        if getattr(content, "provider_id", None) in self.messages:
            return _out(filing, EndReason.ERASED)
        if where is None:
            return filing
        if where in self.forgotten and _is_past(content, self.forgotten[where]):
            return _out(filing, EndReason.ERASED)
        if where in self.blocked and _is_theirs(filing):
            return _out(filing, EndReason.BLOCKED)
        return filing

    def restore(self, tx: Connection, opened: Sequence[str]) -> None:
        """Conversations that are there now are under what was remembered of their contacts."""
        for key in opened:
            person = self.marked.get(key)
            if person is not None:
                memory.restore(tx, key, person.line_id, person.key)


def look(tx: Connection, filings: Sequence[Filing], now: datetime) -> Recall:
    """One small question, for all who have never erased or blocked anybody."""
    there = tx.execute(_ANYTHING).one()
    if not (there.seen or there.remembered or there.blocked):
        return Recall()
    digests = memory.digests(tx)
    found = Recall()
    if there.seen:
        found.events, found.messages = _erased(tx, filings, digests)
    people = {one.conversation: one for one in map(_person_of, filings) if one is not None}
    if there.blocked and people:
        query = select(conversations.c.id).where(BLOCKED, conversations.c.id.in_(people))
        found.blocked = frozenset(tx.execute(query).scalars())
    if there.remembered and people:
        _look_at_remembered(tx, found, people, digests, now)
    return found


def _erased(
    tx: Connection, filings: Sequence[Filing], digests: memory.Digests
) -> tuple[frozenset[str], frozenset[str]]:
    events = {digests.of_event(one.event.id): one.event.id for one in filings}
    ids = [getattr(one.event.content, "provider_id", None) for one in filings]
    messages = {digests.of_message(one): one for one in ids if one is not None}
    known = memory.seen_among(tx, [*events, *messages])
    return (
        frozenset(name for digest, name in events.items() if digest in known),
        frozenset(name for digest, name in messages.items() if digest in known),
    )


def _look_at_remembered(
    tx: Connection,
    found: Recall,
    people: Mapping[str, _Person],
    digests: memory.Digests,
    now: datetime,
) -> None:
    of = {key: digests.of_contact(one.line_id, one.key) for key, one in people.items()}
    marks = memory.marks_among(tx, list(of.values()))
    found.marked = {key: people[key] for key, digest in of.items() if digest in marks}
    there = select(conversations.c.id).where(conversations.c.id.in_(found.marked))
    open_ones = set(tx.execute(there).scalars()) if found.marked else set()
    absent = {key: marks[of[key]] for key in found.marked if key not in open_ones}
    found.blocked |= {key for key, row in absent.items() if row.blocked_at is not None}
    found.forgotten = {key: row.erased_at for key, row in absent.items() if _is_fresh(row, now)}


def _is_fresh(row: AnyRow, now: datetime) -> bool:
    return row.erased_at is not None and bool(now - row.erased_at < LATE)


def _person_of(filing: Filing) -> _Person | None:
    address = filing.contact
    if address is None or getattr(filing.event.content, "is_group", False):
        return None
    key = contact_key(address)
    return _Person(conversation_id(filing.event.line_id, key), filing.event.line_id, key)


def _is_past(content: object, erased_at: datetime) -> bool:
    """What the line tells of what went out before somebody was erased, or may have."""
    match content:
        case Delivered():
            return True
        case Received(from_me=True, received_at=None, text=text):
            return not text
        case Received(from_me=True, received_at=datetime() as at):
            return at <= erased_at + _CLOCKS_APART
        case _:
            return False


def _is_theirs(filing: Filing) -> bool:
    """Words of the contact's; that they take some back is heard all the same."""
    return filing.message is not None or isinstance(filing.event.content, Edited)


def _out(filing: Filing, reason: EndReason) -> Filing:
    return replace(
        filing,
        state=EventState.SKIPPED,
        reason=reason,
        error=None,
        message=None,
        keep_raw=False,
    )
