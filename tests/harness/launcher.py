"""Starting the bot's commands: forked off a process that has imported the bot, or from nothing.

The commands of a test run differ in their settings alone, and most of a start is imports, so a
run does these once (see `warm_start`). From nothing start: another program than `python -m bot`,
anything with a PYTHON… variable, everything outside Linux, and with TESTS_START_COLD everything.
"""

import array
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

PROGRAM = (sys.executable, "-m", "bot")

# Runs before the bot in the same process: when the test run is killed, the bot goes with it.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Streams(NamedTuple):
    """Descriptors; they stay the caller's to close."""

    stdin: int
    stdout: int
    stderr: int


class Started(Protocol):
    """A process as `subprocess.Popen` shows it, as far as the tests look."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self) -> int: ...
    def send_signal(self, sig: int) -> None: ...


class Launcher:
    """Call `start` from a thread that lives as long as the tests: what it starts dies with it."""

    def __init__(self) -> None:
        self._warm: _Warm | None = None

    def start(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        streams: Streams,
        *,
        cold: bool,
    ) -> Started:
        if cold or not _may_be_warm(command, env):
            return _cold(command, env, folder, streams)
        if self._warm is None:
            self._warm = _Warm()
        return self._warm.start(command[len(PROGRAM) :], env, folder, streams)

    def close(self) -> None:
        if self._warm is not None:
            self._warm.close()


def _may_be_warm(command: Sequence[str], env: Mapping[str, str]) -> bool:
    return (
        sys.platform == "linux"
        and tuple(command[: len(PROGRAM)]) == PROGRAM
        and not any(name.startswith("PYTHON") for name in env)
        and not os.environ.get("TESTS_START_COLD")
    )


def _cold(
    command: Sequence[str], env: Mapping[str, str], folder: Path, streams: Streams
) -> Started:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, *command],
        env=dict(env),
        cwd=folder,
        stdin=streams.stdin,
        stdout=streams.stdout,
        stderr=streams.stderr,
        start_new_session=True,
    )


class _Warm:
    """The process that has imported the bot; it ends when the socket to it does."""

    def __init__(self) -> None:
        self._orders, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        script = Path(__file__).with_name("warm_start.py")
        with its_end:
            self._popen = subprocess.Popen(
                [sys.executable, "-P", str(script)], stdin=its_end.fileno(), start_new_session=True
            )

    def start(
        self, arguments: Sequence[str], env: Mapping[str, str], folder: Path, streams: Streams
    ) -> "_Forked":
        order = {"arguments": list(arguments), "env": dict(env), "folder": str(folder)}
        told, its_end = socket.socketpair()
        with its_end:
            descriptors = array.array("i", [*streams, its_end.fileno()])
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)
            self._orders.sendmsg([json.dumps(order).encode()], [rights])
        return _Forked(told)

    def close(self) -> None:
        self._orders.close()
        self._popen.wait()


class _Forked:
    """A command's process; its keeper tells the pid, and the exit code when it has ended."""

    def __init__(self, told: socket.socket) -> None:
        self._told = told
        self._heard = b""
        self._exit_code: int | None = None
        self.pid = int(self._line())

    def poll(self) -> int | None:
        if self._exit_code is None:
            try:
                return self._ended(socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
        return self._exit_code

    def wait(self) -> int:
        return self._ended() if self._exit_code is None else self._exit_code

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def _ended(self, flags: int = 0) -> int:
        line = self._line(flags)
        # Without a word from its keeper both were swept away.
        self._exit_code = int(line) if line else -signal.SIGKILL
        self._told.close()
        return self._exit_code

    def _line(self, flags: int = 0) -> bytes:
        """Up to a line's end; b"" when the keeper is gone. Raises BlockingIOError with the flag."""
        while b"\n" not in self._heard:
            if not (some := self._told.recv(64, flags)):
                return b""
            self._heard += some
        line, _end, self._heard = self._heard.partition(b"\n")
        return line
