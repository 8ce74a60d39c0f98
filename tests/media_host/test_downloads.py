"""What is fetched, over which connections, and what becomes of it on the disk."""

import asyncio
import fcntl
import hashlib
import os
import struct
import termios
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.media import Announced, Fetched
from bot.errors import BadMedia, MediaMissing, Unavailable
from tests.harness import Answer, ScriptedMediaHost, Stream, eventually
from tests.media_host.scene import (
    CHUNKED,
    HALF_A_MEGABYTE,
    OK,
    announced,
    content,
    exists,
    failure,
    fetch,
    hosts_of,
)


@pytest.mark.parametrize("size_bytes", [1, 64 * 1024, 256 * 1024, 1_500_001])
async def test_a_file_arrives_whole(host: ScriptedMediaHost, into: Path, size_bytes: int) -> None:
    data = (HALF_A_MEGABYTE * 3)[:size_bytes]
    media = host.serve(data, media_type="audio/ogg")

    fetched = await fetch(host, announced(media), into)

    assert fetched == Fetched(into, media["sha256"], len(data))
    assert content(into) == data
    assert host.fetches(media) == 1


async def test_without_an_announced_hash_the_file_is_hashed_all_the_same(
    host: ScriptedMediaHost, into: Path
) -> None:
    fetched = await fetch(host, host.serve(b"hi", media_type="text/plain")["url"], into)

    assert fetched.sha256 == hashlib.sha256(b"hi").hexdigest()


async def test_a_chunked_body_and_one_that_ends_with_its_connection_arrive(
    host: ScriptedMediaHost, into: Path
) -> None:
    host.plan(
        Stream(pieces=lambda: (CHUNKED, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")),
        Stream(pieces=lambda: (OK + b"\r\n", b"abc", b"de")),
    )
    for _ in range(2):
        await fetch(host, f"{host.url}/a", into)
        assert content(into) == b"abcde"


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/a?sig=a%2Fb+c%20%3d==&x=%e4%zz;|,'{}^`\"<>[]\\~!*()", None),
        ("/%2e%2e/a/../b//c/./%41?x", None),
        ("//a//b?&&=&a&&", None),
        ("/a?x?y/z:@", None),
        ("/a?x#fragment?y", "/a?x"),
        ("?x", "/?x"),
        ("", "/"),
        ("/a HTTP/1.1\r\nX: y?\tz\x00", "/a%20HTTP/1.1%0D%0AX:%20y?%09z%00"),
        ("/ä b?ü=\u200b c", "/%C3%A4%20b?%C3%BC=%E2%80%8B%20c"),
    ],
)
async def test_a_signed_address_is_asked_for_byte_for_byte(
    host: ScriptedMediaHost, into: Path, target: str, sent: str | None
) -> None:
    host.plan(Answer(200, b"x"))

    await fetch(host, host.url + target, into)

    assert host.requests[0].path == (target if sent is None else sent)


async def test_a_request_says_nothing_of_who_asks(host: ScriptedMediaHost, into: Path) -> None:
    cookie = {"set-cookie": "id=1; path=/"}
    host.plan(Answer(302, b"", {"location": "/b", **cookie}), Answer(200, b"x", cookie))
    async with hosts_of(host.allowed) as hosts:
        await hosts.fetch(Announced(f"{host.url}/a"), into)
        await hosts.fetch(Announced(host.serve(b"y", media_type="text/plain")["url"]), into)

    assert [dict(request.headers) for request in host.requests] == 3 * [
        {
            "host": host.allowed,
            "accept": "*/*",
            "accept-encoding": "identity",
            "user-agent": "whatsapp-bot",
        }
    ]


# Redirects


async def test_three_redirects_on_allowed_hosts_are_followed(
    host: ScriptedMediaHost, other: ScriptedMediaHost, into: Path
) -> None:
    media = other.serve(b"moved", media_type="text/plain")
    host.plan(
        Answer(302, b"<html>" * 9, {"location": "/b/c?sig=%2f+x"}),
        Answer(307, b"", {"location": "d#part"}),
        Answer(308, b"", {"location": media["url"]}),
    )
    async with hosts_of(host.allowed, other.allowed) as hosts:
        await hosts.fetch(Announced(f"{host.url}/a", sha256=media["sha256"]), into)

    assert [request.path for request in host.requests] == ["/a", "/b/c?sig=%2f+x", "/b/d"]
    assert content(into) == b"moved"


async def test_a_fourth_redirect_is_too_many(host: ScriptedMediaHost, into: Path) -> None:
    host.plan(*[Answer(302, b"", {"location": f"/{n}"}) for n in range(4)])

    assert isinstance(await failure(host, f"{host.url}/a", into), MediaMissing)
    assert len(host.requests) == 4


