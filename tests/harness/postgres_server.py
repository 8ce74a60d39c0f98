"""A PostgreSQL server of a test's own, to be starved and crashed; the shared one stays as it is."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_OWNER = "postgres"


class PostgresServer:
    """On a socket in `folder`."""

    def __init__(self, programs: Path, folder: Path, **settings: str) -> None:
        self._programs = programs
        self._folder = folder
        self._data = folder / "data"
        options = {"listen_addresses": "", "unix_socket_directories": str(folder), **settings}
        self._options = " ".join(f"-c {name}='{value}'" for name, value in options.items())
        self._run("initdb", "-U", _OWNER, "--auth=trust", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://{_OWNER}@/postgres?host={self._folder}"

    def start(self) -> None:
        """Returns once it takes connections."""
        log = str(self._folder / "log")
        self._run("pg_ctl", "-w", "-o", self._options, "-l", log, "start")

    def crash(self) -> None:
        """It ends at once, and recovers when it starts again."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        as_owner: Sequence[str] = ("runuser", "-u", _OWNER, "--") if os.geteuid() == 0 else ()
        command = [*as_owner, str(self._programs / program), "-D", str(self._data), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"


@contextmanager
def own_postgres(**settings: str) -> Iterator[PostgresServer]:
    """A fresh server with these settings, which runs, and is gone at the end."""
    programs = _programs()
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, _OWNER)
        server = PostgresServer(programs, Path(folder), **settings)
        server.start()
        try:
            yield server
        finally:
            server.crash()


def _programs() -> Path:
    """Where this machine has the newest server; the test skips where there is none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("no PostgreSQL server is installed here")
    return (found[-1] if found else Path(str(on_path))).parent
