"""Looks into files of strangers, each in a child process under limits of its own.

A file that makes a library crash, hang or eat memory ends the child, and nothing else. The child
gets no secrets: its environment says where Python finds its modules, and nothing more.
"""

import asyncio
import math
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Final

from bot.adapters.media_reader.types import sniff
from bot.adapters.media_reader.wire import Answer, ReadLimits, Task, Way, decode_answer
from bot.domain.media import DocumentText, Page, Problem, Sound
from bot.domain.untrusted import clean_line, clean_text
from bot.errors import BadMedia, Unavailable

_CHILD: Final = ("-P", "-s", "-S", "-m", "bot.adapters.media_reader.child")
_ENVIRONMENT: Final = (
    *("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
)
_PACKAGE_ROOT: Final = str(Path(__file__).resolve().parents[3])
_LAST_WORDS_S: Final = 5.0
_SOUNDS: Final = frozenset({"audio/ogg", "audio/mpeg", "audio/mp4", "audio/wav", "audio/webm"})
_JPEG: Final = b"\xff\xd8\xff"


class Readers:
    """As many files at once as the machine has processors; the others wait."""

    def __init__(self, limits: ReadLimits) -> None:
        self._limits = limits
        self._places = asyncio.Semaphore(os.cpu_count() or 1)

    async def media_type(self, path: Path, filename: str | None) -> str:
        """What the bytes are. Raises Unavailable if the file can't be opened."""
        try:
            return await asyncio.to_thread(sniff, path, filename)
        except OSError as error:
            raise Unavailable(f"a stored file can't be opened: {error.strerror}") from None

    async def sound(self, path: Path, media_type: str) -> Sound:
        """Something spoken, as speech services take it. Raises BadMedia or Unavailable."""
        return _sound(await self._ask("sound", path, media_type))

    async def picture(self, path: Path) -> Page:
        """A photo, upright and small enough. Raises BadMedia or Unavailable."""
        return _page(await self._ask("picture", path, ""))

    async def document(self, path: Path, media_type: str) -> DocumentText:
        """The words, or pictures of the first pages. Raises BadMedia or Unavailable."""
        return _document(await self._ask("document", path, media_type), self._limits)

    async def _ask(self, way: Way, path: Path, media_type: str) -> Answer:
        task = Task(way, os.path.abspath(path), media_type, self._limits)  # noqa: ASYNC240 - no I/O
        async with self._places:
            child = await _started()
            try:
                async with asyncio.timeout(self._limits.timeout_s):
                    raw = await _conversation(child, task.encoded(), self._limits.answer_bytes)
                    status = await child.wait()
            except TimeoutError:
                raise _unreadable(
                    f"took longer than {self._limits.timeout_s:g} s to read"
                ) from None
            finally:
                await _ended(child)
        if status != 0:
            raise _unreadable(_end_in_words(status))
        try:
            return decode_answer(raw)
        except ValueError:
            raise _unreadable("the reader gave no proper answer") from None


def _environment() -> dict[str, str]:
    """Where to find what this process has found, and no secret."""
    paths = [_PACKAGE_ROOT, *(os.path.abspath(path) for path in sys.path if path)]
    return {
        **{name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "MALLOC_ARENA_MAX": "2",  # or what it may take would depend on the number of processors
    }


async def _started() -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *_CHILD, str(os.getpid())),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,  # it may quote the file
            env=_environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise Unavailable(f"the media reader can't be started: {error.strerror}") from None


async def _conversation(child: Process, task: bytes, most_bytes: int) -> bytes:
    """Give it the task, take all that it says. Raises BadMedia if that has no end."""
    if child.stdin is None or child.stdout is None:
        raise Unavailable("the media reader was started without pipes")
    child.stdin.write(task)
    with suppress(ConnectionError):  # it may be dead already
        await child.stdin.drain()
    child.stdin.close()
    try:
        await child.stdout.readexactly(most_bytes + 1)
    except asyncio.IncompleteReadError as end:
        return end.partial
    raise _unreadable("the reader gave an answer without end")


async def _ended(child: Process) -> None:
    """Make sure that nothing is left of it."""
    if child.returncode is not None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORDS_S):
            while child.stdout is not None and await child.stdout.read(1 << 16):
                pass
            await child.wait()


def _end_in_words(status: int) -> str:
    if status < 0:
        return f"the reader was ended by signal {-status}"
    return f"the reader ended with status {status}"


def _sound(answer: Answer) -> Sound:
    """Believed only as far as it can be checked."""
    duration_s, media_type = answer.facts.get("duration_s"), answer.facts.get("media_type")
    if not isinstance(duration_s, int | float) or not 0 <= duration_s < math.inf:
        raise _unreadable("the reader gave no proper answer")
    if media_type not in _SOUNDS or len(answer.blobs) != 1:
        raise _unreadable("the reader gave no proper answer")
    return Sound(answer.blobs[0], str(media_type), float(duration_s))


def _page(answer: Answer) -> Page:
    if len(answer.blobs) != 1:
        raise _unreadable("the reader gave no proper answer")
    return _jpeg_page(answer.blobs[0])


def _jpeg_page(data: bytes) -> Page:
    if not data.startswith(_JPEG):
        raise _unreadable("the reader gave no proper answer")
    return Page(data)


def _document(answer: Answer, limits: ReadLimits) -> DocumentText:
    count, left_out = answer.facts.get("page_count"), answer.facts.get("left_out")
    if not answer.blobs or not isinstance(left_out, str) or not isinstance(count, int | None):
        raise _unreadable("the reader gave no proper answer")
    return DocumentText(
        clean_text(answer.blobs[0].decode("utf-8", "replace"), limits.document_chars),
        clean_line(left_out, 100),
        count,
        tuple(_jpeg_page(blob) for blob in answer.blobs[1:]),
    )


def _unreadable(why: str) -> BadMedia:
    return BadMedia(Problem.UNREADABLE, why)
