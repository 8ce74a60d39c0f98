"""A disk that is full: said at the door and in readiness, and over by itself."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import NewBot
from tests.harness import Bot, eventually
from tests.harness.small_disk import NoDisk, SmallDisk, small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    try:
        with small_disk(tmp_path / "disk", megabytes=64) as disk:
            yield disk
    except NoDisk as error:
        pytest.skip(str(error))


async def _on(disk: Path, new_bot: NewBot) -> Bot:
    bot = await new_bot(start=False, env={"BOT_DATA_DIR": str(disk / "data")})
    if "DATABASE_URL" in bot.env:
        pytest.skip("PostgreSQL keeps its data elsewhere")
    await bot.start()
    return bot


async def _is_red(bot: Bot) -> None:
    response = await bot.http("GET", "/readyz")
    assert response.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert response.json()["database"] == "down"


@pytest.mark.slow
async def test_a_full_disk_is_a_503_and_over_when_there_is_room_again(
    disk: SmallDisk, new_bot: NewBot
) -> None:
    bot = await _on(disk.path, new_bot)
    ana = bot.provider.customer()
    await ana.writes("before")
    await ana.reads(1)
    disk.fill()
    refused = ana.event("is there room for this?")

    async def full() -> None:
        answer = await bot.provider.deliver(refused, expect=None)
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE

    await eventually(full, 20)
    await eventually(lambda: _is_red(bot), 20)
    disk.empty()
    await bot.provider.deliver_until_stored(refused)
    assert (await ana.reads(2, timeout_s=30))[1] == "You said: is there room for this?"
    await bot.ready()
