"""When to try again."""

from datetime import timedelta


def backoff(attempt: int, base: timedelta, cap: timedelta, jitter: float) -> timedelta:
    """The wait before the next try, after `attempt` (from 1) failed ones.

    Doubles from `base` up to `cap`; `jitter` in [0, 1) takes up to half of it away, so that many
    waiting conversations do not come back in the same instant.
    """
    doubled = min(base.total_seconds() * 2.0 ** min(attempt - 1, 60), cap.total_seconds())
    return timedelta(seconds=doubled * (1 - jitter / 2))
