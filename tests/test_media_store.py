"""Our own copies of files: whole or not there, in a folder and in a bucket."""

import asyncio
import filecmp
import os
import resource
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from bot.adapters.media_store import CHUNK_BYTES, MediaStore
from bot.domain.media import media_key, picture_key
from bot.errors import NotFound, SettingsError, Unavailable
from tests.harness import Answer, Drop, Hang, Network, Request, ScriptedS3, eventually
from tests.harness.s3 import BUCKET

SHA = "ab" + "3" * 62
KEY = media_key(SHA)
PICTURE = picture_key(SHA, 1)
SMALL = b"not much"
LARGE = bytes(range(256)) * 3000
"""Three chunks."""

Call = Callable[[MediaStore], Awaitable[object]]


@pytest.fixture
def s3(network: Network, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    server = ScriptedS3(network)
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    yield server
    assert not server.forget_plans()
    server.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "media"


@pytest.fixture
def in_folder(folder: Path) -> MediaStore:
    return MediaStore.in_folder(folder)


@pytest.fixture
def in_bucket(s3: ScriptedS3) -> MediaStore:
    del s3  # the environment names it
    return MediaStore.at(f"s3://{BUCKET}/some/prefix")


@pytest.fixture(params=["in_folder", "in_bucket"])
def store(request: pytest.FixtureRequest) -> MediaStore:
    found: MediaStore = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def original(tmp_path: Path) -> Path:
    path = tmp_path / "original"
    path.write_bytes(LARGE)
    return path


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def _modes_below(folder: Path) -> set[int]:
    return {_mode(path) for path in folder.rglob("*") if path.is_dir()}


async def _all(pieces: AsyncIterator[bytes]) -> list[bytes]:
    return [piece async for piece in pieces]


# keeping and reading


async def test_a_file_comes_back_as_it_was_kept(
    store: MediaStore, original: Path, tmp_path: Path
) -> None:
    await store.put(KEY, original)
    await store.copy_to(KEY, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == LARGE
    assert filecmp.cmp(original, tmp_path / "copy", shallow=False)
    assert await store.get(KEY) == LARGE
    assert (await store.has(KEY), await store.size(KEY)) == (True, len(LARGE))


async def test_something_small_comes_back(store: MediaStore, tmp_path: Path) -> None:
    for key, data in ((PICTURE, SMALL), (KEY, b"")):
        await store.put_bytes(key, data)
        assert await store.get(key) == data
        await store.copy_to(key, tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == data


@pytest.mark.parametrize(
    ("start", "end"), [(0, len(LARGE)), (0, 1), (5, 5), (255_999, 256_001), (700_000, len(LARGE))]
)
async def test_any_part_is_read_in_small_pieces(
    store: MediaStore, original: Path, start: int, end: int
) -> None:
    await store.put(KEY, original)
    pieces = await _all(store.stream(KEY, start, end))
    assert b"".join(pieces) == LARGE[start:end]
    assert all(0 < len(piece) <= CHUNK_BYTES for piece in pieces)


async def test_what_is_there_stays(store: MediaStore, original: Path, tmp_path: Path) -> None:
    await store.put(KEY, original)
    await store.put_bytes(PICTURE, SMALL)
    (tmp_path / "other").write_bytes(bytes(len(LARGE)))
    await store.put(KEY, tmp_path / "other")
    await store.put_bytes(PICTURE, b"another one")
    assert await store.get(KEY) == LARGE
    assert await store.get(PICTURE) == SMALL


async def test_what_was_cut_off_from_outside_is_kept_anew(
    store: MediaStore, original: Path
) -> None:
    await store.put_bytes(KEY, LARGE[:1000])
    await store.put(KEY, original)
    assert await store.get(KEY) == LARGE


async def test_a_file_that_becomes_shorter_breaks_off(store: MediaStore) -> None:
    await store.put_bytes(KEY, SMALL)
    with pytest.raises(Unavailable, match="has become shorter"):
        await _all(store.stream(KEY, 0, len(SMALL) + 1))


async def test_what_is_not_there_is_not_found(store: MediaStore, tmp_path: Path) -> None:
    assert not await store.has(KEY)
    reads: list[Call] = [
        lambda store: store.size(KEY),
        lambda store: store.get(KEY),
        lambda store: store.copy_to(KEY, tmp_path / "copy"),
        lambda store: _all(store.stream(KEY, 0, 1)),
    ]
    for read in reads:
        with pytest.raises(NotFound):
            await read(store)
    assert not (tmp_path / "copy").exists()


async def test_what_is_deleted_is_gone(store: MediaStore) -> None:
    await store.put_bytes(KEY, SMALL)
    await store.put_bytes(PICTURE, SMALL)
    await store.delete(KEY)
    await store.delete(KEY)  # not there any more
    assert (await store.has(KEY), await store.has(PICTURE)) == (False, True)


@pytest.mark.parametrize(
    "key",
    [
        *(
            "",
            "/",
            "..",
            "../etc/passwd",
            "/etc/passwd",
            f"{SHA}",
            f"ac/{SHA}",
            f"AB/{SHA.upper()}",
        ),
        *(f"ab/{SHA}/../x", f"ab/{SHA}\n", f"ab/{SHA}.jpg", f"ab/{SHA}.1.png", f"ab/{SHA}.1.jpg/x"),
        *(
            f"ab/{SHA[:-1]}",
            f"ab/{SHA}0",
            f"ab/{SHA}.١.jpg",
            "incoming/x",
            f"./ab/{SHA}",
            "ab/..\0",
        ),
    ],
)
async def test_a_key_is_never_a_path(
    in_folder: MediaStore, original: Path, tmp_path: Path, key: str
) -> None:
    calls: list[Call] = [
        lambda store: store.put(key, original),
        lambda store: store.put_bytes(key, SMALL),
        lambda store: store.has(key),
        lambda store: store.size(key),
        lambda store: store.get(key),
        lambda store: store.copy_to(key, tmp_path / "copy"),
        lambda store: _all(store.stream(key, 0, 1)),
        lambda store: store.delete(key),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="not a key"):
            await call(in_folder)
    assert _names(tmp_path) == ["original"]  # there is not even a folder yet


async def test_a_check_leaves_nothing_behind(
    in_folder: MediaStore, folder: Path, in_bucket: MediaStore, s3: ScriptedS3
) -> None:
    for store in (in_folder, in_bucket):
        await store.check()
    assert _files(folder) == []
    assert s3.objects == {}
    assert len(s3.calls("PUT")) == 1


async def test_a_copy_that_has_no_room_is_not_left(
    in_folder: MediaStore, original: Path, tmp_path: Path
) -> None:
    await in_folder.put(KEY, original)
    with _file_size_limit(100_000), pytest.raises(Unavailable, match="EFBIG"):
        await in_folder.copy_to(KEY, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    with pytest.raises(Unavailable, match="ENOENT"):
        await in_folder.copy_to(KEY, tmp_path / "no-such-folder" / "copy")


async def test_a_file_to_keep_that_is_gone_is_no_missing_copy(
    store: MediaStore, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match="ENOENT"):
        await store.put(KEY, tmp_path / "gone")


# in a folder


async def test_the_folder_is_for_its_owner_alone(in_folder: MediaStore, folder: Path) -> None:
    assert not await in_folder.has(KEY)
    assert _mode(folder) == 0o700
    await in_folder.put_bytes(KEY, SMALL)
    assert _modes_below(folder) == {0o700}
    assert _files(folder) == [KEY]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux's list of open files")
async def test_a_file_is_on_the_disk_before_it_has_its_name(
    in_folder: MediaStore, folder: Path, original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    staged: list[int] = []
    sync = os.fsync

    def note_and_sync(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.is_file():
            staged.append(path.stat().st_ino)
        synced.append(("staged" if path.is_file() else path.name, (folder / KEY).exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note_and_sync)
    await in_folder.put(KEY, original)
    named = synced.index(("staged", False)) + 1
    assert ("staged", True) not in synced
    assert synced[named:] == [("ab", True), ("media", True)]
    assert ("data", False) in synced[:named]  # the folder itself was new
    assert staged == [os.stat(folder / KEY).st_ino]  # it was renamed, not written again
    synced.clear()
    await in_folder.delete(KEY)
    assert synced == [("ab", False)]


async def test_a_folder_that_was_removed_is_made_again(
    in_folder: MediaStore, folder: Path, original: Path
) -> None:
    await in_folder.put(KEY, original)
    os.rename(folder, folder.with_name("elsewhere"))
    assert not await in_folder.has(KEY)
    await in_folder.put(KEY, original)
    assert await in_folder.size(KEY) == len(LARGE)
    assert _mode(folder) == 0o700


async def test_only_old_leftovers_are_cleared_away(in_folder: MediaStore, folder: Path) -> None:
    await in_folder.check()
    for name, mtime in (("old.part", 1), ("young.part", None)):
        (folder / "incoming" / name).write_bytes(b"half a")
        if mtime is not None:
            os.utime(folder / "incoming" / name, (mtime, mtime))
    await in_folder.put_bytes(KEY, SMALL)
    os.utime(folder / KEY, (1, 1))
    await in_folder.check()
    assert _files(folder) == [KEY, "incoming/young.part"]


async def test_the_loop_goes_on_while_a_file_is_written(
    in_folder: MediaStore, folder: Path, tmp_path: Path
) -> None:
    slow = tmp_path / "slow"
    os.mkfifo(slow)
    loop_runs = threading.Event()
    in_time: list[bool] = []

    def feed() -> None:
        in_time.append(loop_runs.wait(10))
        slow.write_bytes(SMALL)

    feeder = threading.Thread(target=feed)
    feeder.start()
    putting = asyncio.create_task(in_folder.put(KEY, slow))
    await eventually(lambda: _left_over(folder) != [])
    loop_runs.set()
    await putting
    feeder.join()
    assert in_time == [True]
    assert await in_folder.get(KEY) == SMALL


@contextmanager
def _file_size_limit(limit_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_file_that_may_not_be_written_leaves_nothing(
    in_folder: MediaStore, folder: Path, original: Path
) -> None:
    with _file_size_limit(100_000), pytest.raises(Unavailable, match="ulimit -f"):
        await in_folder.put(KEY, original)
    assert _files(folder) == []
    await in_folder.put(KEY, original)
    assert await in_folder.size(KEY) == len(LARGE)


async def test_a_file_in_the_folders_place_is_named(tmp_path: Path, original: Path) -> None:
    in_the_way = tmp_path / "media"
    in_the_way.write_bytes(b"")
    for path in (in_the_way, in_the_way / "below"):
        store = MediaStore.in_folder(path)
        calls: list[Call] = [
            lambda store: store.put(KEY, original),
            lambda store: store.put_bytes(KEY, SMALL),
            lambda store: store.has(KEY),
            lambda store: store.get(KEY),
            lambda store: store.check(),
        ]
        for call in calls:
            with pytest.raises(Unavailable, match="a file where the folder should be") as caught:
                await call(store)
            assert str(caught.value).startswith(f"the media store {path}: ")
        with pytest.raises(Unavailable, match="a file where the folder should be"):
            await store.delete(KEY)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """200 kB of a disk of its own."""
    path = tmp_path / "disk"
    path.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk to fill")
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(path)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if done.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", str(path)], check=True)


async def test_a_full_disk_is_said_and_recovers(tiny_disk: Path, original: Path) -> None:
    store = MediaStore.in_folder(tiny_disk / "media")
    await store.put_bytes(PICTURE, SMALL)
    with pytest.raises(Unavailable, match="the disk is full: make room"):
        await store.put(KEY, original)
    assert _files(tiny_disk) == [f"media/{PICTURE}"]
    (tiny_disk / "filler").write_bytes(bytes(180_000))
    with pytest.raises(Unavailable, match="the disk is full: make room"):
        await store.put_bytes(KEY, bytes(50_000))
    (tiny_disk / "filler").unlink()
    await store.put_bytes(KEY, bytes(50_000))
    assert await store.size(KEY) == 50_000


async def test_a_read_only_disk_is_said_and_still_read(tiny_disk: Path, original: Path) -> None:
    store = MediaStore.in_folder(tiny_disk / "media")
    await store.put_bytes(KEY, SMALL)
    _remount(tiny_disk, "ro")
    calls: list[Call] = [
        lambda store: store.put(KEY, original),
        lambda store: store.put_bytes(PICTURE, SMALL),
        lambda store: store.delete(KEY),
        lambda store: store.check(),
    ]
    for call in calls:
        with pytest.raises(Unavailable, match="the disk is read-only"):
            await call(store)
    assert await store.get(KEY) == SMALL
    with pytest.raises(Unavailable, match="the disk is read-only"):
        await MediaStore.in_folder(tiny_disk / "not yet there").has(KEY)
    _remount(tiny_disk, "rw")
    await store.check()


def _remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


_PUT = """
import asyncio, sys
from pathlib import Path
from bot.adapters.media_store import MediaStore
store = MediaStore.in_folder(Path(sys.argv[1]))
asyncio.run(store.put(sys.argv[2], Path(sys.argv[3])))
"""


def _process_that_puts(folder: Path, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _PUT, str(folder), KEY, str(path)])


@pytest.mark.parametrize("begun_bytes", [0, 1_000, 50_000_000])
async def test_a_process_killed_in_a_put_leaves_no_half_file(
    in_folder: MediaStore, folder: Path, original: Path, tmp_path: Path, begun_bytes: int
) -> None:
    endless = tmp_path / "endless"
    os.mkfifo(endless)
    child = _process_that_puts(folder, endless)
    try:
        feeding = await asyncio.to_thread(_feed, endless, begun_bytes)
        await eventually(lambda: _begun_bytes(folder) >= begun_bytes - 2_000_000)
        assert not await in_folder.has(KEY)
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()
    feeding.close()
    assert not await in_folder.has(KEY)
    await in_folder.put(KEY, original)
    assert await in_folder.get(KEY) == LARGE
    for left in _left_over(folder):
        os.utime(left, (1, 1))
    await in_folder.check()
    assert _files(folder) == [KEY]


def _feed(pipe: Path, begun_bytes: int) -> BinaryIO:
    """A file that has begun and does not end; all but a buffer of it was taken."""
    feeding = pipe.open("wb")
    feeding.write(bytes(begun_bytes))
    feeding.flush()
    return feeding


def _left_over(folder: Path) -> list[Path]:
    return list((folder / "incoming").glob("*.part"))


def _begun_bytes(folder: Path) -> int:
    """-1: no put has begun."""
    return max((path.stat().st_size for path in _left_over(folder)), default=-1)


# in a bucket


async def test_files_go_below_the_prefix(
    in_bucket: MediaStore, s3: ScriptedS3, original: Path
) -> None:
    await in_bucket.put(KEY, original)
    assert s3.objects == {f"some/prefix/{KEY}": LARGE}
    await in_bucket.delete(KEY)
    assert s3.objects == {}
    s3.plan(Answer(404, b""), when=_is("DELETE"))  # as other services answer
    await in_bucket.delete(KEY)


async def test_a_large_file_goes_up_in_parts(
    in_bucket: MediaStore, s3: ScriptedS3, tmp_path: Path
) -> None:
    huge = tmp_path / "huge"
    huge.write_bytes(LARGE * 17)
    await in_bucket.put(KEY, huge)
    assert s3.objects == {f"some/prefix/{KEY}": LARGE * 17}
    parts = [len(request.body) for request in s3.calls("PUT")]
    assert len(parts) == 3
    assert max(parts) < 6_000_000
    await in_bucket.copy_to(KEY, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == LARGE * 17


async def test_an_upload_that_fails_is_given_up(
    in_bucket: MediaStore, s3: ScriptedS3, tmp_path: Path
) -> None:
    huge = tmp_path / "huge"
    huge.write_bytes(LARGE * 17)
    s3.plan(Answer(403, b""), when=lambda request: "partNumber=2" in request.path)
    with pytest.raises(Unavailable):
        await in_bucket.put(KEY, huge)
    assert s3.objects == {}
    await eventually(lambda: s3.uploads == {})


async def test_what_is_there_is_not_sent_again(
    in_bucket: MediaStore, s3: ScriptedS3, original: Path
) -> None:
    for _time in range(3):
        await in_bucket.put(KEY, original)
        await in_bucket.put_bytes(PICTURE, SMALL)
    assert len(s3.calls("PUT")) == 2


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (Answer(403, b"<Error><Code>AccessDenied</Code></Error>"), "it refuses us: check the cred"),
        (Answer(401, b""), "it refuses us: check the cred"),
        (Answer(400, b"key-of-the-tests"), "it answered 400: if that lasts"),
        (Answer(503, b"slow down"), "it answered 503: if that lasts"),
        (Answer(301, b""), "the bucket is in another region: set AWS_REGION"),
        (Drop(), "it can't be reached: check the network"),
    ],
)
async def test_what_the_service_cannot_do_now_is_said(
    in_bucket: MediaStore, s3: ScriptedS3, original: Path, answer: Answer | Drop, remedy: str
) -> None:
    s3.always(answer)
    calls: list[Call] = [
        lambda store: store.put(KEY, original),
        lambda store: store.get(KEY),
        lambda store: store.delete(KEY),
    ]
    for call in calls:
        with pytest.raises(Unavailable) as caught:
            await call(in_bucket)
        said = str(caught.value)
        assert said.startswith(f"the media store s3://{BUCKET}: {remedy}"), said
        for private in ("\n", "key-of-the-tests", "slow down", SHA):
            assert private not in said
    s3.always(None)
    await in_bucket.put(KEY, original)
    assert await in_bucket.get(KEY) == LARGE


async def test_a_passing_failure_of_the_service_is_not_noticed(
    in_bucket: MediaStore, s3: ScriptedS3, original: Path
) -> None:
    s3.plan(Answer(503, b""), when=_is("HEAD"))
    s3.plan(Answer(500, b""), Drop(), when=_is("PUT"))
    await in_bucket.put(KEY, original)
    s3.plan(Answer(503, b""), when=_is("GET"))
    assert await in_bucket.get(KEY) == LARGE


def _is(method: str) -> Callable[[Request], bool]:
    return lambda request: request.method == method


async def test_a_service_that_is_away_or_hangs_is_said(
    s3: ScriptedS3, original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_TIMEOUT", "100ms")
    store = MediaStore.at(f"s3://{BUCKET}")
    s3.always(Hang())
    with pytest.raises(Unavailable, match="it can't be reached"):
        await store.has(KEY)
    await s3.down()
    for call in (store.check(), store.put(KEY, original), store.copy_to(KEY, original)):
        with pytest.raises(Unavailable, match="it can't be reached"):
            await call
    await s3.up()
    s3.always(None)
    await store.check()


async def test_a_bucket_that_does_not_exist_is_not_a_missing_file(
    s3: ScriptedS3, original: Path
) -> None:
    del s3
    store = MediaStore.at("s3://no-such-bucket/x")
    for call in (store.put(KEY, original), store.get(KEY), store.check()):
        with pytest.raises(Unavailable, match="there is no such bucket: check "):
            await call


@pytest.mark.parametrize(
    "url",
    [
        *("", "nonsense", "/var/media", "file:///var/media", "memory:///", "ftp://host/x", "s3://"),
        *("http://host/bucket", "az://container-without-account/x", "s3:bucket", "s3://[x/y"),
    ],
)
def test_an_address_that_is_no_bucket_is_a_fault_of_the_settings(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(SettingsError) as caught:
        MediaStore.at(url)
    assert [fault.key for fault in caught.value.faults] == ["media.store"]
    assert "\n" not in str(caught.value)


async def test_secrets_in_an_address_are_not_said(s3: ScriptedS3) -> None:
    await s3.down()
    store = MediaStore.at(f"s3://name:hunter2@{BUCKET}/x")
    with pytest.raises(Unavailable) as caught:
        await store.has(KEY)
    assert "hunter2" not in str(caught.value)


def test_google_and_azure_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    for url in ("gs://bucket/prefix", "az://container/prefix"):
        assert MediaStore.at(url) is not None
