"""The webhook's door: signatures, bodies, sizes, and what it answers when nothing can be stored."""

import base64
import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.harness import Bot, eventually
from tests.harness.provider import SECRET, sign
from tests.raw_calls import CHUNKED, Call, calling, chunk, head, post

ON_ONE_DATABASE = True
NEXT_SECRET = "whsec_that_comes_next"
ENV = {"MOSSMOON_WEBHOOK_SECRET": f"{SECRET}, {NEXT_SECRET}"}
LIMIT_BYTES = 1024 * 1024


def _signature(body: bytes, secret: str = SECRET) -> bytes:
    return b"X-Mossmoon-Signature: " + sign(body, secret).encode()


def _event(bot: Bot) -> tuple[str, bytes]:
    """An event that nobody acts on: its id and its bytes."""
    event = bot.provider.customer().event("hello") | {"event": "call.ringing"}
    return event["id"], json.dumps(event).encode()


async def _is_known(bot: Bot, event_id: str) -> bool:
    events = (await bot.api("GET", "/api/events", params={"limit": 1000}))["items"]
    return event_id in [event["provider_event_id"] for event in events]


async def _dead(bot: Bot) -> list[Any]:
    answer = await bot.api("GET", "/api/events", params={"state": "dead", "limit": 1000})
    return list(answer["items"])


WRONG_HEADERS: dict[str, Any] = {
    "absent": lambda _: [],
    "empty": lambda _: [b"X-Mossmoon-Signature:"],
    "blank": lambda _: [b"X-Mossmoon-Signature:  \t "],
    "a digit short": lambda body: [_signature(body)[:-1]],
    "a digit long": lambda body: [_signature(body) + b"0"],
    "doubled": lambda body: [_signature(body) + sign(body).encode()],
    "a prefix": lambda body: [b"X-Mossmoon-Signature: sha256=" + sign(body).encode()],
    "quoted": lambda body: [b'X-Mossmoon-Signature: "' + sign(body).encode() + b'"'],
    "a space within": lambda body: [_signature(body)[:-1] + b" " + _signature(body)[-1:]],
    "no hexadecimal": lambda _: [b"X-Mossmoon-Signature: " + b"z" * 64],
    "bytes beyond ASCII": lambda _: [b"X-Mossmoon-Signature: " + b"\xff" * 64],
    "letters beyond ASCII": lambda _: [b"X-Mossmoon-Signature: " + "é".encode() * 32],
    "full-width digits": lambda _: [b"X-Mossmoon-Signature: " + "１".encode() * 64],
    "base64": lambda body: [
        b"X-Mossmoon-Signature: " + base64.b64encode(bytes.fromhex(sign(body))),
    ],
    "two headers, both right": lambda body: [_signature(body), _signature(body)],
    "two headers, the last one right": lambda body: [_signature(b""), _signature(body)],
    "comma-joined": lambda body: [_signature(body) + b"," + sign(body).encode()],
    "over other JSON of the same meaning": lambda body: [
        _signature(json.dumps(json.loads(body), indent=1).encode())
    ],
    "over the body and a newline": lambda body: [_signature(body + b"\n")],
    "over nothing": lambda _: [_signature(b"")],
    "another secret": lambda body: [_signature(body, "whsec_of_somebody_else")],
    "an empty secret": lambda body: [_signature(body, "")],
    "both secrets at once": lambda body: [_signature(body, ENV["MOSSMOON_WEBHOOK_SECRET"])],
    "plain SHA-256": lambda body: [
        b"X-Mossmoon-Signature: " + hashlib.sha256(body).hexdigest().encode()
    ],
    "another header's name": lambda body: [b"X-Signature: " + sign(body).encode()],
    "30 kB": lambda body: [_signature(body) + b"0" * 30_000],
}


@pytest.mark.parametrize("case", WRONG_HEADERS)
async def test_a_malformed_or_wrong_signature_is_refused_and_nothing_is_kept(
    bot: Bot, case: str
) -> None:
    event_id, body = _event(bot)
    answered = await post(bot.port, body, WRONG_HEADERS[case](body))
    assert (answered.status, json.loads(answered.body)["error"]) == (401, "unauthorized")
    assert not await _is_known(bot, event_id)
    # Refused is not known: the same event rightly signed still counts.
    assert (await post(bot.port, body, [_signature(body)])).status == 200
    assert await _is_known(bot, event_id)


@pytest.mark.parametrize("control", [b"\x00", b"\x01", b"\x7f", b"\r"])
async def test_a_signature_with_a_control_character_is_refused(bot: Bot, control: bytes) -> None:
    event_id, body = _event(bot)
    answered = await post(bot.port, body, [_signature(body) + control])
    assert answered.status in {400, 401}  # 400: no HTTP at all
    assert not await _is_known(bot, event_id)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(_signature, id="plain"),
        pytest.param(lambda body: _signature(body).upper(), id="upper case"),
        pytest.param(lambda body: _signature(body) + b" \t", id="white space behind"),
        pytest.param(lambda body: _signature(body).replace(b": ", b":"), id="no space"),
        pytest.param(lambda body: _signature(body, NEXT_SECRET), id="the next secret"),
    ],
)
async def test_a_right_signature_is_taken_however_it_is_spelt(bot: Bot, header: Any) -> None:
    event_id, body = _event(bot)
    answered = await post(bot.port, body, [header(body)])
    assert (answered.status, json.loads(answered.body)) == (200, {"ok": True})
    assert await _is_known(bot, event_id)


