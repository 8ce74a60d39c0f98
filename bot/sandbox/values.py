"""Small values that the parts of the sandbox share."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.errors import BotError

Json = Mapping[str, object]

TEXT_LIMIT = 4_096
"""Code points in one message."""


def now() -> datetime:
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and a `Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


class Declined(BotError):
    """A call is answered with this status and `{"error": code, "message": text}`."""

    def __init__(
        self, status: int, code: str, message: str, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
