"""How long a sound is, by what its container says, else by its size: nothing is decoded."""

from collections.abc import Iterator

_BYTES_PER_SECOND = {
    "audio/mpeg": 8_000,
    "audio/mp4": 8_000,
    "audio/aac": 8_000,
    "audio/amr": 1_600,
}
_VOICE_BYTES_PER_SECOND = 4_000
"""Of Opus and the like, at 32 kbit/s."""
_OPUS_RATE = 48_000
_CLUSTER = b"\x1f\x43\xb6\x75"
_TIMECODE, _BLOCK_GROUP, _BLOCK, _SIMPLE_BLOCK = 0xE7, 0xA0, 0xA1, 0xA3


def seconds_of(data: bytes, media_type: str) -> float:
    """An estimate; good to a frame for Ogg, WAV, FLAC and the WebM that browsers record."""
    for read in (_ogg, _wav, _flac, _webm):
        seconds = read(data)
        if seconds is not None:
            return seconds
    kind = media_type.partition(";")[0].strip().lower()
    return len(data) / _BYTES_PER_SECOND.get(kind, _VOICE_BYTES_PER_SECOND)


def _ogg(data: bytes) -> float | None:
    """By the last page's granule position."""
    if not data.startswith(b"OggS"):
        return None
    rate, skipped = _ogg_rate(data)
    page = data.rfind(b"OggS")
    while page >= 0 and len(data) >= page + 14:
        position = int.from_bytes(data[page + 6 : page + 14], "little", signed=True)
        if position >= 0:  # -1: no packet ends on this page
            return max(0, position - skipped) / rate
        page = data.rfind(b"OggS", 0, page)
    return None


def _ogg_rate(data: bytes) -> tuple[int, int]:
    """Samples per second, and how many at the beginning are not heard."""
    head = data[:256]
    opus, vorbis = head.find(b"OpusHead"), head.find(b"\x01vorbis")
    if opus >= 0 and len(head) >= opus + 12:
        return _OPUS_RATE, int.from_bytes(head[opus + 10 : opus + 12], "little")
    if vorbis >= 0 and len(head) >= vorbis + 16:
        return max(1, int.from_bytes(head[vorbis + 12 : vorbis + 16], "little")), 0
    return _OPUS_RATE, 0


def _wav(data: bytes) -> float | None:
    """By the bytes per second that the header names."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    at = data.find(b"fmt ", 12, 4096)
    if at < 0 or len(data) < at + 20:
        return None
    per_second = int.from_bytes(data[at + 16 : at + 20], "little")
    return max(0, len(data) - 44) / per_second if per_second else None


def _flac(data: bytes) -> float | None:
    """By the number of samples that the header names; 0: it does not know."""
    if data[:4] != b"fLaC" or len(data) < 26:
        return None
    rate = int.from_bytes(data[18:21], "big") >> 4
    samples = int.from_bytes(data[21:26], "big") & (1 << 36) - 1
    return samples / rate if rate and samples else None


def _webm(data: bytes) -> float | None:
    """By the time of the last block; times are in milliseconds, as browsers write them."""
    cluster = data.rfind(_CLUSTER)
    if not data.startswith(b"\x1a\x45\xdf\xa3") or cluster < 0:
        return None
    _, at = _size(data, cluster + len(_CLUSTER))
    began = last = 0
    for kind, start, end in _elements(data, at):
        if kind == _TIMECODE:
            began = int.from_bytes(data[start:end], "big")
        else:  # a block: its track's number, then its time in the cluster
            _, after = _size(data, start)
            last = int.from_bytes(data[after : after + 2], "big", signed=True)
    return max(0, began + last) / 1000


def _elements(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Timecodes and blocks from here on: which, where its content begins, where it ends."""
    while at < len(data):
        kind = data[at]
        size, start = _size(data, at + 1)
        if kind in {_TIMECODE, _SIMPLE_BLOCK, _BLOCK}:
            yield kind, start, start + size
        if kind < 0x80:  # a longer id: something else begins
            return
        at = start if kind == _BLOCK_GROUP else start + size


def _size(data: bytes, at: int) -> tuple[int, int]:
    """A number of EBML, whose first byte tells its length, and where it ends."""
    if at >= len(data) or data[at] == 0:
        return 0, len(data)
    length = 9 - data[at].bit_length()
    marked = int.from_bytes(data[at : at + length], "big")
    return marked & ((1 << 7 * length) - 1), at + length
