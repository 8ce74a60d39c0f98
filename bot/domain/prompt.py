"""A prompt as the bot uses it: parsed, checked and, for one turn, rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.guards.rules import Guards
from bot.domain.opening_hours import OpeningHours

Value = str | int | float | bool | Sequence[str | int | float | bool]


@dataclass(frozen=True, slots=True)
class Business:
    """The business as prompts speak of it; empty texts: not told."""

    name: str = ""
    timezone: str = "UTC"
    hours: str = ""
    """As one reads them; with `opening` they come from there, in the prompt's own language."""
    opening: OpeningHours | None = None
    """None: not known, so it counts as open."""


@dataclass(frozen=True, slots=True)
class Customer:
    """The contact as prompts speak of it, beside the name."""

    key: str = field(default="", repr=False)
    """As `contact_key` gives it; empty: nobody in particular."""
    language: str = ""
    """A code such as `es`; empty: not known."""
    is_new: bool = True
    """Nobody has answered them yet."""


@dataclass(frozen=True, slots=True)
class LineVoice:
    """What one line says otherwise than the prompt files."""

    variables: Mapping[str, Value] = field(default_factory=dict)
    """In place of those that the prompt declares under the same names."""
    contacts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The prompt file for a contact, by `contact_key`."""
    split: Mapping[str, float] = field(default_factory=dict)
    """The prompt files that speak to a share of its contacts, in percent."""
    shadow: str | None = None
    """The prompt file that makes answers nobody gets."""

    @property
    def heard(self) -> frozenset[str]:
        """What customers are spoken to with, beside the line's own."""
        return frozenset((*self.contacts.values(), *self.split))

    @property
    def files(self) -> frozenset[str]:
        """The shadow too."""
        return self.heard if self.shadow is None else self.heard | {self.shadow}


def variables_with(
    file: str, lines: Mapping[str, str], voices: Mapping[str, LineVoice]
) -> Mapping[str, Mapping[str, Value]]:
    """What the lines that speak with this file, to whomever, put in place of its variables."""
    return {
        line_id: voice.variables
        for line_id, voice in voices.items()
        if voice.variables and file in {lines.get(line_id, lines.get("default")), *voice.files}
    }


@dataclass(frozen=True, slots=True)
class HandOffRule:
    """When the bot calls a person, and the words the customer then gets."""

    when: str = ""
    """In plain words, for the model; empty: only the keywords count."""
    keywords: tuple[str, ...] = ()
    """Whole messages that hand off without asking the model (compared without case)."""
    say: str = ""


@dataclass(frozen=True, slots=True)
class WordRule:
    """Whole messages that are acted on without asking the model, and what is said then."""

    keywords: tuple[str, ...] = ()
    """Compared as `keywords.is_keyword` does."""
    say: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One valid version of `prompts/<name>.yaml`. Texts are templates until rendered."""

    name: str
    version: str
    """The first 12 hex digits of the source's SHA-256."""
    source: str = field(repr=False)
    texts: Mapping[str, str] = field(repr=False)
    """The text keys that are set: `instructions`, `facts`, `fallback`, …"""
    hand_off: HandOffRule | None = None
    opt_out: WordRule = field(default_factory=WordRule)
    opt_in: WordRule = field(default_factory=WordRule)
    model: str | None = None
    variables: Mapping[str, Value] = field(default_factory=dict)
    guards: Guards = field(default_factory=Guards)
    own_language: str = ""
    """Of the fixed words that `texts` holds; empty: not told."""
    languages: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """Fixed words by language; those of a rule under its name."""


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """A prompt with its variables filled in, for one conversation at one moment."""

    name: str
    version: str
    system: str = field(repr=False)
    """The blocks, one text: the first message of role `system`."""
    fallback: str
    unsupported: str
    apology: str = ""
    away: str = ""
    unheard: str = ""
    disclosure: str = ""
    hand_off: HandOffRule | None = None
    opt_out: WordRule = field(default_factory=WordRule)
    opt_in: WordRule = field(default_factory=WordRule)
    model: str | None = None
    guards: Guards = field(default_factory=Guards)
    instructions: str = field(default="", repr=False)
    """The template of the first block, which nobody is to be told word for word."""
