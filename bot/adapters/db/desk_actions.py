"""The operators' commands, one function each: what is done, and the answer to it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, text

from bot.adapters.db import audit, notices, relay, switch
from bot.adapters.db.operator import Operator
from bot.adapters.db.rows import AnyRow, locked, set_conversation
from bot.adapters.db.schema import IN_NEED, OPEN_EVENT, conversations, events
from bot.domain import desk_talk
from bot.domain.commands import Target
from bot.domain.contact import contact_key
from bot.domain.conversation import Owner, Pause, conversation_id
from bot.domain.handling import BOT, Action
from bot.domain.lengths import LENGTH_MAX, Length
from bot.domain.whatsapp import split_text
from bot.errors import NotFound

_LISTED_MAX = 10
_ASKED_MAX = 200


def find(tx: Connection, operator: Operator, target: Target) -> str:
    """The conversation meant, on the operator's own line. Raises NotFound."""
    if target.address is not None:
        wanted = conversation_id(operator.line_id, contact_key(target.address))
        this, who = conversations.c.id == wanted, "Nobody with this number has"
    else:
        this, who = conversations.c.number == target.number, f"There is no #{target.number}:"
        who = f"{who} nobody called that has"
    query = select(conversations.c.id).where(
        conversations.c.line_id == operator.line_id, this, conversations.c.operator.is_(False)
    )
    found = tx.execute(query).scalar()
    if found is None:
        raise NotFound(f"{who} written on this line. #who lists who waits")
    return str(found)


def called(tx: Connection, conversation: str) -> str:
    """`#3 Ana`."""
    row = tx.execute(
        select(conversations.c.name, conversations.c.contact).where(
            conversations.c.id == conversation
        )
    ).one()
    return desk_talk.called(notices.number_of(tx, conversation), row.name, row.contact)


def write(tx: Connection, operator: Operator, conversation: str, words: str) -> str:
    """The operator's words to the customer; the bot is silent there."""
    before = locked(tx, conversation)
    pause = _pause(operator, "default", "answered from WhatsApp", prolongs=True)
    switch.write(tx, conversation, split_text(words), pause, operator.now)
    relay.begin(tx, conversation, operator.chat)
    who = called(tx, conversation)
    lines = [f"{who}: sent; {_silence(tx, operator, conversation)}.", *_in_flight(tx, conversation)]
    if before.row.relay_to != operator.chat:
        _tell_others(tx, operator, conversation, f"{who}: {operator.by} is answering.")
        if _is_anothers(before.row):
            lines.append(desk_talk.also_here(before.row.paused_by))
    return "\n".join(lines)


def pause(tx: Connection, operator: Operator, conversation: str, length: Length) -> str:
    """The bot is silent with a customer."""
    switch.pause(tx, conversation, _pause(operator, length, "paused from WhatsApp"), operator.now)
    relay.begin(tx, conversation, operator.chat)
    silence = _silence(tx, operator, conversation)
    first = f"{called(tx, conversation)}: {silence}. What they write comes here."
    return "\n".join([first, *_in_flight(tx, conversation)])


def resume(tx: Connection, operator: Operator, conversation: str, *, answer: bool) -> str:
    """The bot answers the customer again."""
    switch.resume(tx, conversation, operator.by, operator.now, answer=answer)
    who = called(tx, conversation)
    if locked(tx, conversation).paused:
        return f"{who}: handed back, but the bot is paused on the whole line: #resume all."
    return f"{who}: the bot answers again."


def attend(tx: Connection, operator: Operator, conversation: str) -> str:
    """Nothing is left to do."""
    switch.attend(tx, conversation, operator.by, operator.now)
    return f"{called(tx, conversation)}: looked after."


def pause_all(tx: Connection, operator: Operator, length: Length) -> str:
    """The emergency stop."""
    by = _pause(operator, length, "paused from WhatsApp")
    switch.pause_scope(tx, operator.scope, by, operator.now)
    left = switch.in_flight(tx, None, operator.scope)
    until = desk_talk.silent_until(by.until, operator.timezone, operator.now, "#resume all")
    where = "Everywhere" if operator.scope is None else "On this line"
    note = f"\n{len(left)} of its messages had left already." if left else ""
    return f"{where}: {until}.{note}"


