"""One attempt to send: what leaves, and what each answer and each failure means."""

import asyncio
import inspect
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from bot.adapters.mossmoon import MossmoonLine
from bot.domain.outbox import (
    AccountHeld,
    LineHeld,
    NotSent,
    Outbound,
    Rejected,
    SendOutcome,
    Sent,
    Unanswered,
)
from bot.domain.retry_after import parse_retry_after
from bot.domain.text_body import body_faults, render_body
from tests.raw_http import HANG, RawServer, answer, serving

KEY = "mm_live_of_the_tests"
TEMPLATE = {"to": "{to}", "type": "text", "text": "{text}"}
MESSAGE = Outbound("out_1", "cv_1", "ln_1", "+34600111222", "Grüße {to} 😀")
PATIENT = timedelta(seconds=20)
HASTY = timedelta(seconds=0.3)


@asynccontextmanager
async def line_at(
    url: str, within: timedelta = PATIENT, template: Any = None
) -> AsyncIterator[MossmoonLine]:
    line = MossmoonLine(url, KEY, within, TEMPLATE if template is None else template)
    try:
        yield line
    finally:
        await line.close()


async def send_to(
    reply: bytes, within: timedelta = PATIENT, message: Outbound = MESSAGE
) -> tuple[SendOutcome, RawServer]:
    async with serving(reply) as server, line_at(f"{server.url}/api/v1", within) as line:
        return await line.send(message), server


# What leaves


async def test_a_text_leaves_as_the_provider_wants_it() -> None:
    outcome, server = await send_to(answer(200, {"id": "msg_9"}))

    assert outcome == Sent("msg_9")
    assert server.requests[0].startswith(b"POST ")
    assert server.path == "/api/v1/wa/lines/ln_1/messages"
    assert server.header("Authorization") == f"Bearer {KEY}"
    assert server.header("Idempotency-Key") == "out_1"
    assert server.header("Content-Type") == "application/json"
    assert server.json == {"to": "+34600111222", "type": "text", "text": "Grüße {to} 😀"}


@pytest.mark.parametrize(
    ("line_id", "path"),
    [
        ("ln/../../x?y#z", "/wa/lines/ln%2F..%2F..%2Fx%3Fy%23z/messages"),
        ("ln ä%41", "/wa/lines/ln%20%C3%A4%2541/messages"),
    ],
)
async def test_a_line_id_never_changes_the_path(line_id: str, path: str) -> None:
    message = Outbound("out_1", "cv_1", line_id, "+34600111222", "x")
    _, server = await send_to(answer(200, {}), message=message)

    assert server.path == f"/api/v1{path}"


@pytest.mark.parametrize("line_id", ["", ".", ".."])
async def test_a_line_id_that_can_be_no_part_of_a_path_is_rejected_unsent(line_id: str) -> None:
    outcome, server = await send_to(
        answer(200, {}), message=Outbound("out_1", "cv_1", line_id, "+34600111222", "x")
    )

    assert isinstance(outcome, Rejected)
    assert not server.requests


async def test_a_lone_surrogate_in_a_text_stops_nothing() -> None:
    message = Outbound("out_1", "cv_1", "ln_1", "+34600111222", "a\ud800b")
    outcome, server = await send_to(answer(200, {}), message=message)

    assert isinstance(outcome, Sent)
    assert server.json["text"] == "a?b"


# Answers


@pytest.mark.parametrize(
    ("body", "provider_id"),
    [
        ({"id": "msg_9"}, "msg_9"),
        ({"message": {"id": "msg_9"}}, "msg_9"),
        ({"message_id": "msg_9"}, "msg_9"),
        ({"id": 9}, "9"),
        ({"id": "", "message": "sent", "message_id": None}, None),
        ({"id": True}, None),
        ({"id": {"a": 1}}, None),
        ([], None),
        (None, None),
        (b"", None),
        (b"<html>ok</html>", None),
        (b"[" * 60_000, None),
        (b'{"id": "msg_9"}' + b" " * 70_000, None),
        (b"\xff", None),
    ],
    ids=lambda value: repr(value)[:40],
)
@pytest.mark.parametrize("status", [200, 201, 202])
async def test_every_2xx_is_sent_with_or_without_an_id(
    status: int, body: object, provider_id: str | None
) -> None:
    outcome, _ = await send_to(answer(status, body))

    assert outcome == Sent(provider_id)


async def test_a_2xx_whose_body_breaks_off_is_sent() -> None:
    outcome, _ = await send_to(b'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"id": ')

    assert outcome == Sent(None)


