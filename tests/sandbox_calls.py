"""What the phone page calls, made by a test that is inside the sandbox, and what it leads to."""

import hashlib
from typing import Any

import httpx

from tests.sandbox_server import ANA, Site, eventually

PHOTO = b"\xff\xd8\xff\xe0 a photo"


async def upload(
    client: httpx.AsyncClient,
    kind: str,
    data: bytes = PHOTO,
    mime_type: str = "image/jpeg",
    **about: str,
) -> httpx.Response:
    """Send a file as Ana; `about` are further parameters, or others in place of these."""
    params = {"customer": ANA, "kind": kind, **about}
    headers = {"content-type": mime_type}
    return await client.post("/sandbox/upload", params=params, content=data, headers=headers)


async def received(
    site: Site, count: int = 1, name: str = "message.received"
) -> list[dict[str, Any]]:
    """The messages of the webhooks of this name, once there are so many, as they were sent."""
    await eventually(lambda: len(site.of(name)) >= count)
    return messages_of(site, name)


def messages_of(site: Site, name: str = "message.received") -> list[dict[str, Any]]:
    """The messages of the webhooks that came so far, in the order in which they were sent."""
    found = [event["message"] for event in site.of(name)]
    messages = [message for message in found if isinstance(message, dict)]
    return sorted(messages, key=lambda message: str(message.get("received_at")))


async def bubbles(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Ana's chat as the page gets it."""
    state = (await client.get("/sandbox/state")).json()
    return list(state["customers"][0]["bubbles"])


async def fetched(site: Site, message: dict[str, Any]) -> bytes:
    """The file of a message, as the product fetches it: by the signed address alone."""
    media = message["media"]
    answer = await site.product.get(media["url"])
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == media["sha256"]
    return answer.content
