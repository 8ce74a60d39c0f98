"""Lists of contacts: exact keys, and patterns in which `*` stands for any characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.contact import ContactList, contact_pattern

MATCHES = [
    ("+1900*", "+19005550001", True),
    ("+1900*", "+1900", True),
    ("+1900*", "+1901900", False),
    ("+1900*", "x+1900555", False),
    ("*222", "+34600111222", True),
    ("*222", "+346001112223", False),
    ("+34*222", "+34600111222", True),
    ("+34*222", "+34222", True),
    ("+342*222", "+34222", False),
    ("+34*6*6*", "+34600666", True),
    ("+34*6*6*", "+3461", False),
    ("*ab*ba*", "abba", True),
    ("*ab*ba*", "aba", False),
    ("+34**1", "+3421", True),
    ("*@g.us", "team\n1@g.us", True),
    ("*@g.us", "team@gxus", False),
    ("+34.00*", "+34600", False),
    ("[a-z]|(*", "[a-z]|(x", True),
    ("[a-z]|(*", "b", False),
    ("+34600111222", "+34600111222", True),
    ("+34600111222", "+346001112223", False),
]


@pytest.mark.parametrize(("pattern", "key", "is_in"), MATCHES)
def test_a_star_stands_for_any_characters_and_all_else_for_itself(
    pattern: str, key: str, is_in: bool
) -> None:
    assert (key in ContactList([pattern])) is is_in
    assert (key in ContactList(["+4470*", pattern, "+15550001"])) is is_in


def test_a_list_is_false_only_when_it_is_empty() -> None:
    assert not ContactList()
    assert "+34600111222" not in ContactList()
    assert ContactList(["+34600111222"])
    assert ContactList(["+34*"])


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("+34*", "+34*"),
        (" 0034 600-1* ", "+346001*"),
        ("34*", "+34*"),
        ("+1 (900) *", "+1900*"),
        ("*222", "*222"),
        ("* 222", "*222"),
        ("shop-*", "shop-*"),
        ("*@g.us", "*@g.us"),
    ],
)
def test_a_pattern_of_digits_is_read_as_numbers_are(written: str, pattern: str) -> None:
    assert contact_pattern(written) == pattern


@given(st.lists(st.text("ab", max_size=3), min_size=2, max_size=5), st.text("ab", max_size=12))
def test_a_pattern_means_what_trying_every_way_finds(parts: list[str], key: str) -> None:
    assert (key in ContactList(["*".join(parts)])) is _fits(parts, key)


def _fits(parts: list[str], key: str) -> bool:
    first, *rest = parts
    if not key.startswith(first):
        return False
    left = key[len(first) :]
    return left == "" if not rest else any(_fits(rest, left[n:]) for n in range(len(left) + 1))


def test_an_unkind_pattern_meets_a_long_key_and_comes_to_an_end() -> None:
    assert "a" * 20_000 not in ContactList(["*a" * 99 + "b"])
