"""Promises that a bot can't keep by itself: that somebody calls, that something was booked."""

import re
from collections.abc import Iterator, Sequence

from bot.domain.guards.folding import fold, words_of
from bot.domain.guards.promise_words import NEGATIONS, PROMISES
from bot.domain.guards.rules import Finding, Guard

_GAP = ".."
_GAP_MAX = 4
_SHORTEST = 7
"""In characters: nothing is promised in fewer."""
_BEFORE = 4
"""So many words before a promise may take it back: `I haven't yet booked`."""
_SENTENCE = re.compile(r"[^.!?…;\n。！？]+[.!?…;\n。！？]*")
_THIRD_PERSON = re.compile(
    r"\b(?:them|him|her|(?:the )?(?:customer|client|patient|guest)s?)\b", re.IGNORECASE
)
"""Whom a prompt speaks of, the answer speaks to."""
_NEGATIONS = frozenset(words_of(fold(NEGATIONS)))


class _Node(dict[str, "_Node"]):
    """Where a promise may go on, by the next word; `_GAP`: after some others."""

    kind: str | None = None
    """Set: here one of this kind is complete."""


def _grown() -> _Node:
    root = _Node()
    for kind, text in PROMISES.items():
        for phrase in text.split("|"):
            ends = [root]
            for part in phrase.split():
                ends = _grow(ends, part)
            for end in ends:
                if end is not root:
                    end.kind = kind
    return root


def _grow(ends: list[_Node], part: str) -> list[_Node]:
    """The tree with one more part of a phrase: `a/b`, `a?` or a gap."""
    if part == _GAP:
        return [end.setdefault(_GAP, _Node()) for end in ends]
    grown = list(ends) if part.endswith("?") else []
    for choice in part.replace("?", "").split("/"):
        for end in ends:
            for word in words_of(fold(choice.replace("_", " "))):
                end = end.setdefault(word, _Node())  # noqa: PLW2901 - one step down the tree
            grown.append(end)
    return grown


_TREE = _grown()


def promised(text: str, prompt_words: str) -> Iterator[Finding]:
    """One finding for each kind of promise that the prompt does not make itself."""
    found = _kinds(text)
    if not found:
        return
    allowed = _kinds(_THIRD_PERSON.sub("you", prompt_words))
    for kind, said in found.items():
        if kind not in allowed:
            yield Finding(Guard.PROMISES, kind, said)


def _kinds(text: str) -> dict[str, str]:
    """Each kind of promise in a text, with the first sentence that makes it."""
    kinds: dict[str, str] = {}
    for match in _SENTENCE.finditer(text):
        sentence = match[0]
        if len(sentence) < _SHORTEST or sentence.rstrip(" *_~").endswith(("?", "？")):
            continue
        words = words_of(fold(sentence))
        for at, word in enumerate(words):
            node = _TREE.get(word)
            if node is None:
                continue
            kind = _leads_to(node, words, at + 1)
            if kind is not None and kind not in kinds and not _denied(words, at):
                kinds[kind] = sentence.strip()
        if len(kinds) == len(PROMISES):
            break
    return kinds


def _leads_to(node: _Node, words: Sequence[str], at: int) -> str | None:
    """The kind of promise that begins with the words up to `at`."""
    if node.kind is not None or at >= len(words):
        return node.kind
    after = node.get(words[at])
    kind = None if after is None else _leads_to(after, words, at + 1)
    gap = node.get(_GAP)
    if kind is None and gap is not None:
        return _beyond(gap, words, at)
    return kind


def _beyond(gap: _Node, words: Sequence[str], at: int) -> str | None:
    for later in range(at, min(at + _GAP_MAX + 1, len(words))):
        node = gap.get(words[later])
        kind = None if node is None else _leads_to(node, words, later + 1)
        if kind is not None:
            return kind
    return None


def _denied(words: Sequence[str], at: int) -> bool:
    return not _NEGATIONS.isdisjoint(words[max(0, at - _BEFORE) : at])
