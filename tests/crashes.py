"""A bot that ends at a named point, and what must be true of the one that starts after it."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from bot.crash_points import EXIT_CODE, VARIABLE, CrashPoint
from tests.conftest import NewBot
from tests.harness import Bot, Customer, Send, eventually

REACHED: set[CrashPoint] = set()
"""The points that some test ends a process at."""
PATIENCE_S = 60
"""On servers a dead worker's work is free when its lease is over."""
SETTINGS: dict[str, Any] = {
    "conversation": {"quiet_period_s": 0},
    "line_api": {"timeout_s": 2, "uncertain_wait_s": 0.3},
}

_Test = TypeVar("_Test", bound=Callable[..., Any])
_ENDS = {"sent", "delivered", "cancelled", "failed", "uncertain"}


def ends_at(*points: CrashPoint, slow: tuple[CrashPoint, ...] = ()) -> Callable[[_Test], _Test]:
    """The test's `point`, one after the other; `make test` leaves those in `slow` out."""
    REACHED.update(points, slow)
    late = [pytest.param(point, marks=pytest.mark.slow) for point in slow]
    return pytest.mark.parametrize("point", [*points, *late])


async def armed(new_bot: NewBot, point: CrashPoint, times: int = 1, **wanted: Any) -> Bot:
    """A running bot that ends at the point."""
    bot = await new_bot(start=False, **{"settings": SETTINGS, **wanted})
    bot.env[VARIABLE] = f"{point}:{times}"
    await bot.start()
    return bot


async def ended_and_started(bot: Bot) -> None:
    """It has ended where it was to end; another one runs, on the same data."""
    assert await bot.process.wait(30) == EXIT_CODE, bot.process.log
    assert VARIABLE in bot.process.log or "migrating" in bot.env[VARIABLE]
    del bot.env[VARIABLE]
    await bot.start()


def writes(customer: Customer, *texts: str) -> "asyncio.Task[list[str]]":
    """One after the other, each delivered until it is acknowledged; the ids of the events."""

    async def one_by_one() -> list[str]:
        events = [customer.event(text) for text in texts]
        for event in events:
            await customer.provider.deliver_until_stored(event)
        return [event["id"] for event in events]

    return asyncio.create_task(one_by_one())


async def all_said_back(customer: Customer, *words: str) -> None:
    """Each of these words has come back once, in order, however many replies they came in."""

    def said() -> None:
        replies = " ".join(read_once(customer))
        assert [word for word in replies.split() if word in words] == list(words), replies

    await eventually(said, PATIENCE_S)


def read_once(customer: Customer) -> list[str]:
    """What has come, oldest first; what left again under its key after a kill is one message."""
    taken = customer.provider.taken_for(customer.number)
    return list({send.key: send.text for send in taken}.values())


async def is_whole(bot: Bot, *customers: Customer, repeated: int = 0) -> None:
    """Everything has come to an end, nothing was said twice, and the bot is well.

    `repeated`: so many messages may have left twice at most, under their keys.
    """
    await eventually(lambda: _all_events_ended(bot), PATIENCE_S)
    for customer in customers:
        await eventually(partial(_all_sends_ended, bot, customer), PATIENCE_S)
    _each_text_once([send for one in customers for send in one.attempts if send.taken], repeated)
    await eventually(lambda: _is_green(bot), PATIENCE_S)
    _file_is_sound(bot)


async def _all_events_ended(bot: Bot) -> None:
    events = (await bot.api("GET", "/api/events", params={"limit": 200}))["items"]
    assert events
    for event in events:
        assert event["state"] in {"done", "skipped", "dead"}, event
        assert event["reason"], event


async def _all_sends_ended(bot: Bot, customer: Customer) -> None:
    sends = [one for one in await bot.messages(customer) if one["direction"] == "out"]
    for send in sends:
        assert send["status"] in _ENDS, send
        assert send["error"] or send["status"] in {"sent", "delivered"}, send


def _each_text_once(taken: list[Send], repeated: int) -> None:
    """A key stands for one text, and only what got no answer left again."""
    assert all(send.key for send in taken)
    texts = Counter((send.key, send.to, send.text) for send in taken)
    assert len(texts) == len({send.key for send in taken}), texts
    assert texts.total() - len(texts) <= repeated, texts


async def _is_green(bot: Bot) -> None:
    answer = await bot.http("GET", "/readyz?all=1")
    assert answer.status_code == 200, answer.text


def _file_is_sound(bot: Bot) -> None:
    path = Path(bot.env["BOT_DATA_DIR"]) / "bot.db"
    if path.exists():
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
