"""What operators are told: that a customer needs a person, and that one has waited too long.

A notice is a brief of three lines and a link: who and why, what they want, what was promised.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import quote

from bot.domain.telling import short

WORDS_MAX = 240
_NAME_MAX = 40


class NoticeKind(StrEnum):
    """Why operators are told."""

    HAND_OFF = "hand_off"
    """The bot has called a person."""
    ATTENTION = "attention"
    """A failure, a limit, a flood: nobody answers this customer now."""
    WAITING = "waiting"
    """The pause is over, the customer waits, and no person has answered."""
    STOPPED = "stopped"
    """A line's breaker has tripped: the bot is silent there until a person resumes it."""
    SUMMARY = "summary"
    """After an outage: how many were answered late, and how many are left to people."""
    OPT_OUT = "opt_out"
    """The customer wrote STOP to a person."""
    ALERT = "alert"
    """Something is wrong with the bot, a line or the account."""
    ALERT_OVER = "alert_over"
    """It no longer is."""
    CANDIDATE = "candidate"
    """A changed prompt has failed its tests and is not live."""


@dataclass(frozen=True, slots=True)
class Roster:
    """Who is told, and who commands. Addresses are contact keys."""

    everywhere: tuple[str, ...] = ()
    by_line: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Lines with operators of their own, instead of those."""
    webhook: bool = False
    base_url: str = ""
    """Where operators reach the bot; empty: no links."""

    def of(self, line_id: str) -> tuple[str, ...]:
        """The operators of a line."""
        return self.by_line.get(line_id, self.everywhere)

    def concerned(self, line_id: str | None) -> tuple[str, ...]:
        """Who is told of what is wrong with a line, or (None) with all of them."""
        if line_id is not None:
            return self.of(line_id)
        of_lines = (address for theirs in self.by_line.values() for address in theirs)
        return self.everywhere or tuple(dict.fromkeys(of_lines))

    def link(self, conversation_id: str) -> str:
        """Where a conversation is shown; empty when nobody knows the address."""
        if not self.base_url:
            return ""
        return f"{self.base_url}/console/conversations/{quote(conversation_id, safe='')}"


@dataclass(frozen=True, slots=True)
class Brief:
    """What somebody who is called needs to know. Names and words are other people's: untrusted."""

    number: int
    """What operators call the conversation."""
    name: str | None = field(repr=False)
    contact: str = field(repr=False)
    why: str
    wants: str = field(repr=False)
    promised: str = field(repr=False)
    """What the bot has said last; empty: nothing yet."""
    link: str = ""

    @property
    def who(self) -> str:
        """`#3 Ana (+15550001111)`."""
        name = short(self.name or "", _NAME_MAX)
        whom = f"{name} ({self.contact})" if name else self.contact
        return f"#{self.number} {whom}"

    @property
    def text(self) -> str:
        """The three lines, and the link where there is one."""
        wants = short(self.wants, WORDS_MAX)
        promised = short(self.promised, WORDS_MAX)
        lines = [
            f"{self.who}: {short(self.why, WORDS_MAX)}",
            f"Wants: {wants}" if wants else "Wants: not said in words",
            f"Promised: {promised}" if promised else "Promised: nothing",
        ]
        return "\n".join([*lines, self.link] if self.link else lines)


HOW_TO_ANSWER = "Reply to this message to write to them. #resume: the bot goes on. More: #help"
"""The last line of a notice on WhatsApp: swiping on it is all that has to be known."""