async def test_a_2xx_whose_body_never_ends_is_sent() -> None:
    endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    outcome, _ = await send_to(endless + b"10000\r\n" + b"x" * 0x10000 + b"\r\n" * 1)

    assert outcome == Sent(None)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "bad_request", Rejected),
        (401, "unauthorized", AccountHeld),
        (402, "insufficient_balance", AccountHeld),
        (403, "forbidden", Rejected),
        (404, "not_found", Rejected),
        (405, "method_not_allowed", Rejected),
        (408, "timeout", NotSent),
        (409, "line_not_ready", LineHeld),
        (410, "gone", Rejected),
        (413, "too_large", Rejected),
        (418, "teapot", Rejected),
        (422, "invalid_to", Rejected),
        (425, "too_early", NotSent),
        (429, "rate_limited", LineHeld),
        (500, "internal", NotSent),
        (502, "bad_gateway", NotSent),
        (503, "unavailable", NotSent),
        (504, "timeout", NotSent),
        (599, "unknown", NotSent),
    ],
)
async def test_each_status_has_its_consequence(
    status: int, code: str, expected: type[SendOutcome]
) -> None:
    outcome, server = await send_to(answer(status, {"error": code, "message": "Sorry."}))

    assert type(outcome) is expected
    assert len(server.requests) == 1, "no retries of the client's own"
    if isinstance(outcome, (AccountHeld, LineHeld, Rejected)):
        assert outcome.code == code
    if isinstance(outcome, NotSent):
        assert outcome.maybe_repeated == (status >= 500)
    assert not isinstance(outcome, Sent)
    assert f"{status} {code}" in outcome.error
    assert "Sorry." in outcome.error


async def test_a_low_balance_says_how_low() -> None:
    body = {"error": "insufficient_balance", "balance_cents": 12, "required_cents": 150}
    outcome, _ = await send_to(answer(402, body))

    assert isinstance(outcome, AccountHeld)
    assert "balance_cents 12; required_cents 150" in outcome.error


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_rejected_and_never_followed(status: int) -> None:
    async with serving(answer(200, {"id": "no"})) as elsewhere:
        outcome, _ = await send_to(answer(status, b"", {"location": f"{elsewhere.url}/steal"}))

        assert isinstance(outcome, Rejected)
        assert "redirect" in outcome.error
        assert not elsewhere.requests


@pytest.mark.parametrize("body", [b"", b"<html>", [], {"error": 5}, {"error": "Bad thing\n"}])
async def test_an_error_without_a_readable_body_is_named_by_its_status(body: object) -> None:
    outcome, _ = await send_to(answer(422, body))

    assert isinstance(outcome, Rejected)
    assert outcome.code == "http_422"


async def test_no_error_holds_the_key_the_contact_or_the_text() -> None:
    said = f"key {KEY}, to +34 600 111 222 or +34600111222, text {MESSAGE.text}\r\n\x1b[31m!"
    for status in (400, 401, 409, 500):
        outcome, _ = await send_to(answer(status, {"error": "+34600111222", "message": said}))

        assert KEY not in repr(outcome)
        assert "111" not in repr(outcome)
        assert "Grüße" not in repr(outcome)
        assert "\\x1b" not in repr(outcome)
    assert KEY not in repr(MossmoonLine("http://x", KEY, PATIENT, TEMPLATE))


@pytest.mark.parametrize("status", [409, 429])
@pytest.mark.parametrize(
    ("header", "wait"), [("7", timedelta(seconds=7)), ("soon", None), (None, None)]
)
async def test_a_held_line_waits_as_long_as_it_is_told(
    status: int, header: str | None, wait: timedelta | None
) -> None:
    headers = {} if header is None else {"Retry-After": header}
    outcome, _ = await send_to(answer(status, {"error": "x"}, headers))

    assert isinstance(outcome, LineHeld)
    assert outcome.retry_after == wait


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("1.5", 1.5),
        ("99999999", 86400),
        ("Fri, 20 Nov 2026 10:01:00 GMT", 60),
        ("Fri, 20 Nov 2026 09:00:00 GMT", 0),
        ("Fri, 20 Nov 2099 09:00:00 GMT", 86400),
        ("-5", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e5", None),
        ("9" * 5000, None),
        ("Fri, 99 Foo 2026", None),
        ("٣", None),
        ("2026-11-20T10:01:00Z", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nonsense(header: str, wait_s: float | None) -> None:
    wait = parse_retry_after(header, datetime(2026, 11, 20, 10, tzinfo=UTC))

    assert (None if wait is None else wait.total_seconds()) == wait_s


# Failures on the way


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"http://127.0.0.1:{closed_port()}", id="nobody listens"),
        "http://does-not-exist.invalid",
        "http://127.0.0.1:99999",
        "ftp://127.0.0.1",
        "no url at all",
        "http://",
        "http://[::1",
    ],
)
async def test_without_a_connection_nothing_was_sent(url: str) -> None:
    async with line_at(url) as line:
        assert isinstance(await line.send(MESSAGE), NotSent)


