"""One WhatsApp message inside a webhook call. What is assumed about it stands in `events`."""

import math
import re
from datetime import UTC, datetime
from typing import Any, Literal

from bot.adapters.mossmoon.attachment import (
    media_family,
    read_cards,
    read_emoji,
    read_media,
    read_place,
    read_target,
)
from bot.adapters.mossmoon.fields import Odd, as_object, first, first_string
from bot.adapters.mossmoon.ids import address, stable_id
from bot.domain.event import Quoted, Received
from bot.domain.media import Announced
from bot.domain.untrusted import clean_line, clean_text

TEXT_LIMIT = 20_000
NAME_LIMIT = 100
_KIND_LIMIT = 50
_YEARS = range(2000, 2101)
_MILLISECONDS_FROM = 1e11
_NUMBER = re.compile(r"\d{9,14}(\.\d{1,9})?", re.ASCII)
_KINDS = {
    **dict.fromkeys(("audio", "ptt", "voice_note"), "voice"),
    **dict.fromkeys(("photo", "picture"), "image"),
    **dict.fromkeys(("gif", "video_note", "ptv"), "video"),
    "file": "document",
    "live_location": "location",
    **dict.fromkeys(("contacts", "vcard"), "contact"),
}
"""Other names of the kinds; whatever stands nowhere here keeps its own."""
_FAMILIES = {"image": "image", "video": "video", "application": "document"}
_ONLY_WORDS = frozenset({"text", "location", "contact", "reaction"})
"""Kinds that carry no file: at most a thumbnail."""


def read_message(payload: dict[str, Any], *, from_me: bool) -> Received:
    """The message of a `message.received` or (`from_me`) `message.sent`. Raises Odd."""
    message = payload.get("message")
    if not isinstance(message, dict):
        raise Odd("message is missing, or is no object")
    provider_id = stable_id(message.get("id"))
    if provider_id is None:
        raise Odd("message.id is missing, or is no non-empty string")
    from_me = from_me or _is_on(message.get("from_me"))
    sender, recipient = _ends(message, payload, from_me=from_me)
    kind = _kind(message)
    return Received(
        provider_id=provider_id,
        sender=sender,
        kind=kind,
        text=_words(message, kind),
        received_at=read_time(first(message.get("received_at"), message.get("timestamp"))),
        profile_name=_name(message),
        quoted=read_target(message) if kind == "reaction" else _quoted(message),
        media=_media(message, kind),
        unanswerable=_unanswerable(message, sender, recipient),
        from_me=from_me,
        recipient=recipient,
    )


def read_text(message: dict[str, Any]) -> str:
    """The text or the caption; empty when there is none."""
    text = message.get("text")
    if isinstance(text, dict):
        text = text.get("body")
    if not isinstance(text, str) or not text:
        media = as_object(message.get("media"))
        text = first_string(message.get("body"), message.get("caption"), media.get("caption"))
    return clean_text(text, TEXT_LIMIT)


def is_group(message: dict[str, Any], recipient: str | None) -> bool:
    """Whether what this is about was written to anything but a private chat."""
    return _unanswerable(message, "", recipient) is not None


def read_time(value: object) -> datetime | None:
    """A time in UTC; None for what is none, or lies outside of 2000 to 2100."""
    try:
        time = _time(value)
        return None if time is None or time.year not in _YEARS else time
    except (ValueError, OverflowError, OSError):
        return None


def _time(value: object) -> datetime | None:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        time = datetime.fromisoformat(value)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    seconds = float(value)
    if not math.isfinite(seconds):
        return None
    return datetime.fromtimestamp(seconds / 1000 if seconds > _MILLISECONDS_FROM else seconds, UTC)


def _ends(
    message: dict[str, Any], payload: dict[str, Any], *, from_me: bool
) -> tuple[str, str | None]:
    """Who wrote and, on the line's own phone, to whom."""
    sender = address(message.get("from"))
    if from_me:
        return "" if sender is None else sender, address(
            first(message.get("to"), payload.get("to"))
        )
    if sender is None:
        raise Odd("message.from is missing, or is no usable string")
    return sender, None


def _kind(message: dict[str, Any]) -> str:
    family = media_family(message)
    if family == "audio":
        return "voice"
    kind = message.get("type")
    if kind == "text":
        return "text"
    word = clean_line(kind, _KIND_LIMIT).lower() if isinstance(kind, str) else ""
    if word:
        return _KINDS.get(word, word)
    if family in _FAMILIES:
        return _FAMILIES[family]
    raise Odd("message.type is missing, or is no non-empty string")


def _words(message: dict[str, Any], kind: str) -> str:
    match kind:
        case "text":
            return _required_text(message)
        case "location":
            return _place(message)
        case "contact":
            return _with_caption(read_cards(message), message)
        case "reaction":
            return read_emoji(message)
        case _:
            return read_text(message)


def _required_text(message: dict[str, Any]) -> str:
    text = read_text(message)
    if not text.strip():
        raise Odd("message.text is missing, or is empty")
    return text


def _place(message: dict[str, Any]) -> str:
    words = _with_caption(read_place(message), message)
    if not words:
        raise Odd("message.location says nothing: no name, address or coordinates")
    return words


def _with_caption(words: str, message: dict[str, Any]) -> str:
    """The caption alone: what else such a message has for a text is a thumbnail or a vCard."""
    caption = first_string(message.get("caption"))
    return clean_text(f"{words}\n{caption.strip()}", TEXT_LIMIT).strip()


def _media(message: dict[str, Any], kind: str) -> Announced | None:
    return None if kind in _ONLY_WORDS else read_media(message)


def _name(message: dict[str, Any]) -> str | None:
    for key in ("profile_name", "from_name", "name"):
        name = message.get(key)
        if isinstance(name, str) and (cleaned := clean_line(name, NAME_LIMIT)):
            return cleaned
    return None


def _quoted(message: dict[str, Any]) -> Quoted | None:
    for key in ("quoted", "context", "reply_to"):
        value = message.get(key)
        if isinstance(value, str):
            value = {"id": value}
        if not isinstance(value, dict):
            continue
        text = value.get("text")
        quoted_id = stable_id(value.get("id"))
        words = clean_text(text, TEXT_LIMIT) if isinstance(text, str) else ""
        if quoted_id is not None or words:
            return Quoted(quoted_id, words if words else None)
    return None


def _unanswerable(
    message: dict[str, Any], sender: str, recipient: str | None
) -> Literal["group", "newsletter", "status"] | None:
    for end in (sender, "" if recipient is None else recipient):
        host = end.lower().partition("@")[2] if "@" in end else ""
        if host in {"g.us", "newsletter"}:
            return "group" if host == "g.us" else "newsletter"
        if host == "broadcast":
            return "status"
    group_id = message.get("group_id")
    named = group_id is not None and group_id is not False and group_id != ""
    return "group" if named or _is_on(message.get("is_group")) else None


def _is_on(value: object) -> bool:
    """Whether a flag is set, by somebody who may write booleans as words or numbers."""
    if isinstance(value, str):
        return value.strip().lower() in {"true", "yes", "1"}
    return bool(value)
