"""The lines: what is known of each, and what waits for it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from bot.adapters.db.pauses import Pauses
from bot.adapters.db.rows import ALL, AnyRow
from bot.adapters.db.schema import OPEN_SEND, conversations, lines, messages
from bot.domain.shown import LineState, LineView

_LINES_MAX = 1000
_LOOKED_AT = 5000
_SENDS_TO_TELL = 3


class _Condition(NamedTuple):
    state: LineState
    reason: str | None
    since: datetime | None


def list_lines(tx: Connection, configured: Sequence[str]) -> tuple[LineView, ...]:
    """Every line that has a row, a conversation or a place in the settings, by id."""
    rows: dict[str, AnyRow] = {row.line_id: row for row in tx.execute(select(lines))}
    spoken_on = select(conversations.c.line_id).distinct().limit(_LINES_MAX)
    ids = {*rows, *configured, *tx.execute(spoken_on).scalars()} - {ALL}
    counts = _waiting(tx)
    pauses = Pauses({i: row for i, row in rows.items() if row.paused_at is not None})
    views = []
    for line_id in sorted(ids):
        condition = _condition(rows.get(line_id), rows.get(ALL), pauses.of(line_id))
        queued, held = (counts.get((line_id, status), 0) for status in ("queued", "held"))
        views.append(LineView(line_id, *condition, queued=queued, held=held))
    return tuple(views)


def line_states(tx: Connection) -> Mapping[str, LineState]:
    """Of every line that has a row."""
    rows: dict[str, AnyRow] = {row.line_id: row for row in tx.execute(select(lines))}
    pauses = Pauses({i: row for i, row in rows.items() if row.paused_at is not None})
    account = rows.pop(ALL, None)
    return {i: _condition(row, account, pauses.of(i)).state for i, row in rows.items()}


def list_lines_without_ids(tx: Connection) -> tuple[str, ...]:
    """Lines whose latest sends all have no provider's id, among the newest messages of all."""
    newest = (
        select(
            messages.c.seq,
            messages.c.line_id,
            messages.c.direction,
            messages.c.sent_at,
            messages.c.provider_id,
        )
        .order_by(messages.c.seq.desc())
        .limit(_LOOKED_AT)
        .subquery()
    )
    sends = (
        select(newest.c.line_id, newest.c.provider_id)
        .where(newest.c.direction == "out", newest.c.sent_at.is_not(None))
        .order_by(newest.c.seq.desc())
    )
    latest: dict[str, list[str | None]] = {}
    for line_id, provider_id in tx.execute(sends):
        ids = latest.setdefault(line_id, [])
        if len(ids) < _SENDS_TO_TELL:
            ids.append(provider_id)
    silent = [line for line, ids in latest.items() if ids == [None] * _SENDS_TO_TELL]
    return tuple(sorted(silent))


def _waiting(tx: Connection) -> Mapping[tuple[str, str], int]:
    query = (
        select(messages.c.line_id, messages.c.status, func.count().label("messages"))
        .where(OPEN_SEND)
        .group_by(messages.c.line_id, messages.c.status)
    )
    return {(row.line_id, row.status): row.messages for row in tx.execute(query)}


def _condition(line: AnyRow | None, account: AnyRow | None, pause: AnyRow | None) -> _Condition:
    """What keeps a line from sending, the account's fault before the line's, before a pause."""
    if account is not None and account.hold_code is not None:
        return _Condition("stopped", _hold_reason(account), account.hold_since)
    if line is not None and line.connection != "ready":
        reason = line.reason if line.reason else "the line has disconnected"
        return _Condition("disconnected", reason, line.since)
    if line is not None and line.hold_code is not None:
        state: LineState = "stopped" if _is_cap(line) else "disconnected"
        return _Condition(state, _hold_reason(line), line.hold_since)
    if pause is not None:
        return _Condition("stopped", _pause_reason(pause), pause.paused_at)
    return _Condition("ready", None, None if line is None else line.since)


def _is_cap(line: AnyRow) -> bool:
    """Whether the line is held by a cap (429): another hold of a line means it isn't ready."""
    said = f"{line.hold_code} {line.hold_reason}"
    return "rate_limited" in said or "429" in said


def _hold_reason(row: AnyRow) -> str:
    return str(row.hold_reason if row.hold_reason else row.hold_code)


def _pause_reason(pause: AnyRow) -> str:
    what = "everything is paused" if pause.line_id == ALL else "paused"
    by = f"{what} by {pause.paused_by}"
    return f"{by}: {pause.pause_reason}" if pause.pause_reason else by
