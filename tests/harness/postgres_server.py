"""A PostgreSQL server of a test's own, to be starved; the shared one stays as it is."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_OWNER = "postgres"


@contextmanager
def own_postgres(**settings: str) -> Iterator[str]:
    """The URL of a fresh server with these settings, on a socket of its own, gone at the end."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, _OWNER)
        with _running(_programs(), Path(folder), settings) as url:
            yield url


@contextmanager
def _running(programs: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[str]:
    data = folder / "data"
    _run(programs / "initdb", "-D", data, "-U", _OWNER, "--auth=trust", "--no-sync")
    options = {"listen_addresses": "", "unix_socket_directories": str(folder), **settings}
    told = " ".join(f"-c {name}='{value}'" for name, value in options.items())
    _run(programs / "pg_ctl", "-D", data, "-w", "-o", told, "-l", folder / "log", "start")
    try:
        yield f"postgresql+asyncpg://{_OWNER}@/postgres?host={folder}"
    finally:
        _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def _programs() -> Path:
    """Where this machine has the newest server; the test skips where there is none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        pytest.skip("no PostgreSQL server is installed here")
    return (found[-1] if found else Path(str(on_path))).parent


def _run(program: Path, *arguments: object) -> None:
    as_owner: Sequence[str] = ("runuser", "-u", _OWNER, "--") if os.geteuid() == 0 else ()
    command = [*as_owner, str(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, f"{program.name}: {done.stdout}{done.stderr}"
