"""One download, and what came of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.media_host import MediaHosts
from bot.domain.media import Announced, Fetched
from bot.errors import BadMedia, BotError
from tests.harness import ScriptedMediaHost

PATIENT = timedelta(seconds=20)
HASTY = timedelta(seconds=0.3)
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
HALF_A_MEGABYTE = bytes(range(256)) * 2048


@asynccontextmanager
async def hosts_of(
    *allowed: str, max_bytes: int = 10_000_000, within: timedelta = PATIENT, **options: Any
) -> AsyncIterator[MediaHosts]:
    hosts = MediaHosts(allowed, max_bytes, within, **options)
    try:
        yield hosts
    finally:
        await hosts.close()


async def fetch(
    host: ScriptedMediaHost, announced: Announced | str, into: Path, **options: Any
) -> Fetched:
    if isinstance(announced, str):
        announced = Announced(announced)
    async with hosts_of(host.allowed, **options) as hosts:
        return await hosts.fetch(announced, into)


def announced(media: dict[str, str]) -> Announced:
    return Announced(media["url"], media["mime_type"], media["sha256"])


async def failure(
    host: ScriptedMediaHost, about: Announced | str, into: Path, **options: Any
) -> BotError:
    """The error of a fetch that must fail and leave nothing behind."""
    with pytest.raises(BotError) as raised:
        await fetch(host, about, into, **options)
    assert list(into.parent.iterdir()) == []
    return raised.value


async def problem(
    host: ScriptedMediaHost, about: Announced | str, into: Path, **options: Any
) -> str:
    error = await failure(host, about, into, **options)
    assert isinstance(error, BadMedia), error
    return error.problem


def content(path: Path) -> bytes:
    return path.read_bytes()


def exists(path: Path) -> bool:
    return path.exists()
