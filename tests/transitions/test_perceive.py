"""Attachments brought on over a real store and a real folder, with a host that counts."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.adapters.media_reader import Readers, ReadLimits
from bot.adapters.media_store import MediaStore
from bot.domain.media import Announced, Fetched, MediaWork, media_key
from bot.errors import BadMedia, MediaMissing, Unavailable
from bot.interpret import Interpreter
from bot.listen import Listener
from bot.perceive import Brought, Perceiver
from tests.transitions.scene import Scene

DATA = b"Two lemon tarts, please.\n"
SHA256 = hashlib.sha256(DATA).hexdigest()


class Host:
    """Gives the same file to everybody, or raises what it is told to."""

    def __init__(self) -> None:
        self.fetches = 0
        self.error: Exception | None = None
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def fetch(self, announced: Announced, into: Path) -> Fetched:
        assert announced.url.startswith("https://")
        self.fetches += 1
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.error is not None:
            raise self.error
        await asyncio.to_thread(into.write_bytes, DATA)
        return Fetched(into, SHA256, len(DATA))

    async def close(self) -> None:
        pass


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def blobs(tmp_path: Path) -> MediaStore:
    return MediaStore.in_folder(tmp_path / "media")


@pytest.fixture
def perceiver(scene: Scene, host: Host, blobs: MediaStore, tmp_path: Path) -> Perceiver:
    (tmp_path / "incoming").mkdir()
    listener = Listener((), lambda _service, _seconds: None)
    interpreter = Interpreter(Readers(ReadLimits()), blobs, listener)
    return Perceiver(
        scene.store, host, blobs, interpreter, lambda: scene.now, tmp_path / "incoming", set()
    )


async def test_a_document_is_fetched_kept_and_read(
    scene: Scene, perceiver: Perceiver, host: Host, blobs: MediaStore, tmp_path: Path
) -> None:
    conversation, media = await scene.sends_file("document", sha256=SHA256)
    assert await perceiver.bring_on(media) == Brought(conversation)
    (row,) = await scene.files(conversation)
    assert (row.state, row.text, row.media_type) == ("ready", DATA.decode().strip(), "text/plain")
    assert await blobs.get(media_key(SHA256)) == DATA
    assert list((tmp_path / "incoming").iterdir()) == []
    assert await perceiver.bring_on(media) == Brought()
    assert host.fetches == 1


async def test_what_a_dead_worker_had_stored_is_not_downloaded_again(
    scene: Scene, perceiver: Perceiver, host: Host, blobs: MediaStore
) -> None:
    conversation, media = await scene.sends_file("document", sha256=SHA256)
    dead = scene.another_worker()
    await dead.register(scene.now, sole=False)
    assert isinstance(await dead.claim_media(media, scene.now), MediaWork)
    await blobs.put_bytes(media_key(SHA256), DATA)  # and then it died
    await dead.sign_off()
    await scene.store.mend(scene.now, frozenset())
    assert await perceiver.bring_on(media) == Brought(conversation)
    (row,) = await scene.files(conversation)
    assert (row.state, row.size_bytes) == ("ready", len(DATA))
    assert host.fetches == 0


async def test_a_new_message_is_fetched_even_if_such_a_file_is_there(
    scene: Scene, perceiver: Perceiver, host: Host, blobs: MediaStore
) -> None:
    await blobs.put_bytes(media_key(SHA256), DATA)
    _, media = await scene.sends_file("document", sha256=SHA256)
    await perceiver.bring_on(media)
    assert host.fetches == 1


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Unavailable("away"), "waiting"),
        (MediaMissing("answered 404"), "waiting"),
        (BadMedia("wrong_hash", "other bytes"), "failed"),
        (RuntimeError("a fault of ours"), "waiting"),
    ],
)
async def test_what_goes_wrong_in_a_download_leaves_it_to_be_tried_or_ended(
    scene: Scene, perceiver: Perceiver, host: Host, error: Exception, state: str
) -> None:
    conversation, media = await scene.sends_file("document")
    host.error = error
    await perceiver.bring_on(media)
    (row,) = await scene.files(conversation)
    assert row.state == state


async def test_a_stored_file_that_is_lost_again_is_told_as_missing(
    scene: Scene, perceiver: Perceiver
) -> None:
    conversation, media = await scene.sends_file("document")
    work = await scene.store.claim_media(media, scene.now)
    assert isinstance(work, MediaWork)
    fetched = Fetched(Path("unused"), SHA256, len(DATA))
    await scene.store.keep_media(work, fetched, "text/plain", scene.now - scene.now, scene.now)
    assert await perceiver.bring_on(media) == Brought(conversation)
    (row,) = await scene.files(conversation)
    assert (row.state, row.problem) == ("ready", "missing")


async def test_a_worker_that_lost_its_claim_writes_nothing(
    scene: Scene, host: Host, perceiver: Perceiver
) -> None:
    conversation, media = await scene.sends_file("document")

    async def take_it_away() -> None:
        other = scene.another_worker()
        await scene.store.sign_off()
        await other.register(scene.now, sole=False)
        await other.mend(scene.now, frozenset())

    host.meanwhile = take_it_away
    assert await perceiver.bring_on(media) == Brought()
    (row,) = await scene.files(conversation)
    assert (row.state, row.interrupted) == ("waiting", True)
