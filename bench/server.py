"""The servers under load, each as a process of its own, and what they take of the machine."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.messages import LINE, SECRET

ROOT = Path(__file__).parents[1]
OPERATOR_TOKEN = "operator-token-of-the-bench"  # noqa: S105 - made up
NOWHERE = {
    "MOSSMOON_API_KEY": "mm_live_bench",
    "MOSSMOON_BASE_URL": "http://127.0.0.1:9/api/v1",
    "OPENAI_API_KEY": "sk-bench",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
}
"""Addresses of a line and a model that nobody listens on."""
PROMPT = """\
instructions: |
  You answer for a shop.
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; its figures include every process it has started."""

    name: str
    port: int
    pid: int
    ready_after_s: float
    """From its start until it said that it was ready."""

    def cpu_s(self) -> float:
        return sum(_cpu_s(pid) for pid in self._pids())

    def resident_mb(self) -> float:
        """Pages shared between its processes count once (PSS)."""
        return sum(_resident_kb(pid) for pid in self._pids()) / 1024

    def _pids(self) -> Iterator[int]:
        waiting = [self.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting.extend(int(child) for child in (task / "children").read_text().split())


def _cpu_s(pid: int) -> float:
    # Nanoseconds per thread; /proc/<pid>/stat counts in ticks of 10 ms.
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def _resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@contextmanager
def reference(app: str, addresses: Mapping[str, str]) -> Iterator[Server]:
    """`app` of `bench.reference`, under uvicorn with uvloop and httptools."""
    port = free_port()
    options = "--loop uvloop --http httptools --no-access-log --log-level warning"
    command = ["-m", "uvicorn", f"bench.reference:{app}", "--port", str(port), *options.split()]
    env = {"MOSSMOON_WEBHOOK_SECRET": SECRET, **addresses}
    with _running("reference", command, env, ROOT, port) as server:
        yield server


@contextmanager
def product(
    command: str,
    addresses: Mapping[str, str],
    *,
    home: Path | None = None,
    stores: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """`bot run`, `serve` or `worker`.

    Its data are in `home` (`data/`), or in a folder of its own that is empty and goes with it;
    `stores` names its database and Redis, else they are SQLite and the embedded one.
    """
    port = free_port()
    with ExitStack() as stack:
        if home is None:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        env = {**_settle(home), **_port_of(command, port), **addresses, **(stores or {})}
        run = _running(f"bot {command}", ["-m", "bot", command], env, home, port)
        yield stack.enter_context(run)


def _settle(home: Path) -> dict[str, str]:
    """Write prompt and settings; the environment that points a bot there."""
    (home / "prompts").mkdir(exist_ok=True)
    (home / "prompts" / "default.yaml").write_text(PROMPT)
    (home / "config.yaml").write_text(json.dumps({"lines": {LINE: {"prompt": "default"}}}))
    return {
        "BOT_CONFIG": str(home / "config.yaml"),
        "BOT_DATA_DIR": str(home / "data"),
        "BOT__CONVERSATION__QUIET_PERIOD_S": "0",
        "BOT__LIMITS__REPLIES_PER_CONTACT_PER_HOUR": "0",
        "MOSSMOON_WEBHOOK_SECRET": SECRET,
        "OPERATOR_TOKEN": OPERATOR_TOKEN,
    }


def _port_of(command: str, port: int) -> dict[str, str]:
    key = "METRICS_PORT" if command == "worker" else "PORT"
    return {f"BOT__SERVER__{key}": str(port)}


@contextmanager
def _running(
    name: str, command: list[str], env: Mapping[str, str], folder: Path, port: int
) -> Iterator[Server]:
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command],
            env={"PATH": os.environ["PATH"], **env},
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_ready(process, port)
            yield Server(name, port, process.pid, time.perf_counter() - start)
        except BaseException:
            log.seek(0)
            sys.stderr.buffer.write(log.read()[-4000:])
            raise
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"not ready after {timeout_s} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
