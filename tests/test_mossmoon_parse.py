"""The provider's webhooks: the signature, and what the bytes are read as."""

import hashlib
import hmac
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.mossmoon import Malformed, parse, verify
from bot.domain.contact import contact_key
from bot.domain.event import Delivered, Ignored, LineChanged, Quoted, Received, Unread

SECRET = b"whsec_one"
OTHER = b"whsec_two"
BODY = b'{"event": "line.ready", "id": "evt_1", "line_id": "ln_1"}'
SIGNATURE = hmac.new(SECRET, BODY, hashlib.sha256).hexdigest().encode()


def message(**fields: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "from": "+34600111222",
        "type": "text",
        "text": "hello",
        "received_at": "2026-11-20T10:00:00Z",
        **fields,
    }


def event(kind: str = "message.received", **fields: Any) -> bytes:
    return json.dumps({"event": kind, "id": "evt_1", "line_id": "ln_1", **fields}).encode()


def received(**fields: Any) -> Received:
    content = parse(event(message=message(**fields))).content
    assert isinstance(content, Received)
    return content


def unread(**fields: Any) -> str:
    content = parse(event(message=message(**fields))).content
    assert isinstance(content, Unread)
    return content.error


# The signature


def test_the_signature_of_the_raw_body_is_accepted() -> None:
    assert verify(BODY, [SIGNATURE], [SECRET])


def test_each_of_several_secrets_is_accepted_while_one_is_rotated() -> None:
    assert verify(BODY, [SIGNATURE], [OTHER, SECRET])
    assert verify(BODY, [SIGNATURE], [SECRET, OTHER])


@pytest.mark.parametrize("header", [SIGNATURE.upper(), b" " + SIGNATURE + b"\t"])
def test_upper_case_and_spaces_around_a_signature_are_accepted(header: bytes) -> None:
    assert verify(BODY, [header], [SECRET])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [b""],
        [b"   "],
        [SIGNATURE, SIGNATURE],
        [SIGNATURE + b"," + SIGNATURE],
        [SIGNATURE[:-1]],
        [SIGNATURE + b"0"],
        [b"sha256=" + SIGNATURE],
        [b"0" * 64],
        [b"g" * 64],
        ["ä".encode() * 32],
        [b"\xff" * 64],
        [b"\x00" * 64],
        [SIGNATURE[:32] + b" " + SIGNATURE[32:]],
        [b"\n" + SIGNATURE],
    ],
)
def test_a_malformed_signature_is_refused_without_an_error(headers: list[bytes]) -> None:
    assert not verify(BODY, headers, [SECRET])


def test_a_signature_over_other_bytes_is_refused() -> None:
    assert not verify(BODY + b" ", [SIGNATURE], [SECRET])


def test_an_empty_secret_signs_nothing() -> None:
    forged = hmac.new(b"", BODY, hashlib.sha256).hexdigest().encode()

    assert not verify(BODY, [forged], [b""])
    assert not verify(BODY, [forged], [])


# The envelope


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"[]",
        b"null",
        b"NaN",
        b'"text"',
        b"5",
        b"{",
        b'{"event": "x", "id": "evt"',
        b'{"event": "x"}',
        b'{"id": "evt"}',
        b'{"event": "", "id": "evt"}',
        b'{"event": "x", "id": ""}',
        b'{"event": "x", "id": 5}',
        b'{"event": 5, "id": "evt"}',
        b'{"event": "x", "id": null}',
        b'{"event": ["x"], "id": "evt"}',
        b'{"event": "x", "id": "\xff"}',
        b'{"event": "x", "id": "evt\x00"}',
        '{"event": "x", "id": "evt"}'.encode("utf-16"),
        '{"event": "x", "id": "evt"}'.encode("utf-32-le"),
        b'{"event": "x", "id": "evt", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"event": "x", "id": "evt", "a": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b"[" * 100_000,
        b"1" * 5000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_without_an_envelope_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse(body)

    assert str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"event": "x", "id": "evt"}',
        b'{"event": "x", "id": "evt", "n": NaN, "i": -Infinity}',
        b'{"event": "x", "id": "evt", "n": ' + b"9" * 5000 + b"}",
        b'{"id": "old", "event": "x", "id": "evt"}',
        b'{"event": "x", "id": "evt", "s": "\\ud800 \\u0000"}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_strange_but_readable_json_is_an_event(body: bytes) -> None:
    parsed = parse(body)

    assert (parsed.id, parsed.type, parsed.content) == ("evt", "x", Ignored())
    assert parsed.raw == body


