"""The sandbox's model for whoever has no key: it answers by quoting the prompt."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Iterator

import uvicorn

from bot.sandbox import model


class _Server(uvicorn.Server):
    """Without signal handlers: Ctrl-C is for the one who types."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class StandIn:
    """On a port of the loopback, behind real HTTP like any other model."""

    def __init__(self) -> None:
        self.key = secrets.token_urlsafe(24)
        config = uvicorn.Config(
            model.create(self.key), log_config=None, access_log=False, lifespan="off"
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> str:
        """The base URL for a client of the Chat Completions API."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # calls wait here until the server has started
        port = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        return f"http://127.0.0.1:{port}/v1"

    async def stop(self) -> None:
        """Wait until it has ended."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
