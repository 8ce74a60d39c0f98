"""Wherever the process ends, what people did holds: take-overs, commands, notices, migrations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.adapters.db.engine import sqlite_url
from bot.crash_points import VARIABLE, CrashPoint
from tests.conftest import NewBot
from tests.crashes import (
    PATIENCE_S,
    SETTINGS,
    all_said_back,
    armed,
    ended_and_started,
    ends_at,
    is_whole,
    read_once,
    writes,
)
from tests.harness import Bot, Customer, Gate, Network, eventually, say
from tests.harness.http_server import ScriptedServer
from tests.old_database import make_old

pytestmark = pytest.mark.slow

ROSA = "+15559990001"
PARTING = "One moment, Rosa will write to you."
PROMPT = f"""\
instructions: |
  You answer for a test shop.
hand_off:
  when: the customer complains
  keywords: [human]
  say: {PARTING}
"""


@pytest.fixture
def hook(network: Network) -> Iterator[ScriptedServer]:
    """The operators' webhook."""
    hook = ScriptedServer(network)
    yield hook
    hook.close()


def _staffed(hook: ScriptedServer) -> dict[str, Any]:
    told = {"operators": [ROSA], "notify_url": f"{hook.url}/hook"}
    return {"settings": {**SETTINGS, "takeover": told}, "prompts": {"default": PROMPT}}


async def _is_with_person(bot: Bot, customer: Customer) -> None:
    assert (await bot.conversation(customer))["state"] == "human"
    ben = bot.provider.customer()
    before = list(customer.read)
    await writes(customer, "hello?")
    await writes(ben, "marker")
    await all_said_back(ben, "marker")
    assert customer.read == before


async def _tells(bot: Bot, hook: ScriptedServer, times: int) -> None:
    """So many attempts to post the one notice, under one key.

    Where others may be posting it, it is left alone for a minute.
    """
    timeout_s = 90 if "DATABASE_URL" in bot.env else 20

    def told() -> None:
        assert len(hook.requests) == times, hook.requests

    await eventually(told, timeout_s)
    assert len({post.headers["idempotency-key"] for post in hook.requests}) == 1


@ends_at(CrashPoint.PAUSE_COMMITTED)
@pytest.mark.parametrize(
    "everything", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["one", "everything"]
)
async def test_a_pause_that_nobody_acknowledged_holds(
    new_bot: NewBot, point: CrashPoint, everything: bool
) -> None:
    bot = await armed(new_bot, point)
    ana = bot.provider.customer()
    await bot.handled(*await ana.writes("one"))
    await ana.reads(1)
    gate = Gate()
    bot.llm.plan_calls(say("never to be read", gate=gate), about="two")
    await ana.writes("two")
    await gate.reached()
    one = f"/api/conversations/{(await bot.conversation(ana))['id']}"
    whose = "/api" if everything else one
    with pytest.raises(httpx.TransportError):
        await bot.api("POST", f"{whose}/pause", {})
    gate.open()
    await ended_and_started(bot)
    assert (await bot.conversation(ana))["state"] == "human"
    await bot.api("POST", f"{whose}/pause", {})  # whoever got no answer says it again
    await bot.handled(await bot.provider.line_ready(), timeout_s=PATIENCE_S)  # it works again
    assert len(ana.read) == 1
    await bot.api("POST", f"{whose}/resume", {"answer": True})
    await all_said_back(ana, "one", "two")
    await is_whole(bot, ana)


@ends_at(CrashPoint.HANDED_OFF, slow=(CrashPoint.NOTICE_CLAIMED, CrashPoint.NOTICE_POSTED))
async def test_who_was_handed_over_is_told_once_and_so_are_people(
    new_bot: NewBot, hook: ScriptedServer, point: CrashPoint
) -> None:
    bot = await armed(new_bot, point, **_staffed(hook))
    ana, rosa = bot.provider.customer(), bot.provider.customer(number=ROSA)
    asking = writes(ana, "Human!")
    await ended_and_started(bot)
    await asking
    await ana.reads(1, PATIENCE_S)
    await rosa.reads(1, PATIENCE_S)
    await _tells(bot, hook, 2 if point is CrashPoint.NOTICE_POSTED else 1)
    await _is_with_person(bot, ana)
    assert ana.read == [PARTING]
    assert [ana.number in text for text in read_once(rosa)] == [True]


@ends_at(CrashPoint.EVENT_APPLIED)
async def test_a_command_is_carried_out_and_answered_once(
    new_bot: NewBot, hook: ScriptedServer, point: CrashPoint
) -> None:
    bot = await armed(new_bot, point, **_staffed(hook))
    ana, rosa = bot.provider.customer(), bot.provider.customer(number=ROSA)
    await ana.writes("Human!")
    await ana.reads(1)
    number = (await rosa.reads(1))[0].partition(" ")[0]
    event = rosa.event(f"{number} I come at five")
    await bot.provider.deliver_until_stored(event)
    await ended_and_started(bot)
    await bot.provider.deliver(event)
    await ana.reads(2, PATIENCE_S)
    await rosa.reads(2, PATIENCE_S)
    await _is_with_person(bot, ana)
    assert ana.read == [PARTING, "I come at five"]
    assert [": sent; " in text for text in read_once(rosa)[1:]].count(True) == 1


@ends_at(CrashPoint.MIGRATING)
@pytest.mark.parametrize(
    "times", [3, *(pytest.param(times, marks=pytest.mark.slow) for times in (1, 30))]
)
async def test_a_migration_is_done_as_a_whole_or_not_at_all(
    new_bot: NewBot, point: CrashPoint, times: int
) -> None:
    bot = await new_bot(start=False, settings=SETTINGS)
    await make_old(_database_url(bot))
    bot.env[VARIABLE] = f"{point}:{times}"
    await bot.start(ready=False)
    await ended_and_started(bot)
    kept = (await bot.api("GET", "/api/conversations/cv_1/messages"))["items"]
    assert [one["text"] for one in kept] == ["hello"]
    ana = bot.provider.customer()
    await writes(ana, "one")
    await all_said_back(ana, "one")
    await is_whole(bot, ana)


def _database_url(bot: Bot) -> str:
    data = Path(bot.env["BOT_DATA_DIR"])
    data.mkdir()
    return bot.env.get("DATABASE_URL", sqlite_url(data / "bot.db"))


async def test_a_first_start_may_end_between_two_tables(new_bot: NewBot) -> None:
    bot = await new_bot(start=False, settings=SETTINGS)
    bot.env[VARIABLE] = f"{CrashPoint.MIGRATING}:12"
    await bot.start(ready=False)
    await ended_and_started(bot)
    ana = bot.provider.customer()
    await writes(ana, "one")
    await all_said_back(ana, "one")
    await is_whole(bot, ana)
