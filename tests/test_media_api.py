"""Customers' files for operators: whole, in part, and never to anybody's harm."""

import socket
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from email.message import Message
from urllib.parse import unquote

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.media_store import MediaStore
from bot.api import errors, media
from bot.api.download_names import disposition
from bot.api.gate import Gate as ApiGate
from bot.api.gate import Operators
from bot.domain.media import media_key
from bot.domain.shown import StoredFile
from bot.errors import NotFound
from tests.harness import Answer, Drop, Gate, Network, Request, ScriptedS3, eventually
from tests.harness.s3 import BUCKET
from tests.raw_calls import calling, head

TOKEN = "operator-token-of-the-tests"
SHA = "cd" + "4" * 62
TAG = f'"{SHA}"'
KEY = media_key(SHA)
DATA = bytes(range(256)) * 4
PHOTO = StoredFile(KEY, "image/jpeg", len(DATA), "photo.jpg", SHA)
CHUNK = 256_000
PATH = "/api/media/md_1"
TOKEN_LINE = f"Authorization: Bearer {TOKEN}".encode()
CREDENTIALS = {"authorization": f"Bearer {TOKEN}"}


class Shelf:
    """Stands for what the database knows."""

    def __init__(self) -> None:
        self.files = {"md_1": PHOTO}

    async def media_file(self, media_id: str) -> StoredFile:
        if media_id not in self.files:
            raise NotFound("there is no such file")
        return self.files[media_id]


