"""What operators write to the line: carried out and answered, each in one transaction.

A command is an event like those of the line itself: stored, applied once, in order of arrival.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from bot.adapters.db import desk_actions, notices
from bot.adapters.db.ids import new_id
from bot.adapters.db.inbox import KNOWN_MESSAGES
from bot.adapters.db.operator import Operator
from bot.adapters.db.pending import finish
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import SENT_WITH_ID, conversations, messages
from bot.domain.command_help import HELP
from bot.domain.commands import (
    Attend,
    Command,
    Help,
    Misunderstood,
    Mute,
    PauseAll,
    PauseOne,
    ResumeAll,
    ResumeOne,
    Unmute,
    Who,
    Write,
    read_command,
)
from bot.domain.conversation import Policy, operator_chat_id
from bot.domain.desk_talk import NOT_TEXT, TOO_OLD
from bot.domain.event import EndReason, Quoted, Received
from bot.domain.untrusted import clean_line, without_numbers
from bot.domain.whatsapp import split_text
from bot.errors import NotFound, Refused

_QUOTED_NUMBER = re.compile(r"#(\d{1,9})\s", re.ASCII)
_NAME_MAX = 40


def apply(
    tx: Connection,
    row: AnyRow,
    said: Received,
    contact_key: Callable[[str], str],
    now: datetime,
    policy: Policy,
) -> frozenset[str]:
    """Carry out one message of an operator's; the conversations that may go on now."""
    key = contact_key(said.sender)
    chat = operator_chat_id(row.line_id, key)
    useless = _useless(tx, row, said, key, policy)
    if useless is not None:
        finish(tx, row, now, "skipped", useless)
        return frozenset()
    operator = Operator(chat, row.line_id, key, _name(said), now, policy)
    command = _read(tx, row, said, operator)
    answer, woken = _carry_out(tx, operator, command)
    notices.open_chat(tx, row.line_id, key, said.sender, now)
    heard = _record(tx, operator, said, _about(command, woken))
    notices.write(tx, chat, row.line_id, split_text(answer), now)
    refused = ", refused" if woken is None else ""
    reason = f"{EndReason.OPERATOR} {type(command).__name__.lower()}{refused}"
    finish(tx, row, now, "done", reason, message_id=heard)
    return (woken or frozenset()) | {chat}


def _about(command: Command, woken: frozenset[str] | None) -> str | None:
    """The one conversation that a command was about; None: none, several, or it was refused."""
    is_about_one = isinstance(command, Write | PauseOne | ResumeOne | Attend)
    return next(iter(woken)) if is_about_one and woken else None


def _useless(tx: Connection, row: AnyRow, said: Received, key: str, policy: Policy) -> str | None:
    """Why it is no command; None: it is one. What was skipped once may have been replayed."""
    if said.is_group:
        return EndReason.GROUP
    if key not in policy.roster.of(row.line_id):
        return EndReason.NOT_OPERATOR
    if said.kind == "reaction":
        return EndReason.REACTION
    return EndReason.DUPLICATE if KNOWN_MESSAGES.among(tx, [said.provider_id]) else None


def _name(said: Received) -> str:
    """Never a phone number: it stands in logs."""
    name = clean_line(without_numbers(said.profile_name or ""), _NAME_MAX)
    return f"{name} (WhatsApp)" if name else "an operator (WhatsApp)"


def _read(tx: Connection, row: AnyRow, said: Received, operator: Operator) -> Command:
    if operator.now - row.received_at > operator.policy.stale_after:
        return Misunderstood(TOO_OLD)
    quoted = None if said.quoted is None else _quoted(tx, operator, said.quoted)
    if said.kind != "text":
        return Help() if quoted is None else Misunderstood(NOT_TEXT)
    return read_command(said.text, quoted)


def _quoted(tx: Connection, operator: Operator, quoted: Quoted) -> int | None:
    """The number of the conversation that a quoted notice is about."""
    if quoted.provider_id is not None:
        query = (
            select(conversations.c.number)
            .select_from(messages.join(conversations, conversations.c.id == messages.c.about_id))
            .where(
                SENT_WITH_ID,
                messages.c.provider_id == quoted.provider_id,
                messages.c.conversation_id == operator.chat,
            )
        )
        number = tx.execute(query).scalar()
        if number is not None:
            return int(number)
    written = _QUOTED_NUMBER.match(quoted.text or "")  # a line that gives no ids
    return None if written is None else int(written[1])


def _carry_out(
    tx: Connection, operator: Operator, command: Command
) -> tuple[str, frozenset[str] | None]:
    """Do it; the answer, and the conversations that may go on, None when it was refused."""
    try:
        return _do(tx, operator, command)
    except (NotFound, Refused) as error:
        return f"{error}.", None


def _do(tx: Connection, operator: Operator, command: Command) -> tuple[str, frozenset[str]]:
    match command:
        case PauseAll(length):
            return desk_actions.pause_all(tx, operator, length), frozenset()
        case ResumeAll(answer):
            return desk_actions.resume_all(tx, operator, answer=answer)
        case Write(target) | PauseOne(target) | ResumeOne(target) | Attend(target):
            conversation_id = desk_actions.find(tx, operator, target)
            return _do_one(tx, operator, command, conversation_id), frozenset({conversation_id})
        case _:
            return _tell(tx, operator, command), frozenset()


def _tell(
    tx: Connection, operator: Operator, command: Help | Misunderstood | Who | Mute | Unmute
) -> str:
    """What concerns the operator alone."""
    match command:
        case Help():
            return HELP
        case Misunderstood(why):
            return why
        case Who():
            return desk_actions.who(tx, operator)
        case Mute(length):
            return desk_actions.mute(tx, operator, length)
        case Unmute():
            return desk_actions.unmute(tx, operator)


def _do_one(
    tx: Connection,
    operator: Operator,
    command: Write | PauseOne | ResumeOne | Attend,
    conversation_id: str,
) -> str:
    match command:
        case Write(text=text):
            return desk_actions.write(tx, operator, conversation_id, text)
        case PauseOne(length=length):
            return desk_actions.pause(tx, operator, conversation_id, length)
        case ResumeOne(answer=answer):
            return desk_actions.resume(tx, operator, conversation_id, answer=answer)
        case Attend():
            return desk_actions.attend(tx, operator, conversation_id)


def _record(tx: Connection, operator: Operator, said: Received, about: str | None) -> str:
    """What the operator wrote, in their own chat: the same message never counts again."""
    message: dict[str, Any] = {
        "id": new_id("ms"),
        "conversation_id": operator.chat,
        "direction": "in",
        "author": "operator",
        "author_name": operator.by,
        "type": said.kind,
        "text": said.text,
        "provider_id": said.provider_id,
        "line_id": operator.line_id,
        "about_id": about,
        "created_at": operator.now,
    }
    tx.execute(insert(messages).values(**message))
    notices.note_heard(tx, operator.chat, said.sender, said.text, operator.now)
    return str(message["id"])
