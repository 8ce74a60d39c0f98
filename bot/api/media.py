"""Customers' files as they were sent: whole or in part, and harmless to whoever opens them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Send

from bot.api.byte_ranges import OutOfRange, Span, wanted_span
from bot.api.calls import ERRORS, Id
from bot.api.download_names import disposition
from bot.api.errors import ErrorBody, error_answer
from bot.domain.shown import StoredFile
from bot.errors import BotError

log = structlog.get_logger()

_SHOWN = frozenset(
    {
        *("image/jpeg", "image/png", "image/webp", "image/gif"),
        *("audio/ogg", "audio/mpeg", "audio/mp4", "audio/wav", "audio/webm", "audio/amr"),
        *("audio/aac", "audio/flac"),
    }
)
"""What a browser may open itself; of these types nothing can run."""

_PLAYED = frozenset({"video/mp4", "video/webm", "video/3gpp"})
"""For a player in a page; opened by themselves they are downloads."""

_SAFETY: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}

_ANSWERS: dict[int | str, dict[str, Any]] = {
    **ERRORS,
    200: {"description": "the file", "content": {"application/octet-stream": {}}},
    206: {"description": "the one range of it that `Range` asks for"},
    304: {"description": "it is the one of `If-None-Match`"},
    416: {"description": "the file ends before the range", "model": ErrorBody},
}


class MediaFiles(Protocol):
    """Knows where files are kept."""

    async def media_file(self, media_id: str) -> StoredFile:
        """Raises NotFound, also while the file is not ours yet."""
        ...


class Bytes(Protocol):
    """Holds their bytes; everything raises NotFound or Unavailable."""

    async def size(self, key: str) -> int:
        """In bytes."""
        ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, without, `end`; it may break off with these errors."""
        ...


def routes(
    files: MediaFiles, store: Bytes, root: str = "/api", guards: Sequence[Any] = ()
) -> APIRouter:
    """GET and HEAD of `{root}/media/{media_id}`, each behind the guards."""
    api = APIRouter(prefix=f"{root}/media", tags=["media"], dependencies=guards)

    @api.head("/{media_id}", include_in_schema=False)
    @api.get("/{media_id}", response_class=Response, responses=_ANSWERS)
    async def media(media_id: Id, request: Request) -> Response:
        """The file that a message came with; `Range`, `If-Range` and `If-None-Match` count."""
        file = await files.media_file(media_id)
        size_bytes = await store.size(file.key)
        try:
            return await _answer(request, file, size_bytes, store)
        except OutOfRange:
            headers = {**_SAFETY, "Content-Range": f"bytes */{size_bytes}"}
            text = f"the file has {size_bytes} bytes"
            return error_answer(416, "range_not_satisfiable", text, headers)

    return api


async def _answer(request: Request, file: StoredFile, size_bytes: int, store: Bytes) -> Response:
    tag = f'"{file.sha256}"'
    headers = {**_SAFETY, "ETag": tag, "Accept-Ranges": "bytes"}
    if _is_known(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    headers |= _described(file)
    if request.method == "HEAD":  # a range is for GET alone
        return Response(headers={**headers, "Content-Length": str(size_bytes)})
    span = _wanted(request, tag, size_bytes)
    if span is None:
        return await _stream(store, file.key, Span(0, size_bytes), HTTPStatus.OK, headers)
    headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size_bytes}"
    return await _stream(store, file.key, span, HTTPStatus.PARTIAL_CONTENT, headers)


def _is_known(request: Request, tag: str) -> bool:
    listed = ",".join(request.headers.getlist("if-none-match")).split(",")
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in listed)


def _wanted(request: Request, tag: str, size_bytes: int) -> Span | None:
    """None: the whole. Raises OutOfRange."""
    if request.headers.get("if-range", tag) != tag:  # no date is known here: none can be right
        return None
    ranges = request.headers.getlist("range")
    return wanted_span(ranges[0], size_bytes) if len(ranges) == 1 else None


def _described(file: StoredFile) -> Mapping[str, str]:
    """Type and name, neither of which the sender can use against an operator."""
    if file.media_type in _SHOWN:
        return _typed(file.media_type, disposition("inline", file.filename))
    attached = disposition("attachment", file.filename)
    played = file.media_type in _PLAYED
    return _typed(file.media_type if played else "application/octet-stream", attached)


def _typed(media_type: str, shown_as: str) -> Mapping[str, str]:
    return {"Content-Type": media_type, "Content-Disposition": shown_as}


async def _stream(
    store: Bytes, key: str, span: Span, status: HTTPStatus, headers: Mapping[str, str]
) -> Response:
    """Begins once the first bytes are here: until then a store that is away is a usual error."""
    pieces = store.stream(key, span.start, span.end)
    first = await anext(pieces, b"")
    length = {"Content-Length": str(span.end - span.start)}
    return Stream(joined(first, pieces), status, {**headers, **length})


async def joined(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """All pieces, the first of which is here already."""
    yield first
    async for piece in pieces:
        yield piece


class Stream(StreamingResponse):
    """A body that may break off: then the server hangs up, and nobody takes it for the whole."""

    async def stream_response(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code}
        await send({**start, "headers": self.raw_headers})
        try:
            async for piece in self.body_iterator:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except BotError as error:
            log.warning("media.broke_off", error=str(error))
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
