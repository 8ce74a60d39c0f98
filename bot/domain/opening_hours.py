"""Opening hours, from the settings to words a model reads well."""

import re
from collections.abc import Mapping, Sequence

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_RANGE = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\s*[-–]\s*(?:([01]?\d|2[0-3]):([0-5]\d)|24:00)")


def opening(text: str) -> str | None:
    """`9:00 - 13:00` as `09:00-13:00`; None when it is no span of time.

    An end before the start means the next morning.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        return None
    start = f"{int(match[1]):02}:{match[2]}"
    end = "24:00" if match[3] is None else f"{int(match[3]):02}:{match[4]}"
    return None if start == end else f"{start}-{end}"


def hours_text(hours: Mapping[str, Sequence[str]]) -> str:
    """`Mon-Fri 09:00-13:00 and 16:00-20:00; Sun closed`; days not given are left out."""
    groups: list[tuple[str, str, str]] = []
    for day, before in zip(DAYS, (None, *DAYS), strict=False):
        if day not in hours:
            continue
        words = " and ".join(hours[day]) or "closed"
        if groups and groups[-1][1] == before and groups[-1][2] == words:
            groups[-1] = (groups[-1][0], day, words)
        else:
            groups.append((day, day, words))
    return "; ".join(f"{_span(first, last)} {words}" for first, last, words in groups)


def _span(first: str, last: str) -> str:
    return first.capitalize() if first == last else f"{first.capitalize()}-{last.capitalize()}"
