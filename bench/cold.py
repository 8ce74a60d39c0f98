"""From a fresh copy of the project to its first page, with nothing of it on the machine yet."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.server import ROOT, free_port

_NOT_CLONED = (".git", ".venv", ".env", "data", "*.egg-info", "__pycache__", ".*_cache")
_TUTORIAL = ("fastapi", "uvicorn", "uvloop", "httptools", "openai", "httpx")
_OURS = re.compile(
    r"BOT_|MOSSMOON_|OPENAI_|DEEPGRAM_|BENCH_|(DATABASE_URL|REDIS_URL|OPERATOR_TOKEN)$"
)
_OF_MAKE = frozenset({"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "VIRTUAL_ENV"})
_PAGE = re.compile(r"http://127\.0\.0\.1:\d+/sandbox\?key=\S+")
_PATIENCE_S = 300


def first_page_after_s() -> float:
    """How long `make dev` takes until its page is shown. Raises RuntimeError."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*_NOT_CLONED))
        env = _new_machine(Path(folder)) | {"BOT__SERVER__PORT": str(free_port())}
        start = time.perf_counter()
        with _making(copy, env) as (process, output):
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            browser.open(_page(process, output), timeout=30).close()
            return time.perf_counter() - start


def tutorial_installed_after_s() -> float:
    """The same for the libraries that the reference needs, until they are there."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder) / ".venv"
        options = ["-q", "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
        start = time.perf_counter()
        for command in (
            [sys.executable, "-m", "venv", str(home)],
            [str(home / "bin" / "python"), "-m", "pip", "install", *options, *_TUTORIAL],
        ):
            subprocess.run(command, env=_new_machine(Path(folder)), check=True, capture_output=True)
        return time.perf_counter() - start


def _new_machine(folder: Path) -> dict[str, str]:
    """This environment, without anything for the bot, and with empty caches."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not _OURS.match(name) and name not in _OF_MAKE
    }
    caches = ("PIP_CACHE_DIR", "UV_CACHE_DIR", "XDG_CACHE_HOME")
    return kept | {name: str(folder / name.lower()) for name in caches}


@contextmanager
def _making(folder: Path, env: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`make dev` in a group of processes of its own, and the file that it writes to."""
    output = folder.parent / "output"
    with output.open("wb") as log:
        process = subprocess.Popen(
            ["make", "dev"],  # noqa: S607 - the one on the path, as in a shell
            cwd=folder,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield process, output
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(30)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _page(process: subprocess.Popen[bytes], output: Path) -> str:
    """The address that is printed when the page is there. Raises RuntimeError."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found = _PAGE.search(output.read_text())
        if found is not None:
            return found[0]
        if process.poll() is not None:
            last = (output.read_text().splitlines() or ["nothing"])[-1]
            raise RuntimeError(f"make dev ended with {process.returncode}: {last[:120]}")
        time.sleep(0.05)
    raise RuntimeError(f"make dev showed no page within {_PATIENCE_S} s")
