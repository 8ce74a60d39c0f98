"""What the watchdog looks at: reads by indexes, none of which changes anything."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import BindParameter, Connection, bindparam, literal_column, select, text

from bot.adapters.db import alerts, heard
from bot.adapters.db.rows import ALL, AnyRow
from bot.adapters.db.schema import (
    ENDED_BADLY,
    OPEN_SEND,
    WORKING,
    conversations,
    events,
    lines,
    messages,
    turns,
    workers,
)
from bot.adapters.db.upkeep import clock
from bot.domain.conversation import Owner
from bot.domain.silence import LONG, LineHistory, is_silent
from bot.domain.watchdog import (
    DEAD_WITHIN,
    DeadLetters,
    Limits,
    LineFacts,
    OfAll,
    Sighting,
    Unanswered,
)

_MANY = 10_000
_DEAD_LOOKED_AT = 100
_PASTS_LOOKED_AT = 200

_BEFORE: BindParameter[datetime] = bindparam("before")
_WITH_BOT = conversations.c.state == Owner.BOT.value
# Three places in which an answer may be stuck: before its turn, in it, and in the outbox.
_STUCK = (
    select(
        conversations.c.id, conversations.c.line_id, conversations.c.first_waiting_at.label("since")
    )
    .where(
        conversations.c.due_at.is_not(None), conversations.c.first_waiting_at <= _BEFORE, _WITH_BOT
    )
    .limit(_MANY),
    select(conversations.c.id, conversations.c.line_id, turns.c.first_message_at.label("since"))
    .select_from(turns.join(conversations, conversations.c.id == turns.c.conversation_id))
    .where(text(f"turns.{WORKING.text}"), turns.c.first_message_at <= _BEFORE, _WITH_BOT)
    .limit(_MANY),
    select(
        messages.c.conversation_id.label("id"),
        messages.c.line_id,
        messages.c.created_at.label("since"),
    )
    .where(
        OPEN_SEND,
        messages.c.status.in_(("queued", "sending", "unknown")),
        messages.c.author == "bot",
        messages.c.created_at <= _BEFORE,
    )
    .limit(_MANY),
)
_LAST_ERROR = (
    select(turns.c.error)
    .where(turns.c.conversation_id == bindparam("conversation"))
    .order_by(turns.c.started_at.desc())
    .limit(1)
)
_NEWEST_DEAD = (
    select(events.c.ended_at, events.c.error, events.c.reason)
    .where(ENDED_BADLY, events.c.state == literal_column("'dead'"))
    .order_by(events.c.seq.desc())
    .limit(_DEAD_LOOKED_AT)
)


def sight(
    tx: Connection, worker_id: str, now: datetime, limits: Limits, watched_since: datetime
) -> Sighting:
    """What is seen now. One of the living workers sees for all."""
    alive = select(workers.c.id).where(workers.c.lease_until > clock(tx, now))
    ids = sorted(tx.execute(alive).scalars())
    has_open = bool(alerts.open_alerts(tx))
    of_all = None
    if ids and ids[0] == worker_id:
        of_all = _of_all(tx, now, limits, watched_since)
    return Sighting(len(ids), has_open=has_open, of_all=of_all)


def _of_all(tx: Connection, now: datetime, limits: Limits, watched_since: datetime) -> OfAll:
    rows: dict[str, AnyRow] = {row.line_id: row for row in tx.execute(select(lines)).all()}
    account = rows.pop(ALL, None)
    silenced = account is not None and _is_explained(account)
    return OfAll(
        now,
        unanswered=() if silenced else _unanswered(tx, rows, now, limits),
        lines=_lines(tx, list(rows.values()), now),
        account=None if account is None or account.hold_code is None else _facts(account, {}),
        dead_letters=_dead_letters(tx, now),
        watched_since=watched_since,
    )


def _is_explained(line: AnyRow) -> bool:
    """Whether a person has it, or what keeps it from sending is told by itself."""
    known = (line.hold_code, line.paused_at)
    return line.connection != "ready" or any(one is not None for one in known)


def _unanswered(
    tx: Connection, rows: Mapping[str, AnyRow], now: datetime, limits: Limits
) -> tuple[Unanswered, ...]:
    stuck: dict[str, dict[str, datetime]] = {}
    for query in _STUCK:
        for row in tx.execute(query, {"before": now - limits.unanswered_after}):
            line = rows.get(row.line_id)
            if line is None or not _is_explained(line):
                of_line = stuck.setdefault(row.line_id, {})
                of_line[row.id] = min(row.since, of_line.get(row.id, row.since))
    return tuple(_of_line(tx, line_id, stuck[line_id]) for line_id in sorted(stuck))


def _of_line(tx: Connection, line_id: str, stuck: Mapping[str, datetime]) -> Unanswered:
    first = min(stuck, key=lambda one: (stuck[one], one))
    number = select(conversations.c.number).where(conversations.c.id == first)
    return Unanswered(
        line_id,
        len(stuck),
        stuck[first],
        first,
        number=tx.execute(number).scalar(),
        error=tx.execute(_LAST_ERROR, {"conversation": first}).scalar(),
    )


def _lines(tx: Connection, rows: Sequence[AnyRow], now: datetime) -> tuple[LineFacts, ...]:
    quiet = [row for row in rows if row.heard_at is not None and now - row.heard_at < LONG]
    silent = [row.line_id for row in quiet if is_silent(LineHistory(row.heard_at), now)]
    pasts = heard.by_hour(tx, silent[:_PASTS_LOOKED_AT], now)
    return tuple(_facts(row, pasts.get(row.line_id, {})) for row in rows)


def _facts(row: AnyRow, past: Mapping[datetime, int]) -> LineFacts:
    return LineFacts(
        row.line_id,
        connected=row.connection == "ready",
        since=row.since,
        reason=row.reason,
        hold_code=row.hold_code,
        hold_reason=row.hold_reason,
        hold_since=row.hold_since,
        history=None if row.heard_at is None else LineHistory(row.heard_at, past),
    )


def _dead_letters(tx: Connection, now: datetime) -> DeadLetters:
    rows = tx.execute(_NEWEST_DEAD).all()
    fresh = [row for row in rows if row.ended_at is not None and now - row.ended_at < DEAD_WITHIN]
    newest = max(fresh, key=lambda row: row.ended_at, default=None)
    return DeadLetters(len(fresh), None if newest is None else newest.error or newest.reason)
