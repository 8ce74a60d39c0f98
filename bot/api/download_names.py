"""Names for downloads, as a header that no sender's file name can bend (RFC 6266, RFC 8187)."""

import re
import unicodedata
from typing import Literal
from urllib.parse import quote

from bot.domain.untrusted import clean_line

_NAME_BYTES = 200
"""File systems take 255, and browsers add a number to names that are taken."""

_ENDING_CHARS = 12
_LOOKED_AT_CHARS = 4000
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._()-]")


def disposition(how: Literal["inline", "attachment"], filename: str | None) -> str:
    """The value of Content-Disposition; without a name the browser goes by the address."""
    if filename is None:
        return how
    name = _harmless(filename)
    plain = _NOT_PLAIN.sub("_", name)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _harmless(filename: str) -> str:
    """One visible line without folders, that neither begins nor ends with a dot."""
    text = unicodedata.normalize("NFC", filename[-_LOOKED_AT_CHARS:])
    last = re.split(r"[/\\]", clean_line(text, len(text)))[-1]
    name = _FORBIDDEN.sub("_", last).strip(" .")
    return _cut(name).strip(" .") if name else "file"


def _cut(name: str) -> str:
    """At most so many bytes, the ending kept."""
    if len(name.encode()) <= _NAME_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > _ENDING_CHARS:
        stem, dot, ending = name, "", ""
    room_bytes = _NAME_BYTES - len(f"{dot}{ending}".encode())
    return stem.encode()[:room_bytes].decode(errors="ignore") + dot + ending
