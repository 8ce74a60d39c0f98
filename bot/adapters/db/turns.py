"""The transitions of a turn. Each function is the whole of one transaction."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    select,
    update,
)

from bot.adapters.db import outbox, takeover
from bot.adapters.db.pacing import day_of, resume_at, retry_delay
from bot.adapters.db.rows import Thread, lock, set_conversation
from bot.adapters.db.schema import (
    OPEN_EVENT,
    OPEN_SEND,
    events,
    messages,
    turns,
)
from bot.adapters.db.spend import add_spending
from bot.domain.conversation import Pause, Policy
from bot.domain.media import MediaState
from bot.domain.outbox import Outbound
from bot.domain.turn import Answered, MadeBy, Reply, Turn
from bot.domain.work import ToSend
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
        prompt_version=bindparam("prompt"),
        model=bindparam("made_with"),
        tokens_in=bindparam("read"),
        tokens_out=bindparam("written"),
        cost=bindparam("price"),
    )
)


_TURN_EVENTS = and_(
    events.c.conversation_id == bindparam("conversation"),
    OPEN_EVENT,
    events.c.turn_id == bindparam("turn"),
)


_FINISH = (
    update(events)
    .where(_TURN_EVENTS, events.c.state == "working")
    .values(state=bindparam("end"), reason=bindparam("why"), error=None, ended_at=bindparam("now"))
)


_PUT_BACK = (
    update(events)
    .where(_TURN_EVENTS, events.c.state == "working")
    .values(state="pending", turn_id=None)
)


_REPLACE = (
    update(messages)
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.direction == "out",
        messages.c.author == "bot",
        OPEN_SEND,
        messages.c.status.in_(("queued", "held")),
    )
    .values(status="cancelled", error="replaced by an answer that has seen newer messages")
)


def answer(
    tx: Connection,
    turn: Turn,
    reply: Reply,
    worker_id: str,
    now: datetime,
    policy: Policy,
) -> tuple[Answered, Outbound | None]:
    """Reply and end of the turn, in one transaction; or what stands in the way of the reply.

    With the reply's first part, if it may leave at once: taken for sending already.
    """
    thread = _lock_turn(tx, turn)
    answered = _answer(tx, thread, turn, reply, worker_id, now, policy)
    if answered is not Answered.STORED or reply.hand_off is not None:
        return answered, None
    taken = outbox.claim_in(tx, thread, worker_id, now, policy)
    return answered, taken.message if isinstance(taken, ToSend) else None


def _answer(
    tx: Connection,
    thread: Thread,
    turn: Turn,
    reply: Reply,
    worker_id: str,
    now: datetime,
    policy: Policy,
) -> Answered:
    if thread.paused or thread.row.epoch != turn.epoch:
        _end(tx, turn, worker_id, now, "drafted", reply.made_by)
        outbox.add_reply(tx, turn, thread, reply, now, draft=True)
        if thread.paused or thread.row.due_at is not None:
            _put_back(tx, turn)
        else:  # paused and handed back meanwhile: whoever resumed has seen it
            _finish_events(tx, turn, now, "skipped", "paused")
        _count(tx, reply.made_by, now, policy)
        return Answered.DRAFTED
    if thread.row.first_waiting_at is not None and now < turn.first_message_at + policy.max_wait:
        return _supersede(tx, thread, turn, reply.made_by, worker_id, now, policy)
    _end(tx, turn, worker_id, now, "answered", reply.made_by)
    if reply.has_seen_all:
        tx.execute(_REPLACE, {"conversation": turn.conversation_id})
    first = outbox.add_reply(tx, turn, thread, reply, now)
    _bury_missing(tx, turn, now, first)
    _finish_events(tx, turn, now, "done", f"answered by {first}")
    _count(tx, reply.made_by, now, policy)
    if reply.hand_off is not None:
        pause = Pause("bot", resume_at(now, policy), reply.hand_off.reason)
        takeover.pause_conversation(tx, turn.conversation_id, pause, now, attention=True)
    return Answered.STORED


def _supersede(
    tx: Connection,
    thread: Thread,
    turn: Turn,
    made_by: MadeBy,
    worker_id: str,
    now: datetime,
    policy: Policy,
) -> Answered:
    """Newer messages are there: everything waits for an answer that has seen them."""
    _end(tx, turn, worker_id, now, "superseded", made_by)
    _put_back(tx, turn)
    latest = turn.first_message_at + policy.max_wait
    due_at = latest if thread.row.due_at is None else min(thread.row.due_at, latest)
    started = turn.first_message_at
    set_conversation(tx, turn.conversation_id, first_waiting_at=started, due_at=due_at)
    _count(tx, made_by, now, policy)
    return Answered.SUPERSEDED


def skip(
    tx: Connection, turn: Turn, reason: str, worker_id: str, now: datetime, policy: Policy
) -> Answered:
    """Nothing needs to be said, unless something newer has arrived."""
    thread = _lock_turn(tx, turn)
    if thread.row.first_waiting_at is not None and now < turn.first_message_at + policy.max_wait:
        return _supersede(tx, thread, turn, MadeBy(), worker_id, now, policy)
    _end(tx, turn, worker_id, now, "skipped", MadeBy())
    _finish_events(tx, turn, now, "skipped", reason)
    return Answered.SKIPPED


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
    thread = _lock_turn(tx, turn)
    _end(tx, turn, worker_id, now, "released", MadeBy(), error)
    _put_back(tx, turn)
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
    thread = _lock_turn(tx, turn)
    _end(tx, turn, worker_id, now, "failed", fallback.made_by, error)
    tx.execute(
        update(events).where(_TURN_EVENTS).values(attempts=events.c.attempts + 1),
        _turn_params(turn),
    )
    limit = 0 if final else policy.max_attempts
    died = _bury(tx, turn, error, limit, now)
    _put_back(tx, turn)
    if not died:
        wait = retry_delay(turn.attempts + 1, policy)
        _retry_at(tx, thread, turn, now + wait, outages=thread.row.outages)
        return False
    attention = {"needs_attention": True, "attention_reason": f"no reply could be made: {error}"}
    _retry_at(tx, thread, turn, now, outages=0, **attention)
    paused = thread.paused or thread.row.epoch != turn.epoch
    outbox.add_reply(tx, turn, thread, fallback, now, draft=paused)
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
        tx.execute(_PUT_BACK, {"conversation": conversation_id, "turn": turn_id})
        set_conversation(tx, conversation_id, due_at=now, first_waiting_at=first)


def _lock_turn(tx: Connection, turn: Turn) -> Thread:
    thread = lock(tx, turn.conversation_id)
    if thread is None:
        raise LostClaim(f"conversation {turn.conversation_id} is gone")
    return thread


def _end(
    tx: Connection,
    turn: Turn,
    worker_id: str,
    now: datetime,
    state: str,
    made_by: MadeBy,
    error: str | None = None,
) -> None:
    ended = tx.execute(
        _END_TURN,
        {
            "turn": turn.id,
            "worker": worker_id,
            "end": state,
            "now": now,
            "why": error,
            "prompt": made_by.prompt_version,
            "made_with": made_by.model,
            "read": made_by.tokens_in,
            "written": made_by.tokens_out,
            "price": made_by.cost,
        },
    )
    if ended.rowcount != 1:
        raise LostClaim(f"turn {turn.id} is no longer ours")


def _turn_params(turn: Turn) -> dict[str, str]:
    return {"conversation": turn.conversation_id, "turn": turn.id}


def _put_back(tx: Connection, turn: Turn) -> None:
    tx.execute(_PUT_BACK, _turn_params(turn))


def _finish_events(tx: Connection, turn: Turn, now: datetime, state: str, reason: str) -> None:
    values: dict[str, Any] = {"end": state, "why": reason, "now": now}
    tx.execute(_FINISH, _turn_params(turn) | values)


def _bury_missing(tx: Connection, turn: Turn, now: datetime, answered_by: str) -> None:
    """Messages whose file could not be had are answered, and dead letters all the same."""
    missing = {
        entry.id: entry.media
        for entry in turn.waiting
        if entry.media is not None and entry.media.state is MediaState.FAILED
    }
    for message_id, file in missing.items():
        what = "unknown" if file.reading.problem is None else file.reading.problem.value
        error = f"the file could not be had: {what}"
        if file.reading.error:
            error = f"{error}: {file.reading.error}"
        reason = f"media: answered without it by {answered_by}"
        tx.execute(
            update(events)
            .where(_TURN_EVENTS, events.c.message_id == message_id)
            .values(state="dead", reason=reason, error=error, ended_at=now),
            _turn_params(turn),
        )


def _bury(tx: Connection, turn: Turn, error: str, limit: int, now: datetime) -> bool:
    """The turn's messages that are out of tries become dead letters; whether there were any."""
    dead = select(events.c.message_id).where(_TURN_EVENTS, events.c.attempts >= limit)
    ids = list(tx.execute(dead, _turn_params(turn)).scalars())
    if ids:
        tx.execute(
            update(events)
            .where(_TURN_EVENTS, events.c.attempts >= limit)
            .values(state="dead", reason="no reply could be made", error=error, ended_at=now),
            _turn_params(turn),
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


def _count(tx: Connection, made_by: MadeBy, now: datetime, policy: Policy) -> None:
    if made_by.tokens is not None:
        add_spending(tx, day_of(now, policy), made_by)
