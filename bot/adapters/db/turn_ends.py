"""The ends of a turn that has no reply. Each function is the whole of one transaction."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from bot.adapters.db import catch_up, outbox, takeover
from bot.adapters.db.pacing import retry_delay
from bot.adapters.db.rows import Thread, lock, set_conversation
from bot.adapters.db.schema import events, messages, turns
from bot.adapters.db.turn_rows import (
    PUT_BACK,
    TURN_EVENTS,
    end_turn,
    finish_events,
    lock_turn,
    put_back,
    supersede,
    turn_params,
)
from bot.domain.conversation import Policy
from bot.domain.event import EndReason
from bot.domain.outbox import Outbound
from bot.domain.turn import Answered, MadeBy, Reply, Turn
from bot.domain.work import ToSend


def skip(
    tx: Connection, turn: Turn, reason: str, worker_id: str, now: datetime, policy: Policy
) -> Answered:
    """Nothing needs to be said, unless something newer has arrived."""
    thread = lock_turn(tx, turn)
    if thread.row.first_waiting_at is not None and now < turn.first_message_at + policy.max_wait:
        return supersede(tx, thread, turn, MadeBy(), worker_id, now, policy)
    end_turn(tx, turn, worker_id, now, "skipped", MadeBy())
    finish_events(tx, turn, now, "skipped", reason)
    return Answered.SKIPPED


def decline(
    tx: Connection, turn: Turn, reason: str, worker_id: str, now: datetime, policy: Policy
) -> None:
    """These messages get no answer of the bot's: they are for a person."""
    lock_turn(tx, turn)
    end_turn(tx, turn, worker_id, now, "skipped", MadeBy(), reason)
    finish_events(tx, turn, now, "skipped", reason)
    if reason == EndReason.STALE:  # perhaps one of many: people get one summary
        takeover.mark(tx, turn.conversation_id, reason, now)
        catch_up.note(tx, turn, now)
    else:
        takeover.need_attention(tx, turn.conversation_id, reason, now, policy)


def defer(
    tx: Connection,
    turn: Turn,
    until: datetime,
    away: Reply | None,
    worker_id: str,
    now: datetime,
    policy: Policy,
) -> Outbound | None:
    """These messages wait until then, and count as written then; `away` is said meanwhile.

    With its first part, if it may leave at once.
    """
    thread = lock_turn(tx, turn)
    end_turn(tx, turn, worker_id, now, "deferred", MadeBy())
    if thread.row.epoch != turn.epoch and not thread.paused and thread.row.due_at is None:
        # paused and handed back meanwhile: whoever resumed has seen it
        finish_events(tx, turn, now, "skipped", EndReason.PAUSED)
        return None
    tx.execute(
        update(events).where(TURN_EVENTS, events.c.state == "working").values(due_at=until),
        turn_params(turn),
    )
    put_back(tx, turn)
    if thread.paused or thread.row.epoch != turn.epoch:
        return None
    soonest = until if thread.row.due_at is None else min(until, thread.row.due_at)
    set_conversation(tx, turn.conversation_id, due_at=soonest, first_waiting_at=until)
    if away is None:
        return None
    set_conversation(tx, turn.conversation_id, away_at=now)
    outbox.add_reply(tx, turn, thread, away, now)
    taken = outbox.claim_in(tx, thread, worker_id, now, policy)
    return taken.message if isinstance(taken, ToSend) else None


def release(
    tx: Connection,
    turn: Turn,
    error: str,
    worker_id: str,
    now: datetime,
    policy: Policy,
    retry_after: timedelta | None,
) -> None:
    """An outage: everything waits for the next try, nothing is counted against the messages."""
    thread = lock_turn(tx, turn)
    end_turn(tx, turn, worker_id, now, "released", MadeBy(), error)
    put_back(tx, turn)
    outages = thread.row.outages + 1
    wait = retry_delay(outages, policy)
    if retry_after is not None:
        wait = max(wait, retry_after)
    _retry_at(tx, thread, turn, now + wait, outages=outages)


def fail(
    tx: Connection,
    turn: Turn,
    error: str,
    fallback: Reply,
    worker_id: str,
    now: datetime,
    policy: Policy,
    *,
    final: bool,
) -> bool:
    """Count a failure of these messages; those out of tries die, and the fallback is queued."""
    thread = lock_turn(tx, turn)
    end_turn(tx, turn, worker_id, now, "failed", fallback.made_by, error)
    tx.execute(
        update(events).where(TURN_EVENTS).values(attempts=events.c.attempts + 1),
        turn_params(turn),
    )
    limit = 0 if final else policy.max_attempts
    died = _bury(tx, turn, error, limit, now)
    put_back(tx, turn)
    if not died:
        wait = retry_delay(turn.attempts + 1, policy)
        _retry_at(tx, thread, turn, now + wait, outages=thread.row.outages)
        return False
    _retry_at(tx, thread, turn, now, outages=0)
    paused = thread.paused or thread.row.epoch != turn.epoch
    outbox.add_reply(tx, turn, thread, fallback, now, draft=paused)
    reason = f"no reply could be made: {error}"
    takeover.need_attention(tx, turn.conversation_id, reason, now, policy)
    return True


def lose(tx: Connection, turn_id: str, conversation_id: str, now: datetime) -> None:
    """A turn whose worker is gone: its messages wait again, due at once."""
    lock(tx, conversation_id)
    ended = tx.execute(
        update(turns)
        .where(turns.c.id == turn_id, turns.c.state == "working")
        .values(state="lost", ended_at=now)
    )
    if ended.rowcount:
        first = tx.execute(select(turns.c.first_message_at).where(turns.c.id == turn_id)).scalar()
        tx.execute(PUT_BACK, {"conversation": conversation_id, "turn": turn_id})
        set_conversation(tx, conversation_id, due_at=now, first_waiting_at=first)


def _bury(tx: Connection, turn: Turn, error: str, limit: int, now: datetime) -> bool:
    """The turn's messages that are out of tries become dead letters; whether there were any."""
    dead = select(events.c.message_id).where(TURN_EVENTS, events.c.attempts >= limit)
    ids = list(tx.execute(dead, turn_params(turn)).scalars())
    if ids:
        tx.execute(
            update(events)
            .where(TURN_EVENTS, events.c.attempts >= limit)
            .values(state="dead", reason=EndReason.NO_REPLY.value, error=error, ended_at=now),
            turn_params(turn),
        )
        tx.execute(update(messages).where(messages.c.id.in_(ids)).values(dead=True))
    return bool(ids)


def _retry_at(tx: Connection, thread: Thread, turn: Turn, due_at: datetime, **values: Any) -> None:
    """What was put back is due then; a message that arrived meanwhile may ask for sooner."""
    soonest = due_at if thread.row.due_at is None else min(due_at, thread.row.due_at)
    set_conversation(
        tx,
        turn.conversation_id,
        due_at=None if thread.paused else soonest,
        first_waiting_at=turn.first_message_at,
        **values,
    )
