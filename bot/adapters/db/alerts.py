"""Alerts: told when they come up, told when they are over, and in between silent.

Each is one row, changed by guarded statements: however many processes look, and however often they
are restarted, one of them tells.
"""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Update, select, update

from bot.adapters.db import notices
from bot.adapters.db.rows import ALL, AnyRow
from bot.adapters.db.schema import ALERT_KEY_CHARS, alerts, conversations, lines
from bot.adapters.db.upsert import upsert
from bot.domain.alert import Alert, AlertKind, Told, kind_of, over_after
from bot.domain.conversation import Policy, operator_chat_id
from bot.domain.notice import NoticeKind
from bot.domain.shown import AlertView
from bot.domain.watchdog import Verdict

_OPEN = select(alerts).where(alerts.c.cleared_at.is_(None)).order_by(alerts.c.raised_at)
_UNSENDABLE = frozenset({AlertKind.NO_WORKER, AlertKind.ACCOUNT_HELD})
"""Of these no chat can be told: nobody sends."""


def open_alerts(tx: Connection) -> tuple[AlertView, ...]:
    """What is wrong now, the oldest first."""
    return tuple(AlertView(row.key, row.text, row.raised_at, row.seen_at) for row in _open(tx))


def settle(tx: Connection, verdict: Verdict, now: datetime, policy: Policy) -> Told:
    """Tell what has come up and what is over since anybody looked last."""
    seen = {alert.key[:ALERT_KEY_CHARS]: alert for alert in verdict.alerts}
    raised = [key for key, alert in seen.items() if _raise(tx, key, alert, now)]
    for key in raised:
        _tell(tx, key, seen[key].text, NoticeKind.ALERT, seen[key], now, policy)
    over = [row for row in _gone(tx, verdict, seen, now) if _clear(tx, row, now)]
    for row in over:
        _tell(tx, row.key, f"Over: {row.text}", NoticeKind.ALERT_OVER, None, now, policy)
    return Told(tuple(raised), tuple(row.key for row in over))


def _open(tx: Connection) -> Iterator[AnyRow]:
    """Other rows of this table are other people's notes."""
    return (row for row in tx.execute(_OPEN).all() if kind_of(row.key) is not None)


def _raise(tx: Connection, key: str, alert: Alert, now: datetime) -> bool:
    """Whether it is news."""
    again = update(alerts).where(alerts.c.key == key, alerts.c.cleared_at.is_(None))
    if tx.execute(again.values(seen_at=now, **_text(alert))).rowcount:
        return False
    if not alert.ripe:
        return False
    row = {"key": key, "text": alert.text, "raised_at": now, "seen_at": now, "cleared_at": None}
    return bool(tx.execute(_raising(tx.dialect.name), [row]).rowcount == 1)


def _text(alert: Alert) -> dict[str, str]:
    """What was told stands until it can be told better."""
    return {"text": alert.text} if alert.ripe else {}


@cache
def _raising(dialect: str) -> Any:
    add = upsert(dialect, alerts)
    return add.on_conflict_do_update(
        index_elements=[alerts.c.key],
        set_={name: add.excluded[name] for name in ("text", "raised_at", "seen_at", "cleared_at")},
        where=alerts.c.cleared_at.is_not(None),
    )


def _gone(
    tx: Connection, verdict: Verdict, seen: Collection[str], now: datetime
) -> Iterator[AnyRow]:
    """What was judged and not seen, here and (for a while) by others."""
    for row in _open(tx):
        kind = kind_of(row.key)
        if kind in verdict.judged and row.key not in seen:
            unseen_for = now - row.seen_at
            # Less than nothing: the clock was set back.
            if not timedelta(0) <= unseen_for < over_after(kind):
                yield row


def _clear(tx: Connection, row: AnyRow, now: datetime) -> bool:
    """Whether nobody else has cleared it, or seen it again, meanwhile."""
    clear: Update = update(alerts).where(
        alerts.c.key == row.key, alerts.c.cleared_at.is_(None), alerts.c.seen_at == row.seen_at
    )
    return bool(tx.execute(clear.values(cleared_at=now)).rowcount == 1)


def tell_operators(
    tx: Connection, key: str, text: str, notice: NoticeKind, now: datetime, policy: Policy
) -> None:
    """Something about no single line, to those of all of them."""
    _tell(tx, key, text, notice, None, now, policy)


def _tell(
    tx: Connection,
    key: str,
    text: str,
    notice: NoticeKind,
    alert: Alert | None,
    now: datetime,
    policy: Policy,
) -> None:
    line_id = _line_of(key)
    conversation = None if alert is None else alert.conversation_id
    link = "" if conversation is None else policy.roster.link(conversation)
    words = f"{text}\n{link}" if link else text
    if policy.roster.webhook:
        notices.post_later(tx, notice, _body(key, words, notice, line_id, conversation), now)
    if kind_of(key) not in _UNSENDABLE:
        for address in policy.roster.concerned(line_id):
            _write(tx, address, words, line_id, now, policy)


def _line_of(key: str) -> str | None:
    """The line that an alert is about; None: it is about all of them."""
    of_lines = {AlertKind.UNANSWERED, AlertKind.LINE_DOWN, AlertKind.LINE_SILENT}
    return key.partition(":")[2] if kind_of(key) in of_lines else None


def _body(
    key: str, text: str, notice: NoticeKind, line_id: str | None, conversation: str | None
) -> dict[str, Any]:
    about = {"conversation_id": conversation, "line_id": line_id, "contact": None}
    return {"text": text, "kind": notice.value, "key": key, **about}


def _write(
    tx: Connection, address: str, text: str, about: str | None, now: datetime, policy: Policy
) -> None:
    """On the line that it is about, if that works; else on another of theirs; else not."""
    usable = _usable(tx, about)
    theirs = [line_id for line_id in usable if address in policy.roster.of(line_id)]
    if not theirs:
        return
    line_id = about if about in theirs else _line_in_use(tx, address, theirs)
    notices.write_unless_muted(tx, line_id, address, text, now)


def _usable(tx: Connection, about: str | None) -> list[str]:
    """Lines that something can be sent on now; one of which nothing is noted works."""
    rows = {row.line_id: row for row in tx.execute(select(lines).order_by(lines.c.line_id))}
    account = rows.pop(ALL, None)
    if account is not None and account.hold_code is not None:
        return []
    works = (row for row in rows.values() if row.connection == "ready" and row.hold_code is None)
    unknown = [] if about is None or about in rows else [about]
    return [*unknown, *(row.line_id for row in works)]


def _line_in_use(tx: Connection, address: str, line_ids: list[str]) -> str:
    """The one on which an operator wrote last, else the first."""
    chats = {operator_chat_id(line_id, address): line_id for line_id in line_ids}
    latest = (
        select(conversations.c.id)
        .where(conversations.c.id.in_(chats))
        .order_by(conversations.c.last_message_at.desc())
        .limit(1)
    )
    found = tx.execute(latest).scalar()
    return line_ids[0] if found is None else chats[found]
