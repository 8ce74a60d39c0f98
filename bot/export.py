"""All that is kept of a contact as one ZIP: data for programs, a text for people, and the files.

It is written piece by piece as it is read: neither the data nor a file is ever whole in memory, and
nothing is put on the disk.
"""

import json
import re
import zipfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from bot.domain.media import media_key
from bot.domain.people import Place
from bot.domain.untrusted import clean_line
from bot.errors import NotFound, Unavailable
from bot.ports import Clock, Readable, Records

SECTIONS = ("messages", "events", "turns", "notes", "audit", "notices", "told_operators")
_CHUNK_BYTES = 256_000
_NAME_MAX = 80
_UNSAFE = re.compile(r"[^\w.-]+")
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_TYPES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "audio/ogg": ".ogg",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}
_HEAD = (
    '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "img-src 'self'; media-src 'self'; style-src 'unsafe-inline'\">\n"
    "<title>Conversation</title>\n<style>body{font:1rem/1.5 sans-serif;max-width:50rem;"
    "margin:2rem auto;padding:0 1rem}p{white-space:pre-wrap;overflow-wrap:anywhere}"
    "small{color:#555}</style>\n"
)


class Export:
    """Writes what is kept of a contact."""

    def __init__(self, records: Records, blobs: Readable, clock: Clock) -> None:
        self._records = records
        self._blobs = blobs
        self._clock = clock

    async def data(self, places: Sequence[Place], by: str) -> AsyncIterator[bytes]:
        """The data alone, as one JSON object."""
        await self._note(places, by)
        async for data in _encoded(self._json(places, None)):
            yield data

    async def archive(self, places: Sequence[Place], by: str) -> AsyncIterator[bytes]:
        """The ZIP: `data.json`, `conversation-<n>.html` for each line, `media/…`."""
        await self._note(places, by)
        out, files = _Pieces(), _Files()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            async for name, content in self._entries(places, files):
                with _opened(archive, name, self._clock()) as entry:
                    async for data in content:
                        entry.write(data)
                        for piece in out.taken():
                            yield piece
        yield out.rest()

    async def _entries(
        self, places: Sequence[Place], files: "_Files"
    ) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        yield "data.json", _encoded(self._json(places, files))
        for number, place in enumerate(places, 1):
            yield f"conversation-{number}.html", _encoded(self._html(place, files))
        missing: list[str] = []
        for name, sha256 in files.wanted():
            size_bytes = await self._size(sha256)
            if size_bytes is None:
                missing.append(name)
            else:
                yield name, self._blobs.stream(media_key(sha256), 0, size_bytes)
        if missing:
            yield "missing-files.txt", _encoded(_listed(missing))

    async def _size(self, sha256: str) -> int | None:
        """None: it can't be read now."""
        try:
            return await self._blobs.size(media_key(sha256))
        except (NotFound, Unavailable):
            return None

    async def _note(self, places: Sequence[Place], by: str) -> None:
        for place in places:
            await self._records.note_export(place, by, self._clock())

    # as data

    async def _json(self, places: Sequence[Place], files: "_Files | None") -> AsyncIterator[str]:
        made = self._clock().isoformat().replace("+00:00", "Z")
        yield f'{{"exported_at": {json.dumps(made)}, "conversations": ['
        for number, place in enumerate(places):
            yield "\n" if number == 0 else ",\n"
            async for text in self._json_of(place, files):
                yield text
        yield "\n]}\n"

    async def _json_of(self, place: Place, files: "_Files | None") -> AsyncIterator[str]:
        known = await self._records.conversation(place)
        about = {"line_id": place.line_id, "contact": place.contact_key, "conversation": known}
        yield json.dumps(about, ensure_ascii=False)[:-1]
        for section in SECTIONS:
            yield f', "{section}": ['
            separator = "\n"
            async for rows in self._records.pages(place, section):
                for row in rows:
                    if files is not None:
                        files.name(row)
                    yield f"{separator}{json.dumps(row, ensure_ascii=False)}"
                    separator = ",\n"
            yield "]"
        yield "}"

    # for people

    async def _html(self, place: Place, files: "_Files") -> AsyncIterator[str]:
        known = await self._records.conversation(place)
        name = "" if known is None else str(known.get("name") or "")
        yield _HEAD
        yield f"<h1>{escape(clean_line(name, 200) or place.contact_key)}</h1>\n"
        yield f"<p><small>{escape(place.contact_key)} · {escape(place.line_id)}</small></p>\n"
        async for rows in self._records.pages(place, "messages"):
            for row in rows:
                yield _shown(row, files)


