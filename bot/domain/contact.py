"""How a contact is found again, however its address is spelt."""

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"\+?[\d\s().\u00a0-]{5,40}", re.ASCII)
_WITH_HOST = re.compile(r"(\d{5,20})(?::\d+)?@(?:s\.whatsapp\.net|c\.us)", re.ASCII | re.IGNORECASE)
_NUMBERS = re.compile(r"\+?[\d\s().*\u00a0-]+", re.ASCII)
_NOT_DIGITS = re.compile(r"\D+", re.ASCII)


def contact_key(address: str) -> str:
    """`+` and digits for anything that looks like a phone number, else the address as it is.

    A number without `+` is read as international, which is what WhatsApp's own ids are; two
    leading zeros stand for `+`. Only for finding: replies go to the address as it was received.
    """
    address = address.strip()
    if address.startswith("+") and address[1:].isdecimal() and address.isascii():
        return address
    hosted = _WITH_HOST.fullmatch(address)
    if hosted is not None:
        return f"+{hosted[1]}"
    if not _NUMBER.fullmatch(address):
        return address
    digits = _NOT_DIGITS.sub("", address)
    if not address.startswith("+"):
        digits = digits.removeprefix("00")
    return f"+{digits}" if 5 <= len(digits) <= 20 else address


def contact_pattern(text: str) -> str:
    """A pattern as it is compared with contact keys: `0034 600*` as `+34600*`.

    `*` stands for any characters. What is made of digits is read as `contact_key` reads numbers.
    """
    text = text.strip()
    if not _NUMBERS.fullmatch(text):
        return text
    rest = "".join(char for char in text if char.isdigit() or char == "*")
    if text.startswith("+"):
        return f"+{rest}"
    return rest if rest.startswith("*") else f"+{rest.removeprefix('00')}"


class ContactList:
    """Contact keys, and patterns in which `*` stands for any characters: `key in contacts`."""

    __slots__ = ("_keys", "_patterns")

    def __init__(self, entries: Iterable[str] = ()) -> None:
        given = frozenset(entries)
        patterns = sorted(entry for entry in given if "*" in entry)
        self._keys = given.difference(patterns)
        either = "|".join(map(_regex, patterns))
        self._patterns = re.compile(either, re.DOTALL) if patterns else None

    def __contains__(self, key: object) -> bool:
        if key in self._keys:
            return True
        if not isinstance(key, str):
            return False
        return self._patterns is not None and self._patterns.fullmatch(key) is not None

    def __bool__(self) -> bool:
        return bool(self._keys) or self._patterns is not None


def _regex(pattern: str) -> str:
    first, *parts = (re.escape(part) for part in pattern.split("*"))
    *inner, last = parts
    # Atomic: the first place where a part fits is good enough, so nothing is tried twice.
    return first + "".join(f"(?>.*?{part})" for part in inner if part) + f".*{last}"
