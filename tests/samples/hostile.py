"""Files that mean harm, or that came to some."""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence

from tests.samples.papers import docx, pdf
from tests.samples.photos import photo_jpeg
from tests.samples.voices import voice_mp4

_WORD = "word/document.xml"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def png_that_announces(width: int, height: int) -> bytes:
    """The beginning of a picture of this size, and nothing of it."""
    return _png(width, height, zlib.compress(b"\0"))


def png_bomb(side: int = 5_000) -> bytes:
    """Very few bytes that decode to four times `side` squared."""
    packer = zlib.compressobj(1)
    row = bytes(1 + 4 * side)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return _png(side, side, packed)


def png_with_text_bomb(megabytes: int = 5) -> bytes:
    """A tiny picture with a compressed remark."""
    remark = b"Comment\0\0" + zlib.compress(bytes(megabytes * 1_000_000), 9)
    whole = _png(1, 1, zlib.compress(bytes(5)))
    return whole[:33] + _chunk(b"zTXt", remark) + whole[33:]


def gif_that_announces(width: int, height: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0\xff\0\0\0\0\xff"
    frame = b"\x2c\0\0\0\0" + struct.pack("<HH", width, height) + b"\0\x02\x02\x44\x01\0"
    return head + frame + b"\x3b"


def gif_of_many_frames(frames: int = 50_000) -> bytes:
    """Small frames without end."""
    head = b"GIF89a\x02\0\x02\0\x80\0\0\xff\0\0\0\0\xff"
    frame = b"\x2c\0\0\0\0\x02\0\x02\0\0\x02\x03\x84\x52\x05\0"
    return head + frame * frames + b"\x3b"


def docx_bomb(megabytes: int = 101) -> bytes:
    """A document of 100 kB that unpacks to more than anybody writes."""
    return _docx_with(b" " * (megabytes * 1_000_000))


def lying_docx_bomb(megabytes: int = 5) -> bytes:
    """The same, but it says that it unpacks to a kilobyte."""
    size = megabytes * 1_000_000
    return _docx_with(b" " * size).replace(struct.pack("<I", size), struct.pack("<I", 1000))


def docx_that_announces(size: int) -> bytes:
    """A small document that says it unpacks to so many bytes."""
    return _docx_with(b" " * 54_321).replace(struct.pack("<I", 54_321), struct.pack("<I", size))


def docx_of_laughs(levels: int = 12) -> bytes:
    """Entities made of ten entities each."""
    entities = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, levels)]
    return _docx_with(
        f'<!DOCTYPE d [<!ENTITY e0 "ha">{"".join(entities)}]><w:document {_W}><w:body><w:p><w:r>'
        f"<w:t>&e{levels - 1};</w:t></w:r></w:p></w:body></w:document>".encode()
    )


def docx_that_reads(path: str) -> bytes:
    """An entity that stands for a file of the machine."""
    return _docx_with(
        f'<!DOCTYPE d [<!ENTITY file SYSTEM "file://{path}">]><w:document {_W}><w:body><w:p><w:r>'
        "<w:t>before &file; after</w:t></w:r></w:p></w:body></w:document>".encode()
    )


def deep_docx(depth: int = 100_000) -> bytes:
    """Boxes in boxes."""
    inner = "<w:sdt>" * depth + "</w:sdt>" * depth
    return _docx_with(
        f"<w:document {_W}><w:body>{inner}</w:body></w:document>".encode(),
    )


def svg() -> bytes:
    """A picture with a script."""
    return (
        b'<?xml version="1.0"?>\n<!-- a picture -->\n'
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    )


def html() -> bytes:
    return b"<!DOCTYPE html>\n<html><body><script>alert(1)</script></body></html>"


def photo_that_is_a_page() -> bytes:
    """A photo with a page of the web and a Word document behind it."""
    return photo_jpeg() + html() + docx()


def pdf_without_its_table() -> bytes:
    """The list of its objects is elsewhere than it says."""
    return pdf(("Found all the same",)).replace(b"startxref\n", b"startxref\n99")


def mp4_that_lies(seconds: float = 5) -> bytes:
    """Sound that says it is a thousandth as long as it is."""
    whole = voice_mp4(seconds)
    at = whole.index(b"stts")
    times = whole[at + 8 :]
    count = int.from_bytes(times[:4], "big")
    lies = b"".join(times[4 + 8 * n : 8 + 8 * n] + b"\0\0\0\x01" for n in range(count))
    return whole[: at + 12] + lies + whole[at + 12 + len(lies) :]


def playlist(path: str) -> bytes:
    """What some libraries take for a sound, and open the files it names."""
    return f"#EXTM3U\n#EXTINF:10,\nfile://{path}\n#EXT-X-ENDLIST\n".encode()


def cut_off(data: bytes) -> bytes:
    """The first half."""
    return data[: len(data) // 2]


def noise_after(magic: bytes, size: int = 20_000) -> bytes:
    """A right beginning, and behind it no sense; the same every time."""
    state, out = 12345, bytearray(magic)
    while len(out) < size:
        state = (state * 1103515245 + 12345) % (1 << 31)
        out.append(state >> 16 & 0xFF)
    return bytes(out)


def _docx_with(content: bytes) -> bytes:
    """A Word document around this content of its main part."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx())) as good, _deflated(out) as bad:
        _copied(good, bad, [name for name in good.namelist() if name != _WORD])
        bad.writestr(_WORD, content)
    return out.getvalue()


def _deflated(out: io.BytesIO) -> zipfile.ZipFile:
    return zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1)


def _copied(source: zipfile.ZipFile, target: zipfile.ZipFile, names: Sequence[str]) -> None:
    for name in names:
        target.writestr(name, source.read(name))


def _png(width: int, height: int, packed: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", packed)
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)
