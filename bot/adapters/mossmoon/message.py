"""One WhatsApp message inside a webhook call. What is assumed about it stands in `events`."""

import math
import re
from datetime import UTC, datetime
from typing import Any, Literal

from bot.adapters.mossmoon.ids import address, stable_id
from bot.domain.event import Quoted, Received
from bot.domain.untrusted import clean_line, clean_text

TEXT_LIMIT = 20_000
NAME_LIMIT = 100
_KIND_LIMIT = 50
_YEARS = range(2000, 2101)
_MILLISECONDS_FROM = 1e11
_NUMBER = re.compile(r"\d{9,14}(\.\d{1,9})?", re.ASCII)
_VOICE = frozenset({"voice", "audio", "ptt", "voice_note"})


class Odd(Exception):
    """The message is incomplete or of the wrong shape; the text says where."""


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
        text=_text(message, kind),
        received_at=read_time(first(message.get("received_at"), message.get("timestamp"))),
        profile_name=_name(message),
        quoted=_quoted(message),
        unanswerable=_unanswerable(message, sender, recipient),
        from_me=from_me,
        recipient=recipient,
    )


def as_object(value: object) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def first(*values: object) -> object:
    """The first value that is there and not empty, None when there is none."""
    return next((value for value in values if value is not None and value != ""), None)


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
    media = as_object(message.get("media"))
    mime_type = first(media.get("mime_type"), message.get("mime_type"))
    if isinstance(mime_type, str) and mime_type.lower().startswith("audio/"):
        return "voice"
    kind = message.get("type")
    if kind == "text":
        return "text"
    if not isinstance(kind, str):
        raise Odd("message.type is missing, or is no string")
    kind = clean_line(kind, _KIND_LIMIT).lower()
    if not kind:
        raise Odd("message.type is empty")
    return "voice" if kind in _VOICE else kind


def _text(message: dict[str, Any], kind: str) -> str:
    text = message.get("text")
    if isinstance(text, dict):
        text = text.get("body")
    if not text:
        text = first(message.get("body"), message.get("caption"))
    cleaned = clean_text(text, TEXT_LIMIT) if isinstance(text, str) else ""
    if kind == "text" and not cleaned.strip():
        raise Odd("message.text is missing, or is empty")
    return cleaned


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
