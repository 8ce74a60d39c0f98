"""What an operator types, read as plain words; and the place in a text where they are found.

Nothing typed is syntax: a word is a run of letters and digits, everything else parts words.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

QUERY_MAX = 200
_WORDS_MAX = 12
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"[+\d\s().\u00a0/-]+", re.ASCII)
_NOT_DIGITS = re.compile(r"\D+", re.ASCII)
_DIGITS_MIN = 3
_SEARCHED_MAX = 20_000
_BEFORE, _AFTER = 40, 100


@dataclass(frozen=True, slots=True)
class Terms:
    """Words that must all occur, the last one perhaps as the beginning of a word."""

    words: tuple[str, ...]
    number: str = ""
    """The digits, where all of it may be a part of a phone number."""


def read_terms(q: str) -> Terms:
    """The words of a query, of which only the beginning counts when it is very long."""
    words = tuple(fold(word) for word in _WORD.findall(q[:QUERY_MAX]))
    digits = _NOT_DIGITS.sub("", q[:QUERY_MAX]) if _NUMBER.fullmatch(q[:QUERY_MAX]) else ""
    number = digits.removeprefix("00")
    return Terms(
        tuple(filter(None, words))[:_WORDS_MAX], number if len(number) >= _DIGITS_MIN else ""
    )


def fold(word: str) -> str:
    """In small letters, without accents."""
    return "".join(_fold_char(char) for char in word)


def excerpt(text: str, terms: Terms) -> str:
    """A piece of the text around the first word found; its beginning when there is none."""
    text = " ".join(text[:_SEARCHED_MAX].split())
    at = min(_places(text, [*terms.words, terms.number]), default=0)
    start = max(0, at - _BEFORE)
    if start:
        start = text.find(" ", start, at) + 1 or start
    piece = text[start : at + _AFTER]
    return f"{'…' if start else ''}{piece}{'…' if len(text) > at + _AFTER else ''}"


def _places(text: str, words: Sequence[str]) -> Iterator[int]:
    """Where words that begin with one of these stand."""
    wanted = tuple(filter(None, words))
    for found in _WORD.finditer(text):
        if fold(found[0]).startswith(wanted):
            yield found.start()
            return


def _fold_char(char: str) -> str:
    if char.isascii():
        return char.lower()
    parts = unicodedata.normalize("NFKD", char)
    return "".join(part for part in parts if not unicodedata.combining(part)).lower()
