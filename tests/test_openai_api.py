"""One chat completion: what is asked, and what is made of whatever comes back."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.openai_api import OpenAiLlm
from bot.adapters.openai_api.answers import read_completion
from bot.domain.chat import ChatMessage, ChatRequest, Completion, HandOffCall, Usage
from bot.errors import Refused, Unavailable
from tests.raw_http import HANG, RawServer, answer, serving

KEY = "sk-of-the-tests"
REQUEST = ChatRequest((ChatMessage("system", "Be kind."), ChatMessage("user", "hi")))
WITH_TOOL = ChatRequest(REQUEST.messages, hand_off_when="Call when the customer is angry.")
PATIENT = timedelta(seconds=20)
HASTY = timedelta(seconds=0.3)
UNUSED_SDK_ERRORS = {
    "OpenAIError",
    "ContentFilterFinishReasonError",
    "LengthFinishReasonError",
    "WebSocketConnectionClosedError",
    "WebSocketQueueFullError",
}
LIMITS: dict[str, Any] = {"max_output_tokens": 300, "temperature": 0.2}


def says(content: Any = "Hello.", **fields: Any) -> dict[str, Any]:
    """A completion; fields that are no field of a choice replace those of the message."""
    choice = {"index": 0, "finish_reason": fields.pop("finish_reason", "stop")}
    return {
        "model": "m-2026",
        "choices": [{**choice, "message": {"role": "assistant", "content": content, **fields}}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5},
    }


def calls(arguments: Any, name: str = "hand_off", content: Any = None) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return says(content, tool_calls=[{"id": "c", "type": "function", "function": function}])


def read(body: Any, *, offered: bool = False) -> Completion:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_completion(raw, "m", hand_off_offered=offered)


@asynccontextmanager
async def model_at(
    url: str, within: timedelta = PATIENT, **limits: Any
) -> AsyncIterator[OpenAiLlm]:
    llm = OpenAiLlm(KEY, url, "m", within, **limits)
    try:
        yield llm
    finally:
        await llm.close()


async def ask(
    reply: bytes, request: ChatRequest = REQUEST, within: timedelta = PATIENT, **limits: Any
) -> tuple[Completion | Unavailable | Refused, RawServer]:
    async with serving(reply) as server, model_at(f"{server.url}/v1", within, **limits) as llm:
        try:
            return await llm.complete(request), server
        except (Unavailable, Refused) as error:
            return error, server


# What is asked


async def test_a_completion_is_one_call_with_the_messages_as_they_are() -> None:
    completion, server = await ask(answer(200, says()))

    assert completion == Completion("Hello.", Usage("m-2026", 20, 5))
    assert len(server.requests) == 1
    assert server.path == "/v1/chat/completions"
    assert server.header("Authorization") == f"Bearer {KEY}"
    assert server.json == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "hi"},
        ],
    }


async def test_a_prompt_may_name_its_own_model() -> None:
    _, server = await ask(answer(200, says()), ChatRequest(REQUEST.messages, model="other"))

    assert server.json["model"] == "other"


async def test_limits_are_named_as_other_servers_name_them() -> None:
    _, server = await ask(answer(200, says()), **LIMITS)

    assert server.json["max_tokens"] == 300
    assert server.json["temperature"] == 0.2


@pytest.mark.parametrize(
    "url", [None, "https://api.openai.com/v1", "https://shop.openai.azure.com/openai/v1"]
)
async def test_limits_are_named_as_openai_names_them(url: str | None) -> None:
    llm = OpenAiLlm(KEY, url, "m", PATIENT, **LIMITS)
    body = llm._body(REQUEST)  # the real host can't be asked
    await llm.close()

    assert body["max_completion_tokens"] == 300
    assert "max_tokens" not in body


async def test_the_hand_off_tool_is_offered_only_when_there_is_a_rule() -> None:
    _, without = await ask(answer(200, says()))
    _, with_rule = await ask(answer(200, says()), WITH_TOOL)

    assert "tools" not in without.json
    (tool,) = with_rule.json["tools"]
    parameters = tool["function"]["parameters"]
    assert tool["function"]["name"] == "hand_off"
    assert "angry" in tool["function"]["description"]
    assert parameters["required"] == list(parameters["properties"]) == ["reason", "summary"]
    assert {about["type"] for about in parameters["properties"].values()} == {"string"}


async def test_surrogates_in_what_is_asked_stop_nothing() -> None:
    request = ChatRequest((ChatMessage("user", "a\ud800b"),))
    completion, _ = await ask(answer(200, says()), request)

    assert isinstance(completion, Completion)


# Failures


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
async def test_an_overloaded_server_is_unavailable(status: int) -> None:
    error, server = await ask(answer(status, {"error": {"message": "x"}}, {"Retry-After": "7"}))

    assert isinstance(error, Unavailable)
    assert error.retry_after == timedelta(seconds=7)
    assert len(server.requests) == 1, "no retries of the client's own"


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 413, 422])
async def test_a_refused_request_says_its_status_and_code(status: int) -> None:
    body = {"error": {"message": f"bad {KEY} and 'hi'", "code": "model_not_found"}}
    error, server = await ask(answer(status, body, {"Location": "/v1/elsewhere"}))

    assert isinstance(error, Refused)
    assert error.status == status
    assert f"{status} model_not_found" in str(error)
    assert len(server.requests) == 1, "no redirect is followed with the key"


@pytest.mark.parametrize("status", [400, 401, 429, 500])
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[" * 100_000, [], {"error": KEY}, {"error": {"code": KEY}}]
)
async def test_no_error_holds_the_key(status: int, body: object) -> None:
    error, _ = await ask(answer(status, body))

    assert isinstance(error, (Refused, Unavailable))
    assert KEY not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize(
    "reply",
    [b"", b"HTTP/1.1 2", b"not http\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"],
)
async def test_a_broken_connection_is_unavailable(reply: bytes) -> None:
    error, server = await ask(reply)

    assert isinstance(error, Unavailable)
    assert len(server.requests) == 1


async def test_a_server_that_hangs_is_unavailable_after_the_time_out() -> None:
    error, _ = await ask(HANG, within=HASTY)

    assert isinstance(error, Unavailable)


async def test_a_server_that_trickles_is_unavailable_after_the_time_out() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n"

    async def trickle(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while not writer.is_closing():
            writer.write(b"1\r\n \r\n")
            await asyncio.sleep(0.02)

        writer.transport.abort()
        done.set()

    done = asyncio.Event()
    listener = await asyncio.start_server(trickle, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with model_at(f"http://127.0.0.1:{port}/v1", HASTY) as llm:
        with pytest.raises(Unavailable):
            await llm.complete(REQUEST)
    await done.wait()
    listener.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "does-not-exist.invalid"])
async def test_without_a_connection_it_is_unavailable(host: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with model_at(f"http://{host}:{port}/v1") as llm:
        with pytest.raises(Unavailable, match=host):
            await llm.complete(REQUEST)


@pytest.mark.parametrize("key", ["sk\r\nX-Evil: 1", "sk-ä", "", " "])
async def test_a_key_that_fits_no_header_is_no_crash(key: str) -> None:
    async with serving(answer(401)) as server:
        llm = OpenAiLlm(key, f"{server.url}/v1", "m", PATIENT)
        with pytest.raises((Refused, Unavailable)) as caught:
            await llm.complete(REQUEST)
        await llm.close()

        assert "Evil" not in str(caught.value)


def test_every_error_of_the_sdk_that_a_call_can_meet_is_sorted() -> None:
    errors = {
        thing
        for thing in (getattr(openai, name) for name in openai.__all__)
        if isinstance(thing, type) and issubclass(thing, openai.OpenAIError)
    }
    # Of streams, structured output, webhooks and sign-in flows, none of which is used.
    unmapped = {error.__name__ for error in errors if not issubclass(error, openai.APIError)}

    assert openai.APITimeoutError in errors
    assert unmapped <= UNUSED_SDK_ERRORS


# Answers


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (says("  Hello.\n"), "Hello."),
        (says([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}]), "Hello."),
        (says("a\x00b\ud800c\r\nd"), "ab\ufffdc\nd"),
        (says("<think>He wants…\n</think>\n\nHello."), "Hello."),
        (says("I think <THINKING>x</THINKING>Hello."), "I think Hello."),
        (says("He wants…</think>Hello."), "Hello."),
        (says("Hello. <think>and now"), "Hello."),
        (says("One. Two! Thr", finish_reason="length"), "One. Two!"),
        (says("It costs 3.50 eu", finish_reason="length"), "It costs 3.50 eu"),
        (says("- a\n- b\n- c", finish_reason="length"), "- a\n- b"),
        (says("我们九点开门。明天见", finish_reason="length"), "我们九点开门。"),
        (says("Hello.", finish_reason=None), "Hello."),
        (says("Hello.", refusal=None, tool_calls=None), "Hello."),
        (calls("{}", name="rm", content="Hello."), "Hello."),
        (calls('{"reason": "a", "summary": "b"}', content="Hello."), "Hello."),
    ],
)
def test_the_words_of_an_answer_are_found(body: dict[str, Any], text: str) -> None:
    assert read(body) == Completion(text, Usage("m-2026", 20, 5))


def test_a_huge_answer_is_cut() -> None:
    assert len(read(says("x" * 1_000_000)).text) == 20_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[" * 100_000,
        b"null",
        [],
        {},
        {"choices": None},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{}]},
        {"choices": [{"message": "hello"}]},
        {"error": {"message": "x"}},
        says(None),
        says(""),
        says(" \n"),
        says(5),
        says({"text": "x"}),
        says([{"type": "image"}, None]),
        says("<think>only thoughts"),
        says("Hello", finish_reason="content_filter"),
        says(None, refusal="I can't help with that."),
        says("", finish_reason="length"),
        calls('{"reason": "a", "summary": "b"}'),
        calls("{}", name="rm"),
    ],
    ids=lambda body: repr(body)[:60],
)
def test_an_answer_without_words_is_refused(body: object) -> None:
    with pytest.raises(Refused) as caught:
        read(body)

    assert caught.value.status is None


def test_a_call_for_a_person_is_read() -> None:
    arguments = '{"reason": "angry\\u0000", "summary": " Parcel is late. ", "more": 1}'
    completion = read(calls(arguments, content=None), offered=True)

    assert completion.text == ""
    assert completion.hand_off == HandOffCall("angry", "Parcel is late.")


def test_a_call_may_come_with_words_and_as_an_object() -> None:
    completion = read(calls({"reason": "a", "summary": "b"}, content="Wait."), offered=True)

    assert completion.text == "Wait."
    assert completion.hand_off == HandOffCall("a", "b")


@pytest.mark.parametrize(
    "arguments",
    [
        None,
        "",
        "{",
        "[]",
        "5",
        "[" * 100_000,
        "{}",
        '{"reason": "a"}',
        '{"reason": "a", "summary": 5}',
        '{"reason": null, "summary": "b"}',
        {"reason": ["a"], "summary": "b"},
        5,
        [],
    ],
    ids=lambda arguments: repr(arguments)[:40],
)
def test_a_call_with_invalid_arguments_is_refused(arguments: object) -> None:
    with pytest.raises(Refused, match="hand_off"):
        read(calls(arguments, content="Hello."), offered=True)


def test_a_calls_texts_are_bounded() -> None:
    arguments = json.dumps({"reason": "x" * 100_000, "summary": "y" * 100_000})
    call = read(calls(arguments), offered=True).hand_off

    assert call is not None
    assert (len(call.reason), len(call.summary)) == (2000, 2000)


@pytest.mark.parametrize(
    "usage",
    [None, 5, [], {}, {"prompt_tokens": "20"}, {"prompt_tokens": -1}, {"prompt_tokens": True}],
)
def test_nonsense_usage_is_unknown(usage: object) -> None:
    assert read({**says(), "usage": usage}).usage == Usage("m-2026")


@pytest.mark.parametrize("model", [None, "", 5, "\u200b"])
def test_a_server_that_names_no_model_used_the_one_asked_for(model: object) -> None:
    assert read({**says(), "model": model}).usage.model == "m"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(json_values, json_values, json_values, st.booleans())
def test_no_value_in_any_place_raises_anything_but_refused(
    content: object, calls_made: object, usage: object, offered: bool
) -> None:
    body = {**says(content, tool_calls=calls_made, refusal=None), "usage": usage}
    try:
        completion = read(body, offered=offered)
    except Refused:
        return
    completion.text.encode()
