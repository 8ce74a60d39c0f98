"""What the model is told of the person who has answered in its place."""

from collections.abc import Sequence

from bot.domain.telling import short

BRIEF_MAX = 1500
_SAID_MAX = 300
_NEWEST = 5
_UNKNOWN = "- They wrote on the phone, in words that are not known here: ask if in doubt."
_HEAD = "# What a colleague has told this customer\nIt stands: keep to it, don't contradict it."


def summarise(said: Sequence[str]) -> str:
    """The newest of a person's messages, as a list; empty when they wrote nothing."""
    words = [short(text, _SAID_MAX) for text in said if text.strip()][-_NEWEST:]
    lines = [f"- {text}" for text in words]
    if any(not text.strip() for text in said):
        lines.append(_UNKNOWN)
    return "\n".join(lines)[:BRIEF_MAX]


def with_brief(system: str, brief: str) -> str:
    """The prompt, and behind it what a person has promised."""
    return f"{system}\n\n{_HEAD}\n{brief}".lstrip() if brief else system
