"""Files that come with a message: stored with it, and tried again with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from bot.adapters.db.ids import new_id
from bot.adapters.db.schema import media as table
from bot.adapters.db.schema import messages
from bot.domain.media import Announced, MediaState

GOOD_FOR = timedelta(hours=24)
"""How long a signed address can be fetched from, counted from the webhook."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A message's file, to be stored with it."""

    id: str
    message: dict[str, Any]
    announced: Announced


def attach(message: dict[str, Any], announced: Announced) -> Attached:
    """Give a message row that is about to be stored its file."""
    attached = Attached(new_id("md"), message, announced)
    message["media_id"] = attached.id
    return attached


def add(tx: Connection, attached: Sequence[Attached], now: datetime) -> None:
    """Store files that are to be fetched at once."""
    if attached:
        tx.execute(insert(table), [_new_row(one, now) for one in attached])


def _new_row(one: Attached, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "message_id": one.message["id"],
        "conversation_id": one.message["conversation_id"],
        "line_id": one.message["line_id"],
        "kind": one.message["type"],
        "state": MediaState.WAITING.value,
        "url": one.announced.url,
        "announced_type": one.announced.mime_type,
        "announced_sha256": one.announced.sha256,
        "filename": one.announced.filename,
        "received_at": now,
        "expires_at": now + GOOD_FOR,
        "next_at": now,
    }


def replay(tx: Connection, message_id: str, now: datetime) -> str | None:
    """A message is tried again: so is its file, if it could not be had; its id."""
    failed = and_(table.c.message_id == message_id, table.c.state == MediaState.FAILED.value)
    row = tx.execute(
        select(table.c.id, table.c.sha256)
        .select_from(messages.join(table, table.c.id == messages.c.media_id))
        .where(messages.c.id == message_id, failed)
    ).first()
    if row is None:
        return None
    state = (MediaState.WAITING if row.sha256 is None else MediaState.STORED).value
    tx.execute(
        update(table)
        .where(table.c.id == row.id)
        .values(state=state, next_at=now, attempts=0, outages=0, problem=None)
    )
    return str(row.id)
