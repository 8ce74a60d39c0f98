"""Which part of a file a request wants (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes=(\d{0,40})-(\d{0,40})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to, without, `end`."""

    start: int
    end: int


class OutOfRange(Exception):
    """Nothing of the file is in the range that was asked for."""


def wanted_span(header: str | None, size_bytes: int) -> Span | None:
    """The one range that is asked for, cut to what there is. Raises OutOfRange.

    None: the whole; for several ranges too, and for what can't be understood, as the RFC allows.
    An empty file has no range at all, not even an unsatisfiable one.
    """
    match = None if header is None else _ONE_RANGE.fullmatch(header)
    if match is None or size_bytes == 0:
        return None
    first, last = match[1], match[2]
    if first:
        return _from_start(int(first), int(last) if last else None, size_bytes)
    return _from_end(int(last), size_bytes) if last else None


def _from_start(first: int, last: int | None, size_bytes: int) -> Span | None:
    if last is not None and last < first:
        return None
    if first >= size_bytes:
        raise OutOfRange
    return Span(first, size_bytes if last is None else min(last + 1, size_bytes))


def _from_end(length: int, size_bytes: int) -> Span:
    if length == 0:
        raise OutOfRange
    return Span(max(0, size_bytes - length), size_bytes)
