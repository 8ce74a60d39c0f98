"""Telling operators: by messages in their own chats with the line, and through the webhook.

A notice is stored in the transaction that makes it necessary, so none is lost and none comes twice.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from bot.adapters.db.ids import new_id
from bot.adapters.db.rows import set_conversation
from bot.adapters.db.schema import (
    LAST_TEXT_CHARS,
    NUMBERED,
    conversations,
    lines,
    messages,
    notices,
)
from bot.adapters.db.upsert import upsert
from bot.domain.conversation import Policy, operator_chat_id
from bot.domain.notice import HOW_TO_ANSWER, Brief, NoticeKind
from bot.domain.telling import in_short

AUTHOR = "notice"
"""What is written to operators: neither the bot's words nor a person's, so no pause stops it."""

_SAID_NEWEST = 2
_ABOUT = select(
    *(conversations.c[name] for name in ("line_id", "contact", "name", "operator")),
)


def tell(
    tx: Connection,
    conversation_id: str,
    kind: NoticeKind,
    why: str,
    now: datetime,
    policy: Policy,
    *,
    wants: str = "",
) -> None:
    """Tell everybody who is to be told about a conversation."""
    row = tx.execute(_ABOUT.where(conversations.c.id == conversation_id)).first()
    if row is None or row.operator:
        return
    brief = Brief(
        number=number_of(tx, conversation_id),
        name=row.name,
        contact=row.contact,
        why=why,
        wants=wants or _last_words(tx, conversation_id),
        promised=_last_promise(tx, conversation_id),
        link=policy.roster.link(conversation_id),
    )
    if policy.roster.webhook:
        about = {"conversation_id": conversation_id, "line_id": row.line_id, "kind": kind.value}
        post_later(tx, kind, {"text": brief.text, **about, **asdict(brief)}, now)
    text = f"{brief.text}\n{HOW_TO_ANSWER}"
    for address in policy.roster.of(row.line_id):
        write_unless_muted(tx, row.line_id, address, text, now, about=conversation_id)


def announce(
    tx: Connection, line_id: str, kind: NoticeKind, text: str, now: datetime, policy: Policy
) -> None:
    """Tell everybody who looks after a line something that is about no single conversation."""
    if policy.roster.webhook:
        post_later(tx, kind, {"text": text, "kind": kind.value, "line_id": line_id}, now)
    for address in policy.roster.of(line_id):
        write_unless_muted(tx, line_id, address, text, now)


def write_unless_muted(
    tx: Connection, line_id: str, address: str, text: str, now: datetime, about: str | None = None
) -> None:
    """A notice in an operator's chat with a line, made if need be."""
    chat = open_chat(tx, line_id, address, address, now)
    if not is_muted(tx, chat, now):
        write(tx, chat, line_id, (text,), now, about=about)


def open_chat(tx: Connection, line_id: str, key: str, address: str, now: datetime) -> str:
    """An operator's chat with a line, made if need be; its id. Locks nothing that is there."""
    chat = operator_chat_id(line_id, key)
    row = {
        "id": chat,
        "line_id": line_id,
        "contact": address,
        "contact_key": f"operator:{key}",
        "operator": True,
        "created_at": now,
        "last_message_at": now,
    }
    tx.execute(_opening(tx.dialect.name), row)
    return chat


def write(
    tx: Connection,
    chat: str,
    line_id: str,
    parts: Sequence[str],
    now: datetime,
    *,
    about: str | None = None,
) -> None:
    """Queue words for an operator; `about`: the conversation that a reply to them goes to."""
    rows = [
        {
            "id": new_id("no"),
            "conversation_id": chat,
            "direction": "out",
            "author": AUTHOR,
            "type": "text",
            "text": text,
            "created_at": now,
            "line_id": line_id,
            "status": "queued",
            "next_at": now,
            "about_id": about,
        }
        for text in parts
    ]
    tx.execute(insert(messages), rows)


def number_of(tx: Connection, conversation_id: str) -> int:
    """What operators call a conversation: given once, never given to another on that line."""
    this = conversations.c.id == conversation_id
    row = tx.execute(select(conversations.c.line_id, conversations.c.number).where(this)).one()
    if row.number is not None:
        return int(row.number)
    highest = select(func.max(conversations.c.number)).where(
        NUMBERED, conversations.c.line_id == row.line_id
    )
    erased = select(lines.c.numbers_given).where(lines.c.line_id == row.line_id)
    number = max(tx.execute(query).scalar() or 0 for query in (highest, erased)) + 1
    set_conversation(tx, conversation_id, number=number)
    return int(number)


def post_later(tx: Connection, kind: NoticeKind, body: dict[str, Any], now: datetime) -> None:
    """Queue a notice for the webhook; `body` holds at least `text`."""
    tx.execute(
        insert(notices).values(
            id=new_id("no"),
            conversation_id=body.get("conversation_id"),
            kind=kind.value,
            body=json.dumps(body, ensure_ascii=False),
            state="waiting",
            created_at=now,
            next_at=now,
        )
    )


def is_muted(tx: Connection, chat: str, now: datetime) -> bool:
    """Whether an operator wants no notices in this chat now."""
    until = tx.execute(select(conversations.c.muted_until).where(conversations.c.id == chat))
    muted_until = until.scalar()
    return muted_until is not None and bool(muted_until > now)


def _last_words(tx: Connection, conversation_id: str) -> str:
    """What the customer wrote last."""
    query = _newest(conversation_id, messages.c.direction == "in").limit(1)
    row = tx.execute(query).first()
    return "" if row is None else in_short(row.type, row.text, row.transcript)


def _last_promise(tx: Connection, conversation_id: str) -> str:
    """What the customer was told last, by whomever."""
    told = (messages.c.direction == "out", messages.c.status != "cancelled")
    rows = tx.execute(_newest(conversation_id, *told).limit(_SAID_NEWEST)).all()
    return " / ".join(in_short(row.type, row.text, None) for row in reversed(rows))


def _newest(conversation_id: str, *where: Any) -> Any:
    return (
        select(messages.c.type, messages.c.text, messages.c.transcript)
        .where(messages.c.conversation_id == conversation_id, *where)
        .order_by(messages.c.seq.desc())
    )


@cache
def _opening(dialect: str) -> Any:
    add = upsert(dialect, conversations)
    return add.on_conflict_do_nothing(index_elements=[conversations.c.id])


def note_heard(tx: Connection, chat: str, address: str, text: str, now: datetime) -> None:
    """An operator has written: answers go to the very address that they wrote from."""
    tx.execute(
        update(conversations)
        .where(conversations.c.id == chat)
        .values(contact=address, last_message_at=now, last_text=text[:LAST_TEXT_CHARS])
    )
