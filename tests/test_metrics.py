"""Metrics: what is shown, what it says, and that nothing waits for a database that is away."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from bot.domain.census import Census
from bot.errors import StoreUnavailable
from bot.gauges import Gauges
from tests.conftest import NewBot
from tests.harness import Answer, Bot, eventually, fail
from tests.harness.bot_process import TOKEN

CATALOGUE = Path(__file__).parents[1] / "knowledge" / "metrics.md"
SETTINGS = {
    "retry": {"base_delay_s": 0.05, "max_delay_s": 0.1, "max_attempts": 2},
    "llm": {"prices": {"scripted-model": {"input": 1, "output": 2}}},
}
Samples = dict[str, float]


def _catalogue() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each metric, as the table has them."""
    rows = [line.strip("|").split("|") for line in CATALOGUE.read_text().splitlines()]
    named = [[cell.strip(" `") for cell in row] for row in rows if row[0].startswith(" `bot_")]
    return {
        name: (kind, frozenset(filter(None, labels.split(", "))))
        for name, kind, labels, _about in named
    }


async def _text(bot: Bot, port: int | None = None) -> str:
    if port is None:
        return (await bot.http("GET", "/metrics")).text
    answer = await bot.network.call(bot.network.http.get(f"http://127.0.0.1:{port}/metrics"))
    return answer.text


def _samples(text: str) -> Samples:
    pairs = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs if name}


def _labels(sample: str) -> frozenset[str]:
    return frozenset(re.findall(r'[{,](\w+)="', sample)) - {"le"}


