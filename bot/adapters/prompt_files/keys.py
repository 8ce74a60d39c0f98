"""The keys of a prompt file: what the parser knows and the published schema says come from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "label", "rule", "variables", "languages", "include", "code", "guards"]
"""A text is a template of any length, a label one short line; a rule has parts of its own."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key at the top of a prompt file."""

    kind: Kind
    about: str
    """For editors, in plain words."""
    parts: tuple[str, ...] = ()
    """Of a rule."""
    is_translatable: bool = False
    """Fixed words of the prompt's own, which `languages` may give in other languages."""


PROMPT_KEYS: Mapping[str, Key] = {
    "name": Key("label", "What you call this prompt, for yourself."),
    "include": Key(
        "include",
        "Other files, as seen from the prompts' folder, whose keys count as if they stood here. "
        "What stands in this file wins.",
    ),
    "instructions": Key("text", "What the bot is to do, and how it speaks. The only key needed."),
    "facts": Key("text", "What the bot knows: hours, prices, address. It must not make up more."),
    "language": Key("text", "In which language the bot answers, in plain words."),
    "own_language": Key(
        "code",
        "The language that this file's own fixed words are in, such as `es`: days and opening "
        "hours are told in it.",
    ),
    "hand_off": Key(
        "rule", "When a person takes over, and what the customer then reads.",
        ("when", "keywords", "say"), is_translatable=True,
    ),
    "fallback": Key("text", "Sent when no answer could be made.", is_translatable=True),
    "apology": Key("text", "Said before an answer that comes late.", is_translatable=True),
    "away": Key(
        "text", "Said once while the business is closed (business.bot_answers: in_hours).",
        is_translatable=True,
    ),
    "unsupported": Key(
        "text", "Sent for what the bot can't open, such as a poll.", is_translatable=True
    ),
    "unheard": Key(
        "text", "Sent for a voice note in which no words could be understood.", is_translatable=True
    ),
    "disclosure": Key(
        "text", "Said with the first reply: that one is talking to an assistant.",
        is_translatable=True,
    ),
    "opt_out": Key(
        "rule", "The words with which a customer ends all messages, and the confirmation.",
        ("keywords", "say"), is_translatable=True,
    ),
    "opt_in": Key(
        "rule", "The words with which they begin again, and the confirmation.",
        ("keywords", "say"), is_translatable=True,
    ),
    "languages": Key(
        "languages",
        "The fixed words in other languages, by language (`es`): sent when the customer's "
        "language is known to be that one.",
    ),
    "model": Key("label", "The model that answers; left out: the settings' own."),
    "guards": Key("guards", "What becomes of an answer that says what it should not."),
    "variables": Key(
        "variables",
        "Words and lists to be used in the texts as `{{ name }}`. A line may have its own values "
        "(lines.<id>.variables in config.yaml).",
    ),
}  # fmt: skip

PART_ABOUT: Mapping[str, str] = {
    "when": "In plain words, for the model: when it calls a person.",
    "keywords": "Whole messages that need no model to be understood.",
    "say": "What the customer reads then.",
}

KEYS = tuple(PROMPT_KEYS)
TEXT_KEYS = tuple(key for key, it in PROMPT_KEYS.items() if it.kind == "text")
LABEL_KEYS = tuple(key for key, it in PROMPT_KEYS.items() if it.kind == "label")
RULE_KEYS: Mapping[str, tuple[str, ...]] = {
    key: it.parts for key, it in PROMPT_KEYS.items() if it.kind == "rule"
}
TRANSLATABLE = tuple(key for key, it in PROMPT_KEYS.items() if it.is_translatable)
"""A rule's words stand under its name: `languages.es.hand_off` is what is said."""

NAME_PATTERN = "[A-Za-z_][A-Za-z0-9_]{0,63}"
"""Of a variable."""
MAX_ITEMS = 200
MAX_KEYWORD_LENGTH = 100
MAX_LABEL_LENGTH = 200
MAX_LANGUAGES = 30
MAX_INCLUDES = 20
