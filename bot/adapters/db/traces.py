"""Where a contact has left traces, looked for before anything is locked: it may take a while.

Events that are no messages are told by their address, which may be spelt in many ways; notices and
commands of operators by the number or name in them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, func, or_, select

from bot.adapters.db.schema import NAMELESS, STRAY, conversations, events, messages, notices
from bot.domain.contact import contact_key
from bot.domain.people import Place

T = TypeVar("T", int, str)

_AT_ONCE = 500
_NAME_MIN = 3
_DIGITS_MIN = 7
_NOT_DIGITS = re.compile(r"\D+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Traces:
    """Rows by their `seq`; whatever came after `last_event` has to be looked at again."""

    events: tuple[int, ...]
    addresses: tuple[str, ...]
    """The contact's, as they were received."""
    chat_messages: tuple[int, ...]
    """In operators' chats."""
    chats: tuple[str, ...]
    """Operators' chats whose last words are about the contact."""
    notices: tuple[str, ...]
    """For the operators' webhook."""
    last_event: int


def lines_of(tx: Connection, key: str) -> tuple[str, ...]:
    """The lines that have told anything of a contact."""
    rows = tx.execute(select(events.c.line_id, events.c.contact).where(STRAY).distinct())
    return tuple(sorted({row.line_id for row in rows if contact_key(row.contact) == key}))


def find(tx: Connection, place: Place) -> Traces:
    """All of a contact on a line, as far as they are not told by the conversation's id."""
    last = tx.execute(select(func.max(events.c.seq))).scalar() or 0
    addresses = _addresses(tx, place)
    chat_messages, chats = _in_chats(tx, place)
    return Traces(
        events=(*_of_messages(tx, place), *_strays(tx, addresses, place), *_nameless(tx, place)),
        addresses=addresses,
        chat_messages=chat_messages,
        chats=chats,
        notices=_notices(tx, place),
        last_event=last,
    )


def _addresses(tx: Connection, place: Place) -> tuple[str, ...]:
    on_line = events.c.line_id == place.line_id
    told = tx.execute(select(events.c.contact).where(STRAY, on_line).distinct()).scalars()
    found = {one for one in told if contact_key(one) == place.contact_key}
    known = select(conversations.c.contact).where(conversations.c.id == place.conversation_id)
    found.update(tx.execute(known).scalars())
    return tuple(sorted(found))


def _of_messages(tx: Connection, place: Place) -> tuple[int, ...]:
    """What brought, changed or confirmed the messages of the conversation."""
    both = events.join(messages, messages.c.id == events.c.message_id)
    theirs = messages.c.conversation_id == place.conversation_id
    return tuple(tx.execute(select(events.c.seq).select_from(both).where(theirs)).scalars())


def _strays(tx: Connection, addresses: Sequence[str], place: Place) -> tuple[int, ...]:
    """Repeated, not answered, not understood: the address is all they have."""
    query = select(events.c.seq).where(
        STRAY, events.c.contact.in_(addresses), events.c.line_id == place.line_id
    )
    return tuple(tx.execute(query).scalars()) if addresses else ()


def _nameless(tx: Connection, place: Place) -> tuple[int, ...]:
    """What could not be read, and yet has their number in it."""
    digits = _NOT_DIGITS.sub("", place.contact_key)
    if len(digits) < _DIGITS_MIN:
        return ()
    query = select(events.c.seq, events.c.raw).where(
        NAMELESS, events.c.line_id.in_((place.line_id, ""))
    )
    wanted = digits.encode()
    rows = tx.execution_options(yield_per=_AT_ONCE).execute(query)
    return tuple(row.seq for row in rows if wanted in row.raw)


def _notices(tx: Connection, place: Place) -> tuple[str, ...]:
    named = notices.c.body.contains(place.contact_key, autoescape=True)
    about = or_(notices.c.conversation_id == place.conversation_id, named)
    return tuple(tx.execute(select(notices.c.id).where(about)).scalars())


def _in_chats(tx: Connection, place: Place) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Answers to operators name customers and quote them, several at once perhaps."""
    known = select(conversations).where(conversations.c.id == place.conversation_id)
    row = tx.execute(known).first()
    if row is None:
        return (), ()
    names = _named(place, row.contact, row.name, row.number)
    of_line = (conversations.c.operator.is_(True), conversations.c.line_id == place.line_id)
    chats = tx.execute(select(conversations.c.id, conversations.c.last_text).where(*of_line)).all()
    said = select(messages.c.seq, messages.c.text, messages.c.quoted_text).where(
        messages.c.conversation_id.in_([chat.id for chat in chats])
    )
    found = [
        one.seq
        for one in tx.execute(said)
        if names.search(f"{one.text}\n{one.quoted_text or ''}") is not None
    ]
    last = [chat.id for chat in chats if names.search(chat.last_text) is not None]
    return tuple(found), tuple(last)


def _named(place: Place, contact: str, name: str | None, number: int | None) -> re.Pattern[str]:
    """Anything that says who is meant."""
    digits = _NOT_DIGITS.sub("", place.contact_key)
    words = [contact, place.contact_key]
    words += [digits] if len(digits) >= _DIGITS_MIN else []
    words += [name] if name is not None and len(name) >= _NAME_MIN else []
    either = [rf"(?<!\w){re.escape(word)}(?!\w)" for word in words]
    either += [] if number is None else [rf"#{number}(?!\d)", rf"#\w+\s+{number}(?!\d)"]
    return re.compile("|".join(either), re.IGNORECASE)


def in_pieces(values: Iterable[T]) -> Iterable[Sequence[T]]:
    """So many as one statement takes."""
    given = list(values)
    for start in range(0, len(given), _AT_ONCE):
        yield given[start : start + _AT_ONCE]
