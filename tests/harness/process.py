"""A command of the bot as a process: started, signalled, waited for, never left behind."""

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.harness.launcher import Launcher, Started, Streams
from tests.harness.network import POLL_S


@dataclass(frozen=True, slots=True)
class Program:
    """What is started, and where."""

    executable: Sequence[str]
    env: Mapping[str, str]
    folder: Path
    cold: bool
    """From nothing, as an operator starts it; else warm where that can be (see `launcher`)."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command that ended by itself left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


class Process:
    """The program with a command that goes on running; its output goes to `log_path`."""

    def __init__(self, launcher: Launcher, program: Program, command: Sequence[str]) -> None:
        self.command = " ".join(command)
        self.log_path = program.folder / f"{time.monotonic_ns()}-{command[0]}.log"
        with self.log_path.open("wb") as log, Path(os.devnull).open("rb") as nothing:
            streams = Streams(nothing.fileno(), log.fileno(), log.fileno())
            self._started = _start(launcher, program, command, streams)

    @property
    def pid(self) -> int:
        return self._started.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: ended by that signal."""
        return self._started.poll()

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        self._started.send_signal(number)

    async def wait(self, timeout_s: float) -> int:
        deadline = time.monotonic() + timeout_s
        while (code := self.exit_code) is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"bot {self.command} still runs after {timeout_s} s")
            await asyncio.sleep(POLL_S)
        return code

    async def stop(self, timeout_s: float = 30) -> None:
        """SIGTERM, and the exit that the contract promises."""
        self.signal(signal.SIGTERM)
        code = await self.wait(timeout_s)
        assert code == 0, f"bot {self.command} ended with {code} after SIGTERM"

    async def kill(self) -> None:
        """SIGKILL to the process alone: what it has started must notice by itself."""
        self.signal(signal.SIGKILL)
        await self.wait(10)

    def sweep_away(self) -> None:
        """Ends the process and everything in its group."""
        with suppress(ProcessLookupError):
            os.killpg(self._started.pid, signal.SIGKILL)
        self.signal(signal.SIGKILL)  # no group of its own yet
        self._started.wait()


class Errand(Process):
    """The program with a command that ends by itself; what it said is kept apart."""

    def __init__(
        self, launcher: Launcher, program: Program, command: Sequence[str], stdin: str
    ) -> None:
        """`stdin` must fit into a pipe: 64 kB."""
        self.command = " ".join(command)
        with ExitStack() as ours:
            given, giving = os.pipe()
            ours.callback(os.close, given)
            with open(giving, "wb") as whole:
                whole.write(stdin.encode())
            self._said, self._complained = _scratch(), _scratch()
            streams = Streams(given, self._said.fileno(), self._complained.fileno())
            self._started = _start(launcher, program, command, streams)

    async def end(self, timeout_s: float) -> Finished:
        with self._said, self._complained:
            try:
                exit_code = await self.wait(timeout_s)
            finally:
                self.sweep_away()
            return Finished(exit_code, _whole(self._said), _whole(self._complained))


def _start(
    launcher: Launcher, program: Program, command: Sequence[str], streams: Streams
) -> Started:
    whole = [*program.executable, *command]
    return launcher.start(whole, program.env, program.folder, streams, cold=program.cold)


def _scratch() -> IO[bytes]:
    return tempfile.TemporaryFile()


def _whole(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