def resume_all(tx: Connection, operator: Operator, *, answer: bool) -> tuple[str, frozenset[str]]:
    """Its end; the conversations to answer."""
    woken = switch.resume_scope(
        tx, operator.scope, operator.by, operator.now, operator.policy, answer=answer
    )
    where = "everywhere" if operator.scope is None else "on this line"
    return f"The bot answers again {where}, but where a person has taken over.", woken


def mute(tx: Connection, operator: Operator, length: timedelta | None) -> str:
    """No notices to this operator."""
    until = operator.now + (LENGTH_MAX if length is None else length)
    _set_mute(tx, operator, until)
    if length is None:
        return desk_talk.MUTED_FOR_GOOD
    return desk_talk.muted_until(until, operator.timezone, operator.now)


def unmute(tx: Connection, operator: Operator) -> str:
    """Notices again."""
    _set_mute(tx, operator, None)
    return desk_talk.UNMUTED


def who(tx: Connection, operator: Operator) -> str:
    """Who waits for a person on this line, whoever has waited longest first."""
    found = _in_need(tx, operator.line_id) | _with_people(tx, operator.line_id)
    waiting = sorted((_waiting(tx, key) for key in found), key=lambda one: one.since)
    more = len(waiting) - _LISTED_MAX
    return desk_talk.who_waits(waiting[:_LISTED_MAX], max(0, more), operator.now)


def _in_need(tx: Connection, line_id: str) -> set[str]:
    query = select(conversations.c.id).where(IN_NEED, conversations.c.line_id == line_id)
    return set(tx.execute(query.limit(_ASKED_MAX)).scalars())


def _with_people(tx: Connection, line_id: str) -> set[str]:
    """A person has them, and the customer has written since."""
    query = (
        select(events.c.conversation_id)
        .join(conversations, conversations.c.id == events.c.conversation_id)
        .where(text(f"events.{OPEN_EVENT.text}"), conversations.c.line_id == line_id)
        .where(conversations.c.state == Owner.HUMAN)
        .distinct()
    )
    return set(tx.execute(query.limit(_ASKED_MAX)).scalars())


def _waiting(tx: Connection, conversation: str) -> desk_talk.Waiting:
    row = tx.execute(select(conversations).where(conversations.c.id == conversation)).one()
    since = tx.execute(
        select(func.min(events.c.received_at)).where(
            OPEN_EVENT, events.c.conversation_id == conversation
        )
    ).scalar()
    return desk_talk.Waiting(
        number=notices.number_of(tx, conversation),
        name=row.name,
        contact=row.contact,
        since=row.last_message_at if since is None else since,
        why=row.attention_reason,
        words=row.last_text,
        by=row.paused_by if row.state == Owner.HUMAN and row.paused_by != BOT else None,
    )


def _pause(operator: Operator, length: Length, reason: str, *, prolongs: bool = False) -> Pause:
    if length == "default":
        length = operator.policy.auto_resume_after
    until = None if length is None else operator.now + length
    return Pause(operator.by, until, reason, prolongs=prolongs)


def _silence(tx: Connection, operator: Operator, conversation: str) -> str:
    until: datetime | None = locked(tx, conversation).row.paused_until
    number = notices.number_of(tx, conversation)
    return desk_talk.silent_until(until, operator.timezone, operator.now, f"#resume {number}")


def _in_flight(tx: Connection, conversation: str) -> list[str]:
    left = switch.in_flight(tx, conversation, None)
    return ["A message of the bot's had left already."] if left else []


def _is_anothers(row: AnyRow) -> bool:
    """Whether another person, not just the bot's call for one, has the conversation."""
    return bool(row.state == Owner.HUMAN and row.paused_by not in (None, BOT))


def _tell_others(tx: Connection, operator: Operator, conversation: str, news: str) -> None:
    for key in operator.policy.roster.of(operator.line_id):
        if key != operator.key:
            chat = notices.open_chat(tx, operator.line_id, key, key, operator.now)
            notices.write(tx, chat, operator.line_id, (news,), operator.now, about=conversation)


def _set_mute(tx: Connection, operator: Operator, until: datetime | None) -> None:
    notices.open_chat(tx, operator.line_id, operator.key, operator.key, operator.now)
    set_conversation(tx, operator.chat, muted_until=until)
    action = Action.UNMUTED if until is None else Action.MUTED
    audit.note(tx, operator.now, action, operator.by, line_id=operator.line_id, until=until)
