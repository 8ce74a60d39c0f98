"""The `Retry-After` header: seconds or a date, written by somebody else."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

CAP = timedelta(hours=24)
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,9})?", re.ASCII)


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """How long to wait, from zero to 24 hours; None when absent or nonsense."""
    if value is None:
        return None
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return min(timedelta(seconds=float(value)), CAP)
    return _until_date(value, now)


def _until_date(value: str, now: datetime) -> timedelta | None:
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return min(max(date - now, timedelta()), CAP)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
