"""What both ends agree on: names in Redis, JSON instead of pickle, how to connect."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, Final

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from bot.errors import Fault, SettingsError

TURNS: Final = "turns"
"""The job for conversations that have something due; its one argument is a list of their ids."""
EVENTS: Final = "events"
"""The job for line and delivery events that wait; no arguments."""
MEDIA: Final = "media"
"""The job for attachments to be fetched; its one argument is a list of their ids."""

AWAY: Final = (RedisError, OSError, TimeoutError)
"""What redis-py raises while Redis is away, frozen or out of memory."""


def doorbell_key(queue_name: str) -> str:
    """The list whose elements wake one worker each."""
    return f"{queue_name}:doorbell"


def encode(job: dict[str, Any]) -> bytes:
    """arq's job serializer. Its default is pickle: whoever writes to Redis would run our code."""
    return json.dumps(job, separators=(",", ":")).encode()


def decode(raw: bytes) -> dict[str, Any]:
    """arq's job deserializer. Raises ValueError."""
    job = json.loads(raw)
    if not isinstance(job, dict):
        raise ValueError("not a job")
    return job


def connect(redis_url: str, queue_name: str, *, timeout_s: float) -> ArqRedis:
    """A client of its own that waits at most `timeout_s` for any answer; connects on first use.

    Raises SettingsError when the URL is none; its text never holds the URL, which may hold a
    password.
    """
    try:
        pool = ConnectionPool.from_url(
            redis_url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s
        )
    except ValueError:
        remedy = "not a Redis address: write redis://[user:password@]host:port/database"
        raise SettingsError((Fault(remedy, key="REDIS_URL"),)) from None
    return ArqRedis(
        pool, job_serializer=encode, job_deserializer=decode, default_queue_name=queue_name
    )


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks that use a client, until they have ended.

    Once is not enough: on Python 3.11 redis-py's `wait_for` around a write may swallow it.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=0.05)
