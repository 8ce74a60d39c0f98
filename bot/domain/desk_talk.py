"""What an operator is answered on WhatsApp, in a line or a few."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from bot.domain.telling import short

_NAME_MAX = 40
_WORDS_MAX = 80
NOBODY_WAITS = "Nobody waits for a person here."
NOT_TEXT = "Only text is passed on. Write it in words, as a reply to the notice."
TOO_OLD = "This arrived here too late, so nothing was done. Send it again if it still counts."
MUTED_FOR_GOOD = "No notices to you until you write #unmute."
UNMUTED = "You get notices again."


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits for a person."""

    number: int
    name: str | None = field(repr=False)
    contact: str = field(repr=False)
    since: datetime
    why: str | None
    words: str = field(repr=False)
    by: str | None
    """Who has the conversation; None: the bot."""

    @property
    def who(self) -> str:
        return called(self.number, self.name, self.contact)


def called(number: int, name: str | None, contact: str) -> str:
    """`#3 Ana`."""
    return f"#{number} {short(name or contact, _NAME_MAX)}"


def who_waits(waiting: Sequence[Waiting], more: int, now: datetime) -> str:
    """One line for each, whoever has waited longest first; `more`: how many are left out."""
    if not waiting:
        return NOBODY_WAITS
    lines = [_line(one, now) for one in waiting]
    return "\n".join([*lines, f"and {more} more"] if more else lines)


def _line(one: Waiting, now: datetime) -> str:
    words = short(one.words, _WORDS_MAX)
    why = f" [{short(one.why, _WORDS_MAX)}]" if one.why else ""
    by = f" ({short(one.by, _NAME_MAX)} has it)" if one.by else ""
    return f"{one.who}, {_age(now - one.since)}{by}{why}: {words}"


def _age(age: timedelta) -> str:
    minutes = max(0, int(age / timedelta(minutes=1)))
    if minutes < 60:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"


def silent_until(until: datetime | None, timezone: tzinfo, now: datetime, end: str) -> str:
    """`the bot is silent until 18:05`; `end`: the command that ends it."""
    if until is None:
        return f"the bot is silent until you write {end}"
    return f"the bot is silent until {_clock(until, timezone, now)}"


def _clock(at: datetime, timezone: tzinfo, now: datetime) -> str:
    local = at.astimezone(timezone)
    same_day = local.date() == now.astimezone(timezone).date()
    return f"{local:%H:%M}" if same_day else f"{local.day} {local:%b}, {local:%H:%M}"


def muted_until(until: datetime, timezone: tzinfo, now: datetime) -> str:
    """The answer to `#mute 2h`."""
    return f"No notices to you until {_clock(until, timezone, now)}."


def also_here(by: str) -> str:
    """Somebody else has this conversation."""
    return f"Note: {short(by, _NAME_MAX)} has this conversation too."
