"""Who is signed in to the console. Only digests are kept: what is stored opens nothing."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from bot.adapters.db.engine import Database
from bot.adapters.db.schema import sessions

LASTS = timedelta(hours=12)
"""However much it is used."""
IDLE = timedelta(hours=4)
"""Unused for so long it ends."""
_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """An operator's. `digest` names it, and opens nothing."""

    digest: str
    operator: str
    token_mark: str
    """Of the token that it was begun with."""
    begun_at: datetime
    used_at: datetime

    @property
    def form_token(self) -> str:
        """What a form of this session's pages carries, so that no other page can send one."""
        return hmac.new(self.digest.encode(), b"form", hashlib.sha256).hexdigest()


class Sessions:
    """Begun by a token, ended by the operator, by time, or all of an operator's at once."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._db = database
        self._clock = clock

    async def begin(self, operator: str, token_mark: str) -> str:
        """The key of a new session, which only the browser is to know. Raises StoreUnavailable."""
        key, now = secrets.token_urlsafe(32), self._clock()
        await self._db.write(lambda tx: _begin(tx, _digest(key), operator, token_mark, now))
        return key

    async def find(self, key: str, *, uses: bool = True) -> Session | None:
        """The session of a key; None: there is none, or it is over. Raises StoreUnavailable.

        `uses` False: a page that is merely open keeps no session from ending.
        """
        now = self._clock()
        found = await self._db.read(lambda tx: _find(tx, _digest(key), now))
        if found is not None and uses and not timedelta(0) <= now - found.used_at < _NOTED_EVERY:
            await self._db.write(lambda tx: _note_use(tx, found.digest, now))
        return found

    async def end(self, session: Session) -> None:
        """Sign out. Raises StoreUnavailable."""
        await self._db.write(lambda tx: _end(tx, sessions.c.digest == session.digest))

    async def end_all(self, operator: str) -> None:
        """Sign an operator out everywhere. Raises StoreUnavailable."""
        await self._db.write(lambda tx: _end(tx, sessions.c.operator == operator))


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _begin(tx: Connection, digest: str, operator: str, token_mark: str, now: datetime) -> None:
    _end(tx, sessions.c.ends_at <= now)
    tx.execute(
        insert(sessions).values(
            digest=digest,
            operator=operator,
            token_mark=token_mark,
            begun_at=now,
            used_at=now,
            ends_at=now + LASTS,
        )
    )


def _find(tx: Connection, digest: str, now: datetime) -> Session | None:
    row = tx.execute(select(sessions).where(sessions.c.digest == digest)).first()
    if row is None or not row.begun_at <= now < row.ends_at or now - row.used_at >= IDLE:
        return None
    return Session(row.digest, row.operator, row.token_mark, row.begun_at, row.used_at)


def _note_use(tx: Connection, digest: str, now: datetime) -> None:
    tx.execute(update(sessions).where(sessions.c.digest == digest).values(used_at=now))


def _end(tx: Connection, which: ColumnElement[bool]) -> None:
    tx.execute(delete(sessions).where(which))
