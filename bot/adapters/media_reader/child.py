"""The child: reads one file of a stranger's, under limits that hold for it alone.

Usage: python -m bot.adapters.media_reader.child PARENT_PID, with the task on standard input.
Libraries are imported one by one: all of them would take longer than most files do.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO, Final, TypeAlias

from bot.adapters.media_reader.documents import read_text
from bot.adapters.media_reader.wire import (
    Result,
    Task,
    decode_task,
    encode_fault,
    encode_problem,
    encode_result,
)
from bot.domain.media import DOCX, Problem
from bot.errors import BadMedia

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_OPEN_FILES: Final = 32

_Reader: TypeAlias = Callable[[BinaryIO], Result]


def main() -> None:
    """One task, one answer; then the end, without a word on standard error."""
    task = decode_task(sys.stdin.buffer.read())
    _confine(task, parent_pid=int(sys.argv[1]))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of the answer
    with out:
        out.write(_answer(task))
    os._exit(0)


def _confine(task: Task, parent_pid: int) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)  # it died before the request stood
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, int(task.limits.timeout_s) + 1)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_AS, task.limits.memory_bytes)


def _limit(what: int, most: int) -> None:
    _, allowed = resource.getrlimit(what)
    most = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
    with contextlib.suppress(ValueError, OSError):  # macOS knows no limit of address space
        resource.setrlimit(what, (most, most))


def _answer(task: Task) -> bytes:
    try:
        read = _reader(task)
        _limit(resource.RLIMIT_FSIZE, 0)  # not before the imports, which may write bytecode
        file = open(task.path, "rb")  # noqa: SIM115 - open until the end of the process
    except ImportError as error:
        return encode_fault(f"files of this kind can't be read: {error.name} is not installed")
    except OSError as error:
        return encode_fault(f"a stored file can't be opened: {error.strerror}")
    try:
        if not os.fstat(file.fileno()).st_size:
            raise BadMedia(Problem.EMPTY, "no bytes")
        return encode_result(read(file))
    except BadMedia as bad:
        return encode_problem(bad)
    except MemoryError:
        return encode_problem(BadMedia(Problem.UNREADABLE, "takes too much memory to read"))
    except Exception as error:  # noqa: BLE001 - libraries raise anything over a broken file
        # Never its text, which may quote the file.
        return encode_problem(BadMedia(Problem.UNREADABLE, f"corrupt ({type(error).__name__})"))


def _reader(task: Task) -> _Reader:
    """The function for this kind of file. Raises ImportError."""
    match task.way, task.media_type:
        case "sound", media_type:
            from bot.adapters.media_reader.sounds import read_sound  # noqa: PLC0415 - see above

            return lambda file: read_sound(file, media_type, task.limits)
        case "picture", _:
            from bot.adapters.media_reader.pictures import read_picture  # noqa: PLC0415

            return lambda file: read_picture(file, task.limits)
        case "document", "application/pdf":
            from bot.adapters.media_reader.pdf import read_pdf  # noqa: PLC0415

            return lambda file: read_pdf(file, task.limits)
        case "document", media_type if media_type == DOCX:
            from bot.adapters.media_reader.word import read_word  # noqa: PLC0415

            return lambda file: read_word(file, task.limits)
        case _:
            return lambda file: read_text(file, task.limits)


if __name__ == "__main__":
    main()
