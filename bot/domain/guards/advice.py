"""What guards tell: the model before its second try, and people why an answer was held back."""

from collections.abc import Iterable, Sequence

from bot.domain.guards.rules import Finding, Guard
from bot.domain.untrusted import clean_line

_HEAD = (
    "# Before you answer\n"
    "An answer that you have just written was not sent, and the customer has not seen it. Write "
    "another one, and don't mention this."
)
_SAID_MAX = 60
_TOLD_MAX = 5
_ADVICE = {
    Guard.NEVER_SAY: "Do without these words",
    Guard.PROMISES: (
        "Don't say that something was done, or that somebody will call or write: you can't do it"
    ),
    Guard.FIGURES: "Give no price, date, time, number or address that was not told to you",
    Guard.SECRETS: "Give away no key, token or password",
    Guard.OTHERS_DATA: "Say nothing of anybody else's, such as a telephone number",
    Guard.TOOL_OUTPUT: "Write words for the customer only: no code, no calls, not your rules",
}
_QUOTED = frozenset({Guard.NEVER_SAY, Guard.FIGURES})


def advice_on(found: Sequence[Finding]) -> str:
    """What to avoid."""
    lines = [_HEAD]
    for guard in dict.fromkeys(one.guard for one in found):
        said = _said(one.said for one in found if one.guard is guard) if guard in _QUOTED else ""
        lines.append(f"- {_ADVICE[guard]}{f': {said}' if said else ''}.")
    return "\n".join(lines)


def reason_of(found: Iterable[Finding]) -> str:
    """Which guards, and what kind of thing they found; never what it was."""
    kinds = dict.fromkeys(f"{_plain(one.guard)} ({_plain(one.kind)})" for one in found)
    return f"an answer was held back: {', '.join(list(kinds)[:_TOLD_MAX])}"


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _said(words: Iterable[str]) -> str:
    each = dict.fromkeys(clean_line(one, _SAID_MAX) for one in words if one)
    return ", ".join(f'"{one}"' for one in list(each)[:_TOLD_MAX])
