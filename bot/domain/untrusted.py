"""Texts that others wrote (customers, the provider, a model), made safe to store and to show."""

import re
import unicodedata

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONG_NUMBER = re.compile(r"\+?\d(?:[\s().-]*\d){5,}")
_CUT = " […]"


def clean_text(text: str, limit: int) -> str:
    """Several lines of text that any database takes, at most `limit` code points.

    Control characters go, lone surrogates become U+FFFD, line ends become a newline.
    """
    if not text.isascii():
        text = _without_surrogates(text)
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text if len(text) <= limit else text[: limit - len(_CUT)] + _CUT


def clean_line(text: str, limit: int) -> str:
    """One line for a name or a label: nothing invisible, no direction overrides, no newlines."""
    if not text.isprintable():
        text = "".join(_visible(character) for character in text[: limit * 8])
    return " ".join(text.split())[:limit].rstrip()


def without_numbers(text: str) -> str:
    """The same with everything that might be a phone number taken out, for errors and logs."""
    return _LONG_NUMBER.sub("[number]", text)


def is_visible(text: str) -> bool:
    """Whether anything of it can be seen: no blanks, nothing of no width."""
    return any(unicodedata.category(one)[0] not in "CZ" for one in text)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category.startswith("Z") or character in "\t\n\r":
        return " "
    return "" if category.startswith("C") else character


def _without_surrogates(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
