"""What people did meanwhile, and the bot when it called one."""

from collections.abc import Iterator, Sequence

from bot.adapters.db.rows import AnyRow
from bot.domain.handling import Action
from bot.domain.way import Noted, Step, told, words_of

_STEPS = {
    Action.PAUSED: Step.PAUSED,
    Action.RESUMED: Step.RESUMED,
    Action.ANSWERED: Step.WROTE,
    Action.ATTENTION: Step.ATTENTION,
    Action.ATTENDED: Step.ATTENDED,
    Action.REMINDED: Step.REMINDED,
    Action.OPTED_OUT: Step.OPTED_OUT,
    Action.OPTED_IN: Step.OPTED_IN,
    Action.REPLAYED: Step.REPLAYED,
    Action.BLOCKED: Step.BLOCKED,
    Action.UNBLOCKED: Step.UNBLOCKED,
}


def notes(handled: Sequence[AnyRow], event_id: str | None) -> Iterator[Noted]:
    """One step for each row of the audit log; replays of this event alone."""
    for row in handled:
        if row.action == Action.REPLAYED and row.reason != event_id:
            continue
        if row.action in _STEPS:
            yield Noted(row.at, _STEPS[Action(row.action)], _detail(row))


def _detail(row: AnyRow) -> str:
    where = "" if row.conversation_id is not None else _scope(row)
    until = "" if row.until is None else f"until {row.until:%Y-%m-%dT%H:%M:%SZ}"
    reason = "" if row.action == Action.REPLAYED else words_of(row.reason)
    return told(f"by {words_of(row.actor)}", where, until, reason)


def _scope(row: AnyRow) -> str:
    return "everything" if row.line_id is None else "the whole line"
