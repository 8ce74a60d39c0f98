"""What WhatsApp puts up with: the length of one message, and where a long text may be parted."""

import re
import unicodedata

TEXT_LIMIT = 4096
"""Code points in one message."""

_ENDS = (
    re.compile(r"\n[^\S\n]*\n\s*"),  # of a paragraph
    re.compile(r"\n"),
    re.compile(r"[.!?…。！？][\"'»”’)\]*_~]*(?=\s)|[。！？]"),  # of a sentence
)
_SPACE = re.compile(r"\s")
_LONGEST_CLUSTER = 64


def split_text(text: str, limit: int = TEXT_LIMIT) -> tuple[str, ...]:
    """Parts of at most `limit` code points, to be sent in order; none for a blank text.

    Parted at the end of a paragraph, else of a line, a sentence, a word; only a word longer than
    the limit is cut. No part is less than a quarter full if that can be helped.
    """
    if limit < 1:
        raise ValueError("limit must be at least 1")
    parts = []
    rest = text.strip()
    while len(rest) > limit:
        cut = _cut(rest, limit)
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if rest:
        parts.append(rest)
    return tuple(parts)


def _cut(text: str, limit: int) -> int:
    """Where to part a text that is too long: from 1 to `limit`."""
    for ends in _ENDS:
        last = _last_end(ends, text, limit)
        if last >= max(1, limit // 4):
            return last
    # A space right behind the limit ends a word, too.
    spaces = [match.start() for match in _SPACE.finditer(text, 1, limit + 1)]
    return spaces[-1] if spaces else _between_clusters(text, limit)


def _last_end(ends: re.Pattern[str], text: str, limit: int) -> int:
    """The last place up to `limit` where the text before `match.end()` is complete; 0: none."""
    last = 0
    for match in ends.finditer(text, 0, limit + 1):
        end = match.start() if match[0].isspace() else match.end()
        if end <= limit:
            last = end
    return last


def _between_clusters(text: str, limit: int) -> int:
    for cut in range(limit, max(0, limit - _LONGEST_CLUSTER), -1):
        if not _joined(text[cut - 1], text[cut]):
            return cut
    return limit


def _joined(before: str, after: str) -> bool:
    """Whether two neighbours are one sign: an accent, an emoji sequence, a flag."""
    return (
        "\u200d" in (before, after)
        or unicodedata.category(after).startswith("M")
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or (_is_flag_letter(before) and _is_flag_letter(after))
        or "\udc00" <= after <= "\udfff"
    )


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"