ENVELOPE = '"event": "message.received", "id": "evt_x", "line_id": "ln_test"'
MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "blank": b" \r\n",
    "a list": b"[]",
    "null": b"null",
    "NaN": b"NaN",
    "a number": b"1",
    "a string": b'"message.received"',
    "cut off": b'{"event": "message.received", "id": "evt_1"',
    "two documents": b'{"event": "x", "id": "evt_1"}{"event": "x", "id": "evt_2"}',
    "a list of events": b'[{"event": "x", "id": "evt_1"}]',
    "form data": b"event=message.received&id=evt_1",
    "no UTF-8": b'{"event": "x", "id": "evt_\xff"}',
    "UTF-16": '{"event": "x", "id": "evt_1"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"event": "x", "id": "evt_1"}'.encode("utf-16-le"),
    "a NUL": b'\x00{"event": "x", "id": "evt_1"}',
    "100,000 lists deep": b"[" * 100_000,
    "100,000 lists deep in an envelope": b'{"event": "x", "id": "evt_1", "deep": %s%s}'
    % (b"[" * 100_000, b"]" * 100_000),
    "100,000 objects deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "no event": b'{"id": "evt_1"}',
    "no id": b'{"event": "message.received"}',
    "an empty event": b'{"event": "", "id": "evt_1"}',
    "an empty id": b'{"event": "x", "id": ""}',
    "a numeric id": b'{"event": "x", "id": 7}',
    "an id of null": b'{"event": "x", "id": null}',
    "a list for an id": b'{"event": "x", "id": ["evt_1"]}',
    "an event of true": b'{"event": true, "id": "evt_1"}',
    "a second id that is none": b'{"event": "x", "id": "evt_1", "id": 1}',
}


@pytest.mark.parametrize("case", MALFORMED)
async def test_a_signed_body_that_cannot_be_read_is_one_dead_letter(bot: Bot, case: str) -> None:
    body, before = MALFORMED[case], await _dead(bot)
    for _ in range(2):  # redelivered, it is still the same one
        answered = await post(bot.port, body, [_signature(body)])
        assert (answered.status, json.loads(answered.body)["error"]) == (400, "malformed")
    known = {event["id"] for event in before}
    (letter,) = [event for event in await _dead(bot) if event["id"] not in known]
    assert letter["state"] == "dead"
    assert letter["error"]


READABLE: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf{%s}",
    "a key twice": b'{"event": 1, "id": 2, %s}',
    "NaN and infinity": b'{%s, "n": NaN, "m": -Infinity}',
    "an integer of 5,000 digits": b'{%s, "n": ' + b"9" * 5000 + b"}",
    "escaped NULs": b'{%s, "x\\u0000": "\\u0000"}',
    "half a surrogate pair": b'{%s, "x": "\\ud800", "\\udfff": 1}',
    "900 lists deep": b'{%s, "x": ' + b"[" * 900 + b"]" * 900 + b"}",
    "white space": b"\n\t {\r\n%s\n}\n\n",
    "a megabyte": b'{%s, "x": "' + b"x" * (LIMIT_BYTES - 100) + b'"}',
}


@pytest.mark.parametrize("case", READABLE)
async def test_odd_json_with_an_envelope_is_an_event(bot: Bot, case: str) -> None:
    event_id = _event(bot)[0]
    body = READABLE[case].replace(b"%s", b'"event": "x.y", "id": "%s"' % event_id.encode())
    assert (await post(bot.port, body, [_signature(body)])).status == 200
    (kept,) = await bot.handled(event_id)
    assert (kept["state"], kept["type"]) == ("skipped", "x.y")


@pytest.mark.parametrize(
    "event_id",
    ["../../etc/passwd", "x" * 10_000, "nul\u0000within", "\ud800", "'; drop table events; --"],
)
async def test_an_id_of_any_kind_counts_once(bot: Bot, event_id: str) -> None:
    body = json.dumps({"event": "x.y", "id": event_id}).encode()
    before = await _all_ids(bot)
    for _ in range(2):
        assert (await post(bot.port, body, [_signature(body)])).status == 200
    assert len(await _all_ids(bot)) == len(before) + 1


async def _all_ids(bot: Bot) -> list[str]:
    events = (await bot.api("GET", "/api/events", params={"limit": 1000}))["items"]
    return [event["id"] for event in events]


async def test_a_body_over_the_limit_is_refused_before_it_is_sent(bot: Bot) -> None:
    async with calling(bot.port) as call:
        await call.write(head([_signature(b"")], length=LIMIT_BYTES + 1))
        answered = await call.answer()
    assert (answered.status, json.loads(answered.body)["error"]) == (413, "too_large")


