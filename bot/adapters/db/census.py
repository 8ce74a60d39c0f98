"""Counts of what is open: one read of small partial indexes, however much has happened."""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select

from bot.adapters.db import alerts
from bot.adapters.db.line_list import line_states
from bot.adapters.db.schema import (
    ENDED_BADLY,
    IN_NEED,
    OPEN_SEND,
    UNCERTAIN,
    UNTOLD,
    WITH_PERSON,
    WORKING,
    conversations,
    events,
    messages,
    notices,
    turns,
)
from bot.adapters.db.upkeep import live_workers
from bot.domain.alert import kind_of
from bot.domain.census import Census

_COUNTED = 10_000

_WAITING = (
    select(conversations.c.first_waiting_at)
    .where(conversations.c.due_at.is_not(None))
    .order_by(conversations.c.due_at)
)
_IN_HAND = select(turns.c.first_message_at).where(WORKING)
_OUTBOX = (
    select(messages.c.status, func.count().label("messages"))
    .where(OPEN_SEND)
    .group_by(messages.c.status)
)
_UNCERTAIN = select(messages.c.status).where(UNCERTAIN)
_DEAD = select(events.c.seq).where(ENDED_BADLY, events.c.state == literal_column("'dead'"))
_WITH_PERSON = select(conversations.c.state).where(WITH_PERSON)
_IN_NEED = select(conversations.c.id).where(IN_NEED)
_UNTOLD = select(notices.c.next_at).where(UNTOLD)


def count(tx: Connection, now: datetime) -> Census:
    """Everything, at this moment."""
    since = _waiting_since(tx, now)
    return Census(
        waiting=len(since),
        waiting_since=min(since, default=None),
        outbox={row.status: row.messages for row in tx.execute(_OUTBOX)},
        uncertain=_size(tx, _UNCERTAIN),
        dead_letters=_size(tx, _DEAD),
        with_person=_size(tx, _WITH_PERSON),
        attention=_size(tx, _IN_NEED),
        lines=line_states(tx),
        workers=live_workers(tx, now),
        notices_waiting=_size(tx, _UNTOLD),
        alerts=Counter(kind_of_open(tx)),
    )


def kind_of_open(tx: Connection) -> list[str]:
    """Of each open alert."""
    kinds = (kind_of(one.key) for one in alerts.open_alerts(tx))
    return [kind.value for kind in kinds if kind is not None]


def _waiting_since(tx: Connection, now: datetime) -> list[datetime]:
    """When each conversation in which the bot is to answer began to wait."""
    since = [
        at
        for query in (_WAITING, _IN_HAND)
        for at in tx.execute(query.limit(_COUNTED)).scalars()
        if at is not None
    ]
    return [at for at in since if at <= now]  # what waits for the bot's hours does not wait yet


def _size(tx: Connection, rows: Select[Any]) -> int:
    few = rows.limit(_COUNTED).subquery("few")
    return int(tx.execute(select(func.count()).select_from(few)).scalar_one())
