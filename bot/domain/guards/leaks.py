"""What never leaves: keys, the machinery's own words, the instructions themselves."""

import re
from collections.abc import Iterator
from functools import lru_cache

from bot.domain.guards.folding import fold, line_of_words, visible, words_of
from bot.domain.guards.rules import Finding, Guard

REMOVED = "[secret]"

_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"mm_(?:live|test)_[A-Za-z0-9_-]{4,400}"
    r"|sk-[A-Za-z0-9_-]{16,400}"
    r"|whsec_[A-Za-z0-9+/=_-]{8,400}"
    r"|AKIA[0-9A-Z]{16}(?![A-Za-z0-9])"
    r"|gh[opsu]_[A-Za-z0-9]{20,400}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,400}"
    r"|eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{4,4000}\.[A-Za-z0-9_-]{4,4000}"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"
    r"|[Bb]earer\s{1,4}(?=[A-Za-z._~+/=-]{0,60}\d)[A-Za-z0-9._~+/=-]{16,4000}"
    r")"
)
_KEY_SIGNS = ("mm_", "sk-", "whsec_", "AKIA", "gh", "xox", "eyJ", "PRIVATE KEY", "earer")

_MACHINERY = re.compile(
    r"<\|[\w ]{1,40}\|>"
    r"|</?(?:tool_call|tool_response|function_call|tool|function)s?(?:=[\w.]{1,60})?>"
    r"|\[/?(?:TOOL_CALLS?|AVAILABLE_TOOLS|TOOL_RESULTS?|INST)\]|<</?SYS>>"
    r"|\"(?:tool_calls|function_call|tool_call_id)\"\s{0,4}:"
    r"|\"name\"\s{0,4}:\s{0,4}\"(?:functions\.)?hand_off\""
    r"|(?<!\w)(?:functions\.)?hand_off\s?\(|to=functions\.\w"
    r"|\"(?:reason|summary)\"\s{0,4}:[^{}]{1,2500}\"(?:reason|summary)\"\s{0,4}:"
    r"|</?(?:think|thinking|reasoning|system)>"
    r"|\[the (?:start of this was left out|business wrote first|picture can't be shown)"
    r"|\[human colleague\]"
)
_MACHINERY_SIGNS = ("<", "[", '"', "hand_off", "to=functions")

_RUN = 12
"""Words; two such runs one after the other are an echo."""
_SHORT_PROMPT = 16
_TAG = re.compile(r"\{[{%#][^{}]{0,400}[}%#]\}")
_QUOTED = re.compile('"[^"\n]{0,600}"|“[^”\n]{0,600}”|«[^»\n]{0,600}»|„[^“\n]{0,600}“')


def keys(text: str) -> Iterator[Finding]:
    """What looks like a key, whoever's it is."""
    if any(sign in text for sign in _KEY_SIGNS) and _KEY.search(text):
        yield Finding(Guard.SECRETS, "key")


def without_keys(text: str) -> str:
    """The same text with every such key taken out."""
    return _KEY.sub(REMOVED, text)


def machinery(text: str) -> Iterator[Finding]:
    """Calls of tools, control words, our own notes in the history."""
    if any(sign in text for sign in _MACHINERY_SIGNS) and _MACHINERY.search(text):
        yield Finding(Guard.TOOL_OUTPUT, "markup")


def echo(folded: str, instructions: str) -> Iterator[Finding]:
    """A long run of the instructions, word for word. What they quote is there to be said."""
    if len(folded) < _RUN * 3:
        return
    said = words_of(folded)
    if len(said) < _RUN:
        return
    whole, count = _known(instructions)
    if _is_echo(said, whole, count):
        yield Finding(Guard.TOOL_OUTPUT, "instructions")


@lru_cache(maxsize=64)
def _known(instructions: str) -> tuple[str, int]:
    """Their words in one line, and how many there are; a template's variables break the run."""
    said_by_us = _TAG.sub(" ", _QUOTED.sub(" ", visible(instructions)))
    words = words_of(fold(said_by_us))
    return line_of_words(words), len(words)


def _is_echo(said: list[str], whole: str, count: int) -> bool:
    if _RUN <= count < 2 * _RUN + _SHORT_PROMPT:
        return whole in line_of_words(said)
    if count < _RUN:
        return False
    before = False
    for first in range(0, len(said) - _RUN + 1, _RUN):
        hit = line_of_words(said[first : first + _RUN]) in whole
        if hit and before:
            return True
        before = hit
    return False
