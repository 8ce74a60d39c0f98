"""A conversation as the model sees it: who said what, when it matters, within a budget."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import chain, groupby
from operator import itemgetter

from bot.domain.chat import ChatMessage, Picture, Role
from bot.domain.entry import Entry
from bot.domain.telling import short, tell
from bot.domain.tokens import bytes_within, estimate_tokens

LONG_GAP = timedelta(hours=6)
COLLEAGUE = "[human colleague]"

_ABOUT_COLLEAGUE = (
    f"What starts with {COLLEAGUE} was written to the customer by a person of the business, not by "
    "you. Never begin a message with it yourself."
)
_BUSINESS_BEGAN = "[the business wrote first]"
_START_CUT = "[the start of this was left out, it is too long]\n"
_DEAD = "[a message that could not be processed]"
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_MARKERS = re.compile(
    r"^[ \t]*(?:"
    + re.escape(COLLEAGUE)
    + r'|\[replying to: "[^\n]*?"\]'
    + rf"|\[(?:{'|'.join(_DAYS)}) \d{{1,2}} \w+ \d{{4}}, \d\d:\d\d\]"
    + r")[ \t]*\n?",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class View:
    """How much of what was attached the model gets."""

    document_tokens: int = 3000
    """For the text of all documents together."""
    pictures: int = 6
    """How many at most, the newest; 0: the model does not see."""
    hidden: Collection[str] = ()
    """Keys of pictures that it has refused before."""


@dataclass(frozen=True, slots=True)
class _Said:
    """An entry in the model's terms."""

    role: Role
    content: str
    pictures: tuple[str, ...] = ()