async def test_a_body_over_the_limit_is_refused_however_it_is_cut(bot: Bot) -> None:
    piece = b"x" * 65_536
    async with calling(bot.port) as call:
        await call.write(head([_signature(b""), CHUNKED], length=None))
        for _ in range(LIMIT_BYTES // len(piece)):
            await call.write(chunk(piece))
        await call.write(chunk(b"x"))
        assert (await call.answer()).status == 413
        assert await call.is_closed()


async def _pieces(size_bytes: int) -> AsyncIterator[bytes]:
    for start in range(0, size_bytes, 65_536):
        yield b"x" * min(65_536, size_bytes - start)


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("size_bytes", [LIMIT_BYTES + 1, 2 * LIMIT_BYTES, 20 * LIMIT_BYTES])
async def test_a_caller_who_sends_too_much_still_gets_the_answer(
    bot: Bot, size_bytes: int, is_chunked: bool
) -> None:
    body = _pieces(size_bytes) if is_chunked else b"x" * size_bytes
    answered = await bot.http("POST", "/webhooks/whatsapp", content=body)
    assert (answered.status_code, answered.json()["error"]) == (413, "too_large")


@pytest.mark.parametrize("size_bytes", [LIMIT_BYTES + 1, 20 * LIMIT_BYTES])
async def test_a_caller_who_reads_only_when_all_is_sent_gets_the_answer(
    bot: Bot, size_bytes: int
) -> None:
    async with calling(bot.port) as call:
        call.writer.write(head([_signature(b"")], length=size_bytes) + b"x" * size_bytes)
        await call.writer.drain()  # a connection that is reset fails here
        await eventually(lambda: call.writer.transport.get_write_buffer_size() == 0)
        answered = await call.answer()
        assert (answered.status, answered.headers["connection"]) == (413, "close")
        assert await call.is_closed()


async def test_a_body_without_end_is_not_read_for_ever(bot: Bot) -> None:
    async with calling(bot.port) as call:
        await call.write(head([_signature(b""), CHUNKED], length=None))
        piece, sent_bytes = chunk(b"x" * 65_536), 0
        while not call.writer.transport.is_closing():
            await call.write(piece)
            sent_bytes += len(piece)
            assert sent_bytes < 100 * LIMIT_BYTES


async def test_a_length_that_is_no_number_is_refused(bot: Bot) -> None:
    for length in (b"-1", b"1e3", b"9" * 30):
        async with calling(bot.port) as call:
            await call.write(head([b"Content-Length: " + length], length=None))
            assert (await call.answer()).status in {400, 413}


async def test_a_chunked_body_is_one_body(bot: Bot) -> None:
    event_id, body = _event(bot)
    async with calling(bot.port) as call:
        await call.write(head([_signature(body), CHUNKED], length=None))
        for start in range(0, len(body), 7):
            await call.write(chunk(body[start : start + 7]))
        await call.write(chunk(b""))
        assert (await call.answer()).status == 200
    assert await _is_known(bot, event_id)


async def test_a_packed_body_is_never_unpacked(bot: Bot) -> None:
    event_id, plain = _event(bot)
    packed, before = gzip.compress(plain), len(await _dead(bot))
    gzipped = b"Content-Encoding: gzip"
    assert (await post(bot.port, packed, [_signature(plain), gzipped])).status == 401
    assert (await post(bot.port, packed, [_signature(packed), gzipped])).status == 400
    assert len(await _dead(bot)) == before + 1
    assert not await _is_known(bot, event_id)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_only_a_post_is_a_webhook(bot: Bot, method: str) -> None:
    event_id, body = _event(bot)
    response = await bot.http(
        method, "/webhooks/whatsapp", content=body, headers={"X-Mossmoon-Signature": sign(body)}
    )
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert not await _is_known(bot, event_id)


async def _ask(call: Call, body: bytes, *headers: bytes, method: str = "POST") -> int:
    await call.write(head(headers, length=len(body), method=method) + body)
    return (await call.answer()).status


async def test_a_connection_goes_on_after_every_answer(bot: Bot) -> None:
    async with calling(bot.port) as call:
        for _ in range(2):
            body = _event(bot)[1]
            assert await _ask(call, body, _signature(body)) == 200
            assert await _ask(call, body, b"X-Mossmoon-Signature: wrong") == 401
            assert await _ask(call, b"[]", _signature(b"[]")) == 400
            assert await _ask(call, b"some body", method="PUT") == 405


async def test_a_caller_who_hangs_up_leaves_nothing_behind(bot: Bot) -> None:
    event_id, body = _event(bot)
    async with calling(bot.port) as call:
        await call.write(head([_signature(body)], length=len(body) + 1) + body)
    assert (await post(bot.port, b"[]", [_signature(b"[]")])).status == 400
    assert not await _is_known(bot, event_id)


@pytest.mark.slow
async def test_a_body_that_drips_is_given_up_and_asked_for_again(bot: Bot) -> None:
    event_id, body = _event(bot)
    async with calling(bot.port) as call:
        await call.write(head([_signature(body)], length=len(body)) + body[:-1])
        answered = await call.answer()
        assert (answered.status, answered.headers["connection"]) == (503, "close")
        assert await call.is_closed()
    assert not await _is_known(bot, event_id)
