"""Lengths of time, however they are written."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.lengths import LENGTH_MAX, read_length

ANY_TEXT = st.text(st.characters(exclude_categories=()))

READ = [
    ("90s", timedelta(seconds=90)),
    ("1 sec", timedelta(seconds=1)),
    ("30 seconds", timedelta(seconds=30)),
    ("10m", timedelta(minutes=10)),
    ("10 min", timedelta(minutes=10)),
    ("10mins", timedelta(minutes=10)),
    ("1 Minute", timedelta(minutes=1)),
    ("2h", timedelta(hours=2)),
    ("2H", timedelta(hours=2)),
    ("2 hr", timedelta(hours=2)),
    ("2 hrs", timedelta(hours=2)),
    (" 2\u00a0 Hours ", timedelta(hours=2)),
    ("1d", timedelta(days=1)),
    ("3 days", timedelta(days=3)),
    ("1h30m", timedelta(minutes=90)),
    ("1h 30 min", timedelta(minutes=90)),
    ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ("0h5m", timedelta(minutes=5)),
    ("1.5h", timedelta(minutes=90)),
    ("1,5h", timedelta(minutes=90)),
    ("0.125 h", timedelta(seconds=450)),
    ("3650d", LENGTH_MAX),
    ("forever", None),
    (" Forever\n", None),
]

WITHOUT_MEANING = [
    *("", " ", "5", "2.5", "h", "soon", "default", "for ever", "2h forever", "forever 2h"),
    *("-5m", "+5m", "1h30", "30 1h", "2x", "2 weeks", "5 months", "2 hourss", "2hm", "2h,", "2h."),
    *(
        ".5h",
        "1.h",
        "1..5h",
        "1,500s",
        "1 5h",
        "1h, 30m",
        "1 h and 5 m",
        "1e3s",
        "0x5s",
        "nan",
        "inf",
    ),
    *(
        "٣h",
        "３h",
        "²h",
        "½h",
        "2ｈ",
        "2\u0000h",
        "2h\ud800",
        "1234567890s",
        "9" * 5000 + "s",
        "9h" * 5000,
        "1s1s1s1s1s",
    ),
]
OUT_OF_RANGE = [
    *("0s", "0h0m", "0.0d", "0,00 h", "3651d", "3650d1s", "999999999d"),
]


@pytest.mark.parametrize(("text", "length"), READ)
def test_a_length_is_read_however_it_is_written(text: str, length: timedelta | None) -> None:
    assert read_length(text) == length


@pytest.mark.parametrize("text", WITHOUT_MEANING, ids=lambda text: ascii(text[:20]))
def test_anything_else_is_answered_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="30s, 10m, 2h or 1d, or `forever`"):
        read_length(text)


@pytest.mark.parametrize("text", OUT_OF_RANGE, ids=lambda text: text[:20])
def test_nothing_and_more_than_ten_years_are_no_lengths(text: str) -> None:
    with pytest.raises(ValueError, match="more than nothing and at most ten years"):
        read_length(text)


@given(ANY_TEXT | st.text("0123456789.,smhd ", max_size=12))
def test_whatever_is_written_has_a_length_in_range_or_none(text: str) -> None:
    with suppress(ValueError):
        length = read_length(text)
        assert length is None or timedelta() < length <= LENGTH_MAX