def build_messages(
    system: str,
    past: Sequence[Entry],
    waiting: Sequence[Entry],
    *,
    budget_tokens: int,
    timezone: tzinfo,
    view: View | None = None,
    factor: float = 1.0,
) -> tuple[ChatMessage, ...]:
    """The messages of one completion: system, what is left of the past, the waiting burst last.

    The budget is for past and burst together, the system text not counted. The past loses its
    oldest turns first, whole ones; the burst is never parted from the end and never left out, it
    only loses its start when it alone exceeds the budget. Roles alternate, beginning with `user`.
    Documents share a budget of their own within the other; pictures are limited by their number.
    """
    view = View() if view is None else view
    entries = [*past, *waiting]
    limits = _document_limits(past, waiting, min(view.document_tokens, budget_tokens // 2), factor)
    shown = _shown_pictures(entries, waiting, view)
    said = _in_models_terms(entries, timezone, limits, shown)
    turns = _turns(past, said[: len(past)])
    burst = _within(said[len(past) :], budget_tokens, factor)
    left = budget_tokens - _tokens(burst, factor)
    kept = [*chain.from_iterable(_newest(turns, left, factor)), *burst]
    if kept and kept[0].role == "assistant":
        kept.insert(0, _Said("user", _BUSINESS_BEGAN))
    if any(one.role == "assistant" and COLLEAGUE in one.content for one in kept):
        system = f"{system}\n\n{_ABOUT_COLLEAGUE}".lstrip()
    return (ChatMessage("system", system), *_merged(kept))


def strip_markers(text: str) -> str:
    """A model's answer without imitations of the markers it has seen in its history."""
    return _MARKERS.sub("", text).strip()


def _document_limits(
    past: Sequence[Entry], waiting: Sequence[Entry], tokens: int, factor: float
) -> dict[str, int]:
    """How many bytes of text each document gets: those that wait share alike, the past the rest."""
    left = bytes_within(tokens, factor)
    limits: dict[str, int] = {}
    sizes = {entry.id: _document_bytes(entry) for entry in waiting if _document_bytes(entry)}
    for count, (key, size) in enumerate(sorted(sizes.items(), key=itemgetter(1))):
        limits[key] = min(size, left // (len(sizes) - count))
        left -= limits[key]
    for entry in reversed(past):
        limits[entry.id] = min(_document_bytes(entry), left)
        left -= limits[entry.id]
    return limits


def _document_bytes(entry: Entry) -> int:
    if entry.media is None or entry.media.reading.service is not None:
        return 0
    if entry.deleted or entry.dead:
        return 0
    return len(entry.media.reading.text.encode("utf-8", "replace"))


def _shown_pictures(
    entries: Sequence[Entry], waiting: Sequence[Entry], view: View
) -> dict[str, tuple[str, ...]]:
    """The newest pictures, by entry, and before them those of a message that is replied to now.

    Those of one entry stay together as far as there is room.
    """
    shown: dict[str, tuple[str, ...]] = {}
    most = view.pictures
    asked_about = {entry.quotes for entry in waiting}
    first = [entry for entry in entries if entry.id in asked_about]
    for entry in (*first, *reversed(entries)):
        if entry.id in shown:
            continue
        if most <= 0 or entry.media is None or entry.author != "customer":
            continue
        if entry.deleted or entry.dead:
            continue
        pictures = [key for key in entry.media.reading.pictures if key not in view.hidden]
        shown[entry.id] = tuple(pictures[:most])
        most -= len(shown[entry.id])
    return shown


def _in_models_terms(
    entries: Sequence[Entry],
    timezone: tzinfo,
    limits: Mapping[str, int],
    shown: Mapping[str, tuple[str, ...]],
) -> list[_Said]:
    said = []
    before: datetime | None = None
    for entry in entries:
        # The bot's own words get no time: it would begin to write such times itself.
        gap = before is not None and entry.at - before > LONG_GAP and entry.author != "bot"
        pictures = shown.get(entry.id, ())
        words = _words(entry, limits.get(entry.id, 0), len(pictures))
        said.append(_say(entry, words, pictures, _local_time(entry.at, timezone) if gap else None))
        before = entry.at
    return said


def _say(entry: Entry, words: str, pictures: tuple[str, ...], time: str | None) -> _Said:
    lines = [] if time is None else [time]
    if entry.quoted and entry.kind != "reaction":
        lines.append(f'[replying to: "{short(entry.quoted)}"]')
    lines.append(words)
    content = "\n".join(lines)
    match entry.author:
        case "customer":
            return _Said("user", content, pictures)
        case "operator":  # only a user's message may hold pictures
            return _Said("assistant", f"{COLLEAGUE} {content}")
        case "bot":
            return _Said("assistant", content)


def _words(entry: Entry, limit: int, shown: int) -> str:
    if entry.dead:
        return _DEAD
    words = tell(entry, limit, shown=shown)
    if entry.author == "customer":  # nobody passes for a colleague by writing the marker
        words = words.replace(COLLEAGUE, "(human colleague)")
    return words


def _local_time(at: datetime, timezone: tzinfo) -> str:
    at = at.astimezone(timezone)
    day = f"{_DAYS[at.weekday()]} {at.day} {_MONTHS[at.month - 1]} {at.year}"
    return f"[{day}, {at.hour:02}:{at.minute:02}]"


def _turns(past: Sequence[Entry], said: Sequence[_Said]) -> list[list[_Said]]:
    """The past in turns: what the customer wrote in one go, and all that was answered to it."""
    turns: list[list[_Said]] = []
    before: str | None = None
    for entry, one in zip(past, said, strict=True):
        if before is None or (entry.author == "customer" and before != "customer"):
            turns.append([])
        turns[-1].append(one)
        before = entry.author
    return turns


def _newest(
    turns: Sequence[list[_Said]], budget_tokens: int, factor: float
) -> Iterator[list[_Said]]:
    """The newest turns that fit, oldest first."""
    first = len(turns)
    for index in reversed(range(len(turns))):
        budget_tokens -= _tokens(turns[index], factor)
        if budget_tokens < 0:
            break
        first = index
    yield from turns[first:]


def _within(burst: list[_Said], budget_tokens: int, factor: float) -> list[_Said]:
    if _tokens(burst, factor) <= budget_tokens:
        return burst
    whole = "\n".join(one.content for one in burst)
    room = max(1, bytes_within(budget_tokens, factor) - len(_START_CUT))
    tail = whole.encode("utf-8", "replace")[-room:].decode("utf-8", "ignore")
    pictures = tuple(chain.from_iterable(one.pictures for one in burst))
    return [_Said("user", _START_CUT + tail, pictures)]


def _tokens(said: Sequence[_Said], factor: float) -> int:
    return sum(estimate_tokens(one.content, factor) for one in said)


def _merged(said: Sequence[_Said]) -> Iterator[ChatMessage]:
    """One message per change of role: some servers refuse two of the same in a row."""
    for role, group in groupby(said, lambda one: one.role):
        yield ChatMessage(role, _content(list(group)))


def _content(group: Sequence[_Said]) -> str | tuple[str | Picture, ...]:
    """Words alone, or words and pictures in order."""
    parts: list[str | Picture] = []
    for one in group:
        if parts and isinstance(parts[-1], str):
            parts[-1] = f"{parts[-1]}\n{one.content}"
        else:
            parts.append(one.content)
        parts += [Picture(key) for key in one.pictures]
    return parts[0] if len(parts) == 1 and isinstance(parts[0], str) else tuple(parts)
