"""Whether what the bot said is as expected. Pure; what needs a judge is in `judge`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.keywords import bare
from bot.evals.language import languages_of
from bot.evals.patterns import found
from bot.evals.script import Expectation, Kind

_SHOWN_CHARS = 160


@dataclass(frozen=True, slots=True)
class Heard:
    """What the bot said in one turn."""

    text: str = field(default="", repr=False)
    """All that the customer reads; empty: nothing."""
    answer: str = field(default="", repr=False)
    """The same without the prompt's `disclosure`."""
    hand_off: str | None = None
    """Why a person takes over; None: none does."""
    cost: float | None = 0.0
    """None: not known."""
    model: str | None = None
    reason: str = ""
    """Why nothing was said."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What an expectation is about: one turn, or the whole conversation."""

    heard: tuple[Heard, ...]
    opted_out: bool = False

    @property
    def last(self) -> Heard:
        return self.heard[-1] if self.heard else Heard()

    @property
    def text(self) -> str:
        return "\n\n".join(one.text for one in self.heard if one.text)

    @property
    def answers(self) -> tuple[str, ...]:
        return tuple(one.answer for one in self.heard if one.answer)


def problem_of(expectation: Expectation, seen: Seen) -> str:
    """What is not as expected, in words; empty: nothing."""
    return _RULES[expectation.kind](seen, expectation.wanted)


def _contains(seen: Seen, wanted: Any) -> str:
    missing = [words for words in wanted if not _holds(seen.text, words)]
    return f"does not say {_listed(missing)}" if missing else ""


def _contains_any(seen: Seen, wanted: Any) -> str:
    if any(_holds(seen.text, words) for words in wanted):
        return ""
    return f"says none of {_listed(wanted)}"


def _does_not_contain(seen: Seen, wanted: Any) -> str:
    said = [words for words in wanted if _holds(seen.text, words)]
    return f"says {_listed(said)}" if said else ""


def _matches(seen: Seen, wanted: Any) -> str:
    missing = [pattern for pattern in wanted if not found(pattern, seen.text)]
    return f"nothing matches {_listed(missing)}" if missing else ""


def _hands_off(seen: Seen, wanted: Any) -> str:
    reasons = [one.hand_off for one in seen.heard if one.hand_off is not None]
    if bool(reasons) == wanted:
        return ""
    return "does not hand over to a person" if wanted else f"hands over to a person: {reasons[0]}"


def _language(seen: Seen, wanted: Any) -> str:
    for answer in seen.answers:
        likely = languages_of(answer)
        if not likely:
            return f"in which language this is can't be told: {_short(answer)}"
        if wanted not in likely:
            return f"speaks {' or '.join(sorted(likely))}: {_short(answer)}"
    return "" if seen.answers else "says nothing"


def _max_length(seen: Seen, wanted: Any) -> str:
    longest = max((len(answer) for answer in seen.answers), default=0)
    return "" if longest <= wanted else f"a reply has {longest} characters"


def _max_cost(seen: Seen, wanted: Any) -> str:
    cost = 0.0
    for one in seen.heard:
        if one.cost is None:
            return f"the cost is not known: set a price for {one.model} in llm.prices"
        cost += one.cost
    return "" if cost <= wanted else f"costs {cost:.6f}"


def _says_exactly(seen: Seen, wanted: Any) -> str:
    said = {_spaced(seen.last.text), _spaced(seen.last.answer)}
    return "" if _spaced(wanted) in said else f"says: {_short(seen.last.text)}"


def _says_nothing(seen: Seen, wanted: Any) -> str:
    if bool(seen.last.text) != wanted:
        return ""
    return f"says: {_short(seen.last.text)}" if wanted else f"says nothing ({seen.last.reason})"


def _opted_out(seen: Seen, wanted: Any) -> str:
    if seen.opted_out == wanted:
        return ""
    return "the customer is not opted out" if wanted else "the customer is opted out"


_RULES: Mapping[Kind, Callable[[Seen, Any], str]] = {
    Kind.CONTAINS: _contains,
    Kind.CONTAINS_ANY: _contains_any,
    Kind.DOES_NOT_CONTAIN: _does_not_contain,
    Kind.NEVER_SAYS: _does_not_contain,
    Kind.MATCHES: _matches,
    Kind.HANDS_OFF: _hands_off,
    Kind.LANGUAGE: _language,
    Kind.MAX_LENGTH: _max_length,
    Kind.MAX_COST: _max_cost,
    Kind.SAYS_EXACTLY: _says_exactly,
    Kind.SAYS_NOTHING: _says_nothing,
    Kind.OPTED_OUT: _opted_out,
}


def _holds(text: str, words: str) -> bool:
    """Without case and accents; signs alone, such as `€` or an emoji, as they are.

    A number is a whole one: `3.50` is not in `13.50`.
    """
    sought = bare(words)
    if not sought:
        return words.strip() in text
    start = r"(?<!\d)" if sought[0].isdecimal() else ""
    end = r"(?!\d)" if sought[-1].isdecimal() else ""
    return re.search(f"{start}{re.escape(sought)}{end}", bare(text)) is not None


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _listed(words: Any) -> str:
    return ", ".join(f"`{_short(one)}`" for one in words)


def _short(text: str) -> str:
    line = _spaced(text)
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…"
