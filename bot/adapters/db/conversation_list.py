"""The list of conversations, page by page.

The cursor names the last conversation of a page by its place in the order, so pages neither skip
nor repeat one, however many there are; one that moves up meanwhile is seen on the first page.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, String, literal, or_, select, tuple_

from bot.adapters.db.pauses import load_pauses, show_conversation
from bot.adapters.db.schema import Instant, conversations
from bot.domain.contact import contact_key
from bot.domain.shown import Answerer, ConversationPage, ConversationView
from bot.errors import Refused

_QUERY_MAX = 200
_place = tuple_(conversations.c.last_message_at, conversations.c.id)


def list_conversations(
    tx: Connection,
    line_id: str | None,
    contact: str | None,
    state: Answerer | None,
    q: str | None,
    limit: int,
    cursor: str | None,
) -> ConversationPage:
    """One page. Raises Refused for a cursor that is not one of ours."""
    pauses = load_pauses(tx)
    query = filtered(line_id, contact, q)
    if state is not None:
        query = query.where(pauses.condition(state))
    rows = tx.execute(in_page(query, limit, cursor)).all()
    items = tuple(show_conversation(row, pauses) for row in rows[:limit])
    return ConversationPage(items, next_cursor(items, more=len(rows) > limit))


def in_page(query: Select[Any], limit: int, cursor: str | None) -> Select[Any]:
    """A page of these conversations, and one more to tell whether there are more.

    Raises Refused for a cursor that is not one of ours.
    """
    if cursor is not None:
        query = query.where(_place < _read_cursor(cursor))
    newest = query.order_by(conversations.c.last_message_at.desc(), conversations.c.id.desc())
    return newest.limit(limit + 1)


def next_cursor(items: Sequence[ConversationView], *, more: bool) -> str | None:
    """What the next page begins with; None: there is none."""
    return _cursor(items[-1]) if more else None


def filtered(line_id: str | None, contact: str | None, q: str | None) -> Select[Any]:
    """Customers' conversations, as far as a filter is given."""
    query = select(conversations).where(conversations.c.operator.is_(False))
    if line_id is not None:
        query = query.where(conversations.c.line_id == line_id)
    if contact is not None:
        query = query.where(conversations.c.contact_key == contact_key(contact))
    if q is not None and q.strip():
        query = query.where(_mentions(q.strip()[:_QUERY_MAX]))
    return query


def _mentions(q: str) -> ColumnElement[bool]:
    """`%` and `_` stand for themselves."""
    columns = (conversations.c.name, conversations.c.contact, conversations.c.last_text)
    return or_(
        conversations.c.contact_key == contact_key(q),
        *(column.icontains(q, autoescape=True) for column in columns),
    )


def _cursor(last: ConversationView) -> str:
    named = f"{last.last_message_at.isoformat()} {last.id}"
    return urlsafe_b64encode(named.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> Any:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        time, _, last_id = urlsafe_b64decode(padded).decode().partition(" ")
        at = datetime.fromisoformat(time)
        if at.tzinfo is None:
            raise ValueError("without a time zone")
    except (ValueError, binascii.Error):
        raise Refused("the cursor is not one that this list has given out", 400) from None
    return tuple_(literal(at, Instant), literal(last_id, String))
