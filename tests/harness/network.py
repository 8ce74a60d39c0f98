"""One background event loop for the scripted servers, and waiting with a deadline."""

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar, overload

import httpx

from tests.harness.launcher import Launcher

T = TypeVar("T")

POLL_S = 0.01
SLOWEST_POLL_S = 0.05
"""A question that costs the bot work is not asked a hundred times a second."""


class Network:
    """Owns the loop; `call` is for async tests, `wait` for fixtures and sync tests."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()
        self.launcher = Launcher()
        # Without keep-alive: a bot that was killed must not fail the next request.
        self.http = httpx.AsyncClient(
            timeout=30, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(self.start(work))

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs it beside the test."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self.start(work).result()

    def close(self) -> None:
        self.wait(self.http.aclose())
        self.launcher.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@overload
async def eventually(check: Callable[[], Awaitable[T]], timeout_s: float = 10) -> T: ...
@overload
async def eventually(check: Callable[[], T], timeout_s: float = 10) -> T: ...
async def eventually(check: Callable[[], Any], timeout_s: float = 10) -> Any:
    """The result of `check` once it neither raises AssertionError nor returns False.

    After `timeout_s` the last AssertionError is raised, so write the assertion you want to read.
    """
    deadline = time.monotonic() + timeout_s
    pause_s = POLL_S
    while True:
        try:
            result = check()
            value = await result if inspect.isawaitable(result) else result
            assert value is not False, f"never became true within {timeout_s} s"
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            return value
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.2, SLOWEST_POLL_S)
