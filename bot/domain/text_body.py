"""The body of an outbound text: a template from the settings, filled in by structure."""

import re
from collections.abc import Mapping
from typing import Any

_PLACE = re.compile(r"\{(to|text)\}")


def render_body(template: Any, to: str, text: str) -> Any:
    """The JSON value that `template` becomes; `{to}` and `{text}` count inside its strings.

    Each string is filled in once, so a text that itself holds `{to}` arrives as it was written.
    """
    values = {"to": to, "text": text}
    return _fill(template, values)


def body_faults(template: Any) -> tuple[str, ...]:
    """What is wrong with a template, each with its remedy; empty when it is usable."""
    if not isinstance(template, Mapping):
        return ('must be an object such as {to: "{to}", type: text, text: "{text}"}',)
    places = frozenset(_places(template))
    return tuple(
        f'holds no "{{{name}}}": say where it belongs, e.g. {name}: "{{{name}}}"'
        for name in ("to", "text")
        if name not in places
    )


def _fill(part: Any, values: Mapping[str, str]) -> Any:
    if isinstance(part, str):
        return _PLACE.sub(lambda place: values[place[1]], part)
    if isinstance(part, Mapping):
        return {str(key): _fill(value, values) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_fill(value, values) for value in part]
    return part


def _places(part: Any) -> list[str]:
    if isinstance(part, str):
        return _PLACE.findall(part)
    if isinstance(part, Mapping):
        return [name for value in part.values() for name in _places(value)]
    if isinstance(part, (list, tuple)):
        return [name for value in part for name in _places(value)]
    return []
