"""A prompt for one conversation at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from bot.adapters.prompt_files.template import MAX_RESULT_BYTES, TextTemplate
from bot.domain.calendar_words import CalendarWords, calendar_words, part_of_day
from bot.domain.opening_hours import hours_text
from bot.domain.prompt import (
    Business,
    Customer,
    HandOffRule,
    LineVoice,
    Prompt,
    RenderedPrompt,
    Value,
    WordRule,
)
from bot.domain.untrusted import clean_line

MAX_NAME_LENGTH = 60

_BLOCKS = {
    "instructions": "",
    "facts": "# Facts",
    "language": "# Language",
    "hand_off.when": "# When a colleague takes over",
}


@dataclass(frozen=True, slots=True)
class ReadyPrompt:
    """A checked prompt with its compiled texts."""

    prompt: Prompt
    templates: Mapping[str, TextTemplate] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Foreign:
    """The customer's language, where the prompt has words in it, and the values in its words."""

    language: str
    values: Mapping[str, Any] = field(repr=False)


class BusinessNow:
    """`business` as templates know it; when it opens is worked out only where that is asked."""

    def __init__(self, business: Business, now: datetime, words: CalendarWords) -> None:
        opening = business.opening if business.opening and business.opening.hours else None
        self.name = business.name if business.name else "our shop"
        self.timezone = business.timezone
        self.hours = business.hours if opening is None else hours_text(opening.hours, words)
        self._opening = opening
        self._now = now
        self._words = words

    @property
    def is_open(self) -> bool:
        """Always, where no hours are known."""
        return self._opening is None or self._opening.is_open(self._now)

    @property
    def opens_at(self) -> str:
        """`08:00`; empty while it is open, and when nobody knows."""
        return "" if self.is_open else self._change("%H:%M")

    @property
    def opens_on(self) -> str:
        """The day of that, `Tuesday`."""
        at = None if self.is_open else self._changes_at()
        return "" if at is None else self._words.day_of(at)

    @property
    def closes_at(self) -> str:
        """Empty while it is closed, and when it never closes."""
        return self._change("%H:%M") if self.is_open else ""

    def _change(self, form: str) -> str:
        at = self._changes_at()
        return "" if at is None else f"{at:{form}}"

    def _changes_at(self) -> datetime | None:
        if self._opening is None:
            return None
        at = self._opening.changes_at(self._now)
        return None if at is None else at.astimezone(self._opening.timezone)


def values_for(
    prompt: Prompt,
    business: Business,
    *,
    line_id: str = "default",
    contact_name: str | None = "A" * MAX_NAME_LENGTH,
    now: datetime = datetime(2000, 12, 27, 20, 0, tzinfo=UTC),
    customer: Customer = Customer(language="xxx"),  # noqa: B008 - frozen
    line_variables: Mapping[str, Value] = MappingProxyType({}),
    language: str | None = None,
) -> Mapping[str, Any]:
    """What templates may name; the defaults are the longest there can be, for a trial.

    The contact's name is the customer's own choice: one short line of visible letters, as data.
    `language`: of days and hours, the prompt's own when None.
    """
    words = calendar_words(prompt.own_language if language is None else language)
    local = now.astimezone(ZoneInfo(business.timezone))
    return {
        **prompt.variables,
        **line_variables,  # what the prompt doesn't declare no text of it can name
        "business": BusinessNow(business, now, words),
        "contact": {
            "name": clean_line(contact_name or "", MAX_NAME_LENGTH),
            "language": customer.language,
            "is_new": customer.is_new,
        },
        "line": {"id": line_id},
        "line_id": line_id,
        "now": f"{words.date_of(local)}, {local:%H:%M} ({business.timezone})",
        "today": words.date_of(local),
        "weekday": words.day_of(local),
        "time": f"{local:%H:%M}",
        "part_of_day": part_of_day(local),
    }


def render_prompt(
    ready: ReadyPrompt, values: Mapping[str, Any], foreign: Foreign | None = None
) -> RenderedPrompt:
    """All texts of the prompt with these values; `foreign` words take the place of its own."""
    own = {key: it for key, it in ready.templates.items() if not key.startswith("languages.")}
    texts = {key: template.render(values) for key, template in own.items()}
    texts |= _translated(ready, foreign)
    prompt, rule = ready.prompt, ready.prompt.hand_off
    return RenderedPrompt(
        name=prompt.name,
        version=prompt.version,
        system=_system(texts),
        fallback=texts["fallback"],
        unsupported=texts["unsupported"],
        apology=texts.get("apology", ""),
        away=texts.get("away", ""),
        unheard=texts.get("unheard", ""),
        disclosure=texts.get("disclosure", ""),
        hand_off=None
        if rule is None
        else HandOffRule(texts["hand_off.when"], rule.keywords, texts["hand_off.say"]),
        opt_out=WordRule(prompt.opt_out.keywords, texts["opt_out"]),
        opt_in=WordRule(prompt.opt_in.keywords, texts["opt_in"]),
        model=prompt.model,
        guards=prompt.guards,
        instructions=prompt.texts["instructions"],
    )


def speak(
    ready: ReadyPrompt,
    business: Business,
    voice: LineVoice,
    customer: Customer,
    *,
    line_id: str,
    contact_name: str | None,
    now: datetime,
) -> RenderedPrompt:
    """The prompt for one conversation, with its fixed words in the customer's language."""
    told = partial(
        values_for,
        ready.prompt,
        business,
        line_id=line_id,
        contact_name=contact_name,
        now=now,
        customer=customer,
        line_variables=voice.variables,
    )
    language = customer.language
    is_foreign = language in ready.prompt.languages
    foreign = Foreign(language, told(language=language)) if is_foreign else None
    return render_prompt(ready, told(), foreign)


def _translated(ready: ReadyPrompt, foreign: Foreign | None) -> dict[str, str]:
    if foreign is None:
        return {}
    return {
        "hand_off.say" if key == "hand_off" else key: ready.templates[
            f"languages.{foreign.language}.{key}"
        ].render(foreign.values)
        for key in ready.prompt.languages.get(foreign.language, {})
    }


def system_size(ready: ReadyPrompt, business: Business) -> int:
    """Bytes of the system message in a trial; just over the limit when it is cut."""
    values = values_for(ready.prompt, business)
    limit = MAX_RESULT_BYTES + 1
    blocks = [ready.templates[key] for key in _BLOCKS if key in ready.templates]
    return sum(len(block.render(values, limit).encode()) for block in blocks)


def _system(texts: Mapping[str, str]) -> str:
    titled = [(title, texts[key]) for key, title in _BLOCKS.items() if texts.get(key)]
    whole = "\n\n".join(f"{title}\n{text}".strip() for title, text in titled)
    return whole.encode()[:MAX_RESULT_BYTES].decode(errors="ignore")
