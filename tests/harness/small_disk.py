"""A disk of a test's own, to be filled: mounted in memory, which only root may."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class NoDisk(Exception):
    """None can be mounted here; the text says why."""


class SmallDisk:
    """An empty file system at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is left, until the end."""
        self.fill()
        try:
            yield
        finally:
            self.empty()

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as file:
            for size in (2**20, 2**12, 1):
                with suppress(OSError):
                    while file.write(b"\0" * size):
                        pass

    def empty(self) -> None:
        """Make room again."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mounted at `path`, which is made, and gone at the end. Raises NoDisk."""
    if os.geteuid() != 0:
        raise NoDisk("only root may mount a disk to fill")
    path.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path))
    try:
        yield SmallDisk(path)
    finally:
        _run("umount", "-l", str(path))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoDisk(f"{command[0]}: {done.stderr.strip()}")
