"""What an erasure has still to remove outside of the tables: files, and the write-ahead log.

A file is named by its bytes, so another message may come with the very same while it goes. Whoever
stores one asks `spare` in the same transaction; whoever deletes one says so before and after.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Exists, and_, delete, exists, func, or_, select, update

from bot.adapters.db.schema import leftovers as table
from bot.adapters.db.schema import media
from bot.adapters.db.upsert import upsert

LOG = "log"
_BATCH = 100
_GONE_FOR = timedelta(hours=1)
"""How long it is known that a file was deleted just now, under whoever was storing it anew."""


def lock_file(tx: Connection, sha256: str) -> None:
    """Nobody else decides about this file until the transaction ends."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"file {sha256}"))))


def add(tx: Connection, what: str, due_at: datetime) -> None:
    """To be removed from then on; a file, if no message has it then."""
    row = {"what": what, "state": "waiting", "due_at": due_at}
    keys = [table.c.what]
    values = {"state": "waiting", "due_at": due_at}
    tx.execute(
        upsert(tx.dialect.name, table).on_conflict_do_update(
            index_elements=keys, set_=values, where=table.c.state != "deleting"
        ),
        [row],
    )


def forsake(tx: Connection, media_id: str, sha256: str, now: datetime) -> None:
    """Somebody has stored a file whose message may be gone."""
    known = select(media.c.id).where(media.c.id == media_id)
    if tx.execute(known).first() is None:
        add(tx, sha256, now)


def spare(tx: Connection, sha256: str) -> bool:
    """A message has this file; False: it was deleted meanwhile, and has to be stored once more."""
    lock_file(tx, sha256)
    this = table.c.what == sha256
    tx.execute(delete(table).where(this, table.c.state == "waiting"))
    was_gone = tx.execute(delete(table).where(this, table.c.state == "gone")).rowcount
    return not was_gone and tx.execute(select(table.c.what).where(this)).first() is None


def due(tx: Connection, now: datetime) -> list[str]:
    """What is to be removed now, the longest due first; forgets what has been gone for long."""
    tx.execute(delete(table).where(table.c.state == "gone", table.c.due_at <= now - _GONE_FOR))
    query = select(table.c.what).where(table.c.state != "gone", table.c.due_at <= now)
    return list(tx.execute(query.order_by(table.c.due_at).limit(_BATCH)).scalars())


def is_due(tx: Connection, now: datetime) -> bool:
    """Whether anything is to be removed, or forgotten, now."""
    waits = and_(table.c.state != "gone", table.c.due_at <= now)
    old = and_(table.c.state == "gone", table.c.due_at <= now - _GONE_FOR)
    return tx.execute(select(table.c.what).where(or_(waits, old)).limit(1)).first() is not None


def begin_file(tx: Connection, sha256: str) -> bool:
    """Whether it may be deleted now; some message has it: it is nobody's leftover."""
    lock_file(tx, sha256)
    this = table.c.what == sha256
    if tx.execute(select(_is_used(sha256))).scalar():
        tx.execute(delete(table).where(this))
        return False
    taken = update(table).where(this, table.c.state.in_(("waiting", "deleting")))
    return tx.execute(taken.values(state="deleting")).rowcount == 1


def end_file(tx: Connection, sha256: str, now: datetime) -> None:
    """It is deleted."""
    tx.execute(update(table).where(table.c.what == sha256).values(state="gone", due_at=now))


def end_log(tx: Connection) -> None:
    """It is empty."""
    tx.execute(delete(table).where(table.c.what == LOG))


def count(tx: Connection, now: datetime) -> int:
    """Files that should be gone and are still there."""
    query = select(func.count()).select_from(table)
    waiting = (table.c.state != "gone", table.c.what != LOG, table.c.due_at <= now)
    return int(tx.execute(query.where(*waiting)).scalar_one())


def _is_used(sha256: str) -> Exists:
    return exists(select(media.c.id).where(media.c.sha256 == sha256))
