"""Which way is asked for, and its telling."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Literal

from sqlalchemy import Connection

from bot.adapters.db.notices import AUTHOR as NOTICE
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.way import arrival, customers, outgoing, people, reads, sends, turns
from bot.domain.event import EventState
from bot.domain.shown import EventView
from bot.domain.way import EndView, Noted, Step, WayView, in_order, told
from bot.errors import NotFound

_EVENT_FIELDS = tuple(one.name for one in fields(EventView))


def find_way(tx: Connection, named: str) -> WayView:
    """By any id, ours or the provider's, of an event or a message. Raises NotFound."""
    if not _is_text(named):
        raise NotFound(_UNKNOWN)
    event = reads.find_event(tx, named)
    if event is not None:
        return _of_event(tx, event, reads.message(tx, event.message_id), "event")
    message = reads.find_message(tx, named)
    if message is None:
        raise NotFound(_UNKNOWN)
    brought = reads.bringing(tx, message.id)
    if brought is not None:
        return _of_event(tx, brought, message, "message")
    return _of_message(tx, message)


_FORGOTTEN = EndView(EventState.DONE.value, "its event is no longer kept")
_UNKNOWN = "there is no event or message with this id"


def _is_text(named: str) -> bool:
    """Whether a database takes it; what a shell hands over may be anything."""
    try:
        return "\0" not in named and bool(named.encode())
    except UnicodeEncodeError:
        return False


def _of_event(
    tx: Connection, event: AnyRow, message: AnyRow | None, kind: Literal["event", "message"]
) -> WayView:
    is_customers = event.conversation_id is not None
    notes = (customers.notes if is_customers else _applied)(tx, event, message)
    where = event.conversation_id or (None if message is None else message.conversation_id)
    return WayView(
        id=event.id if kind == "event" or message is None else message.id,
        kind=kind,
        line_id=event.line_id,
        contact=event.contact or _contact(tx, where),
        conversation_id=where,
        event=EventView(**{name: getattr(event, name) for name in _EVENT_FIELDS}),
        end=arrival.end_of(event),
        steps=in_order(notes),
    )


def _of_message(tx: Connection, message: AnyRow) -> WayView:
    """What went out; of what came in, when its event is no longer kept, the little there is."""
    is_out = message.direction == "out"
    return WayView(
        id=message.id,
        kind="message",
        line_id=message.line_id,
        contact=_contact(tx, message.conversation_id),
        conversation_id=message.conversation_id,
        event=None,
        end=sends.end(message) if is_out else _FORGOTTEN,
        steps=in_order(_sent(tx, message) if is_out else arrival.changes(message)),
    )


def _contact(tx: Connection, conversation_id: str | None) -> str | None:
    if conversation_id is None:
        return None
    row = reads.conversation(tx, conversation_id)
    return None if row is None else str(row.contact)


def _sent(tx: Connection, message: AnyRow) -> Iterable[Noted]:
    """What made it, what became of it, and what people did meanwhile."""
    turn = reads.turn(tx, message.turn_id)
    made_by = [] if turn is None else [turn]
    since = message.created_at if turn is None else turn.started_at
    handled: list[AnyRow] = []
    if message.author != NOTICE:  # no pause stops a notice
        handled = reads.handled(tx, message.line_id, message.conversation_id, since)
        handled = outgoing.meanwhile(handled, [message])
    prompts = reads.prompt_names(tx, {one.prompt_version for one in made_by} - {None})
    yield from turns.notes(made_by, message.id, prompts)
    yield from people.notes(handled, None)
    yield from outgoing.notes(tx, [message], handled)


def _applied(tx: Connection, event: AnyRow, message: AnyRow | None) -> Iterator[Noted]:
    """An event that nobody answers: it is applied, and that is its end."""
    yield from arrival.notes(event, message)
    if event.ended_at is not None and message is not None:
        yield from _effects(tx, event, message)
    yield from people.notes(reads.replays(tx, event), event.id)
    yield from arrival.ending(event)
    if arrival.is_open(event):
        yield Noted(event.due_at, Step.WAITING, "to be applied")


def _effects(tx: Connection, event: AnyRow, message: AnyRow) -> Iterator[Noted]:
    """What was done in the transaction that applied it."""
    where = message.about_id or message.conversation_id
    handled = reads.handled(tx, event.line_id, where, event.ended_at)
    yield from people.notes([row for row in handled if row.at == event.ended_at], event.id)
    if message.direction == "in" and message.created_at == event.ended_at:  # a command
        target = "" if message.about_id is None else f"in {message.about_id}"
        yield Noted(event.ended_at, Step.CARRIED_OUT, told(event.reason, target))
        yield from outgoing.notes(tx, reads.written_with(tx, message), handled)
