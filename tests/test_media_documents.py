"""What is read in documents: words, pictures of scans, and what is left out."""

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from bot.adapters.media_reader.types import sniff
from bot.domain.media import DOCX
from tests import samples
from tests.reading import Put, problem, reader, words, writer
from tests.samples import hostile

PAGE = "\n".join("A line of quite ordinary words." for _ in range(30))


@pytest.fixture
def put(tmp_path: Path) -> Put:
    return writer(tmp_path)


async def test_the_words_of_a_pdf_are_read_in_any_script(put: Put) -> None:
    found = await words(put(samples.pdf(("Price list\nGrüße für 3 €", "你好，世界\nПривет"))))
    assert found.text == "Price list\nGrüße für 3 €\n\n你好，世界\nПривет"
    assert (found.page_count, found.left_out, found.pages) == (2, "", ())


async def test_of_a_long_pdf_the_first_pages_are_read(put: Put) -> None:
    pages = [f"page {number}" for number in range(1, 5001)]
    many, few = await asyncio.gather(
        words(put(samples.pdf(pages))), words(put(samples.pdf(pages[:3])), max_pages=2)
    )
    assert many.text.endswith("\n\npage 199\n\npage 200")
    assert (many.page_count, many.left_out) == (5000, "pages 201 to 5000")
    assert few.left_out == "page 3"


async def test_words_beyond_the_limit_are_left_out_and_it_is_said_which(put: Put) -> None:
    path = put(samples.pdf([PAGE] * 5))
    within, exact = await asyncio.gather(
        words(path, document_chars=len(PAGE) * 2), words(path, document_chars=len(PAGE) * 5 + 8)
    )
    assert within.left_out == "the end of page 2, pages 3 to 5"
    assert within.text.endswith("ordinary words.")
    assert len(PAGE) < len(within.text) <= len(PAGE) * 2
    assert (exact.left_out, len(exact.text)) == ("", len(PAGE) * 5 + 8)


async def test_a_scan_is_shown_as_pictures(put: Put) -> None:
    six, two = put(samples.scanned_pdf(6)), put(samples.scanned_pdf(2))
    first, whole = await asyncio.gather(words(six, picture_bytes=30_000), words(two))
    assert (first.text, first.page_count, len(first.pages)) == ("", 6, 4)
    assert first.left_out == "pages 5 to 6"
    assert (whole.left_out, len(whole.pages)) == ("", 2)
    for page in first.pages:
        assert Image.open(io.BytesIO(page.data), formats=["JPEG"]).size[1] <= 1536
        assert len(page.data) <= 30_000


async def test_behind_a_password_nothing_is_read(put: Put) -> None:
    protected = (samples.encrypted_pdf(), samples.protected_office())
    problems = await asyncio.gather(*(problem(words(put(file))) for file in protected))
    assert problems == ["protected", "protected"]
    assert (await words(put(samples.encrypted_pdf(password="")))).text == "Top secret"


async def test_a_word_document_is_read_in_its_order(put: Put) -> None:
    table = [["Cake", "Price"], ["", "12 €"]]
    found = await words(put(samples.docx(["Dear shop,", "我要两个"], table)))
    assert found.text == "Dear shop,\n我要两个\nCake | Price\n | 12 €\nThe end."
    assert (found.page_count, found.left_out) == (None, "")


async def test_a_table_of_values_is_shown_as_it_is(put: Put) -> None:
    path = put(samples.csv_text())
    found = await reader().document(path, sniff(path, "prices.csv"))
    assert found.text == "article;price\nitem 1;1,50 €\nitem 2;2,50 €\nitem 3;3,50 €"


async def test_a_text_is_cut_at_a_line_s_end_if_there_is_one(put: Put) -> None:
    lines, endless = put(b"a line of it\n" * 10), put("é".encode() * 100)
    found = await asyncio.gather(
        words(lines, document_chars=30),
        words(lines, document_chars=38),
        words(endless, document_chars=30),
    )
    assert [(len(text.text), text.left_out) for text in found] == [
        (25, "the last 104 of 129 characters"),
        (38, "the last 91 of 129 characters"),
        (30, "the last 70 of 100 characters"),
    ]


async def test_words_are_clean(put: Put) -> None:
    found = await words(put(b"\xef\xbb\xbf\n\x1b[31mred\x07\r\n\tnext\x7f \n\n"))
    assert found.text == "[31mred\n\tnext"


async def test_a_document_that_says_nothing_is_empty(put: Put) -> None:
    empty = (b"", b" \r\n\t", samples.pdf(("",)), samples.docx(()), _blank_scan())
    problems = await asyncio.gather(*(problem(words(put(content))) for content in empty))
    assert problems == ["empty"] * 5


def _blank_scan() -> bytes:
    out = io.BytesIO()
    Image.new("L", (200, 300), "white").save(out, "PDF")
    return out.getvalue()


async def test_documents_that_mean_harm_do_none(put: Put) -> None:
    readers = reader(timeout_s=10)
    bombs = {
        hostile.docx_that_announces(3_000_000_000): "too_large",
        hostile.lying_docx_bomb(): "unreadable",
        hostile.docx_of_laughs(): "unreadable",
        hostile.deep_docx(): "unreadable",
        samples.pdf(): "unreadable",
    }
    found = await asyncio.gather(*(problem(readers.document(put(bomb), DOCX)) for bomb in bombs))
    assert found == list(bombs.values())


@pytest.mark.slow
async def test_a_document_that_unpacks_to_a_giant_is_refused(put: Put) -> None:
    looking = words(put(hostile.docx_bomb()), memory_bytes=300_000_000)
    assert await problem(looking) == "too_large"


async def test_a_document_shows_no_file_of_ours(put: Put) -> None:
    ours = put(b"a secret of ours")
    assert (await words(put(hostile.docx_that_reads(str(ours))))).text == "before"


async def test_broken_pdfs_are_mended_or_unreadable(put: Put) -> None:
    broken = put(hostile.cut_off(samples.pdf())), put(hostile.noise_after(b"%PDF-1.7\n"))
    problems = await asyncio.gather(*(problem(words(path)) for path in broken))
    assert problems == ["unreadable", "unreadable"]
    assert (await words(put(hostile.pdf_without_its_table()))).text == "Found all the same"


async def test_a_text_that_is_none_is_unreadable(put: Put) -> None:
    path = put("Señor".encode("latin-1"))
    assert await problem(reader().document(path, "text/plain")) == "unreadable"
