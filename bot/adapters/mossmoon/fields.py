"""Values of somebody else's JSON, where anything may stand in any place."""

from typing import Any

from bot.adapters.mossmoon.ids import stable_id


class Odd(Exception):
    """The message is incomplete or of the wrong shape; the text says where."""


def as_object(value: object) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def first(*values: object) -> object:
    """The first value that is there and not empty, None when there is none."""
    for value in values:
        if value is not None and value != "":
            return value
    return None


def first_string(*values: object) -> str:
    """The first that is a non-empty string, else an empty one."""
    for value in values:
        if isinstance(value, str) and value:
            return value
    return ""


def first_id(*values: object) -> str | None:
    """The first that can be an id, as `ids.stable_id` gives it."""
    return next((known for value in values if (known := stable_id(value)) is not None), None)