def _family(sample: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", sample.partition("{")[0])


async def test_what_is_shown_is_what_the_catalogue_names(bot: Bot) -> None:
    await _life(bot)
    text = await _text(bot)
    shown = dict(re.findall(r"^# TYPE (bot_\w+) (\w+)$", text, re.MULTILINE))
    shown = {name: kind for name, kind in shown.items() if not name.endswith("_created")}
    catalogue = _catalogue()
    assert shown == {name: kind for name, (kind, _) in catalogue.items()}
    for sample in _samples(text):
        if sample.startswith("bot_") and not sample.partition("{")[0].endswith("_created"):
            assert _labels(sample) == catalogue[_family(sample)][1], sample


async def _life(bot: Bot) -> None:
    """Something of everything that is counted."""
    ana, ben = bot.provider.customer(), bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()
    bot.llm.plan_calls(fail(500), fail(429), about="again")
    await ana.writes("again")
    await ana.reads(2)
    bot.llm.plan_calls(fail(400), fail(400), about="broken")
    await bot.handled(*await ben.writes("broken"))
    await bot.provider.deliver(ana.event("x"), headers={}, expect=401)


async def test_the_metrics_tell_what_has_happened(bot: Bot) -> None:
    before = _samples(await _text(bot))
    await _life(bot)

    async def counted() -> None:
        after = _samples(await _text(bot))
        grown = {name: after[name] - before.get(name, 0) for name in after}
        assert grown["bot_webhooks_bad_signature_total"] == 1
        assert grown['bot_llm_errors_total{kind="server_error"}'] == 1
        assert grown['bot_llm_errors_total{kind="rate_limited"}'] == 1
        assert grown['bot_llm_errors_total{kind="refused"}'] == 2
        assert grown['bot_cost_total{of="model"}'] == pytest.approx(2 * (20 + 2 * 5) / 1e6)
        for step, least in (("waited", 3), ("model", 6), ("store", 2), ("send", 3)):
            assert grown[f'bot_turn_step_seconds_count{{step="{step}"}}'] >= least

    await eventually(counted)


async def test_the_gauges_tell_what_there_is_now(new_bot: NewBot) -> None:
    bot = await new_bot(settings={**SETTINGS, "line_api": {"timeout_s": 1}})
    ana, ben = bot.provider.customer(), bot.provider.customer(line_id="ln_other")
    refusal = bot.provider.plan_sends(Answer(409, {"error": "line_not_ready"}), to=ben.number)
    bot.llm.plan_calls(*[fail(400)] * 2, about="broken")
    await bot.handled(*await ana.writes("broken"))
    conversation = (await bot.conversation(ana))["id"]
    await bot.api("POST", f"/api/conversations/{conversation}/pause")
    await ben.writes("hello")
    await refusal.has_fired()
    bot.llm.always(fail(503))
    await bot.provider.customer().writes("anybody there?")

    async def shown() -> None:
        now = _samples(await _text(bot))
        assert now["bot_database_up"] == 1
        assert now["bot_workers"] == 1
        assert now["bot_conversations_waiting"] == 1
        assert 0 < now["bot_oldest_waiting_seconds"] < 60
        assert now['bot_outbox_messages{status="held"}'] == 1
        assert now['bot_outbox_messages{status="queued"}'] == 0
        assert now["bot_dead_letters"] == 1
        assert now["bot_conversations_paused"] == 1
        assert now["bot_conversations_attention"] == 1
        assert now['bot_line_state{line_id="ln_other",state="disconnected"}'] == 1
        assert now['bot_line_state{line_id="ln_other",state="ready"}'] == 0

    await eventually(shown, 20)


async def test_a_worker_shows_its_own_on_a_port_of_its_own(new_bot: NewBot) -> None:
    bot = await new_bot(command=("serve",))
    port = bot.port + 1
    bot.env["BOT__SERVER__METRICS_PORT"] = str(port)
    await bot.start("worker", ready=False)
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()

    async def sent() -> None:
        of_worker, of_web = _samples(await _text(bot, port)), _samples(await _text(bot))
        assert of_worker['bot_sends_total{outcome="sent"}'] == 1
        assert of_web["bot_events_received_total"] == 1
        assert of_worker["bot_workers"] == of_web["bot_workers"] == 1

    await eventually(sent, 20)
    url = f"http://127.0.0.1:{port}"
    http = bot.network.http
    for path, headers, status in (
        ("/healthz", {}, 200),
        ("/readyz", {}, 200),
        ("/metrics", {"X-Forwarded-For": "203.0.113.9"}, 401),
        ("/metrics", {"X-Real-IP": "::1", "Authorization": f"Bearer {TOKEN}"}, 200),
        ("/api/lines", {"Authorization": f"Bearer {TOKEN}"}, 404),
    ):
        answer = await bot.network.call(http.get(url + path, headers=headers))
        assert answer.status_code == status, (path, answer.text)


# the database away, without a bot


class _Database:
    """Counts how often it is asked; answers only while it is `up`."""

    def __init__(self) -> None:
        self.asked = 0
        self.up = asyncio.Event()
        self.up.set()
        self.broken = False
        self.census = Census(waiting=7, waiting_since=NOW - timedelta(seconds=90))

    async def count(self, now: datetime) -> Census:
        assert now == NOW
        self.asked += 1
        await self.up.wait()
        if self.broken:
            raise StoreUnavailable("away")
        return self.census

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not asked for by a scrape")


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def database() -> _Database:
    return _Database()


def _value(name: str) -> float | None:
    return REGISTRY.get_sample_value(name)


async def test_scrapes_ask_the_database_once_in_five_seconds(database: _Database) -> None:
    gauges = Gauges(database, lambda: NOW)
    await asyncio.gather(*(gauges.refresh() for _ in range(20)))
    await gauges.refresh()
    assert database.asked == 1
    assert _value("bot_conversations_waiting") == 7
    assert _value("bot_oldest_waiting_seconds") == 90
    assert _value("bot_database_up") == 1


async def test_a_scrape_waits_a_second_and_shows_the_old_values(
    database: _Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.gauges._GOOD_FOR_S", 0.0)
    monkeypatch.setattr("bot.gauges._PATIENCE_S", 0.05)
    gauges = Gauges(database, lambda: NOW)
    await gauges.refresh()
    database.up.clear()
    database.census = Census(waiting=8)
    async with asyncio.timeout(1):
        for _ in range(3):
            await gauges.refresh()
    assert _value("bot_database_up") == 0
    assert _value("bot_conversations_waiting") == 7
    assert database.asked == 2  # a question that waits for its answer is not asked again
    database.up.set()
    await gauges.refresh()
    assert _value("bot_database_up") == 1
    assert _value("bot_conversations_waiting") == 8
    database.broken = True
    await gauges.refresh()
    assert _value("bot_database_up") == 0
    assert _value("bot_conversations_waiting") == 8
