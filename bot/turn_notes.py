"""What is logged and measured of a turn: ids, times and counts, never a word."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from bot.domain.chat import Usage
from bot.domain.guards.rules import Note
from bot.domain.refusal import failure_kind
from bot.domain.turn import Turn
from bot.errors import Refused, Unavailable
from bot.metrics import COST, GUARDED, LLM_ERRORS, TOKENS, TURN_STEP_SECONDS, TURNS

log = structlog.get_logger()

_EVENTS_NAMED = 20


def ids(turn: Turn) -> dict[str, str]:
    """What every line about a turn is found by."""
    return {"turn": turn.id, "conversation": turn.conversation_id}


def claimed(turn: Turn, now: datetime) -> None:
    """It is in hand, with everything that has waited."""
    if turn.for_show:
        return
    waited_s = max(0.0, (now - turn.first_message_at).total_seconds())
    TURN_STEP_SECONDS.labels("waited").observe(waited_s)
    media_s = _media_s(turn)
    if media_s is not None:
        TURN_STEP_SECONDS.labels("media").observe(media_s)
    log.info(
        "turn.claimed",
        **ids(turn),
        events=list(turn.event_ids[:_EVENTS_NAMED]),
        waited_ms=round(waited_s * 1000),
    )


def _media_s(turn: Turn) -> float | None:
    """From the first file's arrival until the last was read; None: there was none."""
    files = [(entry.at, entry.media.ended_at) for entry in turn.waiting if entry.media is not None]
    ends = [ended_at for _, ended_at in files if ended_at is not None]
    if not ends:
        return None
    return max(0.0, (max(ends) - min(at for at, _ in files)).total_seconds())


def answered(turn: Turn, usage: Usage, cost: float | None) -> None:
    """The model has written something."""
    TOKENS.labels("in").inc(usage.tokens_in or 0)
    TOKENS.labels("out").inc(usage.tokens_out or 0)
    COST.labels("model").inc(cost or 0)
    if turn.for_show:  # paid for all the same
        return
    log.info(
        "model.answered",
        **ids(turn),
        took_ms=usage.took_ms,
        tokens_in=usage.tokens_in,
        tokens_out=usage.tokens_out,
    )


def guarded(turn: Turn, notes: Sequence[Note]) -> None:
    """Guards have found something in what the model wrote."""
    if turn.for_show:
        return
    for note in notes:
        GUARDED.labels(note.guard.value, note.done.value).inc()
    log.warning("answer.guarded", **ids(turn), found=[str(note) for note in notes])


def not_completed(error: Unavailable | Refused) -> None:
    """The model has written nothing."""
    LLM_ERRORS.labels(failure_kind(error)).inc()


def failed(turn: Turn, error: Unavailable | Refused) -> None:
    """No reply could be made, this time or for good."""
    log.warning("turn.failed", **ids(turn), error=str(error))


def ended(turn: Turn, end: str, reply_id: str | None) -> None:
    """`reply_id`: of what was stored to be sent, or beside."""
    if turn.for_show:
        return
    TURNS.labels(end).inc()
    log.info("turn.ended", **ids(turn), end=end, message=reply_id)
