"""The JSON Schema of prompt files, for editors. It says what the parser says, as far as it can.

Templates, files that are included, and numbers of entries in all are the parser's alone.
"""

from collections.abc import Callable, Mapping
from typing import Any

from bot.adapters.prompt_files.keys import (
    MAX_INCLUDES,
    MAX_ITEMS,
    MAX_KEYWORD_LENGTH,
    MAX_LABEL_LENGTH,
    MAX_LANGUAGES,
    NAME_PATTERN,
    PART_ABOUT,
    PROMPT_KEYS,
    TRANSLATABLE,
    Key,
    Kind,
)
from bot.adapters.prompt_files.syntax import RESERVED
from bot.domain.languages import CODES

Schema = Mapping[str, Any]

_NAMES = f"^(?!(?:{'|'.join(sorted(RESERVED))})$){NAME_PATTERN}$"
_TEXT: Schema = {"type": ["string", "number", "null"]}
_FILLED: Schema = {"type": ["string", "number"], "pattern": r"\S"}
_WORD: Schema = {
    "type": ["string", "number", "boolean"],
    "pattern": r"\S",
    "maxLength": MAX_KEYWORD_LENGTH,
}
_WORDS: Schema = {
    "anyOf": [_WORD, {"type": "array", "items": _WORD, "maxItems": MAX_ITEMS}, {"type": "null"}]
}
_SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_LANGUAGE: Schema = {"$ref": "#/definitions/language"}
_FILE: Schema = {"type": "string", "pattern": r"\.ya?ml\s*$"}

_PHRASE: Schema = {"type": ["string", "number", "boolean"], "pattern": r"\w", "maxLength": 100}
_PHRASES: Schema = {
    "anyOf": [_PHRASE, {"type": "array", "items": _PHRASE, "maxItems": 200}, {"type": "null"}]
}
_ACT: Schema = {"enum": ["off", "log", "regenerate", "hand_off", False, None]}


def prompt_schema() -> Schema:
    """Draft 7, which editors know best."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A prompt: what the bot says and knows",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            key: {"description": it.about, **_of_kind(it)} for key, it in PROMPT_KEYS.items()
        },
        # What is missing here may be in a file that is included.
        "anyOf": [
            {"required": ["instructions"], "properties": {"instructions": _FILLED}},
            {"required": ["include"]},
        ],
        "definitions": {"language": {"enum": sorted(CODES)}},
    }


def _of_kind(it: Key) -> Schema:
    kinds: Mapping[Kind, Callable[[], Schema]] = {
        "text": lambda: _TEXT,
        "label": lambda: {**_TEXT, "maxLength": MAX_LABEL_LENGTH},
        "code": lambda: {"anyOf": [_LANGUAGE, {"type": "null"}]},
        "rule": lambda: {"anyOf": [_TEXT, _group({part: _part(part) for part in it.parts})]},
        "variables": _variables,
        "languages": _languages,
        "include": _include,
        "guards": _guards,
    }
    return kinds[it.kind]()


def _include() -> Schema:
    many = {"type": "array", "items": _FILE, "maxItems": MAX_INCLUDES}
    return {"anyOf": [_FILE, many, {"type": "null"}]}


def _part(part: str) -> Schema:
    return {"description": PART_ABOUT[part], **(_WORDS if part == "keywords" else _TEXT)}


def _group(properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _variables() -> Schema:
    return {
        "type": ["object", "null"],
        "maxProperties": MAX_ITEMS,
        "propertyNames": {"pattern": _NAMES},
        "additionalProperties": {
            "anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "maxItems": MAX_ITEMS}]
        },
    }


def _languages() -> Schema:
    words = {key: {"description": PROMPT_KEYS[key].about, **_TEXT} for key in TRANSLATABLE}
    return {
        "type": ["object", "null"],
        "maxProperties": MAX_LANGUAGES,
        "propertyNames": _LANGUAGE,
        "additionalProperties": {**_group(words), "type": ["object", "null"]},
    }


def _guards() -> Schema:
    leaks = {"enum": ["regenerate", "hand_off", None]}
    never_say = {"anyOf": [_PHRASES, _group({"words": _PHRASES, "do": _ACT})]}
    parts = {"never_say": never_say, "promises": _ACT, "figures": _ACT, "leaks": leaks}
    return {**_group(parts), "type": ["object", "null"]}
