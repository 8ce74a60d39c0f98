"""Lengths of time as people write them."""

import re
from datetime import timedelta
from typing import Final, Literal

Length = timedelta | None | Literal["default"]
"""How long something lasts. None: for ever; `default`: as the settings say."""

LENGTH_MAX = timedelta(days=3650)

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_NUMBER = r"\d{1,9}(?:\.\d{1,3}|,\d{1,2})?"
_UNIT = r"s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?"
_PART = re.compile(rf"({_NUMBER}) ?({_UNIT})", re.ASCII)
_WHOLE = re.compile(rf"{_PART.pattern}(?: ?{_PART.pattern}){{0,3}}", re.ASCII)


def read_length(text: str) -> timedelta | None:
    """`90s`, `10 min`, `2 hours`, `1h30m`, `1.5h`, `1,5h`; None: `forever`.

    Raises ValueError, which says what to write, for anything else, for nothing at all and for
    more than ten years.
    """
    written = " ".join(text.lower().split())
    if written == "forever":
        return None
    if not _WHOLE.fullmatch(written):
        raise ValueError("give a time such as 30s, 10m, 2h or 1d, or `forever`")
    seconds = sum(_seconds(number, unit) for number, unit in _PART.findall(written))
    if not 0 < seconds <= LENGTH_MAX.total_seconds():
        raise ValueError("give more than nothing and at most ten years, or `forever`")
    return timedelta(seconds=seconds)


def _seconds(number: str, unit: str) -> float:
    return float(number.replace(",", ".")) * _UNITS[unit[0]]
