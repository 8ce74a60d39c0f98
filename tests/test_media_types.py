"""What a file is, by its bytes."""

import struct
import zipfile
from pathlib import Path

import pytest

from bot.adapters.media_reader import Readers, ReadLimits
from bot.adapters.media_reader.types import UNKNOWN, sniff
from bot.domain.media import DOCX, way_of
from bot.errors import Unavailable
from tests import samples
from tests.samples import hostile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "as it came"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("voice_ogg", "audio/ogg"),
        ("voice_mp3", "audio/mpeg"),
        ("voice_m4a", "audio/mp4"),
        ("voice_wav", "audio/wav"),
        ("voice_flac", "audio/flac"),
        ("voice_aac", "audio/aac"),
        ("voice_amr", "audio/amr"),
        ("voice_webm", "video/webm"),
        ("chromium_webm", "video/webm"),
        ("voice_mp4", "video/mp4"),
        ("voice_3gp", "video/3gpp"),
        ("video_mp4", "video/mp4"),
        ("video_webm", "video/webm"),
        ("video_3gp", "video/3gpp"),
        ("video_mov", "video/quicktime"),
        ("photo_jpeg", "image/jpeg"),
        ("photo_png", "image/png"),
        ("sticker_webp", "image/webp"),
        ("moving_sticker_webp", "image/webp"),
        ("moving_gif", "image/gif"),
        ("photo_bmp", "image/bmp"),
        ("photo_tiff", "image/tiff"),
        ("pdf", "application/pdf"),
        ("scanned_pdf", "application/pdf"),
        ("encrypted_pdf", "application/pdf"),
        ("docx", DOCX),
        ("protected_office", DOCX),
        ("plain_text", "text/plain"),
    ],
)
def test_a_file_is_what_its_bytes_are(path: Path, name: str, media_type: str) -> None:
    path.write_bytes(getattr(samples, name)())
    assert sniff(path, "invoice.csv" if "text" not in name else None) == media_type


def test_the_name_tells_a_table_from_other_text(path: Path) -> None:
    path.write_bytes(samples.csv_text())
    assert sniff(path, "Prices.CSV") == "text/csv"
    assert sniff(path, "prices.exe") == sniff(path, None) == "text/plain"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (hostile.svg(), "image/svg+xml"),
        (b"\xef\xbb\xbf  <x:SVG xmlns:x='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"<!-- " + b"-" * 20_000 + b" --><svg/>", "image/svg+xml"),
        (b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' ''>", "image/svg+xml"),
        (hostile.html(), "text/html"),
        (b"\n<script>alert(1)</script>", "text/html"),
    ],
)
def test_what_may_hold_scripts_is_read_by_nobody(
    path: Path, content: bytes, media_type: str
) -> None:
    path.write_bytes(content)
    assert sniff(path, "innocent.txt") == media_type
    assert way_of(media_type) == "none"


@pytest.mark.parametrize(
    "text",
    [
        "BMW, Audi and Fiat: our prices",
        "GIF89a is a format of pictures",
        "ID3 tags in songs",
        "RIFF and other words",
        "How to write <html> and <script>",
        "<?xml version='1.0'?><invoice><total>12</total></invoice>",
        "",
    ],
)
def test_a_text_may_begin_like_something_else(path: Path, text: str) -> None:
    path.write_text(text)
    assert sniff(path, None) == "text/plain"


@pytest.mark.parametrize(
    "content",
    [
        b"words " * 50_000 + b"\0",
        b"words " * 50_000 + b"\xff",
        b"cut off within a letter: \xc3",
        "Señor".encode("latin-1"),
        "words".encode("utf-16"),
        b"{\\rtf1 words}",
        b"\x7fELF\x02\x01\x01\0",
        b"MZ\x90\0\x03\0\0\0",
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(2000),
        b"\0\0\0\x1cftypavif\0\0\0\0",
        b"\xff",
    ],
    ids=lambda content: repr(content[-12:]),
)
def test_what_nobody_knows_is_no_text(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert sniff(path, "letter.txt") == UNKNOWN


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\xff\xe3\x18\xc4\0\0\0\0", "audio/mpeg"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic"),
        (b"#!AMR-WB\n\x04", "audio/amr"),
        (b"\r\n%PDF-1.4\n\xff\xff", "application/pdf"),
    ],
)
def test_rare_beginnings_are_known(path: Path, head: bytes, media_type: str) -> None:
    path.write_bytes(head)
    assert sniff(path, None) == media_type


def test_a_zip_file_is_a_document_only_if_one_is_in_it(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("xl/workbook.xml", "<workbook/>")
    assert sniff(path, "letter.docx") == UNKNOWN
    path.write_bytes(samples.docx()[:-30])
    assert sniff(path, "letter.docx") == UNKNOWN


def test_the_names_in_a_zip_file_are_not_read_without_end(path: Path) -> None:
    whole = samples.docx()
    at = whole.rindex(b"PK\x05\x06")
    path.write_bytes(whole[: at + 12] + struct.pack("<I", 1 << 30) + whole[at + 16 :])
    assert sniff(path, "letter.docx") == UNKNOWN


async def test_a_file_that_is_not_there_is_no_fault_of_its_sender(path: Path) -> None:
    with pytest.raises(Unavailable, match="can't be opened: No such file"):
        await Readers(ReadLimits()).media_type(path, None)
