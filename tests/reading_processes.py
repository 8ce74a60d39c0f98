"""The processes that files are read in, as the system shows them (Linux alone)."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

WITHIN_S = 20


async def children(count: int, of: int | None = None) -> list[int]:
    """The readers that a process (None: this one) has, once so many are about to open a file."""
    found = list[int]()

    def are_there() -> bool:
        found[:] = [pid for pid in readers_of(of or os.getpid()) if _has_all_limits(pid)]
        return len(found) == count

    await until(are_there)
    return found


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    return False


def shown(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def readers_of(parent: int) -> list[int]:
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if _parent(pid) == parent and "media_reader" in _command(pid)]


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(shown(pid, "stat").rpartition(") ")[2].split()[1])
    return 0


def _command(pid: int) -> str:
    with suppress(OSError):
        return shown(pid, "cmdline")
    return ""


def _has_all_limits(pid: int) -> bool:
    with suppress(OSError):
        return "Max file size             0 " in shown(pid, "limits")
    return False
