"""A scripted model that speaks Chat Completions. Without a plan it repeats the last message."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.harness.http_server import Answer, Behaviour, Gate, Plan, Request, ScriptedServer


def say(text: str, *, delay_s: float = 0, gate: Gate | None = None, **choice: Any) -> Answer:
    """The model answers with `text`; `choice` replaces fields such as `finish_reason`."""
    message = {"role": "assistant", "content": text}
    return _completion(message, delay_s, gate, {"finish_reason": "stop", **choice})


def hand_off(reason: str = "asked", summary: str = "", *, text: str | None = None) -> Answer:
    """The model calls the tool `hand_off`."""
    arguments = json.dumps({"reason": reason, "summary": summary})
    call = {"name": "hand_off", "arguments": arguments}
    message = {
        "role": "assistant",
        "content": text,
        "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
    }
    return _completion(message, 0, None, {"finish_reason": "tool_calls"})


def fail(status: int, *, retry_after: str | None = None) -> Answer:
    """An error as OpenAI words it."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Answer(status, {"error": {"message": "scripted failure", "type": "scripted"}}, headers)


def _completion(
    message: Mapping[str, Any], delay_s: float, gate: Gate | None, choice: Mapping[str, Any]
) -> Answer:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted-model",
        "choices": [{"index": 0, "message": message, **choice}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
    }
    return Answer(200, body, delay_s=delay_s, gate=gate)


class ScriptedLlm(ScriptedServer):
    """`requests` holds every call; plans and look-ups pick calls by words of the last message."""

    def plan_calls(self, *behaviours: Behaviour, about: str | None = None) -> Plan:
        """What the next calls get; `about`: only calls whose last message holds these words."""
        return self.plan(*behaviours, when=_last_message_holds(about))

    def calls_about(self, words: str) -> list[Request]:
        """Every call whose last message holds `words`, oldest first."""
        return [request for request in self.requests if _last_message_holds(words)(request)]

    def messages_about(self, words: str) -> list[list[dict[str, Any]]]:
        """The message lists of `calls_about`."""
        return [request.json["messages"] for request in self.calls_about(words)]

    def normal_answer(self, request: Request) -> Answer:
        return say(f"You said: {_last_message(request)}")


def _last_message(request: Request) -> str:
    return words_of(request.json["messages"][-1]["content"])


def words_of(content: Any) -> str:
    """A message's words; `[picture]` where it shows one."""
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "[picture]")) for part in content)


def pictures_of(content: Any) -> list[bytes]:
    """The pictures that a message shows, as JPEG."""
    if isinstance(content, str):
        return []
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    assert all(url.startswith("data:image/jpeg;base64,") for url in urls), urls
    return [base64.b64decode(url.partition(",")[2], validate=True) for url in urls]


def _last_message_holds(words: str | None) -> Callable[[Request], bool]:
    return lambda request: (
        request.path.endswith("/chat/completions")
        and (words is None or words in _last_message(request))
    )
