"""The sandbox beside a tiny scripted receiver, on one real server, as `bot dev` runs it."""

import asyncio
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.sandbox import app as sandbox_app

SECRET = "whsec_test"
API_KEY = "mm_live_test"
KEY = "a-key-nobody-guesses"
ANA = "+15550100001"

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: loading certificates is most of what making one costs."""

Event = dict[str, object]


@dataclass
class Site:
    """One running server: what the receiver saw, and how to call the sandbox."""

    port: int
    stopping: asyncio.Event
    product: httpx.AsyncClient
    """Calls the line API, as the product does."""
    events: list[Event] = field(default_factory=list)
    """All webhook calls with a right signature, redeliveries too."""
    wrong_signatures: int = 0
    statuses: list[int] = field(default_factory=list)
    """Scripted answers for the next `message.received` calls; then 200."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def of(self, name: str) -> list[Event]:
        return [event for event in self.events if event["event"] == name]

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        right = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        if request.headers.get("x-mossmoon-signature") != right:
            self.wrong_signatures += 1
            return JSONResponse({}, 401)
        event = json.loads(body)
        self.events.append(event)
        if event["event"] == "message.received" and self.statuses:
            status = self.statuses.pop(0)
            if status != 200:
                return JSONResponse({}, status)
        return JSONResponse({"ok": True})

    async def reply(self, to: str, text: str, **headers: str) -> httpx.Response:
        """Send through the line API, as the product does."""
        return await self.product.post(
            "/sandbox/line/api/v1/wa/lines/ln_sandbox/messages",
            json={"to": to, "type": "text", "text": text},
            headers={"authorization": f"Bearer {API_KEY}", **headers},
        )


@asynccontextmanager
async def running(
    *, model_enabled: bool = True, model_name: str = "", speech_enabled: bool = True
) -> AsyncIterator[Site]:
    """A started site; ended, with its streams, on the way out."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    own = f"http://127.0.0.1:{port}"
    product_client = httpx.AsyncClient(base_url=own, trust_env=False, verify=NO_TLS)
    site = Site(port, asyncio.Event(), product_client)
    sandbox = sandbox_app.create(
        secret=SECRET,
        api_key=API_KEY,
        webhook_url=f"{site.url}/webhooks/whatsapp",
        key=KEY,
        own_port=site.port,
        model_enabled=model_enabled,
        model_name=model_name,
        speech_enabled=speech_enabled,
        shop_name="Corner Bakery",
        stopping=site.stopping,
        redeliver_after=timedelta(milliseconds=5),
    )
    product = Starlette(routes=[Route("/webhooks/whatsapp", site.receive, methods=["POST"])])
    whole = sandbox.in_front_of(product)
    config = uvicorn.Config(whole, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await sandbox.start()
    try:
        await eventually(lambda: bool(site.of("line.ready")))
        yield site
    finally:
        site.stopping.set()
        server.should_exit = True
        await serving
        await sandbox.stop()
        await product_client.aclose()


async def eventually(reached: Callable[[], object], within_s: float = 10) -> None:
    """Wait until `reached()` is true, or fail."""
    async with asyncio.timeout(within_s):
        while not reached():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def browser_session(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A client that has opened the printed URL and speaks from the page's own origin."""
    async with httpx.AsyncClient(
        base_url=site.url,
        trust_env=False,
        verify=NO_TLS,
        follow_redirects=True,
        headers={"origin": site.url},
    ) as client:
        answer = await client.get("/sandbox", params={"key": KEY})
        assert answer.status_code == 200
        yield client
