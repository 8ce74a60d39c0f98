"""What a service's HTTP status means for the request, in an operator's words."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.retry_after import parse_retry_after
from bot.errors import Refused, Unavailable

_PASSING = frozenset({408, 409, 425, 429})


def status_error(
    text: str,
    status: int,
    retry_after: str | None,
    now: datetime,
    remedies: Mapping[int, str],
    otherwise: str | None = None,
) -> Unavailable | Refused:
    """Try again later, or never. `text`: who answered what; `remedies`: what to do, by status."""
    if status in _PASSING or status >= 500:
        return Unavailable(text, parse_retry_after(retry_after, now), status)
    remedy = remedies.get(status, otherwise)
    return Refused(text if remedy is None else f"{text}: {remedy}", status)


def failure_kind(error: Unavailable | Refused) -> str:
    """What went wrong, as one of a few names to count it by."""
    status = error.status
    if isinstance(error, Unavailable):
        if status is None:
            return "no_answer"
        return "rate_limited" if status == 429 else "server_error"
    if status is None:
        return "unusable"
    return "unauthorized" if status in (401, 402, 403) else "refused"
