"""Leases, and finding what fell: due work, work of dead workers, holds to probe."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Connection,
    DateTime,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)

from bot.adapters.db import holds, media, notice_post, settling, turn_ends
from bot.adapters.db.ids import new_id
from bot.adapters.db.lifecycle import DUE, moment
from bot.adapters.db.rows import ALL, AnyRow, lock
from bot.adapters.db.schema import (
    OPEN_SEND,
    WORKING,
    conversations,
    installation,
    lines,
    messages,
    workers,
)
from bot.adapters.db.schema import turns as turns_table
from bot.domain.conversation import Policy
from bot.domain.work import Work

LEASE = timedelta(seconds=10)
"""How long work stays a worker's without a heartbeat."""

_ABSURD = timedelta(minutes=1)
_SURELY_NOTED = timedelta(seconds=5)
_BATCH = 50

_HELD_LINES = select(lines.c.line_id).where(lines.c.hold_code.is_not(None))
_other = messages.alias("other")

# A conversation that cannot go on yet must not take the place of one that can.
_BUSY_TURN = exists().where(turns_table.c.conversation_id == conversations.c.id, WORKING)
_BUSY_SEND = exists().where(
    _other.c.conversation_id == conversations.c.id,
    OPEN_SEND,
    or_(
        _other.c.status.in_(("sending", "unknown")),
        and_(_other.c.status == "queued", or_(_other.c.part > 0, _other.c.author == "operator")),
    ),
)
_DUE_TURNS = (
    select(conversations.c.id)
    .where(
        conversations.c.due_at.is_not(None),
        conversations.c.due_at <= bindparam("until"),
        ~_BUSY_TURN,
        ~_BUSY_SEND,
    )
    .order_by(conversations.c.due_at)
    .limit(_BATCH)
)
_BEHIND = exists().where(
    _other.c.conversation_id == messages.c.conversation_id,
    OPEN_SEND,
    _other.c.seq < messages.c.seq,
)
_DUE_SENDS = (
    select(messages.c.conversation_id)
    .where(
        OPEN_SEND,
        or_(
            and_(messages.c.status == "queued", messages.c.next_at <= bindparam("until")),
            and_(messages.c.status == "unknown", messages.c.next_at <= bindparam("now")),
        ),
        messages.c.line_id.not_in(_HELD_LINES),
        ~_HELD_LINES.where(lines.c.line_id == ALL).exists(),
        ~_BEHIND,
    )
    .limit(_BATCH * 2)
)
_IN_THE_WAY = exists().where(
    _other.c.conversation_id == messages.c.conversation_id,
    OPEN_SEND,
    or_(
        _other.c.status == "sending",
        and_(_other.c.status == "unknown", _other.c.next_at > bindparam("now")),
    ),
)
_PROBEABLE = (
    select(messages.c.conversation_id)
    .where(
        OPEN_SEND,
        or_(
            messages.c.status == "held",
            and_(messages.c.status == "unknown", messages.c.next_at <= bindparam("now")),
        ),
        ~_IN_THE_WAY,
    )
    .order_by(messages.c.seq)
    .limit(1)
)
_HOLDS = select(lines).where(lines.c.hold_code.is_not(None), lines.c.probe_at <= bindparam("now"))

_LAPSES = union_all(
    select(conversations.c.id).where(
        conversations.c.paused_until.is_not(None), conversations.c.paused_until <= bindparam("now")
    ),
    select(lines.c.line_id).where(lines.c.paused_until <= bindparam("now")),
).limit(1)


def register(tx: Connection, worker_id: str, now: datetime, *, sole: bool) -> None:
    """A worker starts; the sole one on its data takes over what its predecessor held at once."""
    if sole:
        tx.execute(delete(workers))
        notice_post.free(tx, now)
    until = clock(tx, now) + LEASE
    tx.execute(insert(workers).values(id=worker_id, started_at=now, lease_until=until))
    tx.execute(update(lines).where(lines.c.hold_code.is_not(None)).values(probe_at=now))


def beat(tx: Connection, worker_id: str, now: datetime) -> bool:
    """Prolong a lease; False: others have taken its work already."""
    prolonged = tx.execute(
        update(workers).where(workers.c.id == worker_id).values(lease_until=clock(tx, now) + LEASE)
    )
    holds.requeue_unblocked(tx)
    return prolonged.rowcount == 1


def sign_off(tx: Connection, worker_id: str) -> None:
    """A worker stops; whatever it still held is free at once."""
    tx.execute(delete(workers).where(workers.c.id == worker_id))


def find_work(tx: Connection, now: datetime, overdue: timedelta) -> Work:
    """What is due since at least `overdue`, and what must not wait for a doorbell."""
    until = now - overdue
    return Work(
        turns=tuple(tx.execute(_DUE_TURNS, {"until": until}).scalars()),
        replies=tuple(tx.execute(_DUE_SENDS, {"until": until, "now": now}).scalars()),
        probes=_probes(tx, now),
        events=tx.execute(DUE, moment(now)).first() is not None,
        lapses=tx.execute(_LAPSES, {"now": now}).first() is not None,
        media=media.find_due(tx, until),
        notices=notice_post.is_due(tx, now),
    )


