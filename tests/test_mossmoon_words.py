"""What a webhook says of places, contacts, reactions, edits and deletions: all of it in words."""

import math
from typing import Any

import pytest

from bot.domain.attachments import Card, describe_cards, describe_place
from bot.domain.event import Deleted, Edited, Quoted, Unread
from tests.mossmoon_events import content_of, odd, received

MADRID = "40.416800, -3.703800\nhttps://www.google.com/maps?q=40.416800,-3.703800"


# Places


@pytest.mark.parametrize("kind", ["location", "live_location", "Location"])
def test_a_place_is_told_in_words(kind: str) -> None:
    place = {
        "name": "Puerta\ndel Sol",
        "address": "Plaza\u202e 1,\r\n28013 Madrid",
        "latitude": 40.4168,
        "longitude": -3.7038,
    }
    got = received(kind, location=place)

    assert (got.kind, got.text) == (
        "location",
        f"Puerta del Sol\nPlaza 1, 28013 Madrid\n{MADRID}",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"location": {"latitude": 40.4168, "longitude": -3.7038}},
        {"location": {"latitude": "40.4168", "longitude": " -3.7038 "}},
        {"location": {"lat": 40.4168, "lng": -3.7038}},
        {"location": {"lat": 40.4168, "long": "-3.70380"}},
        {"location": {"lat": "+40.4168", "lon": -3.7038}},
        {"location": {"latitude": None, "lat": 40.4168, "longitude": "", "lon": -3.7038}},
        {"latitude": 40.4168, "longitude": -3.7038},
        {"lat": 40.4168, "lng": -3.7038, "location": 5},
        {"latitude": 40.4168, "longitude": -3.7038, "location": {"lat": 1}},
    ],
)
def test_coordinates_are_found_in_every_place(fields: dict[str, Any]) -> None:
    assert received("location", **fields).text == MADRID


@pytest.mark.parametrize(
    ("latitude", "longitude", "shown"),
    [
        (0, 0, "0.000000, 0.000000"),
        (90, -180, "90.000000, -180.000000"),
        (-90, 180, "-90.000000, 180.000000"),
        (-1e-9, -0.0, "0.000000, 0.000000"),
        (1.23456789, 12, "1.234568, 12.000000"),
        ("5.", "7", "5.000000, 7.000000"),
    ],
)
def test_coordinates_have_six_decimals(latitude: object, longitude: object, shown: str) -> None:
    text = received("location", location={"latitude": latitude, "longitude": longitude}).text

    link = f"https://www.google.com/maps?q={shown.replace(' ', '')}"
    assert text == f"{shown}\n{link}"


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        (40, None),
        (None, 3),
        (90.0000001, 3),
        (-91, 3),
        (40, 180.0000001),
        (40, -181),
        (math.nan, 3),
        (40, math.nan),
        (math.inf, 3),
        (40, -math.inf),
        (10**18, 3),
        (10**4000, 3),
        (True, False),
        ("", ""),
        ("40,4168", "3"),
        ("nan", "3"),
        ("inf", "3"),
        ("1e1", "3"),
        ("4_0", "3"),
        ("٤٠", "3"),
        ("40 N", "3"),
        ("9" * 900_000, "3"),
        ([40], {"value": 3}),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_coordinates_that_are_nowhere_are_left_out(latitude: object, longitude: object) -> None:
    place = {"name": "Home", "latitude": latitude, "longitude": longitude}

    assert received("location", location=place).text == "Home"


def test_the_halves_of_two_places_are_not_put_together() -> None:
    place = {"name": "Home", "latitude": 1}

    assert received("location", location=place, longitude=2).text == "Home"


def test_the_senders_name_is_not_the_name_of_a_place() -> None:
    got = received("location", name="Ana", address="Main Street 1")

    assert (got.text, got.profile_name) == ("Main Street 1", "Ana")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"location": None},
        {"location": "here"},
        {"location": []},
        {"location": {"name": "\u200b", "address": 5, "latitude": 91, "longitude": 0}},
        {"body": "/9j/4AAQSkZJRg", "text": "/9j/4AAQSkZJRg"},
    ],
)
def test_a_place_that_says_nothing_is_unread(fields: dict[str, Any]) -> None:
    assert "message.location" in odd("location", **fields)


