"""A contact is erased: first nothing more leaves, then all of it goes, in one transaction each.

Work that is in somebody's hands loses its rows, and ends as lost. What stays is a digest of each
id, so that nothing comes back; that somebody does not want to be written to; and that it was done.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, Table, and_, delete, func, select, update

from bot.adapters.db import audit, barring, holds, leftovers, remembered
from bot.adapters.db.inbox import INGEST_LOCK
from bot.adapters.db.rows import AnyRow, lock, set_conversation
from bot.adapters.db.schema import (
    ABOUT,
    ERASING,
    OPEN_EVENT,
    OPEN_SEND,
    conversations,
    events,
    lines,
    media,
    messages,
    notes,
    notices,
    presence,
    shadow_answers,
    turns,
    workers,
)
from bot.adapters.db.schema import audit as audit_log
from bot.adapters.db.traces import Traces, in_pieces
from bot.adapters.db.upkeep import clock
from bot.domain.handling import Action
from bot.domain.media import MediaState
from bot.domain.people import Place, Removed
from bot.errors import NotFound

_ERASED = "the customer's data was erased"
_MAY_STILL_COME = timedelta(hours=1)
"""A file that was being fetched when its row went."""


def begin(tx: Connection, place: Place, by: str, now: datetime) -> None:
    """From the commit on nothing of it is claimed or sent any more."""
    thread = lock(tx, place.conversation_id)
    if thread is None:
        return
    barring.cancel_queued(tx, place.conversation_id, _ERASED)
    marks = {"erasing_at": now, "erasing_by": by}
    set_conversation(tx, place.conversation_id, epoch=conversations.c.epoch + 1, **marks)


def unfinished(tx: Connection, before: datetime) -> list[tuple[Place, str]]:
    """Erasures that whoever began them did not bring to their end, and who that was."""
    rows = tx.execute(select(conversations).where(ERASING, conversations.c.erasing_at < before))
    return [
        (Place(row.line_id, row.contact_key, row.id, is_known=True), row.erasing_by or "")
        for row in rows
    ]


def on_its_way(tx: Connection, place: Place, now: datetime) -> int:
    """How many messages to them a living worker has in hand."""
    query = (
        select(func.count())
        .select_from(messages.join(workers, workers.c.id == messages.c.worker_id))
        .where(
            messages.c.conversation_id == place.conversation_id,
            OPEN_SEND,
            messages.c.status == "sending",
            workers.c.lease_until > clock(tx, now),
        )
    )
    return int(tx.execute(query).scalar_one())


def erase(tx: Connection, place: Place, traces: Traces, by: str, now: datetime) -> Removed:
    """All of it. Raises NotFound when nothing is kept."""
    if tx.dialect.name == "postgresql":  # nothing of theirs is stored, no file counted, meanwhile
        tx.execute(select(func.pg_advisory_xact_lock(INGEST_LOCK)))
    lock(tx, place.conversation_id)
    this = select(conversations).where(conversations.c.id == place.conversation_id)
    row = tx.execute(this).first()
    doomed = _messages(tx, place, traces)
    gone = _events(tx, place, traces, doomed)
    if row is None and not gone:
        raise NotFound("nothing is kept of this contact")
    digests = remembered.digests(tx)
    remembered.note_seen(tx, (digests.of_event(row.provider_event_id) for row in gone))
    ids = (row.provider_id for row in doomed if row.provider_id is not None)
    remembered.note_seen(tx, (digests.of_message(one) for one in ids))
    files = _remove_files(tx, doomed, now)
    _remove(tx, events, events.c.seq, [row.seq for row in gone])
    # An index of words hangs on the rows of `messages`, by triggers: they go with them here.
    _remove(tx, messages, messages.c.seq, [row.seq for row in doomed])
    _remove(tx, notices, notices.c.id, traces.notices)
    noted = _remove_rest(tx, place)
    for some in in_pieces(traces.chats):
        tx.execute(update(conversations).where(conversations.c.id.in_(some)).values(last_text=""))
    _keep_number(tx, row, now)
    _remember(tx, place, row, digests, now)
    leftovers.add(tx, leftovers.LOG, now)
    audit.note(tx, now, Action.ERASED, by, line_id=place.line_id)
    theirs = [row for row in doomed if row.conversation_id == place.conversation_id]
    return Removed(place.line_id, len(theirs), len(gone), files, noted)


def _messages(tx: Connection, place: Place, traces: Traces) -> list[AnyRow]:
    """The conversation's own, and those in operators' chats that are about it."""
    shown: tuple[Column[Any], ...] = (
        *(messages.c.seq, messages.c.id, messages.c.conversation_id),
        *(messages.c.provider_id, messages.c.media_id),
    )
    own = messages.c.conversation_id == place.conversation_id
    found = {row.seq: row for row in tx.execute(select(*shown).where(own))}
    about = and_(ABOUT, messages.c.about_id == place.conversation_id)
    found |= {row.seq: row for row in tx.execute(select(*shown).where(about))}
    for some in in_pieces(traces.chat_messages):
        rows = tx.execute(select(*shown).where(messages.c.seq.in_(some)))
        found |= {row.seq: row for row in rows}
    return list(found.values())


def _events(tx: Connection, place: Place, traces: Traces, doomed: Sequence[AnyRow]) -> list[AnyRow]:
    shown = select(events.c.seq, events.c.provider_event_id)
    still_open = and_(OPEN_EVENT, events.c.conversation_id == place.conversation_id)
    wanted = [still_open]
    if traces.addresses:
        after = events.c.seq > traces.last_event
        on_line = events.c.line_id == place.line_id
        wanted.append(and_(after, on_line, events.c.contact.in_(traces.addresses)))
    wanted += [events.c.seq.in_(some) for some in in_pieces(traces.events)]
    wanted += [events.c.message_id.in_(some) for some in in_pieces(row.id for row in doomed)]
    found: dict[int, AnyRow] = {}
    for which in wanted:
        found |= {row.seq: row for row in tx.execute(shown.where(which))}
    return list(found.values())


def _remove_files(tx: Connection, doomed: Iterable[AnyRow], now: datetime) -> int:
    """Their rows; their bytes are left, to be deleted where no other message has the same."""
    ids = [row.media_id for row in doomed if row.media_id is not None]
    rows: list[AnyRow] = []
    for some in in_pieces(ids):
        rows += tx.execute(select(media).where(media.c.id.in_(some))).all()
    ours = {row.sha256 for row in rows if row.sha256 is not None}
    fetched_now = {
        row.announced_sha256
        for row in rows
        if row.state == MediaState.FETCHING and row.announced_sha256 is not None
    }
    _remove(tx, media, media.c.id, ids)
    for sha256 in sorted(ours):
        leftovers.add(tx, sha256, now)
    for sha256 in sorted(fetched_now - ours):
        leftovers.add(tx, sha256, now + _MAY_STILL_COME)
    return len(rows)


def _remove_rest(tx: Connection, place: Place) -> int:
    """What hangs on the conversation, and the conversation; how many notes there were."""
    key = place.conversation_id
    for table in (turns, shadow_answers, presence):
        tx.execute(delete(table).where(table.c.conversation_id == key))
    tx.execute(delete(notices).where(notices.c.conversation_id == key))
    tx.execute(delete(audit_log).where(audit_log.c.conversation_id == key))
    noted = tx.execute(delete(notes).where(notes.c.conversation_id == key)).rowcount
    tx.execute(delete(conversations).where(conversations.c.id == key))
    return int(noted)


def _remove(tx: Connection, table: Table, column: Column[Any], values: Sequence[Any]) -> None:
    for some in in_pieces(values):
        tx.execute(delete(table).where(column.in_(some)))


def _keep_number(tx: Connection, row: AnyRow | None, now: datetime) -> None:
    """`#3` never means another customer: operators may still answer an old notice."""
    if row is None or row.number is None:
        return
    holds.ensure_line(tx, row.line_id, now)
    tx.execute(
        update(lines)
        .where(lines.c.line_id == row.line_id, lines.c.numbers_given < row.number)
        .values(numbers_given=row.number)
    )


def _remember(
    tx: Connection,
    place: Place,
    row: AnyRow | None,
    digests: remembered.Digests,
    now: datetime,
) -> None:
    digest = digests.of_contact(place.line_id, place.contact_key)
    marks: dict[str, Any] = {}
    if row is not None:
        marks = {"opted_out_at": row.opted_out_at, "blocked_at": row.blocked_at}
        marks["blocked_by"] = row.blocked_by
    remembered.keep(tx, digest, erased_at=now, **marks)
