"""A command of the bot as a process: started, signalled, waited for, never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.harness.network import POLL_S

# Runs before the bot in the same process: when the test run is killed, the bot goes with it.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Process:
    """The program `executable` with a command; its output goes to `log_path`."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        folder: Path,
        executable: Sequence[str],
    ) -> None:
        self.command = " ".join(command)
        self.log_path = folder / f"{time.monotonic_ns()}-{command[0]}.log"
        with self.log_path.open("wb") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, *executable, *command],
                env=dict(env),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: ended by that signal."""
        return self._popen.poll()

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

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
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
