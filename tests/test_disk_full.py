"""A disk that is full: said at the door and in readiness, and over by itself."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import NewBot
from tests.harness import Bot, eventually


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk to fill")
    _run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk))
    yield disk
    _run("umount", "-l", str(disk))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{command[0]}: {done.stderr.strip()}")


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
    small_disk: Path, new_bot: NewBot
) -> None:
    bot = await _on(small_disk, new_bot)
    ana = bot.provider.customer()
    await ana.writes("before")
    await ana.reads(1)
    ballast = small_disk / "ballast"
    _fill(ballast)
    refused = ana.event("is there room for this?")

    async def full() -> None:
        answer = await bot.provider.deliver(refused, expect=None)
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE

    await eventually(full, 20)
    await eventually(lambda: _is_red(bot), 20)
    ballast.unlink()
    await bot.provider.deliver_until_stored(refused)
    assert (await ana.reads(2, timeout_s=30))[1] == "You said: is there room for this?"
    await bot.ready()


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (2**20, 2**12, 1):
            with contextlib.suppress(OSError):
                while file.write(b"\0" * size):
                    pass
