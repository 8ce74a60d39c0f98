"""A prompt for one conversation at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.adapters.prompt_files.template import MAX_RESULT_BYTES, TextTemplate
from bot.domain.prompt import Business, HandOffRule, Prompt, RenderedPrompt, WordRule
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


def values_for(
    prompt: Prompt,
    business: Business,
    *,
    line_id: str = "default",
    contact_name: str | None = "A" * MAX_NAME_LENGTH,
    now: datetime = datetime(2000, 12, 27, 20, 0, tzinfo=UTC),
) -> Mapping[str, Any]:
    """What templates may name; the defaults are the longest there can be, for a trial.

    The contact's name is the customer's own choice: one short line of visible letters, as data.
    """
    return {
        **prompt.variables,
        "business": {
            "name": business.name if business.name else "our shop",
            "timezone": business.timezone,
            "hours": business.hours,
        },
        "contact": {"name": clean_line(contact_name or "", MAX_NAME_LENGTH)},
        "line_id": line_id,
        "now": _spoken(now.astimezone(ZoneInfo(business.timezone)), business.timezone),
    }


def render_prompt(ready: ReadyPrompt, values: Mapping[str, Any]) -> RenderedPrompt:
    """All texts of the prompt with these values."""
    texts = {key: template.render(values) for key, template in ready.templates.items()}
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


def _spoken(now: datetime, timezone: str) -> str:
    return f"{now:%A} {now.day} {now:%B %Y, %H:%M} ({timezone})"
