"""What lines are heard: counted in memory, stored now and then and at the end."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from bot.domain.silence import Heard
from bot.errors import StoreUnavailable
from bot.hearing import Hearing
from tests.conftest import NewBot
from tests.harness.stores import EMBEDDED

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class _Notes:
    """Where it is stored; `away`: not now."""

    def __init__(self) -> None:
        self.heard: list[Mapping[str, Heard]] = []
        self.away = False

    async def note_heard(self, lines: Mapping[str, Heard], now: datetime) -> None:
        assert now == NOW
        if self.away:
            raise StoreUnavailable("away")
        self.heard.append(lines)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is none of its business")


async def test_webhooks_are_counted_and_stored_together() -> None:
    notes, stop = _Notes(), asyncio.Event()
    hearing = Hearing(notes, lambda: NOW)
    running = asyncio.create_task(hearing.run(stop))
    for second, line_id, is_message in ((1, "a", True), (2, "b", False), (3, "a", True)):
        hearing.hear(line_id, NOW + timedelta(seconds=second), is_message)
    hearing.hear("", NOW, True)  # an event of no line
    assert notes.heard == []
    stop.set()
    await running
    assert notes.heard == [
        {
            "a": Heard(NOW + timedelta(seconds=3), 2),
            "b": Heard(NOW + timedelta(seconds=2), 0),
        }
    ]


async def test_a_database_that_is_away_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.hearing.STORE_EVERY_S", 0.01)
    notes, stop = _Notes(), asyncio.Event()
    notes.away = True
    hearing = Hearing(notes, lambda: NOW)
    hearing.hear("a", NOW, True)
    running = asyncio.create_task(hearing.run(stop))
    await asyncio.wait({running}, timeout=0.1)
    assert not running.done()
    notes.away = False
    hearing.hear("a", NOW, True)
    stop.set()
    await running
    assert notes.heard == [{"a": Heard(NOW, 1)}]


async def test_a_bot_that_stops_has_stored_what_it_heard(new_bot: NewBot, stores_kind: str) -> None:
    if stores_kind != EMBEDDED:
        pytest.skip("reads the file of SQLite")
    bot = await new_bot()
    ana = bot.provider.customer()
    await ana.writes("hello", "are you open?")
    await bot.provider.line_ready("ln_other")
    await ana.reads()
    await bot.stop()
    engine = create_engine(f"sqlite:///{bot.folder}/data/bot.db")
    with engine.connect() as connection:
        heard = connection.execute(text("SELECT line_id FROM lines WHERE heard_at > 0")).all()
        hours = connection.execute(text("SELECT line_id, heard FROM line_hours")).all()
    engine.dispose()
    assert {row.line_id for row in heard} == {"ln_test", "ln_other"}
    assert [tuple(row) for row in hours] == [("ln_test", 2)]
