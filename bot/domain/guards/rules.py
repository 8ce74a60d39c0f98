"""What each guard does when it finds something, and what is noted of it."""

from dataclasses import dataclass, field
from enum import StrEnum


class Act(StrEnum):
    """What a guard does."""

    OFF = "off"
    LOG = "log"
    REGENERATE = "regenerate"
    """The model is asked once more; what it says then is held back if it is no better."""
    HAND_OFF = "hand_off"
    """The answer is held back, and a person is called."""


class Guard(StrEnum):
    """What is looked for."""

    NEVER_SAY = "never_say"
    PROMISES = "promises"
    FIGURES = "figures"
    SECRETS = "secrets"
    OTHERS_DATA = "others_data"
    TOOL_OUTPUT = "tool_output"


class Done(StrEnum):
    """What was done about a finding."""

    LOGGED = "logged"
    REGENERATED = "regenerated"
    HANDED_OFF = "handed_off"
    FALLBACK = "fallback"
    """The prompt has nobody to hand over to: its fallback was said."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What a prompt has decided; without a word on it everything is only noted.

    Leaks (secrets, others' data, tool output) are always held back.
    """

    never_say: Act = Act.LOG
    words: tuple[str, ...] = ()
    """Words and phrases; a `*` at the end stands for any end of the word."""
    promises: Act = Act.LOG
    figures: Act = Act.LOG
    leaks: Act = Act.HAND_OFF

    def act(self, guard: Guard) -> Act:
        """What is to be done about a finding of this guard's."""
        match guard:
            case Guard.NEVER_SAY:
                return self.never_say
            case Guard.PROMISES:
                return self.promises
            case Guard.FIGURES:
                return self.figures
            case _:
                return self.leaks


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a guard has found."""

    guard: Guard
    kind: str
    """Which of its things, one word of ours: `price`, `call_back`, `api_key`."""
    said: str = field(default="", repr=False)
    """The words themselves, for the model's second try; empty where nobody may see them again."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept with the turn: never a word of the answer."""

    guard: Guard
    kind: str
    done: Done

    def __str__(self) -> str:
        return f"{self.guard} {self.kind} {self.done}"
