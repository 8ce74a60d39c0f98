"""Documents, written when a test asks for them; the PDFs by hand, byte for byte."""

import functools
import hashlib
import io
from collections.abc import Sequence

import docx as python_docx
from PIL import Image, ImageDraw

_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def pdf(pages: Sequence[str] = ("Hello from page one",)) -> bytes:
    """One page for each text (lines at line ends), in any script of the Basic Plane."""
    return _pdf_file(_pdf_objects(pages))


def encrypted_pdf(text: str = "Top secret", password: str = "secret") -> bytes:  # noqa: S107 - made up
    """Can't be opened without its password (RC4, 40 bits); an empty password: opens."""
    return _pdf_file(_pdf_objects((text,)), password=password.encode())


@functools.cache
def scanned_pdf(pages: int = 2) -> bytes:
    """Pictures of paper, and no text that a program could read."""
    first, *others = [_scan(f"Scanned page {number}") for number in range(1, pages + 1)]
    out = io.BytesIO()
    first.save(out, "PDF", save_all=True, append_images=others, resolution=100)
    return out.getvalue()


def docx(
    paragraphs: Sequence[str] = ("Hello from Word",), table: Sequence[Sequence[str]] = ()
) -> bytes:
    """Paragraphs, then a table if one is given, then `The end.` behind it."""
    document = python_docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    if table:
        grid = document.add_table(rows=len(table), cols=len(table[0]))
        for row, texts in zip(grid.rows, table, strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
        document.add_paragraph("The end.")
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def csv_text(rows: int = 3) -> bytes:
    """A head and so many rows, with a byte order mark as spreadsheets write it."""
    lines = ["article;price", *(f"item {number};{number},50 €" for number in range(1, rows + 1))]
    return "\r\n".join([*lines, ""]).encode("utf-8-sig")


def plain_text(text: str = "Dear shop,\nI'd like two cakes. Grüße, 你好\n") -> bytes:
    return text.encode()


def protected_office() -> bytes:
    """As Office stores a file behind a password: the beginning and the directory of an OLE file."""
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + bytes.fromhex("3e000300feff0900")
    names = b"".join(
        name.encode("utf-16-le").ljust(128, b"\0")
        for name in ("Root Entry", "EncryptionInfo", "EncryptedPackage")
    )
    return head.ljust(512, b"\0") + names.ljust(1024, b"\0")


def _scan(text: str) -> Image.Image:
    image = Image.new("L", (850, 1100), "white")
    ImageDraw.Draw(image).text((100, 100), text, "black", font_size=40)
    return image


def _pdf_objects(pages: Sequence[str]) -> list[bytes]:
    """The objects 1, 2, …: catalogue, page tree, two fonts with three parts, pages, contents."""
    first = 8
    kids = b" ".join(b"%d 0 R" % (first + 2 * number) for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(pages), kids),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Any /Encoding /Identity-H"
        b" /DescendantFonts [5 0 R] /ToUnicode 7 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Any /DW 1000 /FontDescriptor 6 0 R"
        b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        b"<< /Type /FontDescriptor /FontName /Any /Flags 4 /FontBBox [0 0 1000 1000]"
        b" /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 800 /StemV 80 >>",
        _pdf_stream(_every_character()),
    ]
    for number, text in enumerate(pages):
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> >>" % (first + 2 * number + 1)
        )
        objects.append(_pdf_stream(_page_contents(text)))
    return objects


def _page_contents(text: str) -> bytes:
    shown = b" T* ".join(_shown(line) for line in text.split("\n"))
    return b"BT 12 TL 50 790 Td %s ET" % shown


def _shown(line: str) -> bytes:
    """A line of text: in a common font if that has the letters, else by number."""
    try:
        letters = line.encode("cp1252")
    except UnicodeEncodeError:
        return b"/F2 10 Tf <%s> Tj" % line.encode("utf-16-be").hex().encode()
    return b"/F1 10 Tf <%s> Tj" % letters.hex().encode()


def _every_character() -> bytes:
    """A map for readers: the number of a letter is its place in Unicode."""
    blocks = []
    for start in range(0, 256, 64):
        ranges = b"".join(
            b"<%02x00> <%02xff> <%02x00>\n" % (high, high, high)
            for high in range(start, start + 64)
        )
        blocks.append(b"64 beginbfrange\n%sendbfrange\n" % ranges)
    return (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        b"/CMapName /All def /CMapType 2 def\n"
        b"1 begincodespacerange <0000> <ffff> endcodespacerange\n%s"
        b"endcmap end end" % b"".join(blocks)
    )


def _pdf_stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def _pdf_file(objects: Sequence[bytes], password: bytes | None = None) -> bytes:
    identity = b"0123456789abcdef"
    owner = hashlib.sha256(
        _PADDING
    ).digest()  # whoever has no owner's password needs none that fits
    key = None if password is None else _key(password, owner, identity)
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        body = content if key is None else _locked(content, key, number)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    lock = b"" if key is None else _lock(key, owner, identity)
    out += b"trailer\n<< /Size %d /Root 1 0 R%s >>\n" % (len(objects) + 1, lock)
    out += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def _lock(key: bytes, owner: bytes, identity: bytes) -> bytes:
    proof = _rc4(key, _PADDING)
    return (
        b" /ID [<%s> <%s>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >>"
        % tuple(part.hex().encode() for part in (identity, identity, owner, proof))
    )


def _key(password: bytes, owner: bytes, identity: bytes) -> bytes:
    rights = (-4 & 0xFFFFFFFF).to_bytes(4, "little")
    return _md5((password + _PADDING)[:32] + owner + rights + identity)[:5]


def _locked(content: bytes, key: bytes, number: int) -> bytes:
    """An object with its stream, if it has one, encrypted."""
    if b"stream\n" not in content:
        return content
    head, _, rest = content.partition(b"stream\n")
    plain = rest.removesuffix(b"\nendstream")
    own_key = _md5(key + number.to_bytes(3, "little") + b"\0\0")[:10]
    return head + b"stream\n" + _rc4(own_key, plain) + b"\nendstream"


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _rc4(key: bytes, data: bytes) -> bytes:
    state, other = list(range(256)), 0
    for at in range(256):
        other = (other + state[at] + key[at % len(key)]) % 256
        state[at], state[other] = state[other], state[at]
    out, at, other = bytearray(), 0, 0
    for byte in data:
        at = (at + 1) % 256
        other = (other + state[at]) % 256
        state[at], state[other] = state[other], state[at]
        out.append(byte ^ state[(state[at] + state[other]) % 256])
    return bytes(out)