@pytest.mark.parametrize("odd", ["e" * 256, "evt\u0000", "evt\ud800", "a\nb"])
def test_an_id_that_no_database_takes_is_stood_for_by_one_that_stays_the_same(odd: str) -> None:
    body = json.dumps({"event": "x", "id": odd}).encode()
    other = json.dumps({"event": "x", "id": odd + "x"}).encode()

    assert parse(body).id == parse(body).id != parse(other).id
    assert len(parse(body).id) <= 255
    assert parse(body).id.isprintable()


def test_an_id_that_looks_like_a_path_is_only_an_id() -> None:
    assert parse(b'{"event": "x", "id": "../../etc/passwd"}').id == "../../etc/passwd"


@pytest.mark.parametrize("kind", ["call.started", "message.pinned", "x"])
def test_an_unknown_event_is_kept_and_not_acted_on(kind: str) -> None:
    assert parse(event(kind, message={"id": 5})).content == Ignored()


@pytest.mark.parametrize("line_id", [None, 5, "", " ", "..", ".", "x" * 256, "a\nb", "a\ud800"])
def test_a_message_without_a_usable_line_is_unread(line_id: object) -> None:
    body = json.dumps({"event": "message.received", "id": "e", "line_id": line_id})
    parsed = parse(body.encode())

    assert parsed.line_id == ""
    assert isinstance(parsed.content, Unread)


# Messages


def test_a_text_message_is_read() -> None:
    parsed = parse(event(message=message(profile_name="Ana")))

    assert (parsed.id, parsed.type, parsed.line_id) == ("evt_1", "message.received", "ln_1")
    assert parsed.content == Received(
        provider_id="msg_1",
        sender="+34600111222",
        kind="text",
        text="hello",
        received_at=datetime(2026, 11, 20, 10, tzinfo=UTC),
        profile_name="Ana",
    )


@pytest.mark.parametrize(
    "fields",
    [{"text": "hello"}, {"text": {"body": "hello"}}, {"text": None, "body": "hello"}],
)
def test_a_text_is_found_in_every_place(fields: dict[str, Any]) -> None:
    assert received(**fields).text == "hello"


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "voice"},
        {"type": "audio"},
        {"type": "ptt"},
        {"type": "voice_note"},
        {"type": "VOICE"},
        {"type": "document", "media": {"mime_type": "audio/ogg; codecs=opus"}},
        {"type": None, "media": {"mime_type": "Audio/MPEG"}},
    ],
)
def test_a_voice_note_has_many_names(fields: dict[str, Any]) -> None:
    assert received(text=None, **fields).kind == "voice"


@pytest.mark.parametrize("kind", ["image", "sticker", "location", "contact", "poll"])
def test_other_types_keep_their_name_and_their_caption(kind: str) -> None:
    got = received(type=kind, text=None, caption="look")

    assert (got.kind, got.text) == (kind, "look")


def test_a_caption_is_no_error_when_it_is_missing() -> None:
    assert received(type="image", text=None).text == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"id": None},
        {"id": 5},
        {"id": ""},
        {"from": None},
        {"from": ""},
        {"from": 34600111222},
        {"from": "+34\n600"},
        {"from": "x" * 256},
        {"from": "\ud800"},
        {"type": None},
        {"type": 5},
        {"type": "\u200b"},
        {"text": None},
        {"text": 5},
        {"text": ["a"]},
        {"text": "  "},
        {"text": {"body": 5}},
        {"text": "\u0000"},
    ],
)
def test_an_incomplete_message_is_unread_and_says_where(fields: dict[str, Any]) -> None:
    assert "message." in unread(**fields)


