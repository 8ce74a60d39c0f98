"""Errors, sorted by what the caller can do about them.

BotError
├── SettingsError     the operator corrects a file or a variable (carries every fault at once)
├── NotFound          the named conversation, event or message does not exist
├── Ambiguous         several lines know this contact: say which one
├── Unavailable       an outside part is away: the same call may succeed later
│   └── StoreUnavailable   the database did not take it: answer 503, ask for a redelivery
├── Refused           an outside part will never accept this very request
│   └── BadMedia      an attachment that can't be had or read, for the reason in `problem`
├── MediaMissing      a host or a service says no to an attachment: it may change its mind
└── LostClaim         somebody else owns this work now: drop it, write nothing
"""

from dataclasses import dataclass
from datetime import timedelta


class BotError(Exception):
    """Base of all errors this package raises on purpose; its text is fit for an operator."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault in a file or in the environment, as `file:line:column: key: message`."""

    message: str
    """What is wrong and what to write instead, in one line."""
    key: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, self.key, self.message) if part)


class SettingsError(BotError):
    """Settings, prompts or environment are not usable; `faults` names every reason."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class NotFound(BotError):
    """What was asked for does not exist."""


class Ambiguous(BotError):
    """A contact is known on several lines; `lines` are their ids."""

    def __init__(self, contact_hint: str, lines: tuple[str, ...]) -> None:
        super().__init__(f"{contact_hint} is known on several lines: {', '.join(lines)}")
        self.lines = lines


class Unavailable(BotError):
    """An outside part is away or overloaded; nothing is wrong with the request itself."""

    def __init__(
        self, message: str, retry_after: timedelta | None = None, status: int | None = None
    ) -> None:
        """`status`: what it answered with over HTTP, None when it did not."""
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status


class StoreUnavailable(Unavailable):
    """The database could not store or read this now."""


class Refused(BotError):
    """The request itself was rejected; sending it again would be rejected again."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class BadMedia(Refused):
    """Nothing will come of this attachment; `problem` is a `domain.media.Problem`'s value."""

    def __init__(self, problem: str, message: str) -> None:
        super().__init__(message)
        self.problem = problem


class MediaMissing(BotError):
    """An answer that may change, but not for ever: tried again a few times, then `problem`."""

    def __init__(self, message: str, problem: str = "missing") -> None:
        super().__init__(message)
        self.problem = problem


class LostClaim(BotError):
    """The work was taken over (lease over, conversation paused): its result must not be written."""
