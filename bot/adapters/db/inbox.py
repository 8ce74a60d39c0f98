"""The inbox: events stored in batches, each id once.

Batches are stored one after the other (SQLite has one writer; PostgreSQL takes an advisory lock),
so what is known can be read first, and the order of the rows is the order of arrival.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    case,
    func,
    insert,
    literal_column,
    select,
    type_coerce,
)

from bot.adapters.db import attaching, recall
from bot.adapters.db.bulk import Bulk, Known, microseconds
from bot.adapters.db.ids import new_id
from bot.adapters.db.schema import (
    LAST_TEXT_CHARS,
    MICROSECOND,
    RECEIVED,
    SENT_WITH_ID,
    conversations,
    events,
    messages,
)
from bot.adapters.db.upsert import upsert
from bot.domain.conversation import Policy, conversation_id
from bot.domain.event import EndReason, EventState
from bot.domain.inbox import Filing
from bot.domain.work import Accepted

INGEST_LOCK = 7_036_874_417_766_400 + 1  # any number, the same in all our processes

_NOBODYS = frozenset({EndReason.ERASED, EndReason.BLOCKED})
"""Of these it is not even kept who it was."""

_KNOWN_EVENTS = Known(events.c.provider_event_id)
# Also our own: they come back from some lines as if somebody had written them.
KNOWN_MESSAGES = Known(messages.c.provider_id, (RECEIVED, SENT_WITH_ID))
_ADD_EVENTS = Bulk(
    insert(events),
    (
        *("id", "provider_event_id", "type", "line_id", "contact", "conversation_id"),
        *("message_id", "state", "reason", "error", "received_at", "ended_at", "raw"),
    ),
)
_ADD_MESSAGES = Bulk(
    insert(messages),
    (
        *("id", "conversation_id", "direction", "author", "type", "text"),
        *("quoted_text", "quoted_id", "media_id", "provider_id", "line_id", "created_at"),
    ),
)


def accept(tx: Connection, filings: Sequence[Filing], now: datetime, policy: Policy) -> Accepted:
    """Store what is new of a batch."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(INGEST_LOCK)))
    fresh = _fresh(tx, filings)
    known = recall.look(tx, fresh, now)
    fresh = [known.refile(one) for one in fresh if one.event.id not in known.events]
    if not fresh:
        return Accepted(frozenset(), False, len(filings))
    seen = _known_message_ids(tx, fresh)
    at = microseconds(now)
    due_at = microseconds(now + policy.quiet_period)
    event_rows: list[dict[str, Any]] = []
    message_rows: list[dict[str, Any]] = []
    threads: dict[str, dict[str, Any]] = {}
    attached: list[attaching.Attached] = []
    for filing in fresh:
        event_row, message_row = _rows(filing, seen, at)
        event_rows.append(event_row)
        if message_row is not None:
            if filing.message is not None and filing.message.media is not None:
                attached.append(attaching.attach(message_row, filing.message.media))
            message_rows.append(message_row)
            due = event_row["state"] == EventState.PENDING
            _touch(threads, filing, at, due_at if due else None)
    _ADD_EVENTS.run(tx, event_rows)
    if message_rows:
        attaching.add(tx, attached, now)
        _ADD_MESSAGES.run(tx, message_rows)
        _touching(tx.dialect.name, policy.max_wait).run(tx, list(threads.values()))
        known.restore(tx, list(threads))
    return Accepted(
        wake=frozenset(row["id"] for row in threads.values() if row["due_at"] is not None),
        apply=any(
            row["state"] == EventState.PENDING and row["conversation_id"] is None
            for row in event_rows
        ),
        duplicates=len(filings) - len(fresh),
        media=tuple(one.id for one in attached),
        stored=tuple((row["id"], row["conversation_id"]) for row in event_rows),
    )


def bury(tx: Connection, raw: bytes, error: str, now: datetime) -> None:
    """Keep a body that cannot be read; the same body counts once."""
    key = f"unreadable-{sha256(raw).hexdigest()}"
    if not _KNOWN_EVENTS.among(tx, [key]):
        row = {
            "id": new_id("ev"),
            "provider_event_id": key,
            "type": "unreadable",
            "line_id": "",
            "state": EventState.DEAD,
            "reason": EndReason.UNREADABLE.value,
            "error": error,
            "received_at": now,
            "ended_at": now,
            "raw": raw,
        }
        tx.execute(insert(events), [row])