@pytest.mark.parametrize("value", [None, [], "text", 5])
def test_a_message_that_is_no_object_is_unread(value: object) -> None:
    assert isinstance(parse(event(message=value)).content, Unread)
    assert isinstance(parse(event("message.sent", message=value)).content, Unread)


def test_what_no_database_takes_is_taken_out_of_a_text() -> None:
    assert received(text="a\u0000b\ud83dc\r\nd\u001be\tf").text == "ab\ufffdc\nde\tf"


def test_an_emoji_of_two_surrogates_stays_whole() -> None:
    body = event(message=message(text="x")).replace(b'"x"', b'"\\ud83d\\ude00"')
    content = parse(body).content

    assert isinstance(content, Received)
    assert content.text == "😀"


def test_a_huge_text_is_cut() -> None:
    assert len(received(text="x" * 900_000).text) == 20_000


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"profile_name": "Ana"}, "Ana"),
        ({"from_name": "Ana"}, "Ana"),
        ({"name": "Ana"}, "Ana"),
        ({"profile_name": "", "name": "Ana"}, "Ana"),
        ({"profile_name": 5}, None),
        ({}, None),
        ({"name": "A\u202en\u200ba\n\nB\u0000\ud800"}, "Ana B"),
        ({"name": "\u200f\u200b"}, None),
        ({"name": "x" * 5000}, "x" * 100),
    ],
)
def test_a_name_is_one_short_visible_line(fields: dict[str, Any], name: str | None) -> None:
    assert received(**fields).profile_name == name


