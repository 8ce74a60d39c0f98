"""The benches tell the truth: their verdicts, and the database that they take for a used one."""

import asyncio
import math
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from bench import __main__ as all_benches
from bench import report, server, workers
from bench.fill import Group, fill
from bench.report import Figure, Result, Target
from bench.world import World, neighbours, phone

FILLED, ASKED = 10_000_000, 1


@pytest.mark.parametrize(
    ("target", "figure", "verdict"),
    [
        (Target("below", 25), Figure(24.9, 4), "met"),
        (Target("below", 25), Figure(25, 4), "missed"),
        (Target("at most", 1.2, of="ratio"), Figure(12, 10), "met"),
        (Target("at most", 1.2, of="ratio"), Figure(13, 10), "missed"),
        (Target("at least", 0.85, of="ratio"), Figure(84, 100), "missed"),
        (Target("below", 10), Figure(math.inf, 1), "missed"),
        (Target("at most", 1.2, of="ratio"), Figure(12), "not measured: no reference"),
        (Target("below", 25), Figure(None, 4), "not measured: no figure"),
    ],
)
def test_a_figure_meets_its_target_or_misses_it(
    target: Target, figure: Figure, verdict: str
) -> None:
    assert target.verdict(figure) == verdict


def test_a_target_without_a_figure_is_a_row_that_says_why() -> None:
    targets = {"a": Target("below", 1), "b": Target("below", 2)}
    result = Result({"a": Figure(0.5, 0.25), "c": Figure(7)}, missing="no server")
    assert report.rows(targets, result) == [
        ["a", "0.25", "0.50", "2.00", "below 1", "met"],
        ["c", "", "7.00", "", "", ""],
        ["b", "", "", "", "below 2", "not measured: no server"],
    ]


def test_workers_without_their_servers_say_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BENCH_REDIS_URL", raising=False)
    monkeypatch.setenv("BENCH_DATABASE_URL", "postgresql://nowhere.invalid/none")
    assert workers.run(0.1).missing == "BENCH_REDIS_URL not set"


def test_a_bench_that_fails_leaves_the_others_their_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_scale: float) -> Result:
        raise OSError("the disk is full")

    monkeypatch.setattr("bench.turn.run", fails)
    monkeypatch.setattr("bench.size.run", lambda _scale: Result({"MB": Figure(3)}))
    page = tmp_path / "bench.md"
    arguments = ["--only", "turn", "size", "--page", str(page)]
    all_benches.main(arguments)
    for shown in (capsys.readouterr().out, page.read_text()):
        assert "not measured: OSError: the disk is full" in shown
        assert "3.00" in shown


@pytest.mark.slow
async def test_a_filled_database_holds_what_an_answered_message_leaves(tmp_path: Path) -> None:
    path = tmp_path / "data" / "bot.db"
    await asyncio.to_thread(fill, path, [Group(FILLED, 1, 1)])
    world = World()
    async with neighbours(world) as addresses:
        with ExitStack() as stack:
            started = server.product("run", addresses, home=tmp_path)
            bot = await asyncio.to_thread(stack.enter_context, started)
            customer = await phone(world, bot.port, ASKED)
            await customer.ask()
            customer.transport.close()
            await asyncio.to_thread(stack.close)
    for table in ("conversations", "events", "messages", "turns"):
        filled, real = _halves(path, table)
        assert filled == real, table


def _halves(path: Path, table: str) -> tuple[list[set[str]], list[set[str]]]:
    """The columns that have a value in each row: in those filled, and in the bot's own."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()  # noqa: S608
    found = [{name for name in row.keys() if row[name] is not None} for row in rows]  # noqa: SIM118
    half = len(found) // 2
    return found[:half], found[half:]