def _fresh(tx: Connection, filings: Sequence[Filing]) -> list[Filing]:
    by_id: dict[str, Filing] = {}
    for filing in filings:
        by_id.setdefault(filing.event.id, filing)
    known = _KNOWN_EVENTS.among(tx, list(by_id))
    return [filing for event_id, filing in by_id.items() if event_id not in known]


def _known_message_ids(tx: Connection, filings: Sequence[Filing]) -> set[str]:
    ids = [filing.message.provider_id for filing in filings if filing.message is not None]
    if not ids:
        return set()
    return KNOWN_MESSAGES.among(tx, ids)


def _rows(filing: Filing, seen: set[str], at: int) -> tuple[dict[str, Any], dict[str, Any] | None]:
    event, message = filing.event, filing.message
    row: dict[str, Any] = {
        "id": new_id("ev"),
        "provider_event_id": event.id,
        "type": event.type,
        "line_id": event.line_id,
        "contact": None if filing.reason in _NOBODYS else filing.contact,
        "conversation_id": None,
        "message_id": None,
        "state": filing.state.value,
        "reason": None if filing.reason is None else str(filing.reason),
        "error": filing.error,
        "received_at": at,
        "ended_at": None if filing.state is EventState.PENDING else at,
        "raw": event.raw if filing.keep_raw else b"",
    }
    if message is None:
        return row, None
    if message.provider_id in seen:
        return row | {
            "state": EventState.SKIPPED.value,
            "reason": EndReason.DUPLICATE.value,
            "ended_at": at,
        }, None
    seen.add(message.provider_id)
    row["conversation_id"] = conversation_id(event.line_id, filing.contact_key)
    row["message_id"] = new_id("ms")
    return row, {
        "id": row["message_id"],
        "conversation_id": row["conversation_id"],
        "direction": "in",
        "author": "customer",
        "type": message.kind,
        "text": message.text,
        "quoted_text": None if message.quoted is None else message.quoted.text,
        "quoted_id": None if message.quoted is None else message.quoted.provider_id,
        "media_id": None,
        "provider_id": message.provider_id,
        "line_id": event.line_id,
        "created_at": at,
    }


def _touch(threads: dict[str, dict[str, Any]], filing: Filing, at: int, due_at: int | None) -> None:
    """One row per conversation of the batch: the newest message's, due if any of them is."""
    message = filing.message
    assert message is not None  # noqa: S101 - only called for messages
    key = conversation_id(filing.event.line_id, filing.contact_key)
    earlier = threads.get(key)
    if due_at is None and earlier is not None:
        due_at = earlier["due_at"]
    threads[key] = {
        "id": key,
        "line_id": filing.event.line_id,
        "contact": message.sender,
        "contact_key": filing.contact_key,
        "name": message.profile_name,
        "created_at": at,
        "last_message_at": at,
        "last_text": (message.text or f"[{message.kind}]")[:LAST_TEXT_CHARS],
        "first_waiting_at": None if due_at is None else at,
        "due_at": due_at,
    }


@cache
def _touching(dialect: str, max_wait: timedelta) -> Bulk:
    """Make or touch conversations: due when the customer is quiet, at the latest at `max_wait`."""
    add = upsert(dialect, conversations)
    new, old = add.excluded, conversations.c
    first = func.coalesce(old.first_waiting_at, new.first_waiting_at)
    latest = type_coerce(first, BigInteger) + literal_column(str(max_wait // MICROSECOND))
    wanted = type_coerce(new.due_at, BigInteger)
    due = case(
        (new.due_at.is_(None), type_coerce(old.due_at, BigInteger)),
        (wanted > latest, latest),
        else_=wanted,
    )
    statement = add.on_conflict_do_update(
        index_elements=[old.id],
        set_={
            "contact": new.contact,
            "name": func.coalesce(new.name, old.name),
            "last_message_at": new.last_message_at,
            "last_text": new.last_text,
            "first_waiting_at": first,
            "due_at": due,
        },
    )
    columns = (
        *("id", "line_id", "contact", "contact_key", "name", "created_at"),
        *("last_message_at", "last_text", "first_waiting_at", "due_at"),
    )
    return Bulk(statement, columns)
