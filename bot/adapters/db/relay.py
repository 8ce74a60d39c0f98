"""While an operator answers a customer from WhatsApp, what the customer writes goes to them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from bot.adapters.db import notices
from bot.adapters.db.rows import AnyRow, Thread, set_conversation
from bot.adapters.db.schema import messages
from bot.domain.telling import in_short, short
from bot.domain.whatsapp import split_text

_AT_ONCE = 50
_NAME_MAX = 40


def begin(tx: Connection, conversation_id: str, chat: str) -> None:
    """From here on what the customer writes goes to this operator's chat."""
    newest = (
        select(messages.c.seq)
        .where(messages.c.conversation_id == conversation_id)
        .order_by(messages.c.seq.desc())
        .limit(1)
    )
    seq = tx.execute(newest).scalar()
    set_conversation(tx, conversation_id, relay_to=chat, relayed_seq=0 if seq is None else seq)


def pass_on(tx: Connection, thread: Thread, now: datetime) -> None:
    """Send on what has not been sent on; each message once."""
    row = thread.row
    if row.relay_to is None:
        return
    fresh = _fresh(tx, row)
    if not fresh:
        return
    set_conversation(tx, row.id, relayed_seq=fresh[-1].seq)
    name = short(row.name or row.contact, _NAME_MAX)
    said = _said(fresh)
    text = f"#{notices.number_of(tx, row.id)} {name}: {said}"
    notices.write(tx, row.relay_to, row.line_id, split_text(text), now, about=row.id)


def _fresh(tx: Connection, row: AnyRow) -> list[AnyRow]:
    newest = (
        select(messages.c.seq, messages.c.type, messages.c.text, messages.c.transcript)
        .where(
            messages.c.conversation_id == row.id,
            messages.c.direction == "in",
            messages.c.seq > (row.relayed_seq or 0),
            messages.c.deleted_at.is_(None),
        )
        .order_by(messages.c.seq.desc())
        .limit(_AT_ONCE)
    )
    return list(reversed(tx.execute(newest).all()))


def _said(fresh: Sequence[AnyRow]) -> str:
    return "\n".join(in_short(row.type, row.text, row.transcript) for row in fresh)