@pytest.mark.parametrize(
    ("given_time", "read"),
    [
        ("2026-11-20T10:00:00Z", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("2026-11-20T12:00:00+02:00", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("2026-11-20T10:00:00", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        (1_795_168_800, datetime(2026, 11, 20, 10, tzinfo=UTC)),
        (1_795_168_800_000, datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ("1795168800", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        (None, None),
        (True, None),
        ("yesterday", None),
        ({}, None),
        (float("nan"), None),
        (float("inf"), None),
        (-1, None),
        (10**18, None),
        (10**30, None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("9" * 400, None),
    ],
)
def test_times_are_utc_or_nothing(given_time: object, read: datetime | None) -> None:
    assert received(received_at=given_time).received_at == read


@pytest.mark.parametrize(
    ("fields", "quoted"),
    [
        ({"quoted": {"id": "msg_0", "text": "old"}}, Quoted("msg_0", "old")),
        ({"quoted": {"text": "old"}}, Quoted(None, "old")),
        ({"context": {"id": "msg_0"}}, Quoted("msg_0", None)),
        ({"reply_to": "msg_0"}, Quoted("msg_0", None)),
        ({"reply_to": {"id": "msg_0"}}, Quoted("msg_0", None)),
        ({"quoted": {}, "context": {"id": "msg_0"}}, Quoted("msg_0", None)),
        ({"quoted": 5, "context": [], "reply_to": None}, None),
    ],
)
def test_a_quoted_message_is_found(fields: dict[str, Any], quoted: Quoted | None) -> None:
    assert received(**fields).quoted == quoted


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"group_id": "123"}, "group"),
        ({"is_group": True}, "group"),
        ({"is_group": "true"}, "group"),
        ({"from": "123-456@g.us"}, "group"),
        ({"from": "123@NEWSLETTER"}, "newsletter"),
        ({"from": "status@broadcast"}, "status"),
        ({"group_id": None, "is_group": False}, None),
        ({"is_group": "false"}, None),
        ({"from": "34600111222@s.whatsapp.net"}, None),
        ({"from": "123456@lid"}, None),
    ],
)
def test_what_is_no_private_chat_is_told_apart(fields: dict[str, Any], why: str | None) -> None:
    got = received(**fields)

    assert got.unanswerable == why
    assert got.is_group == (why is not None)


def test_the_address_stays_exactly_as_received() -> None:
    assert received(**{"from": "+34 600-111 222"}).sender == "+34 600-111 222"


def test_a_message_from_the_lines_own_phone_names_whom_it_went_to() -> None:
    body = event("message.sent", message={"id": "m", "type": "text", "text": "x", "to": "+34600"})
    flagged = received(from_me=True, to="+34600")
    content = parse(body).content

    assert isinstance(content, Received)
    assert content.from_me
    assert content.recipient == "+34600"
    assert flagged.from_me
    assert flagged.recipient == "+34600"
    assert not received(from_me=False).from_me
    assert not received(from_me="false").from_me


# The other events


@pytest.mark.parametrize(
    ("fields", "delivered"),
    [
        (
            {"message": {"id": "m", "to": "+34"}, "delivered_at": "2026-11-20T10:00:00Z"},
            Delivered("m", "+34", datetime(2026, 11, 20, 10, tzinfo=UTC)),
        ),
        ({"message_id": "m", "to": "+34"}, Delivered("m", "+34", None)),
        ({"message": {"id": "m", "status": "delivered"}}, Delivered("m", None, None)),
        ({"message": {"id": None}, "message_id": "m"}, Delivered("m", None, None)),
        ({"to": "+34"}, Delivered(None, "+34", None)),
    ],
)
def test_a_delivery_is_read(fields: dict[str, Any], delivered: Delivered) -> None:
    assert parse(event("message.delivered", **fields)).content == delivered


@pytest.mark.parametrize(
    "fields", [{}, {"message": 5}, {"message": {"id": "m", "status": "failed"}}]
)
def test_a_delivery_of_nothing_is_unread(fields: dict[str, Any]) -> None:
    assert isinstance(parse(event("message.delivered", **fields)).content, Unread)


def test_a_line_comes_and_goes() -> None:
    gone = parse(event("line.disconnected", reason="logged\nout"))

    assert parse(event("line.ready")).content == LineChanged(ready=True)
    assert gone.content == LineChanged(ready=False, reason="logged out")
    assert parse(event("line.ready", reason=5)).content == LineChanged(ready=True)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
keys = [
    "id",
    "from",
    "type",
    "text",
    "body",
    "media",
    "to",
    "quoted",
    "received_at",
    "name",
    "status",
]


@given(
    st.sampled_from(["message.received", "message.sent", "message.delivered", "line.ready"]),
    st.dictionaries(st.sampled_from(keys), json_values) | json_values,
    json_values,
)
def test_no_value_in_any_place_raises(kind: str, message_value: object, other: object) -> None:
    fields = {"message": message_value, "delivered_at": other, "reason": other, "to": other}
    content = parse(event(kind, **fields)).content

    for value in asdict(content).values():
        assert not isinstance(value, str) or "\x00" not in value.encode().decode()


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body)


# How a contact is found


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("+34600111222", "+34600111222"),
        ("34600111222", "+34600111222"),
        ("0034600111222", "+34600111222"),
        (" +34 600-111 (222) ", "+34600111222"),
        ("34600111222@s.whatsapp.net", "+34600111222"),
        ("34600111222:12@c.us", "+34600111222"),
        ("123456789@lid", "123456789@lid"),
        ("shop_ana", "shop_ana"),
        ("ES.13", "ES.13"),
        ("", ""),
        ("123", "123"),
        ("+", "+"),
        ("1" * 30, "1" * 30),
        ("٣٤٦٠٠١١١٢٢٢", "٣٤٦٠٠١١١٢٢٢"),
    ],
)
def test_a_number_is_found_however_it_is_spelt(address: str, key: str) -> None:
    assert contact_key(address) == key
    assert contact_key(key) == key
