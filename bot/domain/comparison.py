"""Two answers to the same turn, side by side: how much they differ, and both sides' figures."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher
from statistics import median

from bot.domain.outcome import Ended, Outcome

_WORD = re.compile(r"\w+")
_WORDS_MAX = 1000

LanguageOf = Callable[[str], str]
"""A code such as `es`; empty: can't be told."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a turn with one prompt."""

    text: str = field(repr=False)
    """Empty: nothing was said."""
    ended: str = Ended.ANSWERED
    reason: str = ""
    """Of a hand-off, or why nothing was said."""
    effect: str | None = None
    """`domain.turn.Effect`; None: the conversation goes on."""
    prompt_name: str | None = None
    prompt_version: str | None = None
    model: str | None = None
    """None: fixed words, no model was asked."""
    llm_ms: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    guards: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """In and out; 0 also when nobody counted."""
        return (self.tokens_in or 0) + (self.tokens_out or 0)


def answer_of(outcome: Outcome) -> Answer:
    """What would have been said."""
    reply, made_by = outcome.reply, outcome.made_by
    call = outcome.hand_off
    return Answer(
        text=outcome.text,
        ended=outcome.ended.value,
        reason=outcome.reason if call is None else call.reason,
        effect=None if reply is None or reply.effect is None else reply.effect.value,
        prompt_name=made_by.prompt_name,
        prompt_version=made_by.prompt_version,
        model=made_by.model,
        llm_ms=made_by.llm_ms,
        tokens_in=made_by.tokens_in,
        tokens_out=made_by.tokens_out,
        cost=made_by.cost,
        guards=tuple(map(str, made_by.notes)),
    )


@dataclass(frozen=True, slots=True)
class Spent:
    """What was paid, as far as it is known."""

    cost: float = 0.0
    unpriced: int = 0
    """So many answers of models that have no price."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What a customer got, and what another prompt says to the same."""

    turn_id: str
    conversation_id: str
    line_id: str
    at: datetime
    asked: str = field(repr=False)
    """What the customer had said, in short."""
    old: Answer
    new: Answer | None
    """None: it could not be made."""
    trouble: str = ""
    """Why not."""

    @property
    def difference(self) -> float:
        """From 0, the same words, to 1; without the new answer 0."""
        return 0.0 if self.new is None else difference(self.old, self.new)


def difference(old: Answer, new: Answer) -> float:
    """The share of words that are not the other's, in order; 1 when only one calls a person.

    Punctuation, emphasis and capitals don't count. It says nothing of better or worse.
    """
    if old.effect != new.effect or bool(old.text) != bool(new.text):
        return 1.0
    before, after = (_WORD.findall(one.text.casefold())[:_WORDS_MAX] for one in (old, new))
    if before == after:
        return 0.0
    return 1.0 - SequenceMatcher(None, before, after, autojunk=False).ratio()


def changed_first(pairs: Iterable[Pair]) -> list[Pair]:
    """By how much they differ; what could not be made comes last."""
    return sorted(pairs, key=lambda pair: (pair.new is None, -pair.difference, pair.at))


@dataclass(frozen=True, slots=True)
class Figures:
    """One side of many turns."""

    turns: int
    answered: int
    """Something was said."""
    handed_off: int
    opted_out: int
    failed: int
    hand_off_rate: float | None
    """Of what was answered; None: nothing was."""
    median_chars: float | None
    languages: Mapping[str, int]
    """Empty code: can't be told."""
    tokens: int
    cost: float | None
    """None: the price of some is not known."""
    guards: Mapping[str, int]
    """What guards found, as `bot why` names it."""


def figures_of(answers: Sequence[Answer], language_of: LanguageOf) -> Figures:
    """Of one side."""
    said = [one for one in answers if one.text and one.ended != Ended.FAILED]
    handed_off = sum(one.effect == "handed off" for one in said)
    asked = [one.cost for one in answers if one.model is not None]
    known = [cost for cost in asked if cost is not None]
    return Figures(
        turns=len(answers),
        answered=len(said),
        handed_off=handed_off,
        opted_out=sum(one.effect == "opted out" for one in said),
        failed=sum(one.ended == Ended.FAILED for one in answers),
        hand_off_rate=handed_off / len(said) if said else None,
        median_chars=median(len(one.text) for one in said) if said else None,
        languages=dict(Counter(language_of(one.text) for one in said).most_common()),
        tokens=sum(one.tokens for one in answers),
        cost=sum(known) if len(known) == len(asked) else None,
        guards=dict(Counter(guard for one in answers for guard in one.guards).most_common()),
    )
