"""WhatsApp's formatting as HTML: what a text will look like on the phone, and nothing more.

Whatever somebody wrote is escaped; the only elements are those of this file. Linear in the text.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby

from markupsafe import Markup, escape

_TAGS: Mapping[str, str] = {"*": "strong", "_": "em", "~": "s"}
_MARK = re.compile(r"[*_~]")
_SPECIAL = re.compile(r"[*_~`]|^>", re.MULTILINE)
_SPECIAL_MAX = 200
_FENCE = re.compile(r"```(.+?)```", re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_QUOTE = "> "


def to_html(text: str) -> Markup:
    """A message's text with its bold, italic, struck and code parts."""
    if len(_SPECIAL.findall(text)) > _SPECIAL_MAX:
        return escape(text)  # nobody formats so much: a page must not take long over it
    return _around_code(text, _FENCE, _lines)


def _around_code(text: str, code: re.Pattern[str], show: Callable[[str], Markup]) -> Markup:
    """What `code` captures is code, the rest is shown by `show`."""
    pieces = code.split(text)
    shown = Markup("<code>{}</code>").format
    return Markup().join(shown(one) if i % 2 else show(one) for i, one in enumerate(pieces))


def _lines(text: str) -> Markup:
    """Lines without any mark are escaped together: there may be thousands."""
    runs = groupby(text.split("\n"), lambda line: bool(_SPECIAL.search(line)))
    parts = [
        Markup("\n").join(map(_line, run)) if is_special else escape("\n".join(run))
        for is_special, run in runs
    ]
    return Markup("\n").join(parts)


def _line(line: str) -> Markup:
    if line.startswith(_QUOTE):
        return Markup('<span class="quoted">{}</span>').format(_inline(line[len(_QUOTE) :]))
    return _inline(line)


def _inline(line: str) -> Markup:
    return _around_code(line, _CODE, _marked)


def _marked(text: str) -> Markup:
    tags, parts, begun = _pairs(text), [], 0
    for place in sorted(tags):
        parts += [escape(text[begun:place]), Markup(tags[place])]  # noqa: S704 - one of ours
        begun = place + 1
    return Markup().join([*parts, escape(text[begun:])])


def _pairs(text: str) -> Mapping[int, str]:
    """Where a mark becomes a tag: pairs that are properly nested."""
    tags: dict[int, str] = {}
    opened: list[tuple[str, int]] = []
    for place in _marks(text):
        mark = text[place]
        known = [one for one, _ in opened]
        if mark in known and _closes(text, place, opened[known.index(mark)][1]):
            _, begin = opened[known.index(mark)]
            del opened[known.index(mark) :]
            tags[begin], tags[place] = f"<{_TAGS[mark]}>", f"</{_TAGS[mark]}>"
        elif mark not in known and _opens(text, place):
            opened.append((mark, place))
    return tags


def _marks(text: str) -> Iterator[int]:
    return (found.start() for found in _MARK.finditer(text))


def _opens(text: str, place: int) -> bool:
    before, after = text[max(0, place - 1) : place], text[place + 1 : place + 2]
    return not before.isalnum() and bool(after.strip()) and after != text[place]


def _closes(text: str, place: int, begin: int) -> bool:
    before, after = text[place - 1], text[place + 1 : place + 2]
    return place > begin + 1 and bool(before.strip()) and not after.isalnum()
