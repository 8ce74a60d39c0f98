"""All benches, one after the other: `python -m bench`, or `make bench`.

Prints one table for each and writes them all to `knowledge/bench.md`. A bench that fails is a row
that was not measured: nothing here ends with an error.
"""

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bench import console, growth, ingest, memory, report, size, turn, workers
from bench.report import Result, Targets
from bench.server import ROOT

PAGE = ROOT / "knowledge" / "bench.md"
_HEAD = """\
# Benches

Written by `make bench`. The reference is measured in the same run, so compare the ratios: the \
figures themselves belong to the machine and to what else ran on it.
"""


@dataclass(frozen=True, slots=True)
class _Bench:
    module: ModuleType
    targets: Targets
    run: Callable[[], Result]


def _benches(scale: float, *, full: bool) -> Mapping[str, _Bench]:
    return {
        "ingest": _Bench(ingest, ingest.TARGETS, lambda: ingest.run(scale)),
        "turn": _Bench(turn, turn.TARGETS, lambda: turn.run(scale)),
        "workers": _Bench(workers, workers.TARGETS, lambda: workers.run(scale)),
        "growth": _Bench(growth, growth.TARGETS, lambda: growth.run(scale, full=full)),
        "console": _Bench(console, console.TARGETS, lambda: console.run(scale, full=full)),
        "memory": _Bench(memory, memory.TARGETS, lambda: memory.run(scale, full=full)),
        "size": _Bench(size, size.TARGETS, lambda: size.run(scale)),
    }


def _measured(one: _Bench) -> Result:
    try:
        return one.run()
    except Exception as error:  # noqa: BLE001 - one bench's failure is a row of the table
        last = str(error).splitlines()[:1]
        return Result(missing=": ".join([type(error).__name__, *last]))


def page(benches: Mapping[str, _Bench], results: Mapping[str, Result], scale: float) -> str:
    """All tables, and how each was measured."""
    parts = [_HEAD, f"{os.cpu_count()} cores, scale {scale:g}.\n"]
    for name, result in results.items():
        one = benches[name]
        table = report.as_markdown(one.targets, result)
        how = inspect.getdoc(one.module) or ""
        parts.append(f"## {name}\n\n{table}\n\n{how.strip()}\n")
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="lengthens or shortens all of it")
    parser.add_argument(
        "--full",
        action="store_true",
        help="growth, console and memory at the sizes the targets name",
    )
    names = list(_benches(1, full=False))
    parser.add_argument("--only", nargs="+", choices=names, help="these; then no page is written")
    parser.add_argument("--page", type=Path, help="where the tables are written, if not there")
    chosen = parser.parse_args(arguments)
    benches = _benches(chosen.scale, full=chosen.full)
    results: dict[str, Result] = {}
    for name in chosen.only or names:
        print(f"{name} …", file=sys.stderr)
        results[name] = _measured(benches[name])
        print(report.as_text(name, benches[name].targets, results[name]), end="\n\n", flush=True)
    target: Path | None = chosen.page or (None if chosen.only else PAGE)
    if target is not None:
        target.write_text(page(benches, results, chosen.scale))
        print(f"written: {target}", file=sys.stderr)


if __name__ == "__main__":
    main()
