"""Markdown becomes WhatsApp's formatting, and long texts become several messages."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.adapters.whatsapp_text import to_whatsapp
from bot.domain.whatsapp import TEXT_LIMIT, split_text

FORMATTED = [
    ("**bold**", "*bold*"),
    ("__bold__", "*bold*"),
    ("**bold** and *it* and _it_", "*bold* and _it_ and _it_"),
    ("***both***", "_*both*_"),
    ("~~old~~ `code`", "~old~ `code`"),
    ("**two\nlines**", "*two*\n*lines*"),
    ("**“Yes”**, **12:00**.", "*“Yes”*, *12:00*."),
    ("**a *b* c**", "*a _b_ c*"),
    ("**a **b** c**", "*a b c*"),
    ("# Title", "*Title*"),
    ("# **Title** one\ntext\n\n## Two ##", "*Title one*\ntext\n\n*Two*"),
    ("see [the shop](https://x.io/a_b_c)", "see the shop (https://x.io/a_b_c)"),
    ("[https://x.io](https://x.io)", "https://x.io"),
    ("[x.io](https://x.io) [m@x.io](mailto:m@x.io)", "x.io m@x.io"),
    ("[**b**](https://x.io/é)", "*b* (https://x.io/é)"),
    ("<https://x.io/a_b>", "https://x.io/a_b"),
    ("![a cat](https://x.io/cat.png)", "a cat (https://x.io/cat.png)"),
    ("**Items:**\n* one\n* two", "*Items:*\n- one\n- two"),
    ("+ one\n+ two", "- one\n- two"),
    ("- **a**\n  - b\n    - c\n- d", "- *a*\n  - b\n    - c\n- d"),
    ("1. **a**\n1. b\n1. c", "1. *a*\n2. b\n3. c"),
    ("3. **a**\n4. b", "3. *a*\n4. b"),
    ("1. **a**\n\n   more\n\n2. b", "1. *a*\n\n   more\n2. b"),
    ("> **a**\n> b\n>> c", "> *a*\n> b\n> c"),
    ("| A | B |\n|---|---|\n| 1 | **2** |\n| 3 | |", "*A | B*\n1 | *2*\n3"),
    ("```python\nx = '**y**'\n```", "```\nx = '**y**'\n```"),
    ("**a**\n\n***\n\nb", "*a*\n\n---\n\nb"),
    ("a\n---\n**b**", "a\n---\n*b*"),
    ("**<b>x</b>** &amp; <script>", "*<b>x</b>* &amp; <script>"),
    ("\\# not a title", "# not a title"),
    ("**a**bc 1**2**3", "abc 123"),
    ("**b** 2 * 3 * 4 and 2*3*4", "*b* 2 * 3 * 4 and 2*3*4"),
    ("**b** snake_case_name", "*b* snake_case_name"),
    ("**b** https://x.io/a_b_c?d=_e_", "*b* https://x.io/a_b_c?d=_e_"),
    ("**never closed", "**never closed"),
    ("**a**\n\n\n\nb  \nc", "*a*\n\nb\nc"),
]

UNCHANGED = [
    "",
    "Hello!",
    "*bold* _italic_ ~struck~ `code` ```block```",
    "*Opening hours*\n\n- Mon: 9-5\n- Tue: 9-5\n\n1. one\n2. two\n\n> quoted",
    "2 * 3 * 4 = 24, 2*3*4, snake_case_name",
    "https://x.io/a_b_c/*d*/e?f=[g]&h=~i~",
    "a < b && c > d, 50% #1 [sic] (x) {y} | z",
    "  keeps\n\n\n   its   spaces  ",
    "Table for 4 | 20:00 - 22:00",
    "¿Qué? 你好 🙂 *ok*",
]


@pytest.mark.parametrize(("markdown", "expected"), FORMATTED)
def test_markdown_becomes_whatsapps_formatting(markdown: str, expected: str) -> None:
    assert to_whatsapp(markdown) == expected


@pytest.mark.parametrize("text", UNCHANGED)
def test_what_is_whatsapps_formatting_already_stays_as_it_is(text: str) -> None:
    assert to_whatsapp(text) == text


@pytest.mark.parametrize(
    "markdown", [markdown for markdown, _ in FORMATTED if "\\" not in markdown]
)
def test_formatting_twice_changes_nothing_more(markdown: str) -> None:
    once = to_whatsapp(markdown)

    assert to_whatsapp(once) == once


def test_single_stars_are_bold_in_a_text_that_uses_links_only() -> None:
    assert to_whatsapp("*Shop*: [here](https://x.io)") == "*Shop*: here (https://x.io)"


def letters(text: str) -> list[str]:
    return sorted(character for character in text if character.isalpha())


signs = [
    *("**", "*", "_", "__", "~~", "`", "#", "-", "1.", ">", "|", "|-|", "---", "***", "\\"),
    *("[a](b)", "![", "](", "<x>", "&amp;", "a", "Bc", "é", "😀", ")", "(", ":"),
]
pieces = st.sampled_from([*signs, " ", "  ", "\n", "\n\n"])


@given(st.lists(pieces, max_size=40).map("".join))
def test_no_text_raises_and_no_letter_is_lost(text: str) -> None:
    assume("~~~" not in text and "```" not in text)  # the name of a language goes
    assert letters(to_whatsapp(text)) == letters(text)


@given(st.text(max_size=200))
def test_no_characters_raise(text: str) -> None:
    to_whatsapp("**b** " + text)


@pytest.mark.parametrize(
    "hostile",
    [">" * 20_000, "- " * 9_000, "[" * 20_000, "*a " * 6_000, "\n" * 20_000, "`" * 20_000],
)
def test_hostile_texts_come_back(hostile: str) -> None:
    assert to_whatsapp(hostile + "**b**")


# Splitting


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("", 10, ()),
        (" \n ", 10, ()),
        ("short", 10, ("short",)),
        ("exactly 10", 10, ("exactly 10",)),
        ("one two three", 8, ("one two", "three")),
        ("one two three", 7, ("one two", "three")),
        ("First one. Second one.", 16, ("First one.", "Second one.")),
        ("First one. Second one.", 10, ("First one.", "Second", "one.")),
        ('He said "No." And left.', 15, ('He said "No."', "And left.")),
        ("a line\nanother line here", 14, ("a line", "another line", "here")),
        ("para one\nx\n\npara two", 16, ("para one\nx", "para two")),
        ("para one\n \t\npara two. More", 18, ("para one", "para two. More")),
        ("我们九点开门。明天见。", 8, ("我们九点开门。", "明天见。")),
        ("3.50 a b", 5, ("3.50", "a b")),
        ("abcdefghij", 4, ("abcd", "efgh", "ij")),
        ("a. bbbbbbbbbbbbbbbbbb cc", 21, ("a. bbbbbbbbbbbbbbbbbb", "cc")),
    ],
)
def test_a_long_text_is_parted_where_people_would(
    text: str, limit: int, parts: tuple[str, ...]
) -> None:
    assert split_text(text, limit) == parts


@pytest.mark.parametrize(
    "cluster", ["👨\u200d👩\u200d👧", "👍🏽", "e\u0301\u0302", "🇪🇸", "☎\ufe0f"]
)
def test_what_is_one_sign_is_not_cut(cluster: str) -> None:
    parts = split_text("x" * 9 + cluster + "y" * 8, 10)

    assert any(cluster in part for part in parts)


def test_a_sign_that_never_ends_is_cut_all_the_same() -> None:
    assert [len(part) for part in split_text("a" + "\u0301" * 250, 100)] == [100, 100, 51]


def test_the_limit_is_whatsapps() -> None:
    parts = split_text("A sentence of the answer. " * 400)

    assert len(parts) == 3
    assert all(len(part) <= TEXT_LIMIT and part.endswith(".") for part in parts)


def test_a_limit_below_one_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        split_text("text", 0)


@given(st.text(alphabet="ab .\n🙂e\u0301\u200d🇪。!)", max_size=120), st.integers(1, 30))
def test_parts_fit_and_lose_nothing(text: str, limit: int) -> None:
    parts = split_text(text, limit)

    assert all(0 < len(part) <= limit and part == part.strip() for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
