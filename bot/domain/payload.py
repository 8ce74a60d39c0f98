"""A webhook's body, shown to an operator: everything in it but what opens something."""

import contextlib
import json
import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

SHOWN_MAX = 20_000
HIDDEN = "[hidden]"

_SECRET = re.compile(r"secret|token|signature|authori[sz]ation|password|api_?key", re.IGNORECASE)
_DEPTH_MAX = 60


def shown(raw: bytes) -> str:
    """Indented JSON without secrets and without what a signed address is signed with.

    What is no JSON is shown as text, what is long is cut.
    """
    text = raw[: 2 * SHOWN_MAX].decode(errors="replace")
    with contextlib.suppress(ValueError, RecursionError):
        text = json.dumps(_clean(json.loads(raw), 0), indent=2, ensure_ascii=False)
    text = "".join(
        one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text
    )
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]} […]"


def _clean(value: Any, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        return HIDDEN
    match value:
        case dict():
            return {key: _field(key, one, depth) for key, one in value.items()}
        case list():
            return [_clean(one, depth + 1) for one in value]
        case str():
            return _address(value)
        case _:
            return value


def _field(key: str, value: Any, depth: int) -> Any:
    return HIDDEN if _SECRET.search(key) else _clean(value, depth + 1)


def _address(text: str) -> str:
    """Media addresses are signed in their query: whoever has it may fetch the file."""
    if not text.startswith(("http://", "https://")):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return HIDDEN
    host = parts.netloc.rpartition("@")[2]
    query = HIDDEN if parts.query else ""
    return urlunsplit((parts.scheme, host, parts.path, query, ""))
