"""What outlives an erasure, and tells nobody who it was about.

Ids and numbers are kept as digests, keyed with a secret of this database: who has the digests
alone cannot try out numbers. They see to it that what was erased does not come back by a webhook
that is delivered once more, and that nobody is written to who did not want to be.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import Connection, delete, insert, select, update

from bot.adapters.db.ids import new_id
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import conversations, installation, remembered, seen
from bot.adapters.db.upsert import upsert

_MARKS = ("opted_out_at", "blocked_at", "blocked_by")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Digests:
    """Makes digests with this database's secret."""

    _key: bytes

    def of_event(self, provider_id: str) -> str:
        """Of an event's id."""
        return self._digest(f"event\n{provider_id}")

    def of_message(self, provider_id: str) -> str:
        """Of a message's id."""
        return self._digest(f"message\n{provider_id}")

    def of_contact(self, line_id: str, contact_key: str) -> str:
        """Of a contact on a line."""
        return self._digest(f"contact\n{line_id}\n{contact_key}")

    def _digest(self, text: str) -> str:
        given = text.encode("utf-8", "surrogatepass")
        return blake2b(given, key=self._key, digest_size=16).hexdigest()


def digests(tx: Connection) -> Digests:
    """With the secret made at the first use."""
    first = select(installation).order_by(installation.c.id).limit(1)
    row = tx.execute(first).first()
    if row is not None and row.secret is not None:
        return Digests(bytes.fromhex(row.secret))
    made = secrets.token_hex(32)
    if row is None:
        tx.execute(insert(installation).values(id=new_id("in"), secret=made))
    else:
        tx.execute(
            update(installation)
            .where(installation.c.id == row.id, installation.c.secret.is_(None))
            .values(secret=made)
        )
    return Digests(bytes.fromhex(tx.execute(first).one().secret))


def note_seen(tx: Connection, given: Iterable[str]) -> None:
    """These digests are of ids that are not to come back."""
    rows = [{"digest": digest} for digest in sorted(set(given))]
    if rows:
        add = upsert(tx.dialect.name, seen)
        tx.execute(add.on_conflict_do_nothing(index_elements=[seen.c.digest]), rows)


def seen_among(tx: Connection, wanted: Sequence[str]) -> set[str]:
    """Those of these digests that are known."""
    found: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        found.update(tx.execute(select(seen.c.digest).where(seen.c.digest.in_(some))).scalars())
    return found


def marks_among(tx: Connection, wanted: Sequence[str]) -> Mapping[str, AnyRow]:
    """What is remembered of contacts, by digest."""
    found: dict[str, AnyRow] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        query = select(remembered).where(remembered.c.digest.in_(some))
        found.update((row.digest, row) for row in tx.execute(query))
    return found


def is_empty(tx: Connection) -> bool:
    """Whether nobody is remembered: then there need not be a secret yet."""
    return tx.execute(select(remembered.c.digest).limit(1)).first() is None


def of_contact(tx: Connection, line_id: str, contact_key: str) -> AnyRow | None:
    """What is remembered of a contact on a line."""
    if is_empty(tx):
        return None
    digest = digests(tx).of_contact(line_id, contact_key)
    return marks_among(tx, [digest]).get(digest)


def keep(tx: Connection, digest: str, **marks: datetime | str | None) -> None:
    """Remember this of a contact; a row that says nothing any more goes."""
    row = {"digest": digest, **marks}
    add = upsert(tx.dialect.name, remembered)
    tx.execute(
        add.on_conflict_do_update(index_elements=[remembered.c.digest], set_=dict(marks)), [row]
    )
    tx.execute(
        delete(remembered).where(
            remembered.c.digest == digest,
            remembered.c.erased_at.is_(None),
            remembered.c.opted_out_at.is_(None),
            remembered.c.blocked_at.is_(None),
        )
    )


def has_old(tx: Connection, before: datetime) -> bool:
    """Whether anybody was erased before then and still counts as erased lately."""
    old = select(remembered.c.digest).where(remembered.c.erased_at < before)
    return tx.execute(old.limit(1)).first() is not None


def forget_old(tx: Connection, before: datetime) -> None:
    """Nothing late can arrive about those who were erased before then."""
    old = remembered.c.erased_at < before
    tx.execute(update(remembered).where(old).values(erased_at=None))
    tx.execute(
        delete(remembered).where(
            remembered.c.erased_at.is_(None),
            remembered.c.opted_out_at.is_(None),
            remembered.c.blocked_at.is_(None),
        )
    )


def restore(tx: Connection, conversation_id: str, line_id: str, contact_key: str) -> None:
    """A conversation that was just opened is under what is remembered of its contact."""
    row = of_contact(tx, line_id, contact_key)
    if row is None:
        return
    marks = {name: getattr(row, name) for name in _MARKS if getattr(row, name) is not None}
    if marks:
        tx.execute(
            update(conversations).where(conversations.c.id == conversation_id).values(**marks)
        )
        keep(tx, row.digest, opted_out_at=None, blocked_at=None, blocked_by=None)
