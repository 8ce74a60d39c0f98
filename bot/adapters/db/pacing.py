"""When: the waits, days and ends that transitions are paced by."""

from datetime import datetime, timedelta
from random import random
from zoneinfo import ZoneInfo

from bot.domain.conversation import Policy
from bot.domain.retry import backoff


def retry_delay(attempt: int, policy: Policy) -> timedelta:
    """How long to wait after the `attempt`th failure, with jitter."""
    return backoff(attempt, policy.base_delay, policy.max_delay, random())  # noqa: S311 - jitter


def resume_at(now: datetime, policy: Policy) -> datetime | None:
    """When a pause that begins now ends by itself; None: never."""
    return None if policy.auto_resume_after is None else now + policy.auto_resume_after


def day_of(now: datetime, policy: Policy) -> str:
    """The business's day, as `YYYY-MM-DD`."""
    return now.astimezone(ZoneInfo(policy.timezone)).date().isoformat()