def test_what_is_said_of_a_place_comes_last() -> None:
    place = {"latitude": 40.4168, "longitude": -3.7038}
    got = received("live_location", caption=" on my way\n", location=place, body="/9j/4AAQ")

    assert got.text == f"{MADRID}\non my way"


def test_what_is_said_of_a_place_is_cleaned_and_cut() -> None:
    place = {"name": "Home"}

    assert received("location", location=place, caption="a\x00b\ud800").text == "Home\nab\ufffd"
    assert len(received("location", location=place, caption="x" * 900_000).text) == 20_000


def test_the_lines_of_a_place_are_short() -> None:
    text = describe_place(name="n" * 900_000, address="a" * 900_000)

    assert text == f"{'n' * 100}\n{'a' * 300}"


# Contacts


@pytest.mark.parametrize(
    "fields",
    [
        {"contact": {"name": "Ana Gil", "phones": ["+34600", "+34611"]}},
        {"contact": {"name": "Ana Gil", "phones": [{"number": "+34600"}, {"phone": "+34611"}]}},
        {"contact": {"name": "Ana\nGil", "phones": ["", None, 5, "+34\u200b600", {}, "+34611"]}},
        {"contact": {"name": {"formatted_name": "Ana Gil"}, "phones": ["+34600", "+34611"]}},
        {"contacts": [{"name": "Ana Gil", "phones": ["+34600", "+34611"]}]},
        {"contacts": {"name": "Ana Gil", "phones": ["+34600", "+34611"]}},
        {"contacts": [], "contact": [{"name": "Ana Gil", "phones": ["+34600", "+34611"]}]},
        {"contacts": [5, {}, {"name": "Ana Gil", "phones": ["+34600", "+34611"]}]},
    ],
)
def test_a_contact_is_a_name_and_its_numbers(fields: dict[str, Any]) -> None:
    assert received("contact", **fields).text == "Ana Gil\n+34600\n+34611"


def test_several_contacts_are_told_apart() -> None:
    cards = [
        {"name": "Ana", "phones": ["+34600"]},
        {"name": None, "phones": ["+34611"]},
        {"name": "Bea", "phones": "none"},
    ]
    got = received("contacts", contacts=cards, caption="my sisters", body="BEGIN:VCARD")

    assert (got.kind, got.text) == ("contact", "Ana\n+34600\n\n+34611\n\nBea\nmy sisters")


@pytest.mark.parametrize("value", [None, 5, "Ana", [], {}, [[]], {"name": 5, "phones": {}}])
def test_a_contact_that_says_nothing_is_a_contact_all_the_same(value: object) -> None:
    got = received("contact", contact=value, contacts=value)

    assert (got.kind, got.text) == ("contact", "")


def test_contacts_have_a_bound() -> None:
    one = {"name": "n" * 1000, "phones": [str(number) * 100 for number in range(9)]}
    text = received("contacts", contacts=[one] * 50).text
    people = text.split("\n\n")

    assert len(people) == 10
    assert people[0].split("\n") == ["n" * 100, *(str(number) * 40 for number in range(5))]


def test_empty_cards_and_empty_numbers_do_not_count() -> None:
    cards = [*[Card("")] * 20, Card("Ana", [*[""] * 20, "+34600"])]

    assert describe_cards(cards) == "Ana\n+34600"


# Reactions


