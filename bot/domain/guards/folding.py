"""Text as it is compared: without case, accents, width, formatting marks and what nobody sees."""

import re
import unicodedata

_UNSEEN_SIGNS = (
    "\u00ad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef"
)
_WIDE_SIGNS = "\u2070-\u209c\u2460-\u24ea\uff01-\uff5e\U0001d400-\U0001d7ff"
_UNSEEN = re.compile(f"[{_UNSEEN_SIGNS}]")
_WIDE = re.compile(f"[{_WIDE_SIGNS}]+")
_ODD = re.compile(f"[{_UNSEEN_SIGNS}{_WIDE_SIGNS}]")
_ACCENTS = re.compile("[\u0300-\u036f]")
_MARKS = re.compile(r"[*_~`]+")
_SIGNS = {"’": "'", "‘": "'", "ʼ": "'", "´": "'", "ı": "i"}
_WORD = re.compile(r"\w+(?:'\w+)*")


def visible(text: str) -> str:
    """Without what nobody sees, full-width signs as the usual ones."""
    if text.isascii() or not _ODD.search(text):
        return text
    return _WIDE.sub(lambda wide: unicodedata.normalize("NFKC", wide[0]), _UNSEEN.sub("", text))


def fold(text: str) -> str:
    """Only to be compared with what was folded too; formatting marks stay."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFD", visible(text))
    folded = _ACCENTS.sub("", parts).casefold()
    for sign, usual in _SIGNS.items():  # far faster than `translate`
        folded = folded.replace(sign, usual)
    return folded


def words_of(folded: str, joint: str = "") -> list[str]:
    """The words of a folded text; `joint`: what a formatting mark between two letters is."""
    if _MARKS.search(folded):
        folded = _MARKS.sub(joint, folded)
    return _WORD.findall(folded)


def line_of_words(words: list[str]) -> str:
    """Words in one line, with a blank on each side of each."""
    return f" {' '.join(words)} "
