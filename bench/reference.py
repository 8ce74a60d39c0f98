"""The reference: a webhook handler as short as a tutorial's. It verifies and forgets.

`ingest` only answers. `turn` also replies, from a task in the same process: what is in flight when
the process ends is lost, which is all it saves compared with the product.
"""

import asyncio
import hashlib
import hmac
import os
from typing import Any

import httpx
from fastapi import FastAPI, Header, HTTPException, Request
from openai import AsyncOpenAI

_secret = os.environ["MOSSMOON_WEBHOOK_SECRET"].encode()

ingest = FastAPI()
turn = FastAPI()


async def _verified(request: Request, signature: str) -> Any:
    body = await request.body()
    expected = hmac.new(_secret, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, expected):
        raise HTTPException(401, "invalid signature")
    return await request.json()


@ingest.post("/webhooks/whatsapp")
async def acknowledge(request: Request, x_mossmoon_signature: str = Header(...)) -> dict[str, bool]:
    await _verified(request, x_mossmoon_signature)
    return {"ok": True}


@ingest.get("/readyz")
@turn.get("/readyz")
async def ready() -> dict[str, bool]:
    return {"ok": True}


_tasks: set[asyncio.Task[None]] = set()


class _Turns:
    """The two clients, made once and in the running loop."""

    def __init__(self) -> None:
        self.llm = AsyncOpenAI()
        self.line = httpx.AsyncClient(
            base_url=os.environ["MOSSMOON_BASE_URL"],
            headers={"Authorization": f"Bearer {os.environ['MOSSMOON_API_KEY']}"},
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        )

    async def answer(self, event: dict[str, Any]) -> None:
        message = event["message"]
        completion = await self.llm.chat.completions.create(
            model="gpt-4.1-mini",
            messages=[
                {"role": "system", "content": "You answer for a shop."},
                {"role": "user", "content": message["text"]},
            ],
        )
        text = completion.choices[0].message.content
        await self.line.post(
            f"/wa/lines/{event['line_id']}/messages",
            json={"to": message["from"], "type": "text", "text": text},
        )


_turns: list[_Turns] = []


@turn.post("/webhooks/whatsapp")
async def acknowledge_and_answer(
    request: Request, x_mossmoon_signature: str = Header(...)
) -> dict[str, bool]:
    event = await _verified(request, x_mossmoon_signature)
    if not _turns:
        _turns.append(_Turns())
    task = asyncio.create_task(_turns[0].answer(event))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return {"ok": True}
