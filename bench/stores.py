"""A PostgreSQL database and a Redis number of our own, made for one measurement and dropped after.

`BENCH_DATABASE_URL` (its user may create databases) and `BENCH_REDIS_URL` name the servers.
"""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
from redis.asyncio import Redis
from sqlalchemy import make_url

DATABASE = "BENCH_DATABASE_URL"
REDIS = "BENCH_REDIS_URL"
_CLAIM_S = 3600


def unset() -> list[str]:
    """The variables that name no server."""
    return [name for name in (DATABASE, REDIS) if not os.environ.get(name)]


@asynccontextmanager
async def own() -> AsyncIterator[Mapping[str, str]]:
    """What a bot's environment gets: nothing for a server that is not named."""
    env: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        if os.environ.get(DATABASE):
            database = _own_database(os.environ[DATABASE])
            env["DATABASE_URL"] = await stack.enter_async_context(database)
        if os.environ.get(REDIS):
            env["REDIS_URL"] = await stack.enter_async_context(_own_redis(os.environ[REDIS]))
        yield env


@asynccontextmanager
async def _own_database(url: str) -> AsyncIterator[str]:
    server = make_url(url)
    name = f"bench_{uuid4().hex[:16]}"
    plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
        try:
            ours = server.set(drivername="postgresql+asyncpg", database=name)
            yield ours.render_as_string(hide_password=False)
        finally:
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@asynccontextmanager
async def _own_redis(url: str) -> AsyncIterator[str]:
    """One of the databases 1 to 15 of the server that nobody has claimed and that is empty."""
    registry = Redis.from_url(_numbered(url, 0))
    try:
        number = await _claim_number(registry, url)
        try:
            yield _numbered(url, number)
        finally:
            await _flush(_numbered(url, number))
            await registry.delete(_claim(number))
    finally:
        await registry.aclose()


def _numbered(url: str, number: int) -> str:
    parts = urlsplit(url)
    options = [(name, value) for name, value in parse_qsl(parts.query) if name != "db"]
    return urlunsplit(parts._replace(path=f"/{number}", query=urlencode(options)))


def _claim(number: int) -> str:
    return f"bot-tests:database:{number}"  # the name that the tests claim theirs under, too


async def _claim_number(registry: Redis, url: str) -> int:
    for number in range(1, 16):
        if not await registry.set(_claim(number), "bench", nx=True, ex=_CLAIM_S):
            continue
        if await _is_empty(_numbered(url, number)):
            return number
        await registry.delete(_claim(number))
    raise RuntimeError("none of the Redis databases 1 to 15 is free and empty")


async def _is_empty(url: str) -> bool:
    database = Redis.from_url(url)
    try:
        return int(await database.dbsize()) == 0
    finally:
        await database.aclose()


async def _flush(url: str) -> None:
    database = Redis.from_url(url)
    await database.flushdb()
    await database.aclose()
