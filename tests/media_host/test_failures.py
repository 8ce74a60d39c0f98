"""What each failure means: an outage, a file that is not there, or one that is no good."""

import asyncio
import gzip
import hashlib
import itertools
import tracemalloc
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.media import Announced
from bot.errors import MediaMissing, Unavailable
from tests.harness import Answer, Drop, Hang, ScriptedMediaHost, Stream, eventually
from tests.media_host.scene import (
    CHUNKED,
    HALF_A_MEGABYTE,
    HASTY,
    OK,
    announced,
    content,
    exists,
    failure,
    fetch,
    hosts_of,
    problem,
)


def _chunks_without_end() -> Iterable[bytes]:
    yield CHUNKED
    yield from itertools.repeat(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def _bytes_without_end() -> Iterable[bytes]:
    yield OK + b"\r\n"
    yield from itertools.repeat(b"x" * 0x10000)


async def test_a_file_may_have_exactly_the_allowed_size(
    host: ScriptedMediaHost, into: Path
) -> None:
    media = host.serve(HALF_A_MEGABYTE, media_type="image/png")
    size = len(HALF_A_MEGABYTE)

    assert (await fetch(host, announced(media), into, max_bytes=size)).size_bytes == size
    assert await problem(host, announced(media), into, max_bytes=size - 1) == "too_large"


async def test_an_announced_length_over_the_limit_is_refused_unread(
    host: ScriptedMediaHost, into: Path
) -> None:
    # The bytes themselves never come: reading them would end at the deadline.
    host.plan(Answer(200, b"", {"content-length": "10000001"}))

    assert await problem(host, f"{host.url}/a", into) == "too_large"


@pytest.mark.parametrize("pieces", [_chunks_without_end, _bytes_without_end])
async def test_a_body_without_end_is_cut_at_the_limit_on_disk_too(
    host: ScriptedMediaHost, into: Path, witness: Path, pieces: Callable[[], Iterable[bytes]]
) -> None:
    host.plan(Stream(pieces=pieces))

    assert await problem(host, f"{host.url}/a", into, max_bytes=1_000_000) == "too_large"
    assert 0 < len(content(witness)) <= 1_000_000


async def test_a_body_that_drips_ends_at_the_deadline(host: ScriptedMediaHost, into: Path) -> None:
    def drips() -> Iterable[bytes]:
        yield OK + b"content-length: 1000000\r\n\r\n"
        yield from itertools.repeat(b"x")

    host.plan(Stream(pieces=drips, every_s=0.01))

    assert isinstance(await failure(host, f"{host.url}/a", into, within=HASTY), Unavailable)


async def test_a_head_that_drips_ends_at_the_deadline(host: ScriptedMediaHost, into: Path) -> None:
    def drips() -> Iterable[bytes]:
        yield OK
        yield from (b"x-%d: y\r\n" % number for number in itertools.count())

    host.plan(Stream(pieces=drips, every_s=0.05))

    assert isinstance(await failure(host, f"{host.url}/a", into, within=HASTY), Unavailable)


async def test_a_large_file_is_not_held_in_memory(host: ScriptedMediaHost, into: Path) -> None:
    size_bytes = 16 * 2**20

    def pieces() -> Iterable[bytes]:
        yield OK + b"content-length: %d\r\n\r\n" % size_bytes
        yield from itertools.repeat(b"x" * 0x10000, size_bytes // 0x10000)

    host.plan(Stream(pieces=pieces))
    async with hosts_of(host.allowed, max_bytes=size_bytes) as hosts:
        tracemalloc.start()
        try:
            fetched = await hosts.fetch(Announced(f"{host.url}/a"), into)
            _now, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert fetched.size_bytes == len(content(into)) == size_bytes
    assert peak_bytes < size_bytes / 4


# Bytes that are not what was announced


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x", "identity, gzip"])
async def test_a_compressed_body_is_refused_without_inflating(
    host: ScriptedMediaHost, into: Path, encoding: str
) -> None:
    bomb = gzip.compress(bytes(5_000_000))
    assert len(bomb) < 10_000
    host.plan(Answer(200, bomb, {"content-encoding": encoding}))

    assert await problem(host, f"{host.url}/a", into) == "unreadable"


async def test_a_compressed_transfer_is_refused_too(host: ScriptedMediaHost, into: Path) -> None:
    head = OK + b"transfer-encoding: gzip, chunked\r\n\r\n"
    host.plan(Stream(pieces=lambda: (head, b"1\r\nx\r\n0\r\n\r\n")))

    assert await problem(host, f"{host.url}/a", into) == "unreadable"


async def test_a_body_that_says_it_is_as_it_is_is_taken(
    host: ScriptedMediaHost, into: Path
) -> None:
    packed = gzip.compress(b"hello")
    host.plan(Answer(200, packed, {"content-encoding": "Identity"}))

    await fetch(host, f"{host.url}/a.gz", into)

    assert content(into) == packed


async def test_a_file_without_bytes_is_empty(host: ScriptedMediaHost, into: Path) -> None:
    host.plan(Answer(200, b""), Stream(pieces=lambda: (CHUNKED, b"0\r\n\r\n")))
    for _ in range(2):
        assert await problem(host, Announced(f"{host.url}/a", sha256="0" * 64), into) == "empty"


async def test_other_bytes_than_announced_are_refused(host: ScriptedMediaHost, into: Path) -> None:
    media = host.serve(b"hello", media_type="text/plain")
    about = Announced(media["url"], sha256=hashlib.sha256(b"hullo").hexdigest())

    assert await problem(host, about, into) == "wrong_hash"


# Outages and refusals


async def test_a_passing_status_is_an_outage(host: ScriptedMediaHost, into: Path) -> None:
    for status in (408, 425, 429, 500, 502, 503, 504, 599):
        host.plan(Answer(status, b"no", {"retry-after": "120"}), Answer(status, b"no"))
        for wait in (timedelta(seconds=120), None):
            error = await failure(host, f"{host.url}/a?sig=secret", into)

            assert isinstance(error, Unavailable)
            assert error.retry_after == wait
            assert str(error) == f"127.0.0.1 answered {status} for media"


async def test_any_other_status_means_that_it_is_not_there(
    host: ScriptedMediaHost, into: Path
) -> None:
    client_errors = sorted({*range(400, 500)} - {408, 425, 429})
    for status in (*range(201, 207), 226, *range(300, 309), *client_errors[::4], 403, 404, 410):
        host.plan(Answer(status, b"" if status in {204, 205, 304} else b"part of it"))

        error = await failure(host, f"{host.url}/a?sig=secret", into)

        assert isinstance(error, MediaMissing), status
        assert str(error) == f"127.0.0.1 answered {status} for media"


async def test_a_redirect_to_what_is_no_address_means_that_it_is_not_there(
    host: ScriptedMediaHost, into: Path
) -> None:
    for location in ("", "http://[::1"):
        host.plan(Answer(302, b"", {"location": location}))
        assert isinstance(await failure(host, f"{host.url}/a", into), MediaMissing)


def _just(raw: bytes) -> Stream:
    return Stream(pieces=lambda: (raw,))


def _cut_off() -> Iterable[bytes]:
    return (OK + b"content-length: 1000000\r\n\r\n", HALF_A_MEGABYTE)


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(Drop(), id="reset"),
        pytest.param(Drop(reset=False), id="closed"),
        pytest.param(Stream(pieces=_cut_off), id="short"),
        *(
            pytest.param(_just(raw), id=name)
            for name, raw in {
                "nothing": b"",
                "no HTTP": b"SSH-2.0-OpenSSH\r\n",
                "half a chunk": CHUNKED + b"5\r\nabc",
                "no chunk": CHUNKED + b"zz\r\nabc\r\n",
                "length below zero": OK + b"content-length: -5\r\n\r\nabc",
                "two lengths": OK + b"content-length: 3, 5\r\n\r\nabc",
                "no header": OK + b"x y\r\n\r\nabc",
                "endless header": OK + b"x: " + b"y" * 100_000,
            }.items()
        ),
    ],
)
async def test_an_answer_that_breaks_off_is_an_outage(
    host: ScriptedMediaHost, into: Path, behaviour: Any
) -> None:
    host.always(behaviour)  # for ever: aiohttp asks a second time by itself

    error = await failure(host, f"{host.url}/a?sig=secret", into)

    assert isinstance(error, Unavailable)
    assert "127.0.0.1" in str(error)
    assert "secret" not in str(error)


async def test_a_host_that_refuses_connections_is_an_outage(
    host: ScriptedMediaHost, into: Path
) -> None:
    await host.down()

    error = await failure(host, f"{host.url}/a?sig=secret", into)

    assert isinstance(error, Unavailable)
    assert "secret" not in str(error)


async def test_a_host_that_never_answers_is_an_outage(host: ScriptedMediaHost, into: Path) -> None:
    host.plan(Hang())

    error = await failure(host, f"{host.url}/a?sig=secret", into, within=HASTY)

    assert isinstance(error, Unavailable)
    assert "media.timeout_s" in str(error)
    assert "secret" not in str(error)


async def test_a_host_that_goes_away_half_way_leaves_no_file(
    host: ScriptedMediaHost, into: Path
) -> None:
    host.plan(Answer(200, HALF_A_MEGABYTE, {"content-length": "1000000"}))
    download = asyncio.create_task(fetch(host, f"{host.url}/a", into))
    await eventually(into.exists)

    await host.down()

    with pytest.raises(Unavailable):
        await download
    assert not exists(into)
