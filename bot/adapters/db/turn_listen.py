"""Listening without a turn: what customers say to a person is heard, and passed on.

Whoever ends their waiting first, every message is looked at once for its author's STOP.
"""

from datetime import datetime

from sqlalchemy import Connection, bindparam, or_, select

from bot.adapters.db import relay
from bot.adapters.db.entries import MESSAGE_COLUMNS, read_entries, with_media
from bot.adapters.db.rows import AnyRow, Thread, set_conversation
from bot.adapters.db.schema import OPEN_EVENT, events, messages
from bot.domain.conversation import Policy
from bot.domain.media import MEDIA_OPEN
from bot.domain.turn import Claim, Listening, Nothing, NotYet

_HEARD_MAX = 50
"""The newest, however long a person takes."""

_STILL_WAITS = (
    select(events.c.message_id)
    .where(events.c.conversation_id == bindparam("conversation"), OPEN_EVENT)
    .order_by(events.c.seq.desc())
    .limit(_HEARD_MAX)
)
_AMONG = messages.c.id.in_(bindparam("ids", expanding=True))
_UNHEARD = (
    select(messages.c.seq, messages.c.created_at.label("replayed_at"), *MESSAGE_COLUMNS)
    .select_from(with_media(messages))
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.direction == "in",
        messages.c.deleted_at.is_(None),
        or_(
            messages.c.seq > bindparam("heard"), messages.c.id.in_(bindparam("ids", expanding=True))
        ),
    )
    .order_by(messages.c.seq.desc())
    .limit(_HEARD_MAX)
)


def listen(tx: Connection, thread: Thread, now: datetime, policy: Policy) -> Claim:
    """A person has it: what was written is passed on to them, and goes on waiting."""
    rows = _unheard(tx, thread)
    if thread.row.relay_to is not None and any(row.media_state in MEDIA_OPEN for row in rows):
        later = awaiting_files(tx, thread, rows, now, policy)
        if later is not None:
            return later
    set_conversation(tx, thread.row.id, due_at=None)
    relay.pass_on(tx, thread, now)
    return _heard(tx, thread, rows) if rows else Nothing("paused")


def overhear(tx: Connection, thread: Thread) -> Claim:
    """No turn can begin (a send is unknown), or none has to: STOP is heard all the same."""
    rows = _unheard(tx, thread)
    return _heard(tx, thread, rows) if rows else Nothing("nothing waits")


def awaiting_files(
    tx: Connection, thread: Thread, rows: list[AnyRow], now: datetime, policy: Policy
) -> NotYet | None:
    """An answer waits for the files of its burst, but not for ever."""
    since = now if thread.row.first_waiting_at is None else thread.row.first_waiting_at
    latest = min(since, _youngest(rows)) + policy.max_wait
    if now >= latest:
        return None
    set_conversation(tx, thread.row.id, due_at=latest, first_waiting_at=since)
    return NotYet(latest)


def _heard(tx: Connection, thread: Thread, rows: list[AnyRow]) -> Listening:
    row = thread.row
    unopened = [one.seq for one in rows if one.media_state in MEDIA_OPEN]
    heard = min(unopened) - 1 if unopened else rows[-1].seq
    set_conversation(tx, row.id, heard_seq=max(heard, row.heard_seq or 0))
    waiting = read_entries(tx, row.id, rows)
    return Listening(
        row.id,
        row.line_id,
        row.name,
        waiting,
        opted_out=row.opted_out_at is not None,
        contact=row.contact_key,
    )


def _unheard(tx: Connection, thread: Thread) -> list[AnyRow]:
    """In order; also what was heard, but still waits: its turn may have been lost."""
    asked = {"conversation": thread.row.id}
    ids = list(tx.execute(_STILL_WAITS, asked).scalars())
    found = tx.execute(_UNHEARD, asked | {"heard": thread.row.heard_seq or 0, "ids": ids})
    return list(reversed(found.all()))


def _youngest(rows: list[AnyRow]) -> datetime:
    """Since when the last file has been awaited: one that never comes delays nothing for ever."""
    blocked = [row for row in rows if row.media_state in MEDIA_OPEN]
    latest: datetime = max(row.replayed_at or row.created_at for row in blocked)
    return latest
