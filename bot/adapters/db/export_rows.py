"""All rows that are kept of a contact, page by page, as plain values that JSON can hold."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, select

from bot.adapters.db.schema import (
    ABOUT,
    audit,
    conversations,
    events,
    media,
    messages,
    notes,
    notices,
    shadow_answers,
    turns,
)
from bot.adapters.db.traces import Traces
from bot.domain.people import Place, Record

PAGE = 200
_LEFT_OUT = frozenset({"worker_id", "request_key", "url", "read_seq", "heard_seq", "relayed_seq"})
"""Ours alone: locks, keys, addresses that let anybody in, how far operators have read."""

SECTIONS = (
    *("messages", "events", "turns", "shadow_answers"),
    *("notes", "audit", "notices", "told_operators"),
)
"""What there is of a conversation, in the order of the file."""


def conversation(tx: Connection, place: Place) -> Record | None:
    """The conversation itself; None: there is none."""
    query = select(conversations).where(conversations.c.id == place.conversation_id)
    row = tx.execute(query).first()
    return None if row is None else _plain(row._mapping)


def page(
    tx: Connection, place: Place, traces: Traces, section: str, after: Any
) -> tuple[list[dict[str, object]], Any]:
    """Rows of a section behind that place, and the place of the last; empty: there are no more."""
    table = _TABLES[section]
    key = table.c[_PLACES.get(section, "seq" if "seq" in table.c else "id")]
    query = select(table).order_by(key).limit(PAGE)
    if section == "events":  # found beforehand: no index tells whose they are
        later = sorted(seq for seq in traces.events if after is None or seq > after)
        query = query.where(key.in_(later[:PAGE]))
    else:
        query = query.where(_whose(section, place))
        query = query if after is None else query.where(key > after)
    rows = tx.execute(query).all()
    found = [_plain(row._mapping) for row in rows]
    if section == "messages":
        _add_files(tx, found)
    return found, getattr(rows[-1], key.name) if rows else None


_PLACES: Mapping[str, str] = {"shadow_answers": "turn_id"}
"""What tells a section's rows apart within a conversation, where that is no number or id."""

_TABLES: Mapping[str, Table] = {
    "messages": messages,
    "events": events,
    "turns": turns,
    "shadow_answers": shadow_answers,
    "notes": notes,
    "audit": audit,
    "notices": notices,
    "told_operators": messages,
}


def _whose(section: str, place: Place) -> ColumnElement[bool]:
    key = place.conversation_id
    if section == "told_operators":
        return and_(ABOUT, messages.c.about_id == key)
    mine: ColumnElement[bool] = _TABLES[section].c.conversation_id == key
    return mine


def _add_files(tx: Connection, found: Sequence[dict[str, object]]) -> None:
    """Each message's file, as far as it is known."""
    ids = [row["media_id"] for row in found if row["media_id"] is not None]
    rows = tx.execute(select(media).where(media.c.id.in_(ids))).all() if ids else []
    known = {row.id: _plain(row._mapping) for row in rows}
    for row in found:
        row["media"] = known.get(row["media_id"])


def _plain(row: Mapping[Any, Any]) -> dict[str, object]:
    return {str(name): _value(value) for name, value in row.items() if name not in _LEFT_OUT}


def _value(value: Any) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value
