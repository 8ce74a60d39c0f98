"""The customers, the model and the line around a bot, in one cheap process."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from bench import messages
from bench.wire import Messages, serve

_COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4.1-mini",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Yes, until six. MARKER"},
        }
    ],
    "usage": {"prompt_tokens": 200, "completion_tokens": 10, "total_tokens": 210},
}
_MARKER_LENGTH = len(messages.marker(0))


def _last_marker(body: bytes) -> bytes:
    """Empty when there is none, as in the bot's own words about a failure."""
    end = body.rfind(b"#") + 1
    return body[max(0, end - _MARKER_LENGTH) : end]


class World:
    """`answered(serial)` tells when the reply to that message reached the line."""

    def __init__(self) -> None:
        self.llm_delay_s = 0.0
        self.replies: dict[int, float] = {}
        """When (perf_counter) the reply that names this message came."""
        self._waiting: dict[int, asyncio.Future[float]] = {}
        self._completion = json.dumps(_COMPLETION).encode()

    def complete(self, body: bytes) -> bytes:
        return self._completion.replace(b"MARKER", _last_marker(body))

    def take_reply(self, body: bytes) -> bytes:
        marker = _last_marker(body).strip(b"#")
        if not marker.isdigit():
            return b"{}"
        serial = int(marker)
        self.replies[serial] = time.perf_counter()
        waiting = self._waiting.pop(serial, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(self.replies[serial])
        return b'{"id": "msg_out_%d"}' % serial

    async def answered(self, serial: int, timeout_s: float = 120) -> float:
        """When the reply to this message came; call it before the message is sent."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[serial] = future
        try:
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            raise TimeoutError(f"a message was not answered within {timeout_s:g} s") from None


class Phone(Messages):
    """A keep-alive connection to the webhook, on which one customer writes at a time."""

    def __init__(self, world: World, port: int, customer: int) -> None:
        super().__init__()
        self._world = world
        self._port = port
        self.customer = customer
        self.acknowledged_after_s = 0.0
        """How long the webhook took to say 200 to the last message asked."""
        self._acknowledged: asyncio.Future[bytes] | None = None
        self._acknowledged_at = 0.0

    def received(self, head: bytes, body: bytes) -> None:
        del body
        self._acknowledged_at = time.perf_counter()
        if self._acknowledged is not None and not self._acknowledged.done():
            self._acknowledged.set_result(head)

    async def write(self) -> int:
        """Sends a message; returns its serial number once the webhook has said 200."""
        serial, request = messages.webhook(self._port, self.customer)
        self._acknowledged = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        head = await asyncio.wait_for(self._acknowledged, 30)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the webhook said {head.splitlines()[0].decode()}")
        return serial

    async def ask(self) -> float:
        """Sends a message and waits for its reply: the seconds between the two."""
        serial, request = messages.webhook(self._port, self.customer)
        reply = asyncio.ensure_future(self._world.answered(serial))
        await asyncio.sleep(0)
        self._acknowledged = asyncio.get_running_loop().create_future()
        start = time.perf_counter()
        self.transport.write(request)
        took_s = await reply - start
        await self._acknowledged
        self.acknowledged_after_s = self._acknowledged_at - start
        return took_s


async def phone(world: World, port: int, customer: int) -> Phone:
    loop = asyncio.get_running_loop()
    made = await loop.create_connection(lambda: Phone(world, port, customer), "127.0.0.1", port)
    return made[1]


@asynccontextmanager
async def neighbours(world: World) -> AsyncIterator[Mapping[str, str]]:
    """Model and line on loopback ports; yields the environment that points a bot at them."""
    llm, llm_port = await serve(world.complete, lambda: world.llm_delay_s)
    line, line_port = await serve(world.take_reply)
    try:
        yield {
            "MOSSMOON_API_KEY": "mm_live_bench",
            "MOSSMOON_BASE_URL": f"http://127.0.0.1:{line_port}/api/v1",
            "OPENAI_API_KEY": "sk-bench",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{llm_port}/v1",
        }
    finally:
        llm.close()
        line.close()
