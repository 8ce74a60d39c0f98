"""The transitions of attachments. Each public function is a transaction or a part of one."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, func, select, update

from bot.adapters.db import leftovers, takeover
from bot.adapters.db.media_end import end
from bot.adapters.db.pacing import retry_delay
from bot.adapters.db.rows import AnyRow, lock
from bot.adapters.db.schema import OPEN_MEDIA, workers
from bot.adapters.db.schema import media as table
from bot.domain.conversation import Policy
from bot.domain.media import Announced, Fetched, MediaState, MediaWork, Problem, Reading
from bot.domain.work import MediaClaim, MediaEnded, MediaLater, MediaTaken
from bot.errors import LostClaim

_LOOK_AGAIN = timedelta(seconds=1)
_BATCH = 50
_AT_ONCE = 3
"""Of one conversation: nobody's files hold up everybody's."""
_WORRYING = timedelta(minutes=10)
_READING_COLUMNS = (
    *("problem", "error", "text", "left_out", "pictures"),
    *("language", "duration_s", "pages", "service", "model"),
)


# What depended on our own settings or on a service's mood is tried again with the next such file.
_PASSING = (
    *(Problem.NO_SERVICE, Problem.UNHEARD, Problem.TOO_LONG, Problem.TOO_LARGE),
    *(Problem.MISSING, Problem.UNREADABLE),
)
_WORTH_KEEPING = func.coalesce(table.c.problem, "").not_in([one.value for one in _PASSING])


_IN_HAND = (
    select(func.count())
    .select_from(table)
    .where(
        OPEN_MEDIA,
        table.c.state.in_((MediaState.FETCHING.value, MediaState.READING.value)),
        table.c.conversation_id == bindparam("conversation"),
    )
)


def claim(
    tx: Connection, media_id: str, worker_id: str, now: datetime, policy: Policy
) -> MediaClaim:
    """Take an attachment to fetch or to read it, if it is due and nobody has it."""
    row = _locked(tx, media_id)
    if row is None or row.state not in (MediaState.WAITING, MediaState.STORED):
        return MediaTaken()
    if row.next_at > now:
        return MediaLater(row.next_at)
    if tx.execute(_IN_HAND, {"conversation": row.conversation_id}).scalar_one() >= _AT_ONCE:
        return MediaLater(now + _LOOK_AGAIN)
    if row.state == MediaState.WAITING:
        return _claim_fetch(tx, row, worker_id, now, policy)
    return _claim_reading(tx, row, worker_id, now, policy)


def _locked(tx: Connection, media_id: str) -> AnyRow | None:
    """The attachment, after its conversation: everybody locks in this order."""
    whose = select(table.c.conversation_id).where(table.c.id == media_id)
    conversation_id = tx.execute(whose).scalar()
    if conversation_id is None:
        return None
    lock(tx, conversation_id)
    return tx.execute(select(table).where(table.c.id == media_id).with_for_update()).first()


def _claim_fetch(
    tx: Connection, row: AnyRow, worker_id: str, now: datetime, policy: Policy
) -> MediaClaim:
    if row.url is None or row.expires_at <= now:
        return end(tx, row, MediaState.FAILED, now, policy, _expired(row))
    _take(tx, row, MediaState.FETCHING, worker_id, now)
    announced = Announced(row.url, row.announced_type, row.announced_sha256, row.filename)
    return _work(row, announced)


def _expired(row: AnyRow) -> Reading:
    last = f"; the last try: {row.error}" if row.error else ""
    return Reading(Problem.EXPIRED, f"its address ran out before it could be fetched{last}")


def _claim_reading(
    tx: Connection, row: AnyRow, worker_id: str, now: datetime, policy: Policy
) -> MediaClaim:
    """Read it, unless the very same bytes were read before, or are being read now."""
    if row.attempts >= policy.max_attempts:  # workers have died over it, again and again
        error = "its reader has died over it several times"
        return end(tx, row, MediaState.FAILED, now, policy, Reading(Problem.UNREADABLE, error))
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(row.sha256))))
    same = and_(table.c.sha256 == row.sha256, table.c.id != row.id)
    known = (
        select(table)
        .where(same, table.c.state == MediaState.READY, _WORTH_KEEPING)
        .order_by(table.c.read_at.desc())
        .limit(1)
    )
    found = tx.execute(known).first()
    if found is not None:
        values = {name: getattr(found, name) for name in _READING_COLUMNS}
        return end(tx, row, MediaState.READY, now, policy, None, **values)
    busy = select(table.c.id).where(same, table.c.state == MediaState.READING).limit(1)
    if tx.execute(busy).first() is not None:
        tx.execute(update(table).where(table.c.id == row.id).values(next_at=now + _LOOK_AGAIN))
        return MediaLater(now + _LOOK_AGAIN)
    _take(tx, row, MediaState.READING, worker_id, now)
    return _work(row, None)


def _take(tx: Connection, row: AnyRow, state: MediaState, worker_id: str, now: datetime) -> None:
    tx.execute(
        update(table)
        .where(table.c.id == row.id)
        .values(state=state.value, worker_id=worker_id, taken_at=now)
    )


def _work(row: AnyRow, announced: Announced | None) -> MediaWork:
    return MediaWork(
        id=row.id,
        conversation_id=row.conversation_id,
        line_id=row.line_id,
        kind=row.kind,
        announced=announced,
        attempts=row.attempts,
        interrupted=row.interrupted,
        sha256=row.sha256,
        media_type=row.media_type,
        filename=row.filename,
    )


def keep(
    tx: Connection,
    work: MediaWork,
    fetched: Fetched,
    media_type: str,
    fetch_ms: int,
    worker_id: str,
    now: datetime,
) -> bool:
    """Its bytes are in our store: its address is forgotten. Raises LostClaim.

    False: somebody deletes the very same bytes just now, so they have to be stored once more.
    """
    if not leftovers.spare(tx, fetched.sha256):
        return False
    _move(
        tx,
        work,
        MediaState.FETCHING,
        worker_id,
        MediaState.STORED,
        url=None,
        sha256=fetched.sha256,
        size_bytes=fetched.size_bytes,
        media_type=media_type,
        fetched_at=now,
        fetch_ms=fetch_ms,
        next_at=now,
        attempts=0,
        outages=0,
        interrupted=False,
        error=None,
    )
    return True


def finish(
    tx: Connection,
    work: MediaWork,
    reading: Reading,
    read_ms: int,
    worker_id: str,
    now: datetime,
    policy: Policy,
) -> MediaEnded:
    """What it says is known, or why it can't be had. Raises LostClaim."""
    fetching = work.announced is not None
    if reading.service is not None:  # paid for, and true whoever heard it
        row = _unread(tx, work)
    else:
        row = _ours(tx, work, MediaState.FETCHING if fetching else MediaState.READING, worker_id)
    spent = {"fetch_ms": read_ms} if fetching else {"read_ms": read_ms, "cost": reading.cost}
    ended = MediaState.FAILED if fetching else MediaState.READY
    return end(tx, row, ended, now, policy, reading, **spent)


