"""Whose telephone numbers these are."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from bot.adapters.db.schema import conversations

_DIGITS_MAX = 15


def is_of_others(tx: Connection, conversation_id: str, numbers: Sequence[str]) -> bool:
    """Whether one of these numbers (digits) is that of another contact than this conversation's.

    A number without its country's code is taken for one of the same country.
    """
    about = select(conversations.c.contact_key).where(conversations.c.id == conversation_id)
    own: str | None = tx.execute(about).scalar()
    if own is None:
        return False
    wanted = {key for number in numbers for key in _spellings(number, own)} - {own}
    found = select(conversations.c.id).where(conversations.c.contact_key.in_(sorted(wanted)))
    return tx.execute(found.limit(1)).first() is not None


def _spellings(number: str, own: str) -> set[str]:
    """The contact keys that it may stand for."""
    keys = {f"+{number.removeprefix('00')}"}
    national = number.lstrip("0")
    code_digits = len(own) - 1 - len(national)
    for digits in {code_digits, code_digits - 1, code_digits + 1}:
        if own.startswith("+") and 1 <= digits <= 3 and len(national) + digits <= _DIGITS_MAX:
            keys.add(f"{own[: digits + 1]}{national}")
    return keys
