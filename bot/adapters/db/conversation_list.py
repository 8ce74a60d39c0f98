"""The list of conversations, page by page.

The cursor names the last conversation of a page by its place in the order, so pages neither skip
nor repeat one, however many there are; one that moves up meanwhile is seen on the first page.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, String, literal, select, tuple_

from bot.adapters.db.pauses import load_pauses, show_conversation
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import Instant, conversations
from bot.adapters.db.search import Found, Search
from bot.domain.contact import contact_key
from bot.domain.shown import Answerer, ConversationPage
from bot.errors import Refused

_WINDOW, _WINDOWS = 64, 3
"""How many conversations a search looks into at a time, and how often, until a page is full."""
_place = tuple_(conversations.c.last_message_at, conversations.c.id)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of rows."""

    rows: Sequence[AnyRow]
    next_cursor: str | None
    found: Mapping[str, Found] = field(default_factory=dict)
    """Of a search, by conversation: where the words were found; nothing for a name or a number."""


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
    query = filtered(line_id, contact)
    if state is not None:
        query = query.where(pauses.condition(state))
    page = list_page(tx, query, q, limit, cursor)
    items = tuple(show_conversation(row, pauses) for row in page.rows)
    return ConversationPage(items, page.next_cursor)


def filtered(line_id: str | None, contact: str | None = None) -> Select[Any]:
    """Customers' conversations, as far as a filter is given."""
    query = select(conversations).where(conversations.c.operator.is_(False))
    if line_id is not None:
        query = query.where(conversations.c.line_id == line_id)
    if contact is not None:
        query = query.where(conversations.c.contact_key == contact_key(contact))
    return query


def list_page(
    tx: Connection, query: Select[Any], q: str | None, limit: int, cursor: str | None
) -> Listed:
    """The most recent of these conversations, with `q` those that it is found in.

    A page of a search for what is said everywhere may be short, and yet not the last.
    Raises Refused for a cursor that is not one of ours.
    """
    query = _behind(query, None if cursor is None else _read_cursor(cursor))
    typed = "" if q is None else q.replace("\0", " ").strip()
    if not typed:
        return _page(tx.execute(query.limit(limit + 1)).all(), limit)
    search = Search(tx, typed)
    condition = search.condition()
    if condition is None:
        return _look_into(tx, query, search, limit)
    page = _page(tx.execute(query.where(condition).limit(limit + 1)).all(), limit)
    return replace(page, found=search.show(search.located(page.rows)))


def _behind(query: Select[Any], place: Any) -> Select[Any]:
    """The most recent first, from a place in this order on."""
    if place is not None:
        query = query.where(_place < place)
    return query.order_by(conversations.c.last_message_at.desc(), conversations.c.id.desc())


def _page(rows: Sequence[AnyRow], limit: int) -> Listed:
    """Of one row more than fit, when there is one."""
    shown = rows[:limit]
    return Listed(shown, _cursor(shown[-1]) if len(rows) > limit else None)


def _look_into(tx: Connection, query: Select[Any], search: Search, limit: int) -> Listed:
    """Conversation by conversation, until the page is full or enough were looked into."""
    rows: list[AnyRow] = []
    seqs: dict[str, int] = {}
    window: Sequence[AnyRow] = ()
    for _time in range(_WINDOWS):
        after = query if not window else query.where(_place < _place_of(window[-1]))
        window = tx.execute(after.limit(_WINDOW)).all()
        found = search.among(window)
        seqs |= found
        rows.extend(row for row in window if row.id in found)
        if len(rows) > limit:
            return replace(_page(rows, limit), found=search.show(_of(rows[:limit], seqs)))
        if len(window) < _WINDOW:
            return Listed(rows, None, search.show(seqs))
    return Listed(rows, _cursor(window[-1]), search.show(seqs))


def _of(rows: Sequence[AnyRow], seqs: Mapping[str, int]) -> Mapping[str, int]:
    return {row.id: seqs[row.id] for row in rows}


def _place_of(row: AnyRow) -> Any:
    return tuple_(literal(row.last_message_at, Instant), literal(row.id, String))


def _cursor(last: AnyRow) -> str:
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
