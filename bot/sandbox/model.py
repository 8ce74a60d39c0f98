"""The stand-in model: speaks the Chat Completions API, understands nothing, says so.

It lets the whole way of a message be tried without an account. Its words are quotes of the
prompt; it never pretends to be a language model.
"""

import hashlib
import json
import math
import time
from collections.abc import Mapping

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from bot.sandbox.guard import bearer
from bot.sandbox.notes import document_words, other_things_sent, own_words, what_was_sent
from bot.sandbox.person import asks_for_person
from bot.sandbox.quoting import NOTHING_FOUND, answer
from bot.sandbox.values import Declined, Json

MODEL_NAME = "stand-in"
HAND_OFF = "hand_off"
MAX_BYTES = 64 * 2**20
"""Photos come inside the request, as text."""
_TOKENS_OF_PICTURE = 800


def create(api_key: str) -> FastAPI:
    """The app below `/model`."""
    app = FastAPI(openapi_url=None, max_body_size=MAX_BYTES)
    app.add_exception_handler(Declined, _declined)
    guarded = [Depends(bearer(api_key))]

    @app.get("/v1/models", dependencies=guarded)
    async def models() -> Json:
        model = {"id": MODEL_NAME, "object": "model", "created": 0, "owned_by": "sandbox"}
        return {"object": "list", "data": [model]}

    @app.post("/v1/chat/completions", dependencies=guarded)
    async def complete(request: Request) -> Json:
        return completion(await _read(request), int(time.time()))

    return app


def completion(body: Json, created: int) -> Json:
    """The answer to a request; only `created`, in seconds, differs between two calls."""
    messages = _messages(body)
    last = messages[-1] if messages else {"role": "user", "content": ""}
    said = own_words(_text(last))
    tool = _hand_off_tool(body)
    message: dict[str, object] = {"role": "assistant", "content": None, "refusal": None}
    reason = "stop"
    if last["role"] == "tool":
        message["content"] = "A colleague has been told and will write to you here."
    elif tool is not None and any(asks_for_person(line) for line in [said, *said.splitlines()]):
        message["tool_calls"] = [_call(tool, said)]
        reason = "tool_calls"
    else:
        message["content"] = _answer(_prompt(messages), last, said)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return {
        "id": f"chatcmpl-{_digest(body)}",
        "object": "chat.completion",
        "created": created,
        "model": str(body.get("model", MODEL_NAME)),
        "choices": [choice],
        "usage": _usage(messages, message),
    }


def _answer(prompt: str, last: Mapping[str, object], said: str) -> str:
    """A quote, after what can be said of things that are no words."""
    text = _text(last)
    unknown = what_was_sent(text, _pictures(last))
    found = answer("\n".join([prompt, document_words(text)]), said)
    if found != NOTHING_FOUND:
        return "\n".join([*unknown, found])
    sent = unknown if unknown else other_things_sent(text)
    return "\n".join(sent) if sent else NOTHING_FOUND


async def _read(request: Request) -> Json:
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        raise Declined(400, "invalid_json", "The body is not valid JSON.") from None
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        raise Declined(400, "invalid_request", "The body has no list `messages`.")
    if body.get("stream"):
        raise Declined(400, "unsupported", "The stand-in model does not stream.")
    return body


async def _declined(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, Declined):
        raise error
    fault = {"message": str(error), "type": "invalid_request_error", "code": error.code}
    return JSONResponse({"error": {**fault, "param": None}}, error.status)


def _messages(body: Json) -> list[Mapping[str, object]]:
    given = body.get("messages")
    found = given if isinstance(given, list) else []
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("role"), str)]


def _prompt(messages: list[Mapping[str, object]]) -> str:
    system = [each for each in messages if each["role"] in {"system", "developer"}]
    return "\n".join(_text(each) for each in system)


def _text(message: Mapping[str, object]) -> str:
    """The words of a message, also when they come in parts."""
    content = message.get("content")
    if isinstance(content, list):
        parts = [each.get("text") for each in content if isinstance(each, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _pictures(message: Mapping[str, object]) -> int:
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return sum(isinstance(each, dict) and each.get("type") == "image_url" for each in parts)


def _hand_off_tool(body: Json) -> Mapping[str, object] | None:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and function.get("name") == HAND_OFF:
            return function
    return None


def _call(tool: Mapping[str, object], said: str) -> Json:
    arguments = json.dumps(_arguments(tool.get("parameters"), said), ensure_ascii=False)
    call_id = f"call_{hashlib.sha256(arguments.encode()).hexdigest()[:24]}"
    function = {"name": HAND_OFF, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def _arguments(schema: object, said: str) -> dict[str, object]:
    """A value for every required argument of the tool's schema."""
    parameters = schema if isinstance(schema, dict) else {}
    properties = parameters.get("properties")
    known = properties if isinstance(properties, dict) else {}
    required = parameters.get("required")
    names = required if isinstance(required, list) else []
    return {str(name): _value(str(name), known.get(str(name)), said) for name in names}


def _value(name: str, schema: object, said: str) -> object:
    shape = schema if isinstance(schema, dict) else {}
    if shape.get("enum"):
        return shape["enum"][0]
    match shape.get("type"):
        case "integer" | "number":
            return 0
        case "boolean":
            return False
        case "array":
            return []
        case "object":
            return {}
    about = "summary" in name
    return f"The customer wrote: {said[:500]}" if about else "The customer asks for a person."


def _usage(messages: list[Mapping[str, object]], message: Json) -> Json:
    """Counted as about four bytes a token, like the real figures in size and not in detail."""
    words = sum(_tokens(_text(each)) for each in messages)
    tokens_in = words + sum(_TOKENS_OF_PICTURE * _pictures(each) for each in messages)
    tokens_out = _tokens(json.dumps(message, ensure_ascii=False))
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }


def _tokens(text: str) -> int:
    return math.ceil(len(text.encode("utf-8", "replace")) / 4) + 4


def _digest(body: Json) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:24]