async def test_one_deadline_holds_for_all_redirects(host: ScriptedMediaHost, into: Path) -> None:
    # Each answer alone would be in time.
    host.plan(*[Answer(302, b"", {"location": "/a"}, delay_s=0.2) for _ in range(2)])
    host.always(Answer(200, b"x", delay_s=0.2))

    error = await failure(host, f"{host.url}/a", into, within=timedelta(seconds=0.5))

    assert isinstance(error, Unavailable)


# Connections


async def test_connections_are_reused_closed_and_opened_anew(
    host: ScriptedMediaHost, into: Path
) -> None:
    media = host.serve(b"x", media_type="text/plain")
    async with hosts_of(host.allowed) as hosts:
        for _ in range(3):
            await hosts.fetch(announced(media), into)
        assert host.connections == 1

        await hosts.close()
        await hosts.close()
        await hosts.fetch(announced(media), into)
        assert host.connections == 2


async def test_what_was_refused_unread_does_not_spoil_the_next_download(
    host: ScriptedMediaHost, into: Path
) -> None:
    big = host.serve(HALF_A_MEGABYTE, media_type="image/png")
    small = host.serve(b"x", media_type="text/plain")
    async with hosts_of(host.allowed, max_bytes=1000) as hosts:
        with pytest.raises(BadMedia):
            await hosts.fetch(announced(big), into)
        await hosts.fetch(announced(small), into)

    assert content(into) == b"x"


async def test_many_downloads_go_on_at_once(host: ScriptedMediaHost, tmp_path: Path) -> None:
    files = [host.serve(os.urandom(300_000), media_type="image/png") for _ in range(20)]
    async with hosts_of(host.allowed) as hosts:
        fetched = await asyncio.gather(
            *(hosts.fetch(announced(file), tmp_path / file["sha256"]) for file in files)
        )

    assert [one.sha256 for one in fetched] == [file["sha256"] for file in files]


# The disk


async def test_a_cancelled_download_leaves_no_file(host: ScriptedMediaHost, into: Path) -> None:
    host.plan(Answer(200, HALF_A_MEGABYTE, {"content-length": "1000000"}))
    download = asyncio.create_task(fetch(host, f"{host.url}/a", into))
    await eventually(into.exists)

    download.cancel()

    with pytest.raises(asyncio.CancelledError):
        await download
    assert not exists(into)


async def test_a_cancelled_download_waits_for_the_write_in_hand(
    host: ScriptedMediaHost, into: Path
) -> None:
    media = host.serve(HALF_A_MEGABYTE, media_type="image/png")
    os.mkfifo(into)
    reader = os.open(into, os.O_RDONLY | os.O_NONBLOCK)
    try:
        download = asyncio.create_task(fetch(host, announced(media), into))
        await eventually(lambda: _unread_bytes(reader) > 0)  # a pipe has no room for all of it
        for _ in range(3):
            download.cancel()
            await asyncio.sleep(0)
        assert not download.done()

        while not download.done():
            if _unread_bytes(reader):
                os.read(reader, 0x10000)
            await asyncio.sleep(0)
        assert download.cancelled()
        assert not exists(into)
    finally:
        os.close(reader)


def _unread_bytes(descriptor: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4))[0])


@pytest.fixture
def into_full_disk(into: Path) -> Path:
    if not Path("/dev/full").exists():
        pytest.skip("needs a /dev/full")
    into.symlink_to("/dev/full")
    return into


@pytest.mark.parametrize("data", [b"x", HALF_A_MEGABYTE], ids=["a byte", "half a megabyte"])
async def test_a_full_disk_is_an_outage(
    host: ScriptedMediaHost, into_full_disk: Path, data: bytes
) -> None:
    media = host.serve(data, media_type="image/png")

    error = await failure(host, announced(media), into_full_disk)

    assert isinstance(error, Unavailable)
    assert "No space left on device" in str(error)
    assert str(into_full_disk) not in str(error)


async def test_a_folder_that_is_gone_is_an_outage(host: ScriptedMediaHost, into: Path) -> None:
    media = host.serve(b"x", media_type="image/png")
    with pytest.raises(Unavailable, match="BOT_DATA_DIR"):
        await fetch(host, announced(media), into / "gone" / "file")


# The harness


async def test_the_scripted_host_gives_a_file_for_its_exact_address_only(
    host: ScriptedMediaHost, into: Path
) -> None:
    media = host.serve(b"x", media_type="text/plain", path="/files/x.txt")
    other = host.serve(b"y", media_type="text/plain")
    plan = host.plan_fetches(Answer(503), media=media)

    await fetch(host, announced(other), into)
    assert isinstance(await failure(host, announced(media), into), Unavailable)
    await fetch(host, announced(media), into)
    assert plan.done
    assert (host.fetches(media), host.fetches(other)) == (2, 1)
    for address in (media["url"] + "x", media["url"].partition("?")[0], f"{host.url}/y?sig=1"):
        assert isinstance(await failure(host, address, into), MediaMissing)
