"""Files on the way: fetched, then heard, looked at or read."""

from collections.abc import Iterator

from bot.adapters.db.rows import AnyRow
from bot.domain.media import MediaState
from bot.domain.way import Noted, Step, told, words_of


def notes(row: AnyRow, message_id: str) -> Iterator[Noted]:
    """The steps of one file; of another message than this one it says whose it is."""
    whose = "" if row.message_id == message_id else f"of {row.message_id}"
    if row.fetched_at is not None:
        size = f"{row.size_bytes} bytes"
        yield Noted(row.fetched_at, Step.FETCHED, told(row.media_type, size, whose), row.fetch_ms)
    if row.state == MediaState.FAILED:
        step, took_ms = (
            (Step.FETCHED, row.fetch_ms) if row.fetched_at is None else (Step.READ, row.read_ms)
        )
        yield Noted(row.read_at, step, told("could not be had", _problem(row), whose), took_ms)
    elif row.state == MediaState.READY:
        yield Noted(row.read_at, Step.READ, told(*_reading(row), whose), row.read_ms)


def _reading(row: AnyRow) -> tuple[str, ...]:
    if row.problem is not None:
        return "nothing could be made of it", _problem(row), _service(row)
    length = "" if row.duration_s is None else f"{row.duration_s:.1f} s long"
    pages = "" if row.pages is None else f"{row.pages} pages"
    cost = "" if row.cost is None else f"cost {row.cost:.6g}"
    return _service(row), f"language {row.language}" if row.language else "", length, pages, cost


def _service(row: AnyRow) -> str:
    if row.service is None:
        return ""
    return f"transcribed by {row.service} {row.model or ''}".rstrip()


def _problem(row: AnyRow) -> str:
    return ": ".join(part for part in (row.problem, words_of(row.error)) if part)