def _probes(tx: Connection, now: datetime) -> tuple[str, ...]:
    """The conversation with the oldest held message, for each hold that may be tried."""
    found = []
    for held in tx.execute(_HOLDS, {"now": now}).all():
        on_line = messages.c.line_id == held.line_id
        query = _PROBEABLE if held.line_id == ALL else _PROBEABLE.where(on_line)
        oldest = tx.execute(query, {"now": now}).scalar()
        if oldest is not None:
            found.append(oldest)
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Orphans:
    """Work whose owner is gone, or that its owner has forgotten."""

    turns: tuple[AnyRow, ...]
    sends: tuple[AnyRow, ...]
    media: tuple[AnyRow, ...]
    dead_workers: tuple[str, ...]


_HELD_TURNS = (
    select(
        turns_table.c.id,
        turns_table.c.conversation_id,
        turns_table.c.worker_id,
        turns_table.c.started_at.label("taken_at"),
        workers.c.lease_until,
    )
    .select_from(turns_table.outerjoin(workers, workers.c.id == turns_table.c.worker_id))
    .where(WORKING)
)
_HELD_SENDS = (
    select(
        messages.c.id,
        messages.c.conversation_id,
        messages.c.worker_id,
        messages.c.next_at.label("taken_at"),
        workers.c.lease_until,
    )
    .select_from(messages.outerjoin(workers, workers.c.id == messages.c.worker_id))
    .where(OPEN_SEND, messages.c.status == "sending")
)


def find_orphans(
    tx: Connection, worker_id: str, in_hand: frozenset[str], now: datetime, policy: Policy
) -> Orphans:
    """A send is an orphan only when an attempt begun within the lease must have ended."""

    at = clock(tx, now)

    def is_orphan(row: AnyRow, slack: timedelta) -> bool:
        if row.worker_id == worker_id:
            # What was taken just now may not be noted in hand yet.
            return row.id not in in_hand and bool(row.taken_at < now - _SURELY_NOTED)
        if row.lease_until is None or row.lease_until + slack < at:
            return True
        return bool(row.lease_until > at + _ABSURD)  # the clock was set back since

    gone = select(workers.c.id).where(workers.c.lease_until < at - policy.send_timeout)
    return Orphans(
        tuple(row for row in tx.execute(_HELD_TURNS) if is_orphan(row, timedelta(0))),
        tuple(row for row in tx.execute(_HELD_SENDS) if is_orphan(row, policy.send_timeout)),
        tuple(row for row in tx.execute(media.HELD) if is_orphan(row, timedelta(0))),
        tuple(tx.execute(gone).scalars()),
    )


def clock(tx: Connection, now: datetime) -> datetime:
    """The time that leases are measured by: on PostgreSQL the server's, the same for all hosts."""
    if tx.dialect.name != "postgresql":
        return now
    return tx.execute(select(func.clock_timestamp(type_=DateTime(timezone=True)))).scalar_one()


def take_back(
    tx: Connection, orphans: Orphans, worker_id: str, now: datetime, policy: Policy
) -> frozenset[str]:
    """Orphaned turns wait again, orphaned sends are unknown; the conversations to look at."""
    for turn in orphans.turns:
        turn_ends.lose(tx, turn.id, turn.conversation_id, now)
    for send in orphans.sends:
        lock(tx, send.conversation_id)
        row = tx.execute(select(messages).where(messages.c.id == send.id)).first()
        if row is not None and row.status == "sending" and row.worker_id == send.worker_id:
            error = "its worker ended before the line's answer came"
            settling.become_unknown(tx, row, error, now, policy)
    for file in orphans.media:
        media.put_back(tx, file.id, file.worker_id)
    stale = [worker for worker in orphans.dead_workers if worker != worker_id]
    if stale:
        tx.execute(delete(workers).where(workers.c.id.in_(stale)))
    return frozenset(row.conversation_id for row in (*orphans.turns, *orphans.sends))


def write_probe(tx: Connection, now: datetime) -> None:
    """Change something small: fails when nothing can be stored."""
    holds.ensure_line(tx, ALL, now)
    tx.execute(update(lines).where(lines.c.line_id == ALL).values(since=now))


def live_workers(tx: Connection, now: datetime) -> int:
    """How many workers have a running lease."""
    query = select(func.count()).select_from(workers).where(workers.c.lease_until > clock(tx, now))
    return int(tx.execute(query).scalar_one())


def installation_id(tx: Connection) -> str:
    """The id of this database, made at its first use."""
    known = tx.execute(select(installation.c.id).order_by(installation.c.id).limit(1)).scalar()
    if known is not None:
        return str(known)
    made = new_id("in")
    tx.execute(insert(installation).values(id=made))
    return made
