"""What a message carries besides its words: a file, a place, contact cards, a reaction.

What is assumed about them stands in `events`.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from bot.adapters.mossmoon.fields import Odd, as_object, first_id, first_string
from bot.domain.attachments import Card, describe_cards, describe_place
from bot.domain.event import Quoted
from bot.domain.media import Announced
from bot.domain.untrusted import clean_line

URL_LIMIT = 4096
FILENAME_LIMIT = 150
EMOJI_LIMIT = 20
_MIME_LIMIT = 100
_URL = re.compile(r"https?://[\x21-\x7e]+")
_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_BASE64 = re.compile(r"[0-9a-zA-Z+/]{43}=")
_HASH_PREFIX = "sha256:"
_DEGREES = re.compile(r"[+-]?\d{1,3}(\.\d{0,30})?", re.ASCII)
_LATITUDE = ("latitude", "lat")
_LONGITUDE = ("longitude", "lng", "long", "lon")


def read_media(message: dict[str, Any]) -> Announced | None:
    """The file, None when none is named that could be fetched."""
    media = as_object(message.get("media"))
    url = first_string(media.get("url"), message.get("media_url"))
    if len(url) > URL_LIMIT or not _URL.fullmatch(url):
        return None
    names = (media.get("filename"), media.get("file_name"), media.get("name"))
    return Announced(
        url,
        mime_type=_mime_type(first_string(media.get("mime_type"), message.get("mime_type"))),
        sha256=_sha256(first_string(media.get("sha256"), message.get("sha256"))),
        filename=_filename(first_string(*names)),
    )


def media_family(message: dict[str, Any]) -> str:
    """What comes before the slash of the announced type, e.g. `audio`; empty: none announced."""
    media = as_object(message.get("media"))
    mime_type = first_string(media.get("mime_type"), message.get("mime_type"))
    return mime_type.strip().lower().partition("/")[0] if "/" in mime_type else ""


def read_place(message: dict[str, Any]) -> str:
    """A place in words. Empty: nothing of it is usable."""
    place = as_object(message.get("location"))
    latitude, longitude = _coordinates(place, message)
    return describe_place(
        name=first_string(place.get("name")),  # `message.name` is the sender's
        address=first_string(place.get("address"), message.get("address")),
        latitude=latitude,
        longitude=longitude,
    )


def read_cards(message: dict[str, Any]) -> str:
    """Contact cards in words. Empty: nothing of them is usable."""
    for key in ("contacts", "contact"):
        if words := describe_cards(_card(contact) for contact in _several(message.get(key))):
            return words
    return ""


def read_emoji(message: dict[str, Any]) -> str:
    """What a reaction says; empty: it was taken back."""
    reaction = as_object(message.get("reaction"))
    return clean_line(first_string(reaction.get("emoji"), message.get("emoji")), EMOJI_LIMIT)


def read_target(message: dict[str, Any]) -> Quoted:
    """What a reaction reacts to. Raises Odd."""
    reaction = as_object(message.get("reaction"))
    provider_id = first_id(reaction.get("message_id"), message.get("message_id"))
    if provider_id is None:
        raise Odd("message.reaction.message_id is missing, or is no non-empty string")
    return Quoted(provider_id, None)


def _mime_type(value: str) -> str | None:
    name = value.partition(";")[0].strip().lower()
    return name if len(name) <= _MIME_LIMIT and _MIME.fullmatch(name) else None


def _sha256(value: str) -> str | None:
    if value[: len(_HASH_PREFIX)].lower() == _HASH_PREFIX:
        value = value[len(_HASH_PREFIX) :]
    if _HEX.fullmatch(value):
        return value.lower()
    return b64decode(value).hex() if _BASE64.fullmatch(value) else None


def _filename(value: str) -> str | None:
    name = clean_line(value.replace("\\", "/").rpartition("/")[2], FILENAME_LIMIT)
    return name if name.strip(". ") else None


def _coordinates(*places: dict[str, Any]) -> tuple[float | None, float | None]:
    """Both from the same object: a half from each would be somewhere else."""
    for place in places:
        latitude, longitude = _degrees(place, _LATITUDE), _degrees(place, _LONGITUDE)
        if latitude is not None and longitude is not None:
            return latitude, longitude
    return None, None


def _degrees(place: dict[str, Any], keys: tuple[str, ...]) -> float | None:
    return next((angle for key in keys if (angle := _angle(place.get(key))) is not None), None)


def _angle(value: object) -> float | None:
    if isinstance(value, str):
        return float(value) if _DEGREES.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # Compared before it becomes a float: an integer may have thousands of digits.
    return float(value) if -180 <= value <= 180 else None


def _several(value: object) -> Iterator[dict[str, Any]]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield one


def _card(contact: dict[str, Any]) -> Card:
    name, phones = contact.get("name"), contact.get("phones")
    return Card(
        name=first_string(name, as_object(name).get("formatted_name")),
        phones=[_phone(phone) for phone in phones] if isinstance(phones, list) else [],
    )


def _phone(value: object) -> str:
    numbers = as_object(value)
    return first_string(value, numbers.get("number"), numbers.get("phone"))