@pytest.mark.parametrize("key", ["mm\r\nX-Evil: 1", "", " ", "mm_ä", "mm_\x00"])
async def test_a_key_that_fits_no_header_sends_nothing(key: str) -> None:
    async with serving(answer(200)) as server:
        outcome = await MossmoonLine(server.url, key, PATIENT, TEMPLATE).send(MESSAGE)

        assert isinstance(outcome, AccountHeld)
        assert "Evil" not in outcome.error
        assert not server.requests


async def test_a_failed_tls_handshake_sends_nothing() -> None:
    async with serving(answer(200)) as server:
        async with line_at(server.url.replace("http:", "https:"), HASTY) as line:
            assert isinstance(await line.send(MESSAGE), NotSent)
        assert not server.requests


async def test_a_server_that_never_accepts_was_sent_nothing() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        blockers = [socket.socket() for _ in range(4)]
        for blocker in blockers:
            blocker.setblocking(False)
            blocker.connect_ex(("127.0.0.1", port))
        try:
            async with line_at(f"http://127.0.0.1:{port}", HASTY) as line:
                assert isinstance(await line.send(MESSAGE), NotSent)
        finally:
            for blocker in blockers:
                blocker.close()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 2",
        b"HTTP/1.1 200 OK\r\ncontent-",
        b"not http\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=lambda reply: repr(reply[:30]),
)
async def test_a_request_that_left_and_got_no_answer_is_unanswered(reply: bytes) -> None:
    outcome, server = await send_to(reply)

    assert isinstance(outcome, Unanswered)
    assert len(server.requests) == 1


async def test_a_server_that_hangs_is_unanswered_after_the_time_out() -> None:
    outcome, server = await send_to(HANG, HASTY)

    assert isinstance(outcome, Unanswered)
    assert "in time" in outcome.error
    assert len(server.requests) == 1


async def test_the_connection_is_used_again() -> None:
    async with serving(answer(200, {"id": "a"})) as server, line_at(server.url) as line:
        outcomes = [await line.send(MESSAGE) for _ in range(3)]

        assert outcomes == [Sent("a")] * 3
        assert len(server.requests) == 3


async def test_many_sends_go_out_at_once() -> None:
    async with serving(answer(200, {"id": "a"})) as server, line_at(server.url) as line:
        outcomes = await asyncio.gather(*(line.send(MESSAGE) for _ in range(100)))

        assert outcomes == [Sent("a")] * 100
        assert len(server.requests) == 100


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answer(200, {"id": "proxy"})) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        outcome, server = await send_to(answer(200, {"id": "a"}))

        assert outcome == Sent("a")
        assert server.requests
        assert not proxy.requests


def test_every_exception_of_the_http_client_is_one_that_send_sorts() -> None:
    classes = [
        thing
        for _, thing in inspect.getmembers(aiohttp, inspect.isclass)
        if issubclass(thing, Exception) and not issubclass(thing, Warning)
    ]
    # Of WebSockets, and what a reader of streams is told at their end: never raised by a send.
    elsewhere = {"WebSocketError", "EofStream", "WSMessageTypeError"}
    sorted_ones = (aiohttp.ClientError, OSError, ValueError)
    unmapped = {
        thing.__name__
        for thing in classes
        if not issubclass(thing, sorted_ones) and thing.__name__ not in elsewhere
    }

    assert len(classes) > 20
    assert not unmapped


# The template of the body


@pytest.mark.parametrize(
    ("template", "body"),
    [
        (TEMPLATE, {"to": "+34", "type": "text", "text": 'a "{to}" \\'}),
        (
            {"message": {"recipient": ["whatsapp:{to}"], "body": {"text": "{text}"}}, "v": 2},
            {"message": {"recipient": ["whatsapp:+34"], "body": {"text": 'a "{to}" \\'}}, "v": 2},
        ),
        (
            {"{to}": None, "x": True, "y": "{other} {to}"},
            {"{to}": None, "x": True, "y": "{other} +34"},
        ),
    ],
)
def test_a_template_is_filled_in_by_structure(template: Any, body: Any) -> None:
    rendered = render_body(template, "+34", 'a "{to}" \\')

    assert rendered == body
    assert json.loads(json.dumps(rendered)) == body


@pytest.mark.parametrize(
    ("template", "faults"),
    [
        (TEMPLATE, 0),
        ({"a": ["{to}: {text}"]}, 0),
        ({"to": "{to}"}, 1),
        ({"{to}": "{text}"}, 1),
        ({}, 2),
        ("{to} {text}", 1),
        (None, 1),
    ],
)
def test_a_template_without_a_place_for_contact_or_text_is_a_fault(
    template: Any, faults: int
) -> None:
    assert len(body_faults(template)) == faults
