"""Somebody else has written on the line: a person on its phone, or the shop's own software."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, update

from bot.adapters.db import attaching, remembered, switch, takeover
from bot.adapters.db.ids import new_id
from bot.adapters.db.pacing import resume_at
from bot.adapters.db.pending import finish
from bot.adapters.db.rows import AnyRow, lock
from bot.adapters.db.schema import LAST_TEXT_CHARS, conversations, messages
from bot.domain.conversation import Pause, Policy, conversation_id
from bot.domain.event import EndReason
from bot.domain.handling import PHONE
from bot.domain.media import Announced

TAKEN_OVER = EndReason.TAKEN_OVER.value


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody else wrote on the line; of a mere delivery notice nothing but that."""

    recipient: str | None
    provider_id: str | None
    kind: str = "text"
    text: str = ""
    media: Announced | None = None
    at: datetime | None = None
    """When it was written or delivered, as the provider says."""


def take(
    tx: Connection,
    row: AnyRow,
    said: Said,
    contact_key: Callable[[str], str],
    now: datetime,
    policy: Policy,
) -> str | None:
    """Somebody else wrote on this line: a person on the phone, or the shop's own software."""
    recipient = said.recipient
    if recipient is None or policy.foreign_messages == "ignore":
        finish(tx, row, now, "skipped", EndReason.NOT_OURS)
        return None
    contact = contact_key(recipient)
    if contact in policy.roster.of(row.line_id):
        finish(tx, row, now, "skipped", EndReason.TO_OPERATOR)
        return None
    key = conversation_id(row.line_id, contact)
    if lock(tx, key) is None:
        _open_conversation(tx, key, row.line_id, recipient, contact, now)
    message_id = _record_foreign(tx, key, row.line_id, said, now)
    reason = _pause_for(said, now, policy)
    if reason == TAKEN_OVER:
        pause = Pause(PHONE, resume_at(now, policy), reason, prolongs=True)
        takeover.pause_conversation(tx, key, pause, now)
        switch.answered_by_person(tx, key, now, before=row.seq)
    finish(tx, row, now, "done", reason, message_id=message_id)
    return key


def _pause_for(said: Said, now: datetime, policy: Policy) -> str:
    """Whether somebody else's message takes the conversation over, in the event's reason."""
    if policy.foreign_messages != "pause":
        return f"{EndReason.RECORDED} somebody else wrote on this line"
    counts_for = policy.auto_resume_after or policy.stale_after
    if said.at is not None and now - said.at > counts_for:
        return f"{EndReason.RECORDED} written too long ago to take the conversation over"
    return TAKEN_OVER


def _record_foreign(tx: Connection, key: str, line_id: str, said: Said, now: datetime) -> str:
    message = {
        "id": new_id("ms"),
        "conversation_id": key,
        "direction": "out",
        "author": "operator",
        "author_name": PHONE,
        "type": said.kind,
        "text": said.text,
        "provider_id": said.provider_id,
        "line_id": line_id,
        "status": "delivered",
        "created_at": now,
        "sent_at": now,
        "delivered_at": now,
    }
    if said.media is not None:
        attaching.add(tx, [attaching.attach(message, said.media)], now)
    tx.execute(insert(messages).values(**message))
    tx.execute(
        update(conversations)
        .where(conversations.c.id == key)
        .values(last_message_at=now, last_text=(said.text or f"[{said.kind}]")[:LAST_TEXT_CHARS])
    )
    return str(message["id"])


def _open_conversation(
    tx: Connection, key: str, line_id: str, contact: str, found_by: str, now: datetime
) -> None:
    tx.execute(
        insert(conversations).values(
            id=key,
            line_id=line_id,
            contact=contact,
            contact_key=found_by,
            created_at=now,
            last_message_at=now,
        )
    )
    remembered.restore(tx, key, line_id, found_by)
