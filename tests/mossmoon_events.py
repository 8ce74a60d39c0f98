"""Events as the line provider posts them, and what they are read as."""

import json
from typing import Any

from bot.adapters.mossmoon import parse
from bot.domain.event import Content, Received, Unread


def content_of(event: str, **fields: Any) -> Content:
    body = {"event": event, "id": "evt_1", "line_id": "ln_1", **fields}
    return parse(json.dumps(body).encode()).content


def message(kind: object, **fields: Any) -> dict[str, Any]:
    return {"id": "msg_1", "from": "+34600111222", "type": kind, **fields}


def received(kind: object, **fields: Any) -> Received:
    content = content_of("message.received", message=message(kind, **fields))
    assert isinstance(content, Received)
    return content


def odd(kind: object, **fields: Any) -> str:
    content = content_of("message.received", message=message(kind, **fields))
    assert isinstance(content, Unread)
    assert content.sender == "+34600111222"
    return content.error
