"""A scripted S3: one bucket in memory, path style, as much of it as a client for files needs."""

import hashlib
import re
from collections.abc import Mapping
from itertools import count
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.harness.http_server import Answer, Request, ScriptedServer
from tests.harness.network import Network

BUCKET = "test-bucket"
_MODIFIED = {"last-modified": "Mon, 02 Nov 2026 10:00:00 GMT"}
_XML = {"content-type": "application/xml"}


class ScriptedS3(ScriptedServer):
    """`objects` by key, without the bucket's name; signatures are asked for and not looked at."""

    def __init__(self, network: Network) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        """Uploads in parts that are neither completed nor given up, by their id."""
        self._ids = count(1)
        super().__init__(network)

    @property
    def env(self) -> dict[str, str]:
        """What a client's environment must say."""
        return {
            "AWS_ENDPOINT": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "key-of-the-tests",
            "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
        }

    def calls(self, method: str) -> list[Request]:
        """Requests with this method, oldest first."""
        return [request for request in self.requests if request.method == method]

    def normal_answer(self, request: Request) -> Answer:
        if "authorization" not in request.headers:
            return _error(403, "AccessDenied")
        address = urlsplit(request.path)
        bucket, _, key = unquote(address.path).lstrip("/").partition("/")
        if bucket != BUCKET:
            return _error(404, "NoSuchBucket")
        query = {
            name: values[0]
            for name, values in parse_qs(address.query, keep_blank_values=True).items()
        }
        if not key:
            return self._list(query.get("prefix", ""))
        if "uploadId" in query or "uploads" in query:
            return self._upload(request, key, query)
        return self._object(request, key)

    def _object(self, request: Request, key: str) -> Answer:
        if request.method == "PUT":
            self.objects[key] = request.body
            return Answer(200, b"", _tag(request.body))
        if request.method == "DELETE":
            self.objects.pop(key, None)
            return Answer(204, b"")
        data = self.objects.get(key)
        if data is None:
            return _without_body(_error(404, "NoSuchKey"), request)
        return _without_body(_read(data, request.headers.get("range")), request)

    def _list(self, prefix: str) -> Answer:
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size>"
            f"<LastModified>2026-11-02T10:00:00.000Z</LastModified></Contents>"
            for key, data in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        listing = f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        return Answer(200, listing.encode(), _XML)

    def _upload(self, request: Request, key: str, query: Mapping[str, str]) -> Answer:
        """The four calls of an upload in parts."""
        upload = query.get("uploadId", f"upload-{next(self._ids)}")
        match request.method:
            case "PUT":
                self.uploads[upload][int(query["partNumber"])] = request.body
                return Answer(200, b"", _tag(request.body))
            case "DELETE":
                self.uploads.pop(upload, None)
                return Answer(204, b"")
            case _ if "uploads" in query:
                self.uploads[upload] = {}
                return _started(upload)
            case _:
                parts = self.uploads.pop(upload)
                self.objects[key] = b"".join(parts[number] for number in sorted(parts))
                return _completed(key, self.objects[key])


def _started(upload: str) -> Answer:
    text = f"<UploadId>{upload}</UploadId>"
    text = f"<InitiateMultipartUploadResult>{text}</InitiateMultipartUploadResult>"
    return Answer(200, text.encode(), _XML)


def _completed(key: str, data: bytes) -> Answer:
    tag = escape(_tag(data)["etag"])
    text = (
        f"<CompleteMultipartUploadResult><Key>{escape(key)}</Key><ETag>{tag}</ETag>"
        "</CompleteMultipartUploadResult>"
    )
    return Answer(200, text.encode(), _XML)


def _read(data: bytes, wanted: str | None) -> Answer:
    headers = {**_tag(data), **_MODIFIED, "content-type": "application/octet-stream"}
    if wanted is None:
        return Answer(200, data, headers)
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    assert match is not None, wanted
    start, end = int(match[1]), min(int(match[2] or len(data)), len(data) - 1)
    if start >= len(data):
        return _error(416, "InvalidRange")
    span = {"content-range": f"bytes {start}-{end}/{len(data)}"}
    return Answer(206, data[start : end + 1], {**headers, **span})


def _without_body(answer: Answer, request: Request) -> Answer:
    if request.method != "HEAD":
        return answer
    length = {"content-length": str(len(answer.body))}
    return Answer(answer.status, b"", {**answer.headers, **length})


def _tag(data: bytes) -> dict[str, str]:
    return {"etag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'}


def _error(status: int, code: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>scripted</Message></Error>"
    return Answer(status, body.encode(), _XML)