@pytest.mark.parametrize(
    ("fields", "emoji"),
    [
        ({"reaction": {"emoji": "👍", "message_id": "msg_0"}}, "👍"),
        ({"reaction": {"message_id": "msg_0"}, "emoji": "❤️"}, "❤️"),
        ({"emoji": "👍", "message_id": "msg_0"}, "👍"),
        ({"reaction": {"emoji": "", "message_id": "msg_0"}}, ""),
        ({"reaction": {"emoji": None, "message_id": "msg_0"}}, ""),
        ({"reaction": {"emoji": 5, "message_id": "msg_0"}}, ""),
        ({"reaction": {"emoji": "\u202e\x00", "message_id": "msg_0"}}, ""),
        ({"reaction": {"emoji": "👍\n" * 50, "message_id": "msg_0"}}, "👍 " * 9 + "👍"),
        ({"reaction": {"emoji": "👍", "message_id": "msg_0"}, "text": "x", "caption": "y"}, "👍"),
        ({"reaction": {"emoji": "👍", "message_id": "msg_0"}, "quoted": {"id": "msg_9"}}, "👍"),
    ],
)
def test_a_reaction_names_what_it_reacts_to(fields: dict[str, Any], emoji: str) -> None:
    got = received("reaction", **fields)

    assert (got.kind, got.text, got.quoted) == (
        "reaction",
        emoji,
        Quoted("msg_0", None),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"reaction": "👍"},
        {"reaction": {"emoji": "👍"}},
        {"reaction": {"emoji": "👍", "message_id": ""}},
        {"reaction": {"emoji": "👍", "message_id": 5}},
    ],
)
def test_a_reaction_to_nothing_is_unread(fields: dict[str, Any]) -> None:
    assert "message_id" in odd("reaction", **fields)


def test_a_long_id_in_a_reaction_finds_the_message_that_has_it() -> None:
    long = "m" * 400
    reaction = received("reaction", reaction={"emoji": "👍", "message_id": long})

    assert reaction.quoted == Quoted(received("image", id=long).provider_id, None)


# Edits and deletions


@pytest.mark.parametrize(
    "fields",
    [
        {"message": {"id": "msg_0", "from": "+34", "text": "better"}},
        {"message": {"id": "msg_0", "from": "+34", "type": "image", "caption": "better"}},
        {"message": {"id": "msg_0", "from": "+34", "text": {"body": "better"}}},
        {"message": {"from": "+34", "text": "better"}, "message_id": "msg_0"},
        {"message": {"message_id": "msg_0", "from": "+34", "text": "better"}},
        {"message": {"id": 5, "from": "+34", "text": "better"}, "message_id": "msg_0"},
        {"message": {"id": "msg_0", "from": "+34", "text": "better", "from_me": True}},
    ],
)
def test_an_edit_is_read(fields: dict[str, Any]) -> None:
    assert content_of("message.edited", **fields) == Edited("msg_0", "+34", "better")


def test_an_edit_may_come_from_nobody_in_particular() -> None:
    edit = content_of("message.edited", message={"id": "msg_0", "text": "a\x00b", "from": 5})

    assert edit == Edited("msg_0", None, "ab")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"message": 5, "message_id": "msg_0"},
        {"message": {"text": "better"}},
        {"message": {"id": "", "text": "better"}},
        {"message": {"id": "msg_0"}},
        {"message": {"id": "msg_0", "text": " \n"}},
        {"message": {"id": "msg_0", "text": 5}},
    ],
)
def test_an_edit_of_nothing_or_to_nothing_is_unread(fields: dict[str, Any]) -> None:
    content = content_of("message.edited", **fields)

    assert isinstance(content, Unread)
    assert "message." in content.error


@pytest.mark.parametrize("event", ["message.deleted", "message.revoked"])
@pytest.mark.parametrize(
    ("fields", "sender"),
    [
        ({"message": {"id": "msg_0", "from": "+34"}}, "+34"),
        ({"message": {"id": "msg_0"}}, None),
        ({"message": {"message_id": "msg_0", "from": "+34", "from_me": True}}, "+34"),
        ({"message_id": "msg_0"}, None),
        ({"message": [], "message_id": "msg_0"}, None),
    ],
)
def test_a_deletion_is_read(event: str, fields: dict[str, Any], sender: str | None) -> None:
    assert content_of(event, **fields) == Deleted("msg_0", sender)


@pytest.mark.parametrize("event", ["message.deleted", "message.revoked"])
@pytest.mark.parametrize("fields", [{}, {"message": {"id": 5}}, {"message": "msg_0"}])
def test_a_deletion_of_nothing_is_unread(event: str, fields: dict[str, Any]) -> None:
    assert isinstance(content_of(event, **fields), Unread)


@pytest.mark.parametrize("event", ["message.edited", "message.deleted", "message.revoked"])
def test_an_edit_or_a_deletion_without_a_line_is_unread(event: str) -> None:
    said = {"id": "msg_0", "from": "+34", "text": "better"}

    assert isinstance(content_of(event, line_id=None, message=said), Unread)
