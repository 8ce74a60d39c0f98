"""Several outbound messages of one way: replies, and what took their place."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot.adapters.db.rows import AnyRow
from bot.adapters.db.way import reads, sends, waiting
from bot.domain.outbox import OPTED_OUT, TAKEN_OVER, replaced_by
from bot.domain.way import Noted

_REPLACED_MAX = 5
"""So often in a row."""


def with_what_replaced_them(tx: Connection, replies: list[AnyRow]) -> list[AnyRow]:
    """Replies, and those that took the place of what never left, in the order they were made."""
    known = {row.id: row for row in replies}
    for _ in range(_REPLACED_MAX):
        named = {replaced_by(row.error) for row in known.values()} - known.keys() - {None}
        if not named:
            break
        first_parts = (reads.message(tx, one) for one in named)
        made_by = [one.turn_id for one in first_parts if one is not None]
        known |= {row.id: row for row in reads.replies(tx, made_by)}
    return sorted(known.values(), key=lambda row: row.seq)


def notes(tx: Connection, rows: Sequence[AnyRow], handled: Sequence[AnyRow]) -> Iterator[Noted]:
    """The steps of all of them; `handled`: what people did meanwhile."""
    made_at = {row.id: row.created_at for row in rows}
    for row in rows:
        replaced_at = made_at.get(replaced_by(row.error))
        yield from sends.notes(row, sends.ended_at(row, handled, replaced_at))
        waits = waiting.for_line(tx, row)
        if waits is not None:
            yield waits


def meanwhile(
    handled: Sequence[AnyRow], rows: Sequence[AnyRow], ended_at: datetime | None = None
) -> list[AnyRow]:
    """What people did until all was over: the last of these rows, and `ended_at`."""
    if any(sends.end(row) is None for row in rows):
        return list(handled)
    times = [sends.last_known(row) for row in rows]
    over_at = max(times if ended_at is None else [*times, ended_at])
    within = [row for row in handled if row.at <= over_at]
    if any(row.error in (TAKEN_OVER, OPTED_OUT) for row in rows):
        within += handled[len(within) : len(within) + 1]  # that it ended by
    return within
