"""What was sent, or was to be: from the outbox to the other side's phone."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.adapters.db.notices import AUTHOR as NOTICE
from bot.adapters.db.rows import AnyRow
from bot.domain.handling import Action
from bot.domain.outbox import OPTED_OUT, TAKEN_OVER, SendStatus
from bot.domain.way import EndView, Noted, Step, between_ms, told, words_of

_SILENCING = frozenset({Action.PAUSED, Action.ANSWERED, Action.RESUMED})
_CAUSES = {TAKEN_OVER: _SILENCING, OPTED_OUT: frozenset({Action.OPTED_OUT})}
"""By whose doing a message was cancelled, and so when."""
_ENDS = {
    SendStatus.CANCELLED: Step.CANCELLED,
    SendStatus.FAILED: Step.REJECTED,
    SendStatus.UNCERTAIN: Step.UNCERTAIN,
}
_ENDED_WELL = {
    SendStatus.SENT: "the line took it",
    SendStatus.DELIVERED: "it is on the other side's phone",
}


def notes(row: AnyRow, ended_at: datetime) -> Iterator[Noted]:
    """The steps of one outbound message; `ended_at`: where its end belongs, if it was not sent."""
    name = told(row.id, f"part {row.part + 1}" if row.part else "")
    yield Noted(row.created_at, Step.QUEUED, told(name, _author(row)))
    if row.held_at is not None:
        yield Noted(row.held_at, Step.HELD, told(name, words_of(row.held_reason)))
    if row.first_tried_at is not None:
        waited_ms = between_ms(row.created_at, row.first_tried_at)
        yield Noted(row.first_tried_at, Step.TRIED, name, waited_ms)
    if row.sent_at is not None:
        tries = "" if row.attempts <= 1 else f"try {row.attempts}"
        took_ms = between_ms(row.first_tried_at, row.sent_at)
        yield Noted(row.sent_at, Step.SENT, told(name, _known_as(row), tries), took_ms)
    if row.delivered_at is not None:
        took_ms = between_ms(row.sent_at, row.delivered_at)
        yield Noted(row.delivered_at, Step.DELIVERED, name, took_ms)
    if row.status in _ENDS:
        what = told(name, "kept as a draft" if row.draft else "", words_of(row.error))
        yield Noted(None, _ENDS[row.status], what, after=ended_at)


def end(row: AnyRow) -> EndView | None:
    """How it ended; None: it is to be sent, on its way, or nobody knows yet."""
    status = SendStatus(row.status)
    if status in _ENDED_WELL:
        return EndView(status.value, _ENDED_WELL[status])
    if status in _ENDS:
        return EndView(status.value, told(words_of(row.error)))
    return None


def ended_at(row: AnyRow, handled: Sequence[AnyRow], replaced_at: datetime | None) -> datetime:
    """When whatever ended it happened, as far as that was noted; `handled`: what people did."""
    known = last_known(row)
    if replaced_at is not None:
        return replaced_at
    causes = _CAUSES.get(row.error, frozenset())
    return next((one.at for one in handled if one.at >= known and one.action in causes), known)


def last_known(row: AnyRow) -> datetime:
    """The latest time that is noted of it."""
    times = (row.created_at, row.held_at, row.first_tried_at, row.sent_at, row.delivered_at)
    latest: datetime = max(at for at in times if at is not None)
    return latest


def _author(row: AnyRow) -> str:
    if row.author == "operator":
        return f"written by {words_of(row.author_name or 'a person')}"
    if row.author == NOTICE:
        return f"to an operator, about {row.about_id}" if row.about_id else "to an operator"
    return ""


def _known_as(row: AnyRow) -> str:
    return "the line gave no id" if row.provider_id is None else f"as {row.provider_id}"
