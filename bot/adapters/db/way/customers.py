"""The way of a customer's message, from the webhook to the reply on their phone."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot.adapters.db.rows import AnyRow
from bot.adapters.db.way import arrival, files, outgoing, people, reads, turns, waiting
from bot.domain.turn import TurnState
from bot.domain.way import Noted, Step, between_ms

_WITH_WORDS = frozenset(
    {TurnState.ANSWERED, TurnState.DRAFTED, TurnState.DEFERRED, TurnState.FAILED}
)
"""Ends of a turn that may have put something into the outbox, or beside it."""
_FILES_MAX = 50


def notes(tx: Connection, event: AnyRow, message: AnyRow | None) -> Iterator[Noted]:
    """All its steps, not in order yet."""
    took = reads.turns_that_took(tx, event)
    given = [turn.id for turn in took if turn.state in _WITH_WORDS]
    replies = outgoing.with_what_replaced_them(tx, reads.replies(tx, given))
    handled = reads.handled(tx, event.line_id, event.conversation_id, event.received_at)
    if event.ended_at is not None:
        handled = outgoing.meanwhile(handled, replies, event.ended_at)
    attached = _files(tx, event, took)
    yield from arrival.notes(event, message)
    yield from _waited(event, took)
    for row in attached:
        yield from files.notes(row, event.message_id)
    prompts = reads.prompt_names(tx, {turn.prompt_version for turn in took} - {None})
    yield from turns.notes(took, event.message_id, prompts)
    yield from people.notes(handled, event.id)
    yield from arrival.ending(event)
    yield from outgoing.notes(tx, replies, handled)
    if arrival.is_open(event):
        yield waiting.for_turn(tx, event, attached)


def _waited(event: AnyRow, took: Sequence[AnyRow]) -> Iterator[Noted]:
    if took:
        begun: datetime = took[0].started_at
        waited_ms = between_ms(event.received_at, begun)
        yield Noted(begun, Step.WAITED, "until its turn was due", waited_ms)


def _files(tx: Connection, event: AnyRow, took: Sequence[AnyRow]) -> list[AnyRow]:
    """Its own, and those of what was taken with it: the turn waited for all of them."""
    together = (one for turn in took for one in turns.taken(turn))
    ids = list(dict.fromkeys((event.message_id, *together)))
    return reads.files(tx, ids[:_FILES_MAX])
