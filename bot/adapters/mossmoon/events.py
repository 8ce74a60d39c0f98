"""What the provider posts: bytes whose signature was right, made into a `ProviderEvent`.

Known: the envelope (`event`, `id`, `line_id`), the four event types `message.received`,
`message.delivered`, `line.ready`, `line.disconnected`, and of a message `id`, `from`, `type`,
`received_at`, `caption`, `media.url`, `media.mime_type`, `media.sha256` (hex). Assumed, and read
tolerantly:

- text: `message.text`, else `message.text.body`, `message.body`, `caption`, `media.caption`
- voice note: the type `voice`, `audio`, `ptt` or `voice_note`, or any `audio/*` as `mime_type`,
  whatever the type says
- other types have more names: `photo`, `picture` (image); `gif`, `video_note`, `ptv` (video);
  `file` (document); `live_location`; `contacts`, `vcard` (contact). Without a type, `image/*` and
  `video/*` are what they say, `application/*` is a document
- file: also as `message.media_url`, `message.mime_type`, `message.sha256`; its name is
  `media.filename`, else `file_name`, else `name`. The hash may be in upper case, after `sha256:`,
  or base64; in another form it counts as not announced. An address that is not http(s), has blanks
  or is over 4,096 characters long: no file. A text, a place, a contact or a reaction has none
- place: `message.location`: `name`, `address`, `latitude` or `lat`, `longitude` or `lng`, `long`,
  `lon` (degrees, also as strings); all but the name also in the message itself
- contact: `message.contacts` or `message.contact`, one or a list: `name` (or
  `name.formatted_name`), `phones`: strings, or objects with `number` or `phone`. A place or a
  contact may have a caption, its other texts are not read
- reaction: `reaction.emoji`, else `message.emoji`, none: taken back; `reaction.message_id`, else
  `message.message_id`: what it reacts to
- `message.edited`, `message.deleted` or `message.revoked`: the earlier message's id is
  `message.id`, else `message_id`, else `message.message_id`; an edit's text stands where that of
  any message does, and is all of it
- name: `message.profile_name`, else `from_name`, else `name`
- group: `message.group_id` or `message.is_group` is there; also by the address: `@g.us`,
  `@newsletter`, `status@broadcast`
- quoted message: `message.quoted.id` and `.text`, else `message.context.id`, else
  `message.reply_to` (an id, or an object with one)
- a person on the line's own phone: the event `message.sent`, or `message.from_me`; whom they
  wrote to is `message.to`, else `to`
- `message.delivered`: `message.id` or `message_id`; `message.to` or `to`; `delivered_at` at the
  top or in the message; a `message.status` that means failure is not a delivery
- line events carry an optional `reason`
- times: ISO 8601, without a zone UTC; also seconds or milliseconds since 1970

The JSON is UTF-8, a byte order mark is let pass. Of a key that comes twice the last one counts,
NaN and numbers that are too long to be one count as absent. What is nested deeper than the parser
goes (about 1,000 levels) is malformed.
"""

import json
from typing import Any

from bot.adapters.mossmoon.fields import Odd, as_object, first, first_id
from bot.adapters.mossmoon.ids import address, stable_id
from bot.adapters.mossmoon.message import is_group, read_message, read_text, read_time
from bot.domain.event import (
    Content,
    Deleted,
    Delivered,
    Edited,
    Ignored,
    LineChanged,
    ProviderEvent,
    Unread,
)
from bot.domain.untrusted import clean_line

_TYPE_LIMIT = 100
_REASON_LIMIT = 200
_NOT_DELIVERED = frozenset({"failed", "undelivered", "rejected", "error"})


class Malformed(ValueError):
    """Not a JSON object whose `event` and `id` are non-empty strings."""


def parse(body: bytes) -> ProviderEvent:
    """Read one webhook call.

    Raises Malformed, and nothing else, whatever the bytes are. An event that has an envelope but
    an odd or incomplete message comes back with `Unread` as its content.
    """
    payload = _object(body)
    event_id = stable_id(payload.get("id"))
    kind = payload.get("event")
    if event_id is None or not isinstance(kind, str) or not kind:
        raise Malformed("`event` and `id` must be non-empty strings")
    kind = clean_line(kind, _TYPE_LIMIT)
    line_id = _line_id(payload.get("line_id"))
    return ProviderEvent(event_id, kind, line_id, _content(kind, line_id, payload), body)


def _object(body: bytes) -> dict[str, Any]:
    try:
        text = body.decode("utf-8-sig")
        payload = _load(text)
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON ({error.msg}, character {error.pos})") from None
    except RecursionError:
        raise Malformed("nested too deeply") from None
    if not isinstance(payload, dict):
        raise Malformed("not a JSON object")
    return payload


def _load(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # Python refuses to read integers of more than 4,300 digits
        return json.loads(text, parse_int=_int_or_none)


def _int_or_none(digits: str) -> int | None:
    return int(digits) if len(digits) < 19 else None


def _line_id(value: object) -> str:
    line_id = address(value)
    # A dot alone would change the path of the send.
    return "" if line_id is None or line_id in {".", ".."} else line_id


def _content(kind: str, line_id: str, payload: dict[str, Any]) -> Content:
    read = _READERS.get(kind)
    if read is None:
        return Ignored()
    if not line_id:
        return Unread("line_id is missing, or is no usable string", _sender(payload))
    try:
        return read(payload)
    except Odd as odd:
        return Unread(str(odd), _sender(payload))


def _sender(payload: dict[str, Any]) -> str | None:
    return address(as_object(payload.get("message")).get("from"))


def _received(payload: dict[str, Any]) -> Content:
    return read_message(payload, from_me=False)


def _sent(payload: dict[str, Any]) -> Content:
    return read_message(payload, from_me=True)


def _edited(payload: dict[str, Any]) -> Content:
    text = read_text(as_object(payload.get("message")))
    if not text.strip():
        raise Odd("message.text is missing, or is empty")
    return Edited(_earlier_id(payload), _sender(payload), text)


def _deleted(payload: dict[str, Any]) -> Content:
    return Deleted(_earlier_id(payload), _sender(payload))


def _earlier_id(payload: dict[str, Any]) -> str:
    message = as_object(payload.get("message"))
    candidates = (message.get("id"), payload.get("message_id"), message.get("message_id"))
    provider_id = first_id(*candidates)
    if provider_id is None:
        raise Odd("message.id is missing, or is no non-empty string")
    return provider_id


def _delivered(payload: dict[str, Any]) -> Content:
    message = as_object(payload.get("message"))
    status = message.get("status")
    if isinstance(status, str) and status.lower() in _NOT_DELIVERED:
        raise Odd(f"message.status is {status.lower()}: not delivered")
    provider_id = stable_id(first(message.get("id"), payload.get("message_id")))
    recipient = address(first(message.get("to"), payload.get("to")))
    if provider_id is None and recipient is None:
        raise Odd("neither message.id nor message.to is a usable string")
    at = read_time(first(payload.get("delivered_at"), message.get("delivered_at")))
    return Delivered(provider_id, recipient, at, is_group=is_group(message, recipient))


def _line_changed(payload: dict[str, Any]) -> Content:
    reason = payload.get("reason")
    text = clean_line(reason, _REASON_LIMIT) if isinstance(reason, str) else ""
    return LineChanged(payload["event"] == "line.ready", text if text else None)


_READERS = {
    "message.received": _received,
    "message.sent": _sent,
    "message.edited": _edited,
    "message.deleted": _deleted,
    "message.revoked": _deleted,
    "message.delivered": _delivered,
    "line.ready": _line_changed,
    "line.disconnected": _line_changed,
}
