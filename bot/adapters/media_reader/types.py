"""What a file is, by its bytes. They alone decide; a name only tells CSV from other text."""

import codecs
import re
from pathlib import Path
from typing import BinaryIO, Final

import filetype

from bot.domain.media import DOCX

UNKNOWN: Final = "application/octet-stream"
OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
"""The beginning of old Office files, and of new ones behind a password."""

_HEAD_BYTES: Final = 8192
_BLOCK_BYTES: Final = 1 << 20
_WHOLE_BYTES: Final = 64 << 20
"""Of a file that has to be read whole to know it."""
_ZIP_END_BYTES: Final = 22 + 65_535  # the last record of a zip file and its comment
_ZIP_NAMES_BYTES: Final = 1 << 20
_LOCKED_OFFICE: Final = "EncryptedPackage".encode("utf-16-le")
_MARKUP: Final = re.compile(
    rb"<(?:!doctype\s{1,9})?(?:[\w.-]{1,99}:)?(svg|html|head|body|script)\b", re.IGNORECASE
)

# These are plain letters, perhaps up to the end: asked for before text is.
_LETTERS: Final = (
    (b"%PDF-", "application/pdf"),
    (b"#!AMR", "audio/amr"),
    (b"{\\rtf", UNKNOWN),
    (b"%!PS", UNKNOWN),
)
_NAMES: Final = {
    "image/jpeg": "image/jpeg",
    "image/png": "image/png",
    "image/webp": "image/webp",
    "image/gif": "image/gif",
    "image/bmp": "image/bmp",
    "image/tiff": "image/tiff",
    "audio/ogg": "audio/ogg",
    "audio/mpeg": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/aac": "audio/aac",
    "video/webm": "video/webm",
}
_BRANDS: Final = {
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
    b"avif": UNKNOWN,
    b"avis": UNKNOWN,
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"), "image/heic"),
}


def sniff(path: Path, filename: str | None) -> str:
    """The media type, `UNKNOWN` if it is none that is read here. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        lettered = _lettered_type(head)
        if lettered is not None:
            return lettered
        if head.startswith(b"PK\x03\x04"):
            return DOCX if _holds_word(file) else UNKNOWN
        if head.startswith(OLE):
            return DOCX if is_locked_office(file) else UNKNOWN
        text = _text_type(file, head, filename)
        return _binary_type(head) if text is None else text


def is_locked_office(file: BinaryIO) -> bool:
    """Whether this OLE file is an Office document of today behind a password."""
    file.seek(0)
    return _LOCKED_OFFICE in file.read(_WHOLE_BYTES)


def _lettered_type(head: bytes) -> str | None:
    start = head[:64].removeprefix(codecs.BOM_UTF8).lstrip()
    for letters, media_type in _LETTERS:
        if start.startswith(letters):
            return media_type
    return None


def _binary_type(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return _brand_type(head[8:12])
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return "audio/mpeg"  # layer III of any version: the library leaves the slow ones out
    return _NAMES.get(filetype.guess_mime(head) or "", UNKNOWN)


def _brand_type(brand: bytes) -> str:
    if brand.startswith((b"3gp", b"3g2", b"3gr", b"3gs")):
        return "video/3gpp"
    return _BRANDS.get(brand, "video/mp4")


def _text_type(file: BinaryIO, head: bytes, filename: str | None) -> str | None:
    """None: some of it is no text. Markup with scripts has a type of its own, which nothing reads.

    A file without any bytes is a text without any letters.
    """
    decoder, markup, block, size = codecs.getincrementaldecoder("utf-8")(), None, head, len(head)
    try:
        while block:
            if b"\0" in block or size > _WHOLE_BYTES:
                return None
            decoder.decode(block)
            markup = markup or _MARKUP.search(block)
            block = file.read(_BLOCK_BYTES)
            size += len(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return None
    if markup and head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<"):
        return "image/svg+xml" if markup[1].lower() == b"svg" else "text/html"
    return "text/csv" if (filename or "").lower().endswith(".csv") else "text/plain"


def _holds_word(file: BinaryIO) -> bool:
    """Whether this zip file says that a Word document is in it; nothing is unpacked."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _ZIP_END_BYTES))
    _, found, end = file.read().rpartition(b"PK\x05\x06")
    names_bytes, names_at = (
        int.from_bytes(end[8:12], "little"),
        int.from_bytes(end[12:16], "little"),
    )
    if not found or names_bytes > _ZIP_NAMES_BYTES:
        return False
    file.seek(names_at)
    return b"word/document.xml" in file.read(names_bytes)
