"""A test file as it is meant: who says what, and what is expected of the bot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from bot.domain.opening_hours import BotAnswers


class Kind(StrEnum):
    """What can be expected; the values are the keys of the test files."""

    CONTAINS = "contains"
    """All of these words, somewhere."""
    CONTAINS_ANY = "contains_any"
    DOES_NOT_CONTAIN = "does_not_contain"
    NEVER_SAYS = "never_says"
    """The same as the one before; named so beside a whole conversation or file."""
    MATCHES = "matches"
    """A regular expression, without case."""
    HANDS_OFF = "hands_off"
    LANGUAGE = "language"
    MAX_LENGTH = "max_length"
    """Characters of one reply."""
    MAX_COST = "max_cost"
    """Of the replies, in the currency of `llm.prices`."""
    SAYS_EXACTLY = "says_exactly"
    SAYS_NOTHING = "says_nothing"
    OPTED_OUT = "opted_out"
    JUDGE = "judge"
    """In plain words, for a model to decide."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a judge is asked, how often, and which share of the verdicts has to be yes."""

    text: str
    times: int = 1
    pass_rate: float = 1.0


Wanted = str | bool | int | float | tuple[str, ...] | Criterion


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that has to be so."""

    kind: Kind
    wanted: Wanted
    line: int = 0
    """Where it stands in the file."""

    @property
    def text(self) -> str:
        """As it was written, more or less."""
        match self.wanted:
            case Criterion(text):
                shown = text
            case bool():
                shown = "yes" if self.wanted else "no"
            case tuple():
                shown = " | ".join(self.wanted)
            case other:
                shown = str(other)
        return f"{self.kind}: {shown}"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a scripted customer's."""

    kind: Literal["text", "voice", "image"]
    text: str = ""
    """What is written or, in a voice note, said; of a picture the caption."""
    file: str = ""
    """The picture, beside the test file."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the customer writes in one go, and what is expected of the reply."""

    messages: tuple[Message, ...]
    expectations: tuple[Expectation, ...] = ()
    wait: timedelta = timedelta(0)
    """How much time has passed since the step before."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A customer whom a model plays."""

    goal: str
    temper: str = ""
    begins: str = ""
    """The first message; empty: the model writes that, too."""
    max_turns: int = 8


@dataclass(frozen=True, slots=True)
class Conversation:
    """One test."""

    name: str
    customer: tuple[Step, ...] | Simulated
    expectations: tuple[Expectation, ...] = ()
    """At the end."""
    repeat: int = 1
    pass_rate: float = 1.0
    contact: str | None = None
    line: int = 0

    @property
    def needs_judge(self) -> bool:
        """Whether a model has to decide something."""
        of_steps = () if isinstance(self.customer, Simulated) else self.customer
        every = (*self.expectations, *(one for step in of_steps for one in step.expectations))
        return any(one.kind is Kind.JUDGE for one in every)


@dataclass(frozen=True, slots=True)
class Suite:
    """One test file."""

    file: str
    """As it is named to people."""
    folder: str
    """Where its pictures are."""
    prompts: tuple[str, ...]
    """Names; empty: that of the line."""
    line_id: str = "default"
    now: datetime | None = None
    """By the business's own clock, without a zone; None: an ordinary morning of this week."""
    hours: Mapping[str, Sequence[str]] | None = None
    """Instead of those of the settings."""
    bot_answers: BotAnswers | None = None
    judge_model: str | None = None
    """None: the configured model judges."""
    conversations: tuple[Conversation, ...] = field(default=())
