"""The words of a document: cleaned, cut to a length, and what of them is left out."""

from typing import BinaryIO, Final

from bot.adapters.media_reader.wire import ReadLimits
from bot.domain.media import DocumentText, Problem
from bot.domain.untrusted import clean_text
from bot.errors import BadMedia

_LINE_CHARS: Final = 1000
"""A cut goes back to the last line's end if it is no farther away than this."""


def read_text(file: BinaryIO, limits: ReadLimits) -> DocumentText:
    """A text in UTF-8, or a table that is one. Raises BadMedia or UnicodeDecodeError."""
    return whole_text(file.read().decode("utf-8-sig"), limits)


def whole_text(text: str, limits: ReadLimits) -> DocumentText:
    """As much as may be had of a text without pages. Raises BadMedia (empty)."""
    text = tidy(text)
    if not text:
        raise nothing_in_it()
    kept = cut(text, limits.document_chars)
    missing = len(text) - len(kept)
    return DocumentText(
        kept, f"the last {missing:,} of {len(text):,} characters" if missing else ""
    )


def tidy(text: str) -> str:
    """Fit to be stored and shown, without empty lines at the ends."""
    return clean_text(text, len(text)).strip("\n").rstrip()


def cut(text: str, most_chars: int) -> str:
    """The beginning, up to a line's end where there is one."""
    if len(text) <= most_chars:
        return text
    line_end = text.rfind("\n", max(1, most_chars - _LINE_CHARS), most_chars + 1)
    return text[: most_chars if line_end < 0 else line_end]


def nothing_in_it() -> BadMedia:
    """The error for a document that says nothing."""
    return BadMedia(Problem.EMPTY, "a document without any text")
