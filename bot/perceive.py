"""Attachments become something the model understands: fetched, kept, read.

Each step begins with a claim and ends with a stored transition, so a process that dies in between
loses at most the step it was in: what was downloaded is not downloaded again, what was transcribed
is not paid for again.
"""

import asyncio
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from bot.crash_points import CrashPoint, reach
from bot.domain.media import (
    Fetched,
    MediaWork,
    Problem,
    Reading,
    media_key,
)
from bot.domain.work import MediaEnded, MediaLater, MediaTaken
from bot.errors import (
    BadMedia,
    LostClaim,
    MediaMissing,
    NotFound,
    StoreUnavailable,
    Unavailable,
)
from bot.interpret import Interpreter
from bot.metrics import MEDIA, MEDIA_EXPIRED, MEDIA_SECONDS
from bot.ports import Attachments, Blobs, Clock, MediaHost

log = structlog.get_logger()

_PATIENCE_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_DOWNLOADS_AT_ONCE = 32


_End = MediaLater | MediaEnded | MediaTaken


@dataclass(frozen=True, slots=True)
class Brought:
    """What a look at an attachment came to."""

    conversation_id: str | None = None
    """Set: it came to its end, and this conversation may go on."""
    look_again_at: datetime | None = None


class Perceiver:
    """Brings attachments on."""

    def __init__(
        self,
        store: Attachments,
        host: MediaHost,
        blobs: Blobs,
        interpreter: Interpreter,
        clock: Clock,
        scratch: Path,
        in_hand: set[str],
    ) -> None:
        """`scratch` is a folder of our own, for files while they are worked on."""
        self._store = store
        self._host = host
        self._blobs = blobs
        self._interpreter = interpreter
        self._clock = clock
        self._scratch = scratch
        self._in_hand = in_hand
        self._downloads = asyncio.Semaphore(_DOWNLOADS_AT_ONCE)

    async def bring_on(self, media_id: str) -> Brought:
        """Fetch an attachment that is due, and read it. Raises StoreUnavailable."""
        with self._place() as path:
            while True:
                step = await self._store.claim_media(media_id, self._clock())
                end = await self._work(step, path) if isinstance(step, MediaWork) else step
                match end:
                    case MediaLater(at):
                        return Brought(look_again_at=at)
                    case MediaEnded(conversation_id, expired):
                        if expired:
                            MEDIA_EXPIRED.inc()
                            log.error("media.expired", media=media_id, conversation=conversation_id)
                        return Brought(conversation_id)
                    case MediaTaken():
                        return Brought()
                    case None:
                        continue

    async def tidy(self) -> None:
        """See whether files can be kept, and clear away what killed processes have left."""
        try:
            await self._blobs.check()
        except Unavailable as error:
            log.error("media.store_unavailable", error=str(error))

    @contextmanager
    def _place(self) -> Iterator[Path]:
        """Where the bytes are while they are worked on; nothing is left of it."""
        path = self._scratch / secrets.token_hex(8) / "file"
        try:
            yield path
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)

    async def _work(self, work: MediaWork, path: Path) -> _End | None:
        """One step; None: the next one is due at once."""
        self._in_hand.add(work.id)
        try:
            return await self._step(work, path)
        except LostClaim:
            if work.sha256 is not None:
                await self._store.forsake_file(work.id, work.sha256, self._clock())
            return MediaTaken()
        finally:
            self._in_hand.discard(work.id)

    async def _step(self, work: MediaWork, path: Path) -> MediaLater | MediaEnded | None:
        name = "read" if work.announced is None else "fetch"
        begun = time.monotonic()
        try:
            _make_room(path)
            end = await (self._read(work, path) if name == "read" else self._fetch(work, path))
            MEDIA.labels(name, "done").inc()
            return end
        except StoreUnavailable:
            raise
        except (Unavailable, MediaMissing) as error:
            MEDIA.labels(name, "later").inc()
            return await self._later(work, error)
        except (BadMedia, NotFound) as error:
            MEDIA.labels(name, "failed").inc()
            problem = Problem(error.problem) if isinstance(error, BadMedia) else Problem.MISSING
            return await self._end(work, Reading(problem, str(error)), begun)
        except LostClaim:
            raise
        except Exception as error:  # one file must not stop those behind it
            MEDIA.labels(name, "broke").inc()
            about = {"media": work.id, "conversation": work.conversation_id, "step": name}
            log.exception("media.broke", **about, error=type(error).__name__)
            what = f"internal error: {type(error).__name__}"
            counted = Problem.UNREADABLE
            return await self._store.release_media(work, what, self._clock(), counted=counted)
        finally:
            MEDIA_SECONDS.labels(name).observe(time.monotonic() - begun)

    async def _later(
        self, work: MediaWork, error: Unavailable | MediaMissing
    ) -> MediaLater | MediaEnded:
        about = {"media": work.id, "conversation": work.conversation_id}
        log.warning("media.later", **about, error=str(error))
        if isinstance(error, MediaMissing):
            counted = Problem(error.problem)
            return await self._store.release_media(work, str(error), self._clock(), counted=counted)
        return await self._store.release_media(
            work, str(error), self._clock(), retry_after=error.retry_after
        )

    async def _end(self, work: MediaWork, reading: Reading, begun: float) -> MediaEnded:
        took = timedelta(seconds=time.monotonic() - begun)
        for wait_s in _PATIENCE_S:
            try:
                return await self._finish(work, reading, took)
            except StoreUnavailable:  # what was paid for is not thrown away
                log.warning(
                    "media.not_stored_yet", media=work.id, conversation=work.conversation_id
                )
                await asyncio.sleep(wait_s)
        return await self._finish(work, reading, took)

    async def _finish(self, work: MediaWork, reading: Reading, took: timedelta) -> MediaEnded:
        ended = await self._store.finish_media(work, reading, took, self._clock())
        problem = None if reading.problem is None else reading.problem.value
        step = "media.read" if work.announced is None else "media.not_fetched"
        _note(step, work, took, problem=problem, service=reading.service)
        return ended

    # fetching

    async def _fetch(self, work: MediaWork, path: Path) -> None:
        begun = time.monotonic()
        fetched = await self._stored_already(work, path) or await self._download(work, path)
        media_type = await self._interpreter.media_type(path, work.filename)
        await self._blobs.put(media_key(fetched.sha256), path)
        reach(CrashPoint.FILE_STORED)
        took = timedelta(seconds=time.monotonic() - begun)
        try:
            await self._store.keep_media(work, fetched, media_type, took, self._clock())
        except LostClaim:
            await self._store.forsake_file(work.id, fetched.sha256, self._clock())
            raise
        _note("media.fetched", work, took, size_bytes=fetched.size_bytes)

    async def _download(self, work: MediaWork, path: Path) -> Fetched:
        assert work.announced is not None  # noqa: S101 - only called for what is to be fetched
        async with self._downloads:
            fetched = await self._host.fetch(work.announced, path)
        reach(CrashPoint.FILE_DOWNLOADED)
        return fetched

    async def _stored_already(self, work: MediaWork, path: Path) -> Fetched | None:
        """What a worker had stored when it died, before it could say so."""
        announced = work.announced
        if not work.interrupted or announced is None or announced.sha256 is None:
            return None
        key = media_key(announced.sha256)
        if not await self._blobs.has(key):
            return None
        await self._blobs.copy_to(key, path)
        return Fetched(path, announced.sha256, _size(path))

    # reading

    async def _read(self, work: MediaWork, path: Path) -> MediaEnded:
        begun = time.monotonic()
        assert work.sha256 is not None  # noqa: S101 - what is read was fetched
        if not _size(path):
            await self._blobs.copy_to(media_key(work.sha256), path)
        media_type = work.media_type or "application/octet-stream"
        reading = await self._interpreter.interpret(path, work.sha256, media_type)
        reach(CrashPoint.FILE_READ)
        return await self._end(work, reading, begun)


def _note(step: str, work: MediaWork, took: timedelta, **more: object) -> None:
    took_ms = took // timedelta(milliseconds=1)
    log.info(step, media=work.id, conversation=work.conversation_id, took_ms=took_ms, **more)


def _make_room(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    except OSError as error:
        where = path.parent.parent
        raise Unavailable(f"no file can be written to {where}: {error.strerror}") from None


def _size(path: Path) -> int:
    """In bytes; 0 also when there is no such file."""
    return path.stat().st_size if path.exists() else 0
