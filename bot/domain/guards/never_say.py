"""Words that a prompt forbids."""

import re
from collections.abc import Iterator
from functools import lru_cache

from bot.domain.guards.folding import fold, line_of_words, words_of
from bot.domain.guards.rules import Finding, Guard

# Scripts that are written without spaces: there a phrase may stand anywhere.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_MARKS = ("*", "_", "~", "`")


def forbidden(folded: str, phrases: tuple[str, ...]) -> Iterator[Finding]:
    """One finding for each phrase that the answer holds."""
    if not phrases:
        return
    joined = line_of_words(words_of(folded))
    marked = any(mark in folded for mark in _MARKS)
    parted = line_of_words(words_of(folded, " ")) if marked else joined
    for phrase in phrases:
        wanted, anywhere = _wanted(phrase)
        if not wanted:
            continue
        if anywhere:
            found = wanted in joined.replace(" ", "")
        else:
            found = wanted in joined or wanted in parted
        if found:
            yield Finding(Guard.NEVER_SAY, "phrase", phrase)


@lru_cache(maxsize=2048)
def _wanted(phrase: str) -> tuple[str, bool]:
    """What to look for, and whether it may stand anywhere."""
    open_end = phrase.endswith("*")
    words = words_of(fold(phrase))
    if _UNSPACED.search(phrase):
        return "".join(words), True
    if not words:
        return "", False
    line = line_of_words(words)
    return line.rstrip() if open_end else line, False
