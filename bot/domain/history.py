"""A conversation as the model sees it: who said what, when it matters, within a budget."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from itertools import chain, groupby
from typing import Literal

from bot.domain.chat import ChatMessage, Role
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
_KINDS = {
    "voice": "a voice note",
    "image": "a photo",
    "video": "a video",
    "document": "a document",
    "sticker": "a sticker",
    "location": "a location",
    "contact": "a contact card",
    "reaction": "a reaction",
}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_QUOTE_LIMIT = 200
_MARKERS = re.compile(
    r"^[ \t]*(?:"
    + re.escape(COLLEAGUE)
    + r'|\[replying to: "[^\n]*?"\]'
    + rf"|\[(?:{'|'.join(_DAYS)}) \d{{1,2}} \w+ \d{{4}}, \d\d:\d\d\]"
    + r")[ \t]*\n?",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a conversation, whoever wrote it."""

    id: str
    author: Literal["customer", "bot", "operator"]
    kind: str
    text: str = field(repr=False)
    """The words or the caption; empty when there are none."""
    at: datetime
    quoted: str | None = field(default=None, repr=False)
    """What it replies to, None when nothing or unknown."""
    dead: bool = False
    """Given up: making a reply to it failed for good."""


@dataclass(frozen=True, slots=True)
class _Said:
    """An entry in the model's terms."""

    role: Role
    content: str


def build_messages(
    system: str,
    past: Sequence[Entry],
    waiting: Sequence[Entry],
    *,
    budget_tokens: int,
    timezone: tzinfo,
    factor: float = 1.0,
) -> tuple[ChatMessage, ...]:
    """The messages of one completion: system, what is left of the past, the waiting burst last.

    The budget is for past and burst together, the system text not counted. The past loses its
    oldest turns first, whole ones; the burst is never parted from the end and never left out, it
    only loses its start when it alone exceeds the budget. Roles alternate, beginning with `user`.
    """
    said = _in_models_terms([*past, *waiting], timezone)
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


def _in_models_terms(entries: Sequence[Entry], timezone: tzinfo) -> list[_Said]:
    said = []
    before: datetime | None = None
    for entry in entries:
        # The bot's own words get no time: it would begin to write such times itself.
        gap = before is not None and entry.at - before > LONG_GAP and entry.author != "bot"
        said.append(_say(entry, _local_time(entry.at, timezone) if gap else None))
        before = entry.at
    return said


def _say(entry: Entry, time: str | None) -> _Said:
    lines = [] if time is None else [time]
    if entry.quoted:
        lines.append(f'[replying to: "{_short(entry.quoted)}"]')
    lines.append(_words(entry))
    content = "\n".join(lines)
    match entry.author:
        case "customer":
            return _Said("user", content)
        case "operator":
            return _Said("assistant", f"{COLLEAGUE} {content}")
        case "bot":
            return _Said("assistant", content)


def _words(entry: Entry) -> str:
    if entry.dead:
        return _DEAD
    text = entry.text
    if entry.author == "customer":  # nobody passes for a colleague by writing the marker
        text = text.replace(COLLEAGUE, "(human colleague)")
    if entry.kind == "text":
        return text
    what = _KINDS.get(entry.kind, f"a message of the type {_short(entry.kind)}")
    note = f"[{_subject(entry)} sent {what}, which cannot be opened here]"
    return f"{note}\n{text}" if text.strip() else note


def _subject(entry: Entry) -> str:
    return {"customer": "the customer", "operator": "the colleague", "bot": "you"}[entry.author]


def _short(text: str) -> str:
    text = " ".join(text.replace('"', "'").split())
    return text if len(text) <= _QUOTE_LIMIT else text[: _QUOTE_LIMIT - 1] + "…"


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
    return [_Said("user", _START_CUT + tail)]


def _tokens(said: Sequence[_Said], factor: float) -> int:
    return sum(estimate_tokens(one.content, factor) for one in said)


def _merged(said: Sequence[_Said]) -> Iterator[ChatMessage]:
    """One message per change of role: some servers refuse two of the same in a row."""
    for role, group in groupby(said, lambda one: one.role):
        yield ChatMessage(role, "\n".join(one.content for one in group))
