"""Who did what, when and why: one row for each change of who answers."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from bot.adapters.db.schema import audit
from bot.domain.handling import Action
from bot.domain.shown import AuditPage, AuditView


def note(
    tx: Connection,
    now: datetime,
    action: Action,
    actor: str,
    *,
    line_id: str | None = None,
    conversation_id: str | None = None,
    reason: str | None = None,
    until: datetime | None = None,
) -> None:
    """Without a line and a conversation it is about everything."""
    tx.execute(
        insert(audit).values(
            at=now,
            action=action.value,
            actor=actor,
            line_id=line_id,
            conversation_id=conversation_id,
            reason=reason,
            until=until,
        )
    )


def newest(tx: Connection, conversation_id: str | None, limit: int) -> AuditPage:
    """The latest rows, of one conversation or of all."""
    query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
    if conversation_id is not None:
        query = query.where(audit.c.conversation_id == conversation_id)
    return AuditPage(tuple(_show(row) for row in tx.execute(query)))


def _show(row: Row[Any]) -> AuditView:
    return AuditView(
        at=row.at,
        action=row.action,
        actor=row.actor,
        line_id=row.line_id,
        conversation_id=row.conversation_id,
        reason=row.reason,
        until=row.until,
    )
