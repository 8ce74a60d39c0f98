"""What the bot keeps its data in: its embedded parts, or an own database on real servers."""

import os
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest
from redis.asyncio import Redis

EMBEDDED = "embedded"
SERVERS = "servers"


@dataclass(frozen=True, slots=True)
class Stores:
    """`env` is what the bot's environment gets: empty for SQLite and the embedded Redis."""

    name: str
    env: Mapping[str, str] = field(default_factory=dict)


def needed(part: str, variable: str) -> str:
    """The address of a real server; without it the test skips, or fails where it is required.

    `CI_REQUIRE` lists the parts that must be there, comma-separated.
    """
    address = os.environ.get(variable, "")
    if address:
        return address
    reason = f"{part}: set {variable} to run this"
    if part in os.environ.get("CI_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


@asynccontextmanager
async def open_stores(name: str) -> AsyncIterator[Stores]:
    if name == EMBEDDED:
        yield Stores(name)
        return
    database_url = needed("postgres", "TEST_DATABASE_URL")
    redis_url = needed("redis", "TEST_REDIS_URL")
    async with _own_database(database_url) as database, _own_redis(redis_url) as redis:
        yield Stores(name, {"DATABASE_URL": database, "REDIS_URL": redis})


@asynccontextmanager
async def _own_database(url: str) -> AsyncIterator[str]:
    name = f"test_{uuid.uuid4().hex[:16]}"
    server = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{_with_driver(url).rpartition('/')[0]}/{name}"
        finally:
            await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await server.close()


def _with_driver(url: str) -> str:
    return url if "+asyncpg" in url else url.replace("://", "+asyncpg://", 1)


@asynccontextmanager
async def _own_redis(url: str) -> AsyncIterator[str]:
    """One of the databases 1 to 15 of the server, empty, and ours until the end."""
    server = url.rstrip("/")
    if server.rpartition("/")[2].isdigit():
        server = server.rpartition("/")[0]
    registry = Redis.from_url(f"{server}/0")
    number = None
    try:
        number = await _free_number(registry)
        yield f"{server}/{number}"
    finally:
        if number is not None:
            await _flush(f"{server}/{number}")
            await registry.delete(_claim(number))
        await registry.aclose()


def _claim(number: int) -> str:
    return f"bot-tests:database:{number}"


async def _free_number(registry: Redis) -> int:
    for number in range(1, 16):
        if await registry.set(_claim(number), "1", nx=True, ex=900):
            return number
    raise RuntimeError("all 15 Redis databases are in use by other tests")


async def _flush(url: str) -> None:
    database = Redis.from_url(url)
    await database.flushdb()
    await database.aclose()
