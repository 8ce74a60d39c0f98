"""What the way of a message is read from: rows found by their indexes, never anybody's words."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from bot.adapters.db.rows import ALL, AnyRow
from bot.adapters.db.schema import (
    RECEIVED,
    SENT_WITH_ID,
    audit,
    conversations,
    events,
    lines,
    live_prompts,
    media,
    messages,
    prompt_versions,
    turns,
)
from bot.domain.handling import Action
from bot.domain.outbox import reply_id

TURNS_MAX = 200
_AUDIT_MAX = 100
_PARTS_MAX = 20
_BESIDE = 60
"""Rows of one transaction are numbered this close together."""
_CLOCKS_APART = timedelta(minutes=1)
_SWITCHES = (Action.PAUSED, Action.ANSWERED, Action.RESUMED)

_EVENT: Select[Any] = select(
    *(events.c[name] for name in ("id", "provider_event_id", "type", "line_id", "contact")),
    *(events.c[name] for name in ("conversation_id", "message_id", "turn_id", "state", "reason")),
    *(events.c[name] for name in ("error", "attempts", "received_at", "due_at", "ended_at")),
)
_MESSAGE: Select[Any] = select(
    *(messages.c[name] for name in ("seq", "id", "conversation_id", "direction", "author")),
    *(messages.c[name] for name in ("author_name", "type", "line_id", "about_id", "created_at")),
    *(messages.c[name] for name in ("edited_at", "deleted_at", "provider_id", "turn_id", "part")),
    *(messages.c[name] for name in ("status", "draft", "attempts", "next_at", "error")),
    *(messages.c[name] for name in ("held_at", "held_reason", "first_tried_at", "sent_at")),
    messages.c.delivered_at,
)
_FILE: Select[Any] = select(
    messages.c.id.label("message_id"),
    *(media.c[name] for name in ("state", "media_type", "size_bytes", "problem", "error")),
    *(media.c[name] for name in ("language", "duration_s", "pages", "service", "model", "cost")),
    *(media.c[name] for name in ("fetched_at", "fetch_ms", "read_at", "read_ms", "next_at")),
).select_from(messages.join(media, media.c.id == messages.c.media_id))


def find_event(tx: Connection, named: str) -> AnyRow | None:
    """By our id or the provider's."""
    for column in (events.c.id, events.c.provider_event_id):
        found = tx.execute(_EVENT.where(column == named)).first()
        if found is not None:
            return found
    return None


def find_message(tx: Connection, named: str) -> AnyRow | None:
    """By our id or the provider's; of several that the line gave the same id, the newest."""
    sent = _MESSAGE.where(SENT_WITH_ID, messages.c.provider_id == named)
    for query in (
        _MESSAGE.where(messages.c.id == named),
        _MESSAGE.where(RECEIVED, messages.c.provider_id == named),
        sent.order_by(messages.c.seq.desc()).limit(1),
    ):
        found = tx.execute(query).first()
        if found is not None:
            return found
    return None


def message(tx: Connection, message_id: str | None) -> AnyRow | None:
    if message_id is None:
        return None
    return tx.execute(_MESSAGE.where(messages.c.id == message_id)).first()


def bringing(tx: Connection, message_id: str) -> AnyRow | None:
    """The event that brought a message to us; others are about what happened to it later."""
    if not message_id.startswith("ms_"):
        return None  # it went the other way
    about = events.c.message_id == message_id
    rows = tx.execute(_EVENT.where(about).order_by(events.c.seq).limit(_AUDIT_MAX)).all()
    customers = (row for row in rows if row.conversation_id is not None)
    return next(customers, rows[0] if rows else None)


def conversation(tx: Connection, conversation_id: str) -> AnyRow | None:
    return tx.execute(select(conversations).where(conversations.c.id == conversation_id)).first()


def line_and_account(tx: Connection, line_id: str) -> Sequence[AnyRow]:
    return tx.execute(select(lines).where(lines.c.line_id.in_((line_id, ALL)))).all()


