"""What a webhook says of files; and that nothing in any place of a message breaks the reading."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.mossmoon import Malformed, parse
from bot.domain.event import Edited, Received
from bot.domain.media import Announced
from tests.mossmoon_events import content_of, odd, received

URL = "https://media.mossmoon.app/f/1?signature=abc"
DIGEST = hashlib.sha256(b"bytes")
SHA256 = DIGEST.hexdigest()
IN_BASE64 = base64.b64encode(DIGEST.digest()).decode()


def media(**fields: Any) -> Announced:
    announced = received("document", media={"url": URL, **fields}).media
    assert announced is not None
    return announced


# Kinds


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("image", "image"),
        ("photo", "image"),
        ("Picture", "image"),
        ("video", "video"),
        ("gif", "video"),
        ("video_note", "video"),
        ("PTV", "video"),
        ("document", "document"),
        ("file", "document"),
        ("sticker", "sticker"),
        ("contact", "contact"),
        ("contacts", "contact"),
        ("vcard", "contact"),
        ("poll", "poll"),
    ],
)
def test_a_kind_has_one_name_however_the_provider_calls_it(name: str, kind: str) -> None:
    assert received(name).kind == kind


@pytest.mark.parametrize(
    ("named", "mime_type", "kind"),
    [
        (None, "image/jpeg", "image"),
        ("", "Image/PNG", "image"),
        (5, "video/mp4", "video"),
        (None, "application/pdf", "document"),
        (None, " audio/ogg; codecs=opus", "voice"),
        ("document", "audio/mpeg", "voice"),
        ("text", "audio/mpeg", "voice"),
        ("sticker", "image/webp", "sticker"),
        ("document", "image/jpeg", "document"),
        ("poll", "image/jpeg", "poll"),
    ],
)
def test_the_type_of_the_file_says_the_kind_where_no_word_does(
    named: object, mime_type: str, kind: str
) -> None:
    assert received(named, media={"url": URL, "mime_type": mime_type}).kind == kind
    assert received(named, mime_type=mime_type).kind == kind


@pytest.mark.parametrize("mime_type", [None, "", "image", "text/plain", "/", 5, {}])
def test_without_a_type_of_either_sort_a_message_is_unread(mime_type: object) -> None:
    assert "message.type" in odd(None, media={"url": URL, "mime_type": mime_type})


# Files


def test_a_photo_is_read_with_its_file_and_its_caption() -> None:
    file = {"url": URL, "mime_type": "image/jpeg", "sha256": SHA256, "filename": "beach.jpg"}
    photo = received("image", caption="look", media=file)

    assert (photo.kind, photo.text) == ("image", "look")
    assert photo.media == Announced(URL, "image/jpeg", SHA256, "beach.jpg")


def test_a_file_may_stand_in_the_message_itself() -> None:
    photo = received("image", media_url=URL, mime_type="image/jpeg", sha256=SHA256, media=None)

    assert photo.media == Announced(URL, "image/jpeg", SHA256)


def test_a_file_that_is_described_in_two_places_is_read_from_both() -> None:
    photo = received("image", media={"url": URL, "mime_type": 5}, mime_type="image/jpeg")

    assert photo.media == Announced(URL, "image/jpeg")


@pytest.mark.parametrize(
    "fields",
    [
        {"caption": "look"},
        {"text": "look"},
        {"text": {"body": "look"}},
        {"body": "look"},
        {"media": {"caption": "look"}},
        {"text": 5, "body": [], "caption": "", "media": {"caption": "look"}},
    ],
)
def test_a_caption_is_found_in_every_place(fields: dict[str, Any]) -> None:
    assert received("image", **fields).text == "look"


@pytest.mark.parametrize(
    "url",
    [
        "https://media.mossmoon.app/f/1",
        "http://127.0.0.1:8080/f?x=%20&y=[1]",
        "https://anybody.example/f",
        "https://" + "x" * 4088,
    ],
)
def test_an_address_is_taken_as_it_is(url: str) -> None:
    assert media(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        5,
        [URL],
        {"href": URL},
        "media.mossmoon.app/f/1",
        "//media.mossmoon.app/f/1",
        "/f/1",
        "https://",
        "https:media.mossmoon.app",
        "ftp://media.mossmoon.app/f/1",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        f" {URL}",
        f"{URL}\n",
        f"{URL} x",
        f"{URL}\r\nHost: evil",
        f"{URL}\t",
        f"{URL}\x00",
        f"{URL}\x7f",
        "https://media.mossmoon.app/ñ",
        "https://media。mossmoon.app/f",
        "https://media.mossmoon.app/\ud800",
        "https://" + "x" * 4089,
        "https://" + "x" * 900_000,
    ],
    ids=lambda url: ascii(url)[:40],
)
def test_what_is_no_address_is_no_file(url: object) -> None:
    photo = received("image", caption="look", media={"url": url, "mime_type": "image/jpeg"})

    assert (photo.kind, photo.text, photo.media) == ("image", "look", None)


@pytest.mark.parametrize("value", [None, 5, True, "https://x/y", [], [{"url": URL}], {}])
def test_a_file_of_the_wrong_shape_is_no_file(value: object) -> None:
    assert received("image", media=value).media is None


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("text", {"text": "hello"}),
        ("location", {"location": {"name": "Home"}}),
        ("contact", {"contact": {"name": "Ana"}}),
        ("reaction", {"reaction": {"emoji": "👍", "message_id": "msg_0"}}),
    ],
)
def test_what_is_all_words_carries_no_file(kind: str, fields: dict[str, Any]) -> None:
    thumbnail = {"url": URL, "mime_type": "image/jpeg"}

    assert received(kind, media=thumbnail, **fields).media is None
    assert received(kind, media_url=URL, **fields).media is None


@pytest.mark.parametrize(
    ("given_type", "read"),
    [
        ("image/jpeg", "image/jpeg"),
        ("Image/JPEG", "image/jpeg"),
        (" text/plain ; charset=utf-8", "text/plain"),
        ("application/vnd.ms-excel.sheet+xml", "application/vnd.ms-excel.sheet+xml"),
        ("application/" + "x" * 88, "application/" + "x" * 88),
        ("application/" + "x" * 89, None),
        ("", None),
        (None, None),
        (5, None),
        ({}, None),
        ("image", None),
        ("image/", None),
        ("/jpeg", None),
        ("image/*", None),
        ("a/b/c", None),
        ("image/jpeg\nX: y", None),
        ("image/jpég", None),
        ("text html/plain", None),
        ("; image/jpeg", None),
    ],
)
def test_a_type_is_two_words_in_lower_case_or_nothing(given_type: object, read: str | None) -> None:
    assert media(mime_type=given_type).mime_type == read


@pytest.mark.parametrize(
    ("given_hash", "read"),
    [
        (SHA256, SHA256),
        (SHA256.upper(), SHA256),
        (f"sha256:{SHA256}", SHA256),
        (f"SHA256:{SHA256.upper()}", SHA256),
        (IN_BASE64, SHA256),
        (f"sha256:{IN_BASE64}", SHA256),
        (None, None),
        ("", None),
        (5, None),
        ([SHA256], None),
        (SHA256[:-1], None),
        (SHA256 + "0", None),
        (SHA256[:-1] + "g", None),
        (SHA256[:-1] + "٣", None),
        (SHA256 + "\n", None),
        (f"sha512:{SHA256}", None),
        (f"sha256:sha256:{SHA256}", None),
        (IN_BASE64[:-1], None),
        (IN_BASE64 + "AAAA", None),
        (IN_BASE64[:-1] + "A", None),
        ("!" * 43 + "=", None),
        (base64.b64encode(b"x" * 31).decode(), None),
        (base64.b64encode(b"x" * 33).decode(), None),
        ("0" * 900_000, None),
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_a_hash_is_64_digits_or_nothing(given_hash: object, read: str | None) -> None:
    assert media(sha256=given_hash).sha256 == read


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"filename": "menu.pdf"}, "menu.pdf"),
        ({"file_name": "menu.pdf"}, "menu.pdf"),
        ({"name": "menu.pdf"}, "menu.pdf"),
        ({"filename": "", "file_name": None, "name": "menu.pdf"}, "menu.pdf"),
        ({"filename": "menú del día.pdf"}, "menú del día.pdf"),
        ({"filename": "../../etc/passwd"}, "passwd"),
        ({"filename": "C:\\Users\\ana\\menu.pdf"}, "menu.pdf"),
        ({"filename": "a/b\\c"}, "c"),
        ({"filename": "a\\b/c"}, "c"),
        ({"filename": "menu\u202efdp.exe"}, "menufdp.exe"),
        ({"filename": "me\r\nnu\x00\x1b[31m.pdf"}, "me nu[31m.pdf"),
        ({"filename": "a\ud800b"}, "ab"),
        ({"filename": "x" * 5000}, "x" * 150),
        ({"filename": "\u200b" * 900_000}, None),
        ({"filename": "."}, None),
        ({"filename": ".."}, None),
        ({"filename": "x/.."}, None),
        ({"filename": ". . ."}, None),
        ({"filename": "x/"}, None),
        ({"filename": "  "}, None),
        ({"filename": 5}, None),
        ({}, None),
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_a_file_name_is_one_short_line_and_no_path(
    fields: dict[str, Any], name: str | None
) -> None:
    assert media(**fields).filename == name


def test_neither_the_address_nor_the_name_of_a_file_is_printed() -> None:
    shown = repr(media(filename="diagnosis.pdf"))

    assert "signature" not in shown
    assert "diagnosis" not in shown


# Anything at all

words = st.text(st.characters(), max_size=40)
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), 40.4, -3.7, 180])
likely = st.sampled_from(
    [URL, SHA256, IN_BASE64, "audio/ogg", "image/jpeg", "msg_0", "40.4", "..."]
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | words | likely,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def _objects(*keys: str) -> st.SearchStrategy[object]:
    """Objects with some of these keys and anything in them, and sometimes anything instead."""
    return st.dictionaries(st.sampled_from(keys), json_values | st.lists(json_values)) | json_values


places = _objects("name", "address", "latitude", "longitude", "lat", "lng", "long", "lon")
cards = st.fixed_dictionaries(
    {}, optional={"name": json_values, "phones": st.lists(_objects("number", "phone"))}
)
fuzzed_messages = st.fixed_dictionaries(
    {"id": st.just("msg_1") | json_values, "from": st.just("+34600") | json_values},
    optional={
        "type": json_values
        | st.sampled_from(["text", "image", "file", "location", "vcard", "contacts", "reaction"]),
        "media": _objects("url", "mime_type", "sha256", "filename", "file_name", "name", "caption"),
        "location": places,
        "contact": cards | json_values,
        "contacts": st.lists(cards | json_values) | json_values,
        "reaction": _objects("emoji", "message_id"),
        **dict.fromkeys(("text", "body", "caption", "emoji", "name"), json_values),
        **dict.fromkeys(("media_url", "mime_type", "sha256", "message_id"), json_values),
        **dict.fromkeys(("latitude", "longitude", "lat", "lon", "address"), json_values),
        **dict.fromkeys(("quoted", "context", "reply_to", "from_me", "group_id"), json_values),
    },
)
EVENTS = ("received", "sent", "edited", "deleted", "revoked")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(st.sampled_from(EVENTS), fuzzed_messages | json_values, json_values)
def test_no_value_in_any_place_raises_or_gets_through_unread(
    event: str, said: object, other: object
) -> None:
    content = content_of(f"message.{event}", message=said, message_id=other)

    if isinstance(content, Received):
        _is_fit_to_store(content)
        _is_announced_well(content.media)
    if isinstance(content, Edited):
        assert content.provider_id
        assert content.text.strip()


def _is_fit_to_store(message: Received) -> None:
    assert message.kind
    assert len(message.text) <= 20_000
    for text in (message.text, message.kind, message.provider_id):
        assert "\x00" not in text
        text.encode()  # no half of a surrogate pair, which would raise here


def _is_announced_well(file: Announced | None) -> None:
    if file is None:
        return
    assert re.fullmatch(r"https?://[!-~]{1,4088}", file.url)
    assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
    assert file.mime_type is None or re.fullmatch(r"[!-~]+/[!-~]+", file.mime_type)
    assert file.filename is None or not {"/", "\\", "\n", "\x00"} & set(file.filename)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["event", "id", "line_id", "message"]), json_values))
def test_an_envelope_of_anything_is_an_event_or_malformed(payload: dict[str, object]) -> None:
    try:
        parsed = parse(json.dumps(payload).encode())
    except Malformed:
        return
    assert (parsed.id, parsed.type) != ("", "")
