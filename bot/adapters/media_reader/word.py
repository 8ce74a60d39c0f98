"""The words of a Word document (.docx), in their order: paragraphs, tables, boxes, form fields."""

import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Final

import docx

from bot.adapters.media_reader.documents import whole_text
from bot.adapters.media_reader.types import OLE, is_locked_office
from bot.adapters.media_reader.wire import ReadLimits
from bot.domain.media import DocumentText, Problem
from bot.errors import BadMedia

_UNPACKED_BYTES: Final = 100_000_000
_PARTS: Final = 10_000
_SIGNS: Final = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_CELLS: Final = frozenset({"tc", "sdt"})
_SILENT: Final = frozenset(
    {"pPr", "rPr", "tblPr", "trPr", "tcPr", "sdtPr", "sectPr", "del", "moveFrom", "Fallback"}
)
"""How things look, what was deleted, and what another program would show instead of a box."""


def read_word(file: BinaryIO, limits: ReadLimits) -> DocumentText:
    """Raises BadMedia; what the libraries raise means unreadable."""
    _check(file)
    file.seek(0)
    return whole_text(_text_of(docx.Document(file).element.body), limits)


def _check(file: BinaryIO) -> None:
    """Raises BadMedia for what must not even be opened."""
    if file.read(len(OLE)) == OLE:
        if is_locked_office(file):
            raise BadMedia(Problem.PROTECTED, "an Office document behind a password")
        raise BadMedia(Problem.UNREADABLE, "an Office document of the old kind")
    with zipfile.ZipFile(file) as parts:
        sizes = [part.file_size for part in parts.infolist()]
    if sum(sizes) > _UNPACKED_BYTES or len(sizes) > _PARTS:
        unpacked = f"{len(sizes):,} parts and {sum(sizes) / 1e6:,.0f} MB unpacked"
        raise BadMedia(Problem.TOO_LARGE, f"a document of {unpacked}")


def _text_of(element: Any) -> str:
    """All that is to be read in an element of WordprocessingML."""
    match _name(element):
        case "t":
            return element.text or ""
        case "tr":
            return " | ".join(_cells(element)) + "\n"
        case "p":
            return _joined(element) + "\n"
        case name if name in _SIGNS:
            return _SIGNS[name]
        case name if name in _SILENT:
            return ""
        case _:
            return _joined(element)


def _joined(elements: Iterable[Any]) -> str:
    return "".join(_text_of(element) for element in elements)


def _cells(row: Iterable[Any]) -> Iterator[str]:
    """Each in one line."""
    for cell in row:
        if _name(cell) in _CELLS:
            yield " ".join(_text_of(cell).split())


def _name(element: Any) -> str:
    """Without its namespace; empty for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
