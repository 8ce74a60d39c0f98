"""The stand-in media host: what phones sent, kept in memory, behind signed addresses.

As at the provider, whoever holds a signed address may fetch the file for a day, and nobody else.
"""

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response

from bot.sandbox.contents import File, FileKind
from bot.sandbox.values import Declined, new_id, now

MAX_FILES = 64
MAX_FILE_BYTES = 30_000_000
MAX_TOTAL_BYTES = 200_000_000
GOOD_FOR = timedelta(hours=24)

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)
_EXPIRES = re.compile(r"\d{1,12}", re.ASCII)
_SHOWN = ("image/", "audio/", "video/")


class MediaHost:
    """The newest files; the oldest are forgotten, and then answered 404."""

    def __init__(self, url: str, clock: Callable[[], datetime] = now) -> None:
        """`url` is where `router` answers, without the `/media`."""
        self._url = url
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._files: OrderedDict[str, tuple[File, bytes]] = OrderedDict()

    def keep(
        self, kind: FileKind, data: bytes, mime_type: str, filename: str, seconds: float | None
    ) -> File:
        """Take a file in, of at most MAX_FILE_BYTES. Raises Declined when it is empty."""
        if not data:
            raise Declined(422, "empty", "The file is empty.")
        digest = hashlib.sha256(data).hexdigest()
        file = File(new_id("med"), kind, mime_type, len(data), digest, filename, seconds)
        self._files[file.id] = (file, data)
        while len(self._files) > MAX_FILES or self._total_bytes() > MAX_TOTAL_BYTES:
            self._files.popitem(last=False)
        return file

    def get(self, file_id: str) -> tuple[File, bytes]:
        """Raises Declined when it is not, or no longer, here."""
        found = self._files.get(file_id)
        if found is None:
            raise Declined(404, "not_found", "There is no such file, or it was forgotten.")
        return found

    def signed_url(self, file_id: str) -> str:
        """Its address for the product, good for a day from now."""
        expires = str(int((self._clock() + GOOD_FOR).timestamp()))
        signature = self._sign(file_id, expires)
        return f"{self._url}/media/{file_id}?expires={expires}&signature={signature}"

    def check(self, file_id: str, expires: str, signature: str) -> None:
        """Raises Declined unless the signature is right and the time is not over."""
        right = self._sign(file_id, expires)
        is_right = hmac.compare_digest(signature.encode("utf-8", "replace"), right.encode())
        if not is_right or not _EXPIRES.fullmatch(expires):
            raise Declined(403, "forbidden", "The signature is missing or wrong.")
        if int(expires) <= self._clock().timestamp():
            raise Declined(403, "expired", "The address has expired.")

    def _sign(self, file_id: str, expires: str) -> str:
        signed = f"{file_id}\n{expires}".encode("utf-8", "replace")
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()

    def _total_bytes(self) -> int:
        return sum(file.size_bytes for file, _ in self._files.values())


def router(host: MediaHost) -> APIRouter:
    """Where the product fetches from: no cookie, the signature alone."""
    routes = APIRouter()

    @routes.get("/media/{file_id}")
    async def fetch(file_id: str, expires: str = "", signature: str = "") -> Response:
        host.check(file_id, expires, signature)
        file, data = host.get(file_id)
        return _attachment(data, file.mime_type)

    return routes


def shown(file: File, data: bytes, request: Request) -> Response:
    """A file for the page: what a browser can show keeps its type, and players may seek in it."""
    is_shown = file.mime_type.startswith(_SHOWN) and not file.mime_type.startswith("image/svg")
    media_type = file.mime_type if is_shown else "application/octet-stream"
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or not any(asked.groups()):
        return _attachment(data, media_type)
    return _part(data, media_type, *asked.groups())


def _part(data: bytes, media_type: str, first: str, last: str) -> Response:
    size = len(data)
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) if first and last else size - 1, size - 1)
    if start > end:
        return Response(status_code=416, headers={"content-range": f"bytes */{size}"})
    answer = _attachment(data[start : end + 1], media_type)
    answer.status_code = 206
    answer.headers["content-range"] = f"bytes {start}-{end}/{size}"
    return answer


def _attachment(data: bytes, media_type: str) -> Response:
    # Whatever a customer called it: it is never a page of this origin. `nosniff` is on everything.
    headers = {"content-disposition": "attachment", "accept-ranges": "bytes"}
    answer = Response(data, headers=headers)
    answer.headers["content-type"] = media_type
    return answer