def turns_that_took(tx: Connection, event: AnyRow) -> list[AnyRow]:
    """Every turn that had a customer's message in hand, oldest first; of very many, the newest."""
    took = turns.c.message_ids.contains(event.message_id, autoescape=True)
    query = (
        select(turns)
        .where(turns.c.conversation_id == event.conversation_id)
        .where(turns.c.started_at >= event.received_at - _CLOCKS_APART)
        .where(or_(took, turns.c.id == event.turn_id))
    )
    if event.ended_at is not None:
        query = query.where(turns.c.started_at <= event.ended_at)
    newest = tx.execute(query.order_by(turns.c.started_at.desc()).limit(TURNS_MAX)).all()
    return list(reversed(newest))


def turn(tx: Connection, turn_id: str | None) -> AnyRow | None:
    if turn_id is None:
        return None
    return tx.execute(select(turns).where(turns.c.id == turn_id)).first()


def replies(tx: Connection, turn_ids: Iterable[str]) -> list[AnyRow]:
    """What these turns gave to be sent, in its parts and in order."""
    ids = [reply_id(turn_id, part) for turn_id in turn_ids for part in range(_PARTS_MAX)]
    if not ids:
        return []
    return list(tx.execute(_MESSAGE.where(messages.c.id.in_(ids)).order_by(messages.c.seq)))


def written_with(tx: Connection, heard: AnyRow) -> list[AnyRow]:
    """What was stored to be sent in the transaction that stored an operator's message."""
    near = messages.c.seq.between(heard.seq - _BESIDE, heard.seq + _BESIDE)
    wanted = {False: heard.about_id, True: heard.conversation_id}
    query = _MESSAGE.where(near, messages.c.direction == "out", messages.c.seq != heard.seq)
    rows = tx.execute(query.order_by(messages.c.seq))
    at_once = (row for row in rows if row.created_at == heard.created_at)
    # To the customer it was written before this message was noted, to the operator after it.
    return [row for row in at_once if row.conversation_id == wanted[row.seq > heard.seq]]


def files(tx: Connection, message_ids: Collection[str]) -> list[AnyRow]:
    """The files of these messages."""
    if not message_ids:
        return []
    query = _FILE.where(messages.c.id.in_(sorted(message_ids)))
    return list(tx.execute(query.order_by(messages.c.seq)))


def prompt_names(tx: Connection, versions: Collection[str]) -> dict[str, str]:
    """What the prompts with these versions are called, by version."""
    if not versions:
        return {}
    rows = tx.execute(
        select(prompt_versions.c.name, prompt_versions.c.version)
        .where(prompt_versions.c.name.in_(select(live_prompts.c.name)))
        .where(prompt_versions.c.version.in_(sorted(versions)))
        .order_by(prompt_versions.c.name)
    )
    return {row.version: row.name for row in rows}


def handled(tx: Connection, line_id: str, conversation_id: str, since: datetime) -> list[AnyRow]:
    """What people did from then on, there or to all, and by what the bot was silent then."""
    scopes = [audit.c.conversation_id.is_(None) & one for one in _scopes(line_id)]
    scopes.append(audit.c.conversation_id == conversation_id)
    rows = [row for scope in scopes for row in _handled(tx, scope, since)]
    return sorted(rows, key=lambda row: row.seq)


def replays(tx: Connection, event: AnyRow) -> list[AnyRow]:
    """Other tries that an event got which belongs to no conversation."""
    query = select(audit).where(
        audit.c.conversation_id.is_(None),
        audit.c.action == Action.REPLAYED.value,
        audit.c.reason == event.id,
    )
    return list(tx.execute(query.order_by(audit.c.seq).limit(_AUDIT_MAX)))


def _scopes(line_id: str) -> tuple[Any, Any]:
    of_scopes = audit.c.action.in_((Action.PAUSED.value, Action.RESUMED.value))
    return (audit.c.line_id == line_id) & of_scopes, audit.c.line_id.is_(None) & of_scopes


def _handled(tx: Connection, scope: Any, since: datetime) -> Iterable[AnyRow]:
    switches = audit.c.action.in_([action.value for action in _SWITCHES])
    newest = select(audit).where(scope, switches, audit.c.at < since)
    before = tx.execute(newest.order_by(audit.c.seq.desc()).limit(1)).first()
    if before is not None and _silences(before, since):
        yield before
    within = select(audit).where(scope, audit.c.at >= since)
    yield from tx.execute(within.order_by(audit.c.seq).limit(_AUDIT_MAX))


def _silences(row: AnyRow, at: datetime) -> bool:
    if row.action == Action.RESUMED:
        return False
    return row.until is None or bool(row.until > at)
