"""What the ends of a turn have in common: its row, its events, its costs."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, select, update

from bot.adapters.db.pacing import day_of
from bot.adapters.db.rows import Thread, lock, set_conversation
from bot.adapters.db.schema import OF_MESSAGE, OPEN_EVENT, events, messages, turns
from bot.adapters.db.spend import add_spending
from bot.domain.conversation import Policy
from bot.domain.event import EndReason
from bot.domain.outbox import replaced_by, reply_id, reply_named
from bot.domain.turn import Answered, MadeBy, Turn
from bot.errors import LostClaim

_END_TURN = (
    update(turns)
    .where(
        turns.c.id == bindparam("turn"),
        turns.c.state == "working",
        turns.c.worker_id == bindparam("worker"),
    )
    .values(
        state=bindparam("end"),
        ended_at=bindparam("now"),
        error=bindparam("why"),
        prompt_name=bindparam("named"),
        prompt_version=bindparam("prompt"),
        effect=bindparam("meaning"),
        model=bindparam("made_with"),
        llm_ms=bindparam("took_ms"),
        tokens_in=bindparam("read"),
        tokens_out=bindparam("written"),
        cost=bindparam("price"),
        guards=bindparam("notes"),
    )
)


TURN_EVENTS = and_(
    events.c.conversation_id == bindparam("conversation"),
    OPEN_EVENT,
    events.c.turn_id == bindparam("turn"),
)


_FINISH = (
    update(events)
    .where(TURN_EVENTS, events.c.state == "working")
    .values(state=bindparam("end"), reason=bindparam("why"), error=None, ended_at=bindparam("now"))
)


PUT_BACK = (
    update(events)
    .where(TURN_EVENTS, events.c.state == "working")
    .values(state="pending", turn_id=None)
)


def lock_turn(tx: Connection, turn: Turn) -> Thread:
    thread = lock(tx, turn.conversation_id)
    if thread is None:
        raise LostClaim(f"conversation {turn.conversation_id} is gone")
    return thread


def end_turn(
    tx: Connection,
    turn: Turn,
    worker_id: str,
    now: datetime,
    state: str,
    made_by: MadeBy,
    error: str | None = None,
    effect: str | None = None,
) -> None:
    ended = tx.execute(
        _END_TURN,
        {
            "turn": turn.id,
            "worker": worker_id,
            "end": state,
            "now": now,
            "why": error,
            "named": made_by.prompt_name,
            "prompt": made_by.prompt_version,
            "meaning": effect,
            "made_with": made_by.model,
            "took_ms": made_by.llm_ms,
            "read": made_by.tokens_in,
            "written": made_by.tokens_out,
            "price": made_by.cost,
            "notes": "\n".join(map(str, made_by.notes)) or None,
        },
    )
    if ended.rowcount != 1:
        raise LostClaim(f"turn {turn.id} is no longer ours")


def turn_params(turn: Turn) -> dict[str, str]:
    return {"conversation": turn.conversation_id, "turn": turn.id}


def put_back(tx: Connection, turn: Turn) -> None:
    tx.execute(PUT_BACK, turn_params(turn))


def unanswer(
    tx: Connection,
    turn_ids: Collection[str],
    now: datetime | None = None,
    ended: tuple[str, EndReason] | None = None,
) -> None:
    """A reply of which nothing left answers nobody: what these turns were about waits again.

    Unless it has `ended`, at `now`, otherwise: state and reason.
    """
    state, reason = ("pending", None) if ended is None else (ended[0], ended[1].value)
    for turn_id in turn_ids:
        answered = _answered_by(tx, turn_id)
        if answered:
            tx.execute(
                update(events)
                .where(events.c.id.in_(answered), events.c.state == "done")
                .values(state=state, reason=reason, ended_at=now, turn_id=None)
            )


def _answered_by(tx: Connection, turn_id: str) -> list[str]:
    """The events that a turn's reply answers, also in place of replies that never left."""
    noted = tx.execute(select(turns.c.message_ids).where(turns.c.id == turn_id)).scalar()
    answered = select(events.c.id, events.c.reason).where(
        OF_MESSAGE, events.c.message_id.in_((noted or "").split()), events.c.state == "done"
    )
    named = {row.id: reply_named(row.reason) for row in tx.execute(answered)}
    ids = {one for one in named.values() if one is not None}
    instead = _replaced(tx, ids) if ids else {}
    own = reply_id(turn_id)
    return [event for event, reply in named.items() if _last(reply, instead) == own]


def _replaced(tx: Connection, reply_ids: Collection[str]) -> dict[str, str | None]:
    """Those that never left, and what took their place."""
    replies = select(messages.c.id, messages.c.error).where(
        messages.c.id.in_(reply_ids), messages.c.status == "cancelled"
    )
    return {row.id: replaced_by(row.error) for row in tx.execute(replies)}


def _last(reply: str | None, instead: Mapping[str, str | None]) -> str | None:
    """What took the place of what took its place …"""
    seen = set()
    while reply is not None and instead.get(reply) and reply not in seen:
        seen.add(reply)
        reply = instead[reply]
    return reply


def finish_events(
    tx: Connection, turn: Turn, now: datetime, state: str, reason: str, *which: ColumnElement[bool]
) -> None:
    """End the turn's events that are still open; `which` of them, all when nothing is said."""
    values: dict[str, Any] = {"end": state, "why": str(reason), "now": now}
    tx.execute(_FINISH.where(*which), turn_params(turn) | values)


def count_spending(tx: Connection, made_by: MadeBy, now: datetime, policy: Policy) -> None:
    if made_by.tokens is not None:
        add_spending(tx, day_of(now, policy), made_by)


def supersede(
    tx: Connection,
    thread: Thread,
    turn: Turn,
    made_by: MadeBy,
    worker_id: str,
    now: datetime,
    policy: Policy,
) -> Answered:
    """Newer messages are there: everything waits for an answer that has seen them."""
    end_turn(tx, turn, worker_id, now, "superseded", made_by)
    put_back(tx, turn)
    latest = turn.first_message_at + policy.max_wait
    due_at = latest if thread.row.due_at is None else min(thread.row.due_at, latest)
    started = turn.first_message_at
    set_conversation(tx, turn.conversation_id, first_waiting_at=started, due_at=due_at)
    count_spending(tx, made_by, now, policy)
    return Answered.SUPERSEDED
