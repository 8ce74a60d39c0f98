"""The process of its own that each file is read in, and all that may become of it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bot.adapters.media_reader.wire import decode_answer
from bot.domain.media import DOCX
from bot.errors import BadMedia, Unavailable
from tests.reading import Put, problem, reader, words, writer
from tests.reading_processes import alive, children, readers_of, shown, until
from tests.samples import hostile

ON_LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


@pytest.fixture
def put(tmp_path: Path) -> Put:
    return writer(tmp_path)


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A file that lets its reader wait for ever."""
    path = tmp_path / "endless"
    os.mkfifo(path)
    return path


@pytest.fixture
def child_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Instead of a child whose libraries were overpowered by a file: a script that may do all."""

    def say(script: str) -> None:
        program = tmp_path / "overpowered"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(program))

    return say


@ON_LINUX
async def test_a_file_that_takes_too_long_is_given_up_and_nothing_is_left(endless: Path) -> None:
    looking = asyncio.create_task(words_of(endless, timeout_s=0.5))
    await until(lambda: bool(readers_of(os.getpid())))
    (child,) = readers_of(os.getpid())
    with pytest.raises(BadMedia, match=r"^took longer than 0\.5 s to read$") as error:
        await looking
    assert error.value.problem == "unreadable"
    assert not alive(child)


@ON_LINUX
async def test_nothing_is_left_of_a_child_whose_work_was_cancelled(endless: Path) -> None:
    looking = asyncio.create_task(words_of(endless))
    (child,) = await children(1)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert not alive(child)


@ON_LINUX
async def test_a_child_that_is_killed_takes_nobody_along(endless: Path, put: Put) -> None:
    async with hanging(endless) as (looking, child):
        os.kill(child, signal.SIGSEGV)
        with pytest.raises(BadMedia, match=r"^the reader was ended by signal 11$") as error:
            await looking
    assert error.value.problem == "unreadable"
    assert (await words(put(b"the next file"))).text == "the next file"


@ON_LINUX
async def test_a_child_knows_no_secrets(endless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOSSMOON_API_KEY", "mm_live_secret")
    async with hanging(endless) as (_, child):
        told = shown(child, "environ") + shown(child, "cmdline")
    names = {line.partition("=")[0] for line in told.split("\0") if "=" in line}
    assert "secret" not in told
    assert names <= {
        *("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "MALLOC_ARENA_MAX", "PYTHONPATH"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONHOME", "LC_CTYPE"),
    }


@ON_LINUX
async def test_a_child_is_held_to_its_limits(endless: Path) -> None:
    async with hanging(endless, memory_bytes=900_000_000, timeout_s=40) as (_, child):
        limits, status = shown(child, "limits"), shown(child, "status")
        assert os.getsid(child) == child
    found = {line[:26].strip(): line[26:].split()[1] for line in limits.splitlines()[1:]}
    assert found["Max address space"] == "900000000"
    assert found["Max cpu time"] == "41"
    assert found["Max core file size"] == found["Max file size"] == "0"
    assert int(found["Max open files"]) <= 64
    assert "NoNewPrivs:\t1" in status


@ON_LINUX
async def test_a_child_dies_with_its_parent(endless: Path) -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", _PARENT, str(endless))
    try:
        (child,) = await children(1, of=parent.pid)
    finally:
        parent.kill()
        await parent.wait()
    await until(lambda: not alive(child))


_PARENT = """
import asyncio, pathlib, sys
from bot.adapters.media_reader import Readers, ReadLimits
asyncio.run(Readers(ReadLimits()).document(pathlib.Path(sys.argv[1]), "text/plain"))
"""


@ON_LINUX
async def test_there_are_no_more_children_than_processors(
    endless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    readers = reader()
    looking = [
        asyncio.create_task(problem(readers.document(endless, "text/plain"))) for _ in range(2)
    ]
    (first,) = await children(1)
    assert readers_of(os.getpid()) == [first]
    os.kill(first, signal.SIGKILL)
    assert await looking[0] == "unreadable"
    (second,) = await children(1)
    os.kill(second, signal.SIGKILL)
    assert await looking[1] == "unreadable"


async def test_a_file_that_needs_too_much_memory_is_unreadable(put: Put) -> None:
    looking = reader(memory_bytes=200_000_000).picture(put(hostile.png_bomb()))
    assert await problem(looking) == "unreadable"


async def test_what_the_machine_lacks_is_no_fault_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unavailable, match="can't be opened: No such file"):
        await reader().document(tmp_path / "gone", "text/plain")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    with pytest.raises(Unavailable, match="can't be started: No such file"):
        await reader().document(tmp_path / "gone", "text/plain")


async def test_files_without_bytes_are_empty(put: Put) -> None:
    nothing, readers = put(b""), reader()
    assert await problem(readers.sound(nothing, "audio/ogg")) == "empty"
    assert await problem(readers.picture(nothing)) == "empty"
    assert await problem(readers.document(nothing, DOCX)) == "empty"


@pytest.mark.parametrize(
    "script",
    [
        "exit 3",
        "kill -9 $$",
        "echo words",
        "echo '{}'",
        "echo '[]'",
        """echo '{"facts": 1}'""",
        r"""printf '{"facts": {}, "blobs": [9]}\n1234'""",
    ],
)
async def test_a_child_that_gives_no_answer_is_not_believed(
    child_says: Callable[[str], None], put: Put, script: str
) -> None:
    child_says(script)
    assert await problem(reader().picture(put(b"overpowers"))) == "unreadable"


@pytest.mark.parametrize(
    ("way", "facts", "blobs", "rest"),
    [
        ("sound", {"media_type": "text/html", "duration_s": 1}, [6], "words!"),
        ("sound", {"media_type": "audio/ogg", "duration_s": None}, [6], "words!"),
        ("sound", {"media_type": "audio/ogg", "duration_s": float("nan")}, [6], "words!"),
        ("sound", {"media_type": "audio/ogg", "duration_s": 1}, [], ""),
        ("picture", {}, [6], "<html>"),
        ("picture", {}, [], ""),
        ("document", {"left_out": "", "page_count": None}, [], ""),
        ("document", {"left_out": "", "page_count": "2"}, [6], "words!"),
        ("document", {"left_out": "", "page_count": 2}, [0, 6], "<html>"),
    ],
)
async def test_what_a_child_claims_is_looked_at(
    child_says: Callable[[str], None], way: str, facts: object, blobs: list[int], rest: str
) -> None:
    child_says(_answer(facts, blobs, rest))
    if way == "sound":
        assert await problem(reader().sound(Path("file"), "audio/ogg")) == "unreadable"
    elif way == "picture":
        assert await problem(reader().picture(Path("file"))) == "unreadable"
    else:
        assert await problem(words(Path(__file__))) == "unreadable"


async def test_an_answer_without_end_is_not_listened_to(child_says: Callable[[str], None]) -> None:
    child_says("yes")
    with pytest.raises(BadMedia, match=r"^the reader gave an answer without end$"):
        await words(Path(__file__))


async def test_the_words_of_a_child_are_cleaned_once_more(
    child_says: Callable[[str], None],
) -> None:
    child_says(_answer({"left_out": "a\nb", "page_count": 1}, [6], r"a\033b\377cd"))
    found = await words(Path(__file__))
    assert (found.text, found.left_out) == ("ab\ufffdcd", "a b")


def _answer(facts: object, blobs: list[int], rest: str) -> str:
    """A script that writes this; escapes in `rest` are printf's."""
    return f"printf '%s\\n{rest}' '{json.dumps({'facts': facts, 'blobs': blobs})}'"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\n",
        b"[" * 100_000,
        b'{"facts": {}, "blobs": [-1, 1]}\n',
        b'{"facts": {}, "blobs": [true]}\n1',
        b'{"facts": {}, "blobs": {"0": 0}}\n',
        b'{"facts": {"problem": "invented"}, "blobs": []}\n',
        b'{"facts": {"problem": ["silent"]}, "blobs": []}\n',
    ],
    ids=range(8),
)
def test_a_malformed_answer_is_none(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's and our own
        decode_answer(raw)


def test_the_error_of_a_child_is_one_plain_line() -> None:
    with pytest.raises(BadMedia, match=r"^no reason given$"):
        decode_answer(b'{"facts": {"problem": "silent", "error": "two\\nlines"}, "blobs": []}\n')
    with pytest.raises(BadMedia, match=r"^x{200}$"):
        decode_answer(
            b'{"facts": {"problem": "silent", "error": "%s"}, "blobs": []}\n' % (b"x" * 999)
        )


async def words_of(path: Path, **limits: float) -> str:
    return (await reader(**limits).document(path, "text/plain")).text


@asynccontextmanager
async def hanging(path: Path, **limits: float) -> AsyncIterator[tuple["asyncio.Task[str]", int]]:
    """A child that waits for a file; ended at the end."""
    looking = asyncio.create_task(words_of(path, **limits))
    (child,) = await children(1)
    try:
        yield looking, child
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError, BadMedia):
            await looking
