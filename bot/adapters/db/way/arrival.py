"""The beginning and the end of an event's way."""

from collections.abc import Iterator

from bot.adapters.db.rows import AnyRow
from bot.domain.event import EventState
from bot.domain.way import EndView, Noted, Step, told, words_of

_OPEN = frozenset({EventState.PENDING, EventState.WORKING})


def is_open(event: AnyRow) -> bool:
    """Whether it is still to come to its end."""
    return event.state in _OPEN


def notes(event: AnyRow, message: AnyRow | None) -> Iterator[Noted]:
    """How it came, and what became of its words."""
    came = told(event.type, event.provider_event_id)
    yield Noted(event.received_at, Step.RECEIVED, came)
    yield Noted(event.received_at, Step.STORED, told(f"as {event.id}", _carrying(event, message)))
    if message is not None and message.direction == "in":
        yield from changes(message)


def _carrying(event: AnyRow, message: AnyRow | None) -> str:
    if message is None or event.conversation_id is None:
        return ""
    return f"with its message {message.id} ({message.type})"


def changes(message: AnyRow) -> Iterator[Noted]:
    """What its author has done to it since."""
    if message.edited_at is not None:
        yield Noted(message.edited_at, Step.CHANGED, "by the customer")
    if message.deleted_at is not None:
        yield Noted(message.deleted_at, Step.DELETED, "by the customer")


def ending(event: AnyRow) -> Iterator[Noted]:
    """Its end, if it has come to one."""
    end = end_of(event)
    if end is not None:
        what = told(f"{end.state}: {end.reason}", words_of(event.error))
        yield Noted(event.ended_at, Step.ENDED, what, after=event.received_at)


def end_of(event: AnyRow) -> EndView | None:
    """How it ended; None: it has not yet."""
    return None if is_open(event) else EndView(event.state, told(event.reason))
