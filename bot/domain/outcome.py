"""What came of a turn whose answer nobody gets: rehearsed, taken again, or in the shadow."""

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.chat import HandOffCall
from bot.domain.turn import MadeBy, Opting, Reply


class Ended(StrEnum):
    """What came of a turn."""

    ANSWERED = "answered"
    SILENT = "silent"
    """Nothing needed to be said."""
    DECLINED = "declined"
    """A rule stands in the way of an answer."""
    OFF_DUTY = "off duty"
    """The bot's hours have not begun; it may have said the prompt's `away`."""
    PERSON = "person"
    """A person has the conversation since the bot handed it over."""
    AWAY = "away"
    """The model could not be asked: a customer would get the answer later."""
    FAILED = "failed"
    """No answer could be made: after some more tries the customer would get the fallback."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the customer gets for what was said last, and why."""

    ended: Ended
    reason: str = ""
    """Why there is no answer; empty when there is one."""
    reply: Reply | None = None
    """With `FAILED` the fallback."""

    @property
    def text(self) -> str:
        """All of it; empty: nothing is said."""
        return "" if self.reply is None else "\n\n".join(self.reply.parts)

    @property
    def hand_off(self) -> HandOffCall | None:
        """Set: a person takes over with these words."""
        return None if self.reply is None else self.reply.hand_off

    @property
    def opting(self) -> Opting | None:
        """Set: the customer has opted out or in."""
        return None if self.reply is None else self.reply.opting

    @property
    def made_by(self) -> MadeBy:
        """Version, model, tokens and cost."""
        return MadeBy() if self.reply is None else self.reply.made_by