def release(
    tx: Connection,
    work: MediaWork,
    error: str,
    worker_id: str,
    now: datetime,
    policy: Policy,
    *,
    counted: Problem | None,
    retry_after: timedelta | None,
) -> MediaLater | MediaEnded:
    """Try again later. An answer is `counted`, as what it ends with in the end; an outage is not.

    Raises LostClaim.
    """
    fetching = work.announced is not None
    row = _ours(tx, work, MediaState.FETCHING if fetching else MediaState.READING, worker_id)
    if counted is not None and row.attempts + 1 >= policy.max_attempts:
        return end(tx, row, MediaState.FAILED, now, policy, Reading(counted, error))
    if not fetching and row.expires_at <= now:
        return end(tx, row, MediaState.READY, now, policy, Reading(Problem.UNHEARD, error))
    wait = retry_delay(row.attempts + row.outages + 1, policy)
    next_at = now + (wait if retry_after is None else max(wait, retry_after))
    if fetching:
        next_at = min(next_at, max(row.expires_at, now + policy.base_delay))
    _move(
        tx,
        work,
        MediaState(row.state),
        worker_id,
        MediaState.WAITING if fetching else MediaState.STORED,
        next_at=next_at,
        error=error,
        attempts=row.attempts + (0 if counted is None else 1),
        outages=row.outages + (1 if counted is None else 0),
    )
    worrying = row.received_at + _WORRYING
    if now <= worrying < next_at:  # once
        what = "fetched" if fetching else "read"
        reason = f"a customer waits: a file could not be {what} yet: {error}"
        takeover.need_attention(tx, work.conversation_id, reason, now, policy)
    return MediaLater(next_at)


def put_back(tx: Connection, media_id: str, worker_id: str | None) -> None:
    """Its worker is gone: the next one may find its bytes stored already."""
    was_reading = table.c.state == MediaState.READING.value
    tries = case((was_reading, table.c.attempts + 1), else_=table.c.attempts)
    state = case((was_reading, MediaState.STORED.value), else_=MediaState.WAITING.value)
    held = table.c.state.in_((MediaState.FETCHING.value, MediaState.READING.value))
    tx.execute(
        update(table)
        .where(table.c.id == media_id, held, table.c.worker_id == worker_id)
        .values(state=state, worker_id=None, interrupted=True, attempts=tries)
    )


def _unread(tx: Connection, work: MediaWork) -> AnyRow:
    row = _locked(tx, work.id)
    if row is None or row.state not in (MediaState.STORED, MediaState.READING):
        raise LostClaim(f"media {work.id} has been read already")
    return row


def _ours(tx: Connection, work: MediaWork, state: MediaState, worker_id: str) -> AnyRow:
    query = select(table).where(
        table.c.id == work.id, table.c.state == state.value, table.c.worker_id == worker_id
    )
    lock(tx, work.conversation_id)
    row = tx.execute(query.with_for_update()).first()
    if row is None:
        raise LostClaim(f"media {work.id} is no longer ours")
    return row


def _move(
    tx: Connection,
    work: MediaWork,
    before: MediaState,
    worker_id: str,
    after: MediaState,
    **values: Any,
) -> None:
    moved = tx.execute(
        update(table)
        .where(table.c.id == work.id, table.c.state == before.value, table.c.worker_id == worker_id)
        .values(state=after.value, worker_id=None, **values)
    )
    if moved.rowcount != 1:
        raise LostClaim(f"media {work.id} is no longer ours")


_DUE = (
    select(table.c.id)
    .where(
        OPEN_MEDIA,
        table.c.state.in_((MediaState.WAITING.value, MediaState.STORED.value)),
        table.c.next_at <= bindparam("until"),
    )
    .order_by(table.c.next_at)
    .limit(_BATCH)
)


def find_due(tx: Connection, until: datetime) -> tuple[str, ...]:
    """Attachments to fetch or to read, the longest due first."""
    return tuple(tx.execute(_DUE, {"until": until}).scalars())


HELD = (
    select(
        table.c.id,
        table.c.conversation_id,
        table.c.worker_id,
        table.c.taken_at,
        workers.c.lease_until,
    )
    .select_from(table.outerjoin(workers, workers.c.id == table.c.worker_id))
    .where(OPEN_MEDIA, table.c.state.in_((MediaState.FETCHING.value, MediaState.READING.value)))
)
"""Attachments in somebody's hands, with that worker's lease."""
