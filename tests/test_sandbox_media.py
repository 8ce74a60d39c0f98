"""Files from the sandbox's phones: uploads, signed addresses, limits, and who may see what."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bot.sandbox.contents import FileKind
from bot.sandbox.media_host import MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, MediaHost
from bot.sandbox.values import Declined
from tests.sandbox_calls import PHOTO, bubbles, received, upload
from tests.sandbox_server import ANA, browser_session, running

pytestmark = pytest.mark.slow

HOSTILE = '../../etc/"passwd"\r\nx: y\u202e<b>.pdf'
NOON = datetime(2027, 5, 3, 12, tzinfo=UTC)


async def test_a_photo_arrives_with_an_address_that_is_enough_to_fetch_it() -> None:
    async with running() as site, browser_session(site) as client:
        answer = await upload(client, "image", caption=" *this* one? ", filename="IMG.jpg")
        assert answer.status_code == 201
        [message] = await received(site)
        url = message["media"].pop("url")
        assert message.pop("received_at").endswith("Z")
        assert message == {
            "id": answer.json()["id"],
            "from": ANA,
            "type": "image",
            "profile_name": "Ana",
            "caption": "*this* one?",
            "media": {"mime_type": "image/jpeg", "sha256": hashlib.sha256(PHOTO).hexdigest()},
        }
        assert url.startswith(f"{site.url}/sandbox/media/")
        file = await site.product.get(url)  # the product has no cookie
        assert (file.status_code, file.content) == (200, PHOTO)
        assert file.headers["content-type"] == "image/jpeg"
        assert file.headers["content-disposition"] == "attachment"
        assert file.headers["x-content-type-options"] == "nosniff"


async def test_only_a_document_has_a_name_and_it_comes_as_it_was_given() -> None:
    async with running() as site, browser_session(site) as client:
        await upload(client, "document", mime_type="application/pdf", filename=HOSTILE)
        await upload(client, "document", mime_type="no type <b>")
        await upload(client, "voice", mime_type="audio/webm;codecs=opus", filename="v", seconds="3")
        named, odd, voice = [each["media"] for each in await received(site, 3)]
        assert named["filename"] == HOSTILE
        assert not {"filename", "file_name"} & {*odd, *voice}
        assert odd["mime_type"] == "application/octet-stream"
        assert voice["mime_type"] == "audio/webm;codecs=opus"
        file = await site.product.get(named["url"])
        assert HOSTILE not in str(file.headers)


async def test_an_address_opens_one_file_and_only_unchanged() -> None:
    async with running() as site, browser_session(site) as client:
        await upload(client, "image")
        await upload(client, "image", b"another")
        one, other = [httpx.URL(each["media"]["url"]) for each in await received(site, 2)]
        signature, expires = one.params["signature"], one.params["expires"]
        wrong = [
            {},
            {"expires": expires},
            {"signature": signature},
            {"expires": expires, "signature": ""},
            {"expires": expires, "signature": signature[:-1]},
            {"expires": expires, "signature": "é" + signature[1:]},
            {"expires": str(int(expires) + 1), "signature": signature},
            {"expires": f" {expires}", "signature": signature},
            {"expires": expires, "signature": other.params["signature"]},
        ]
        for params in wrong:
            answer = await site.product.get(one.copy_with(query=None), params=params)
            assert (answer.status_code, answer.json()["error"]) == (403, "forbidden"), params
        for path in (other.path, "/sandbox/media/med_unknown", "/sandbox/media/..%2fstate"):
            query = {"expires": expires, "signature": signature}
            assert (await site.product.get(path, params=query)).status_code in {403, 404}, path
        for headers in ({"host": "evil.example"}, {"x-forwarded-for": "127.0.0.1"}):
            assert (await site.product.get(one, headers=headers)).status_code == 404
        assert (await site.product.get(one)).status_code == 200


def test_an_address_is_good_for_a_day() -> None:
    clock = [NOON]
    host = MediaHost("http://127.0.0.1:1/sandbox", lambda: clock[0])
    file = host.keep(FileKind.IMAGE, PHOTO, "image/jpeg", "", None)
    url = httpx.URL(host.signed_url(file.id))
    given = (file.id, url.params["expires"], url.params["signature"])
    clock[0] = NOON + timedelta(hours=23, minutes=59)
    host.check(*given)
    clock[0] = NOON + timedelta(hours=24)
    with pytest.raises(Declined, match="expired") as caught:
        host.check(*given)
    assert caught.value.status == 403


def test_another_run_has_another_key() -> None:
    url = httpx.URL(MediaHost("http://x").signed_url("med_1"))
    with pytest.raises(Declined, match="signature"):
        MediaHost("http://x").check("med_1", url.params["expires"], url.params["signature"])


def test_the_oldest_files_are_forgotten() -> None:
    host = MediaHost("http://x")
    kept = [host.keep(FileKind.IMAGE, b"x", "image/png", "", None).id for _ in range(MAX_FILES + 2)]
    for file_id in kept[:2]:
        with pytest.raises(Declined, match="forgotten"):
            host.get(file_id)
    assert host.get(kept[2])[1] == b"x"
    large = b"x" * (MAX_FILE_BYTES - 1)
    room = MAX_TOTAL_BYTES // len(large)
    kept = [host.keep(FileKind.VIDEO, large, "video/mp4", "", None).id for _ in range(room + 1)]
    with pytest.raises(Declined, match="forgotten"):
        host.get(kept[0])
    assert len(host.get(kept[1])[1]) == len(large)


async def test_a_file_has_a_limit_and_all_else_has_a_lower_one() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MAX_FILE_BYTES // 1_000_000 + 1):
            yield b"x" * 1_000_000

    async with running() as site, browser_session(site) as client:
        about = {"customer": ANA, "kind": "video"}
        for body in (b"x" * (MAX_FILE_BYTES + 1), endless()):
            answer = await client.post("/sandbox/upload", params=about, content=body)
            assert answer.status_code == 413
        assert (await upload(client, "video", b"x" * MAX_FILE_BYTES)).status_code == 201
        long = {"customer": ANA, "name": "x" * 2**20, "phones": ["1"]}
        assert (await client.post("/sandbox/contact", json=long)).status_code == 413
        assert len(await bubbles(client)) == 1


async def test_an_upload_that_makes_no_sense_is_refused() -> None:
    cases = [
        ({"customer": "+15550109999"}, 404),
        ({"quoted": "msg_unknown"}, 404),
        ({"kind": "virus"}, 422),
        ({"customer": "nobody"}, 422),
        ({"caption": "x" * 4097}, 422),
        ({"filename": "x" * 256}, 422),
        ({"seconds": "nan"}, 422),
        ({"more": "x"}, 422),
    ]
    async with running() as site, browser_session(site) as client:
        for change, status in cases:
            about = {"kind": "image", **change}
            answer = await upload(client, about.pop("kind"), PHOTO, **about)
            assert (answer.status_code, bool(answer.json()["message"])) == (status, True), change
        assert (await upload(client, "image", b"")).json()["error"] == "empty"
        assert await bubbles(client) == []
        assert not site.of("message.received")


async def test_the_page_may_seek_in_a_file_but_never_opens_it_as_a_page() -> None:
    async with running() as site, browser_session(site) as client:
        data = bytes(range(200))
        cases = [
            ("bytes=0-", 206, data, "bytes 0-199/200"),
            ("bytes=10-19", 206, data[10:20], "bytes 10-19/200"),
            ("bytes=190-999", 206, data[190:], "bytes 190-199/200"),
            ("bytes=-5", 206, data[-5:], "bytes 195-199/200"),
            ("bytes=200-", 416, b"", "bytes */200"),
            ("bytes=-", 200, data, None),
            ("bytes=0-1,3-4", 200, data, None),
            ("lines=1-2", 200, data, None),
        ]
        await upload(client, "voice", data, "audio/webm;codecs=opus")
        [shown] = await bubbles(client)
        path = f"/sandbox/files/{shown['content']['id']}"
        for asked, status, part, content_range in cases:
            answer = await client.get(path, headers={"range": asked})
            assert (answer.status_code, answer.content) == (status, part), asked
            assert answer.headers.get("content-range") == content_range
        for mime_type in ("text/html", "image/svg+xml", "application/xhtml+xml"):
            await upload(client, "document", b"<script>alert(1)</script>", mime_type)
            file_id = (await bubbles(client))[-1]["content"]["id"]
            answer = await client.get(f"/sandbox/files/{file_id}")
            assert answer.headers["content-type"] == "application/octet-stream"
            assert answer.headers["content-disposition"] == "attachment"
            assert (await client.get("/sandbox/files/med_unknown")).status_code == 404


async def test_without_cookie_or_from_another_page_nothing_is_sent_or_shown() -> None:
    async with running() as site, browser_session(site) as client:
        file_id = (await upload(client, "image")).json()["id"]
        content_id = (await bubbles(client))[0]["content"]["id"]
        calls: dict[str, dict[str, object]] = {
            "location": {"latitude": 1, "longitude": 1},
            "contact": {"name": "Eve", "phones": ["1"]},
            "reaction": {"message_id": file_id, "emoji": "x"},
            "edit": {"message_id": file_id, "text": "x"},
            "delete": {"message_id": file_id},
        }
        own = {"origin": site.url, "sec-fetch-site": "same-origin"}
        foreign = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
        for caller, headers in ((site.product, own), (client, foreign)):
            for path, body in calls.items():
                told = {"customer": ANA, **body}
                answer = await caller.post(f"/sandbox/{path}", json=told, headers=headers)
                assert answer.status_code == 403, path
            params = {"customer": ANA, "kind": "image"}
            answer = await caller.post("/sandbox/upload", params=params, headers=headers)
            assert answer.status_code == 403
        assert (await site.product.get(f"/sandbox/files/{content_id}")).status_code == 403
        assert len(await bubbles(client)) == 1