async def _encoded(texts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    async for text in texts:
        yield text.encode()


async def _listed(names: Sequence[str]) -> AsyncIterator[str]:
    yield "These files could not be read when this was made:\n"
    for name in names:
        yield f"{name}\n"


class _Files:
    """The names of files in the archive: each file once, under a name that is safe anywhere."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, row: dict[str, object]) -> None:
        """Write into a message where its file is."""
        media = row.get("media")
        if not isinstance(media, Mapping) or not media.get("sha256"):
            return
        sha256 = str(media["sha256"])
        if sha256 not in self._names:
            self._names[sha256] = _safe(len(self._names) + 1, media)
        row["file"] = self._names[sha256]

    def of(self, row: Mapping[str, object]) -> str | None:
        """Where a message's file is; None: it has none."""
        media = row.get("media")
        return self._names.get(str(media.get("sha256"))) if isinstance(media, Mapping) else None

    def wanted(self) -> Iterable[tuple[str, str]]:
        """Name and sha256."""
        return [(name, sha256) for sha256, name in self._names.items()]


def _safe(number: int, media: Mapping[Any, Any]) -> str:
    """No part of it can leave the folder, start a program by itself or be overlooked."""
    given = clean_line(str(media.get("filename") or ""), _NAME_MAX)
    stem = _UNSAFE.sub("_", given.replace("\\", "/").rpartition("/")[2]).strip("._-")
    kind = _TYPES.get(str(media.get("media_type")), ".bin")
    if stem.lower().endswith(kind):
        stem = stem[: -len(kind)]
    return f"media/{number:04}{'-' if stem else ''}{stem}{kind}"


class _Pieces:
    """Where the archive is written: what is in it already can be taken away."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def write(self, data: bytes) -> int:
        self._buffer += data
        return len(data)

    def flush(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def taken(self) -> Iterator[bytes]:
        """What was written since, once it is worth it."""
        if len(self._buffer) >= _CHUNK_BYTES:
            yield self.rest()

    def rest(self) -> bytes:
        """All that was written since."""
        piece, self._buffer = bytes(self._buffer), bytearray()
        return piece


def _opened(archive: zipfile.ZipFile, name: str, at: datetime) -> Any:
    info = zipfile.ZipInfo(name, max(at.timetuple()[:6], _ZIP_EPOCH))
    # Packed files too: some programs read no stream in which they are not.
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return archive.open(info, "w", force_zip64=True)


def _shown(row: Mapping[str, object], files: _Files) -> str:
    who = escape(clean_line(str(row.get("author_name") or row.get("author")), 80))
    when, status = escape(str(row.get("created_at"))), escape(str(row.get("status") or ""))
    lines = [f"<article><p><small>{when} · {who} {status}</small></p>"]
    for name in ("quoted_text", "text", "transcript"):
        if row.get(name):
            tag = "blockquote" if name == "quoted_text" else "p"
            lines.append(f"<{tag}>{escape(str(row[name]))}</{tag}>")
    path = files.of(row)
    if path is not None:
        lines.append(f'<p><a href="{escape(path)}">{escape(path)}</a></p>')
    elif row.get("type") != "text":
        lines.append(f"<p>[{escape(str(row.get('type')))}]</p>")
    return "".join([*lines, "</article>\n"])