class Site:
    """One running server among the scripted ones, called with the token."""

    def __init__(self, network: Network, store: MediaStore) -> None:
        self.network = network
        self.store = store
        self.shelf = Shelf()
        app = FastAPI()
        errors.install(app)
        app.add_middleware(ApiGate, operators=Operators([("desk", TOKEN)]), max_body_bytes=1000)
        app.include_router(media.routes(self.shelf, store))
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
        self._serving = network.start(self.server.serve(sockets=[listener]))

    def close(self) -> None:
        self.server.should_exit = True
        self._serving.result()

    async def get(self, media_id: str = "md_1", **headers: str) -> httpx.Response:
        return await self.request("GET", media_id, headers)

    async def head(self, media_id: str = "md_1", **headers: str) -> httpx.Response:
        return await self.request("HEAD", media_id, headers)

    async def request(
        self, method: str, media_id: str, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Underscores in the names of headers stand for hyphens."""
        url = f"http://127.0.0.1:{self.port}/api/media/{media_id}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**CREDENTIALS, "accept-encoding": "identity", **named}
        return await self.network.call(self.network.http.request(method, url, headers=sent))

    async def shows(self, file: StoredFile) -> httpx.Response:
        self.shelf.files["md_2"] = file
        return await self.get("md_2")


@pytest.fixture(scope="module")
def _folder_site(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(network, MediaStore.in_folder(tmp_path_factory.mktemp("data") / "media"))
    yield site
    site.close()


@pytest.fixture
async def site(_folder_site: Site) -> Site:
    """Over a folder that holds the photo."""
    await _folder_site.store.delete(KEY)
    await _folder_site.store.put_bytes(KEY, DATA)
    return _folder_site


@pytest.fixture(scope="module")
def _s3(network: Network) -> Iterator[ScriptedS3]:
    server = ScriptedS3(network)
    yield server
    server.close()


@pytest.fixture(scope="module")
def _bucket_site(network: Network, _s3: ScriptedS3) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in _s3.env.items():
            environment.setenv(name, value)
        store = MediaStore.at(f"s3://{BUCKET}")
    site = Site(network, store)
    yield site
    site.close()


@pytest.fixture
def s3(_s3: ScriptedS3) -> Iterator[ScriptedS3]:
    _s3.requests.clear()
    _s3.objects = {KEY: DATA}
    yield _s3
    assert not _s3.forget_plans()


@pytest.fixture
def bucket_site(_bucket_site: Site, s3: ScriptedS3) -> Site:
    """Over a bucket that holds the photo."""
    del s3  # reset
    return _bucket_site


def _is_error(answer: httpx.Response, status: int, code: str) -> bool:
    body = answer.json()
    return (answer.status_code, body["error"], set(body)) == (status, code, {"error", "message"})


# the whole


async def test_a_file_comes_whole_and_harmless(site: Site) -> None:
    answer = await site.get()
    assert (answer.status_code, answer.content) == (200, DATA)
    sent = dict(answer.headers)
    del sent["date"], sent["server"]
    assert sent == {
        "content-type": "image/jpeg",
        "content-length": "1024",
        "content-disposition": "inline; filename=\"photo.jpg\"; filename*=UTF-8''photo.jpg",
        "etag": TAG,
        "accept-ranges": "bytes",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cross-origin-resource-policy": "same-origin",
    }


async def test_a_head_tells_the_same_without_the_bytes(site: Site) -> None:
    whole, told = await site.get(), await site.head(range="bytes=0-9")
    assert (told.status_code, told.content) == (200, b"")
    assert {**told.headers, "date": ""} == {**whole.headers, "date": ""}


async def test_an_empty_file_is_empty(site: Site) -> None:
    await site.store.delete(KEY)
    await site.store.put_bytes(KEY, b"")
    for answer in (await site.get(), await site.get(range="bytes=0-"), await site.head()):
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == "0"


async def test_without_a_token_there_is_nothing(site: Site) -> None:
    answer = await site.get(authorization="Bearer wrong")
    assert _is_error(answer, 401, "unauthorized")


# in part


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=1023-1023", 1023, 1024),
        ("bytes=1000-99999999999999999999999", 1000, 1024),
        ("bytes=0-", 0, 1024),
        ("bytes=-1", 1023, 1024),
        ("bytes=-5000", 0, 1024),
        ("Bytes=3-4", 3, 5),
    ],
)
async def test_a_range_comes_alone(site: Site, asked: str, start: int, end: int) -> None:
    answer = await site.get(range=asked)
    assert (answer.status_code, answer.content) == (206, DATA[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1024"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["etag"] == TAG


@pytest.mark.parametrize(
    "asked",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=0-1,5-6", "bytes=1"),
        *("items=0-1", "bytes=0x1-0x2", "bytes=--1", "bytes=+1-2", "bytes=1-2-3", "0-1"),
        *("bytes=0-1;", "bytes=1.0-2", f"bytes=0-{'9' * 5000}", "bytes=-1, -2", "none"),
        *("bytes = 1-2", "bytes=1 - 2"),
    ],
)
async def test_what_is_no_single_range_gets_the_whole(site: Site, asked: str) -> None:
    answer = await site.get(range=asked)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert "content-range" not in answer.headers


async def test_two_range_headers_get_the_whole(site: Site) -> None:
    lines = [TOKEN_LINE, b"Range: bytes=0-1", b"Range: bytes=2-3"]
    async with calling(site.port) as call:
        await call.write(head(lines, method="GET", length=None, path=PATH))
        answer = await call.answer()
    assert (answer.status, answer.body) == (200, DATA)


@pytest.mark.parametrize(
    "asked", ["bytes=1024-", "bytes=9999-10000", "bytes=-0", "bytes=1024-1024"]
)
async def test_a_range_behind_the_end_is_refused(site: Site, asked: str) -> None:
    answer = await site.get(range=asked)
    assert _is_error(answer, 416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */1024"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("known", "status"),
    [
        (TAG, 304),
        (f"W/{TAG}", 304),
        ("*", 304),
        (f'"other", {TAG}', 304),
        ('"other"', 200),
        (SHA, 200),
        ("", 200),
    ],
)
async def test_what_is_known_is_not_sent_again(site: Site, known: str, status: int) -> None:
    answer = await site.get(if_none_match=known, range="bytes=5000-")
    assert answer.status_code == (status if status == 304 else 416)
    answer = await site.get(if_none_match=known)
    assert (answer.status_code, answer.content) == (status, b"" if status == 304 else DATA)
    assert answer.headers["etag"] == TAG
    assert (await site.head(if_none_match=known)).status_code == status


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (TAG, 206),
        (f"W/{TAG}", 200),
        ('"other"', 200),
        ("Mon, 02 Nov 2026 10:00:00 GMT", 200),
        ("", 200),
    ],
)
async def test_a_range_of_another_file_is_not_mixed_in(
    site: Site, condition: str, status: int
) -> None:
    answer = await site.get(range="bytes=0-9", if_range=condition)
    assert (answer.status_code, answer.content) == (status, DATA[:10] if status == 206 else DATA)


# what a browser may make of it


@pytest.mark.parametrize(
    "kind",
    [
        *("image/jpeg", "image/png", "image/webp", "image/gif", "audio/ogg", "audio/mpeg"),
        *("audio/mp4", "audio/wav", "audio/webm", "audio/amr", "audio/aac", "audio/flac"),
    ],
)
async def test_photos_and_sounds_are_opened_in_the_page(site: Site, kind: str) -> None:
    answer = await site.shows(replace(PHOTO, media_type=kind, filename=None))
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"] == "inline"


@pytest.mark.parametrize("kind", ["video/mp4", "video/webm", "video/3gpp"])
async def test_videos_are_for_players_and_else_downloaded(site: Site, kind: str) -> None:
    answer = await site.shows(replace(PHOTO, media_type=kind, filename=None))
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"] == "attachment"


@pytest.mark.parametrize(
    "kind",
    [
        *("text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "application/pdf"),
        *("text/plain", "text/javascript", "application/octet-stream", "", "image/jpeg; x=y"),
        *("IMAGE/JPEG", "image/jpeg\r\nx: y", "multipart/x-mixed-replace", "video/x-anything"),
    ],
)
async def test_everything_else_is_only_downloaded(site: Site, kind: str) -> None:
    answer = await site.shows(replace(PHOTO, media_type=kind, filename="page.html"))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment; ")


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("invoice.pdf", "invoice.pdf"),
        ("Übersicht März.pdf", "Übersicht März.pdf"),
        ("予約.docx", "予約.docx"),
        ('a"b.pdf', "a_b.pdf"),
        ('x"; filename="evil.html', "x_; filename=_evil.html"),
        ("a\r\nSet-Cookie: b=c.pdf", "a Set-Cookie_ b=c.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\report.doc", "report.doc"),
        ("/", "file"),
        ("..", "file"),
        ("", "file"),
        ("\0\x1b", "file"),
        (".htaccess", "htaccess"),
        ("name.exe. . ", "name.exe"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u200b\u2066b\ufeff.pdf", "ab.pdf"),
        ("a\ud800b.pdf", "ab.pdf"),
        ("a\u2028b\u00a0c.pdf", "a b c.pdf"),
        ("100%25 sure*.pdf", "100%25 sure_.pdf"),
        ("x" * 5000 + ".jpeg", "x" * 195 + ".jpeg"),
        ("é" * 300 + ".pdf", "é" * 98 + ".pdf"),
        ("x." + "y" * 5000, "y" * 200),
    ],
)
async def test_a_hostile_name_harms_nobody(site: Site, given_name: str, shown: str) -> None:
    answer = await site.shows(replace(PHOTO, media_type="text/html", filename=given_name))
    assert (answer.status_code, answer.content) == (200, DATA)
    assert "set-cookie" not in answer.headers
    assert _saved_as(answer.headers["content-disposition"]) == shown


def _saved_as(header: str) -> str:
    """As a browser reads it: the extended name wins."""
    kind, _, extended = header.partition("; filename*=UTF-8''")
    assert kind.startswith(("attachment; filename=", "inline; filename="))
    return unquote(extended, errors="strict")


ANY_TEXT = st.text(st.characters(exclude_categories=()))
AWKWARD_TEXT = st.text('."\\/;=%\r\n\u202e a', max_size=300)


@given(ANY_TEXT | AWKWARD_TEXT)
def test_any_name_makes_one_header_of_one_file(name: str) -> None:
    header = disposition("attachment", name)
    assert header.isascii()
    assert header.isprintable()
    parsed = Message()
    parsed["Content-Disposition"] = header
    assert parsed.get_content_disposition() == "attachment"
    plain = parsed.get_filename()
    assert plain == header.split('"')[1]
    assert header.count('"') == 2
    assert not set(plain) & set("%/\\;")
    saved = _saved_as(header)
    assert 0 < len(saved.encode()) <= 200
    assert not set(saved) & set('/\\"<>:|?*')
    assert not saved.startswith((".", " "))
    assert not saved.endswith((".", " "))
    assert not any(unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for one in saved)


# what is missing or away


async def test_what_nobody_knows_is_not_found(site: Site) -> None:
    for media_id in ("md_3", "..", "%2e%2e%2fx", "x" * 255):
        assert _is_error(await site.get(media_id), 404, "not_found")
    assert (await site.head("md_3")).status_code == 404


async def test_a_file_that_was_removed_is_not_found(site: Site) -> None:
    await site.store.delete(KEY)
    assert _is_error(await site.get(), 404, "not_found")
    assert _is_error(await site.get(range="bytes=0-1"), 404, "not_found")
    assert (await site.head()).status_code == 404


async def test_a_store_that_is_away_is_said(bucket_site: Site, s3: ScriptedS3) -> None:
    s3.always(Answer(403, b""))
    answer = await bucket_site.get()
    assert _is_error(answer, 503, "unavailable")
    assert "the media store s3://test-bucket: it refuses us" in answer.json()["message"]
    assert answer.headers["retry-after"] == "5"
    assert (await bucket_site.head()).status_code == 503
    s3.always(None)
    # it knows the file, but does not give it
    for status, error in ((403, 503), (404, 404)):
        s3.plan(Answer(status, b""), when=_reads_from(0))
        answer = await bucket_site.get()
        assert (answer.status_code, set(answer.json())) == (error, {"error", "message"})
    assert (await bucket_site.get()).content == DATA


def _reads_from(start: int) -> Callable[[Request], bool]:
    return lambda request: request.headers.get("range", "").startswith(f"bytes={start}-")


async def test_a_file_that_breaks_off_is_not_taken_for_the_whole(
    bucket_site: Site, s3: ScriptedS3
) -> None:
    s3.objects[KEY] = DATA * 1000
    s3.plan(Answer(403, b""), when=_reads_from(CHUNK))
    with pytest.raises(httpx.RemoteProtocolError):
        await bucket_site.get()
    s3.plan(Drop(), Answer(503, b""), when=_reads_from(CHUNK))  # that much is mended on the way
    assert (await bucket_site.get()).content == DATA * 1000


# how it is sent


async def test_the_first_bytes_come_before_the_last_are_read(
    bucket_site: Site, s3: ScriptedS3
) -> None:
    s3.objects[KEY] = data = DATA * 500
    gate = Gate()
    headers = {
        "content-range": f"bytes {CHUNK}-{len(data) - 1}/{len(data)}",
        "last-modified": "Mon, 02 Nov 2026 10:00:00 GMT",
    }
    s3.plan(Answer(206, data[CHUNK:], headers, gate=gate), when=_reads_from(CHUNK))
    async with calling(bucket_site.port) as call:
        await call.write(head([TOKEN_LINE], method="GET", length=None, path=PATH))
        await call.reader.readuntil(b"\r\n\r\n")
        assert await call.reader.readexactly(CHUNK) == data[:CHUNK]
        gate.open()
        assert await call.reader.readexactly(len(data) - CHUNK) == data[CHUNK:]


async def test_a_client_that_hangs_up_stops_the_reading(bucket_site: Site, s3: ScriptedS3) -> None:
    pieces = 160
    s3.objects[KEY] = bytes(pieces * CHUNK)
    async with calling(bucket_site.port) as call:
        await call.write(head([TOKEN_LINE], method="GET", length=None, path=PATH))
        await call.reader.readexactly(100_000)
    await eventually(lambda: not bucket_site.server.server_state.tasks)
    assert 0 < len(s3.calls("GET")) < pieces // 2
