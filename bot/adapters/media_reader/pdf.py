"""The words of a PDF, or pictures of its first pages where it is a scan."""

from typing import Any, BinaryIO, Final

import pypdfium2
from pypdfium2 import raw

from bot.adapters.media_reader.documents import cut, nothing_in_it, tidy
from bot.adapters.media_reader.wire import ReadLimits
from bot.domain.media import DocumentText, Page, Problem
from bot.errors import BadMedia

_SPARSE_CHARS: Final = 20
"""Fewer on a page than this: a number or a stamp, on what may be a picture of the page."""
_BETWEEN: Final = "\n\n"


def read_pdf(file: BinaryIO, limits: ReadLimits) -> DocumentText:
    """Raises BadMedia; what pdfium raises means unreadable."""
    document = _opened(file.read())
    count = len(document)
    texts = _texts(document, min(count, limits.max_pages), limits.document_chars)
    pages: tuple[Page, ...] = ()
    if _is_sparse(texts[: limits.scan_pages]):
        pages = _shown(document, min(count, limits.scan_pages), limits)
    if pages and _is_sparse(texts):
        return DocumentText("", _pages_after(limits.scan_pages, count), count, pages)
    text = _BETWEEN.join(texts).strip()
    if not text:
        raise nothing_in_it()
    kept = cut(text, limits.document_chars)
    end = "" if kept == text else f"the end of page {len(texts)}"
    left_out = ", ".join(filter(None, [end, _pages_after(len(texts), count)]))
    return DocumentText(kept, left_out, count, pages)


def _opened(data: bytes) -> Any:
    try:
        return pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code in {raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY}:
            raise BadMedia(Problem.PROTECTED, "a PDF behind a password") from None
        raise


def _texts(document: Any, most_pages: int, most_chars: int) -> list[str]:
    """Of each page, until there is more than enough."""
    texts: list[str] = []
    chars = 0
    for number in range(most_pages):
        texts.append(_page_text(document[number]))
        chars += len(texts[-1]) + len(_BETWEEN)
        if chars > most_chars + len(_BETWEEN):
            break
    return texts


def _page_text(page: Any) -> str:
    words = page.get_textpage()
    text = tidy(words.get_text_range())
    words.close()
    page.close()
    return text


def _is_sparse(texts: list[str]) -> bool:
    return sum(map(len, texts)) < _SPARSE_CHARS * len(texts)


def _shown(document: Any, most_pages: int, limits: ReadLimits) -> tuple[Page, ...]:
    # Few PDFs are scans, and what makes pictures takes its time to load.
    from bot.adapters.media_reader.scans import page_pictures  # noqa: PLC0415

    return page_pictures(document, most_pages, limits)


def _pages_after(number: int, count: int) -> str:
    """What comes behind a page; empty: nothing."""
    if number >= count:
        return ""
    return f"page {count}" if number + 1 == count else f"pages {number + 1} to {count}"
