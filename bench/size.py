"""How long the bot takes to be there. What it takes while idle is with `bench.turn`.

- start to ready: `bot run` with a database made before, and its first start, which makes it
  (target: below 2 s), against the reference's start; medians;
- cold: `make dev` in a copy of the project, with empty caches, until its first page is shown
  (target: below 60 s). It downloads everything, so the network is measured too. The reference is
  the installation of a tutorial's libraries with pip, likewise from nothing.
"""

import argparse
import statistics
import subprocess
import tempfile
from pathlib import Path

from bench import cold, report, server
from bench.report import Figure, Result, Target

_COLD_FROM_SCALE = 0.5

READY = "start to ready s"
FIRST = "first start to ready s"
COLD = "cold make dev to the first page s"
TARGETS = {READY: Target("below", 2), FIRST: Target("below", 2), COLD: Target("below", 60)}


def _reference_s() -> float:
    with server.reference("turn", server.NOWHERE) as bot:
        return bot.ready_after_s


def _start_s(home: Path | None = None) -> float:
    with server.product("run", server.NOWHERE, home=home) as bot:
        return bot.ready_after_s


def _starts(count: int) -> dict[str, Figure]:
    """Each in turn; one of each is not counted, since it compiles what it imports."""
    taken: dict[str, list[float]] = {"reference": [], READY: [], FIRST: []}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for number in range(count + 1):
            took_s = {
                "reference": _reference_s(),
                FIRST: _start_s(),
                READY: _start_s(Path(folder)),
            }
            for name, seconds in took_s.items() if number else ():
                taken[name].append(seconds)
    base = statistics.median(taken["reference"])
    return {name: Figure(statistics.median(taken[name]), base) for name in (READY, FIRST)}


def measure(starts: int, *, with_cold: bool) -> Result:
    found = _starts(starts)
    if not with_cold:
        return Result(found, missing="left out: it downloads everything")
    try:
        installed_s = cold.tutorial_installed_after_s()
        found[COLD] = Figure(cold.first_page_after_s(), installed_s)
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        return Result(found, missing=str(error))
    return Result(found)


def run(scale: float) -> Result:
    return measure(max(1, round(5 * scale)), with_cold=scale >= _COLD_FROM_SCALE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--no-cold", action="store_true", help="downloads nothing")
    chosen = parser.parse_args()
    result = measure(chosen.starts, with_cold=not chosen.no_cold)
    print(report.as_text("size", TARGETS, result))


if __name__ == "__main__":
    main()
