"""All guards on one answer. Pure, and in time that grows with the answer's length and no faster."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from bot.domain.guards.figures import PHONE_DIGITS, figures, phones
from bot.domain.guards.folding import fold, visible
from bot.domain.guards.leaks import echo, keys, machinery, without_keys
from bot.domain.guards.never_say import forbidden
from bot.domain.guards.origin import Origin, is_known_number
from bot.domain.guards.promises import promised
from bot.domain.guards.rules import Act, Finding, Guard, Guards
from bot.domain.guards.sources import Sources

_FIGURED_MAX = 8_192
"""No message to a customer is longer; what is, is not looked through figure by figure."""
_FOUND_MAX = 5
_NUMBERS_MAX = 50


def _nothing_secret(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Watch:
    """What is the same for all prompts."""

    without_secrets: Callable[[str], str] = _nothing_secret
    """A text with each of our own secrets taken out."""
    operators: frozenset[str] = frozenset()
    """Digits of the numbers of our own people."""

    def clean(self, text: str) -> str:
        """Without anything secret, ours or not."""
        return without_keys(self.without_secrets(text))


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that nobody has seen yet."""

    text: str = field(repr=False)
    instructions: str = field(repr=False)
    """The prompt's own, as they are written in its file."""
    sources: Sources = field(repr=False)
    hands_off: bool = False
    """A person takes over with it."""


def examine(draft: Draft, rules: Guards, watch: Watch) -> tuple[Finding, ...]:
    """Everything that is wrong with it, as far as it can be told from the words alone."""
    text = visible(draft.text)
    folded = fold(text)
    found = [*_leaks(text, folded, draft, watch)]
    if rules.never_say is not Act.OFF:
        found += islice(forbidden(folded, rules.words), _FOUND_MAX)
    if rules.promises is not Act.OFF and not draft.hands_off:
        found += promised(text, draft.sources.system)
    if rules.figures is not Act.OFF and not draft.sources.shown:
        found += islice(_unfounded(text, draft.sources), _FOUND_MAX)
    return tuple(found)


def _leaks(text: str, folded: str, draft: Draft, watch: Watch) -> Iterator[Finding]:
    if watch.without_secrets(text) != text:
        yield Finding(Guard.SECRETS, "own")
    yield from keys(text)
    yield from machinery(text)
    yield from echo(folded, draft.instructions)
    strange = strange_numbers(draft)
    if len(strange) > _NUMBERS_MAX:  # nothing for a customer, whosever they are
        yield Finding(Guard.OTHERS_DATA, "list")
    elif any(_is_of(number, watch.operators) for number in strange):
        yield Finding(Guard.OTHERS_DATA, "operator")


def _unfounded(text: str, sources: Sources) -> Iterator[Finding]:
    if any(sign.isdigit() for sign in text[_FIGURED_MAX:]):
        yield Finding(Guard.FIGURES, "too_long")
    text = text[:_FIGURED_MAX]
    origin = Origin(sources, text)
    for figure in figures(text):
        if not origin.has(figure):
            yield Finding(Guard.FIGURES, figure.kind, figure.said)


def strange_numbers(draft: Draft) -> Sequence[str]:
    """The digits of telephone numbers in it that nobody has named before."""
    found = phones(visible(draft.text))
    strange = (number for number in found if not is_known_number(number, draft.sources))
    return list(dict.fromkeys(islice(strange, _NUMBERS_MAX + 1)))


def _is_of(number: str, known: frozenset[str]) -> bool:
    """Also without the country's code."""
    national = number.lstrip("0")
    if len(national) < PHONE_DIGITS:
        return False
    return any(other.endswith(national) for other in known)
