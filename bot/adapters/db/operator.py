"""An operator who commands the bot by writing to the line."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.conversation import Policy


@dataclass(frozen=True, slots=True)
class Operator:
    """Who commands, where from, and by which settings."""

    chat: str
    """The id of their chat with the line."""
    line_id: str
    key: str
    by: str
    """As the audit log and customers' threads name them."""
    now: datetime
    policy: Policy

    @property
    def timezone(self) -> ZoneInfo:
        return ZoneInfo(self.policy.timezone)

    @property
    def scope(self) -> str | None:
        """What `all` means to them: everything (None), or the one line they look after."""
        return None if self.key in self.policy.roster.everywhere else self.line_id
