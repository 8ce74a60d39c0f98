"""The transitions of a turn. Each function is the whole of one transaction."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import random
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    func,
    insert,
    select,
    update,
)

from bot.adapters.db import outbox
from bot.adapters.db.ids import new_id
from bot.adapters.db.rows import AnyRow, Thread, lock, open_sends
from bot.adapters.db.schema import (
    OPEN_EVENT,
    OPEN_SEND,
    WORKING,
    conversations,
    events,
    messages,
    turns,
)
from bot.adapters.db.spend import add_spending, spent_on
from bot.domain.conversation import Pause, Policy
from bot.domain.history import Entry
from bot.domain.outbox import Outbound
from bot.domain.retry import backoff
from bot.domain.turn import Answered, Claim, Claimed, MadeBy, Nothing, NotYet, Reply, Turn
from bot.domain.work import ToSend
from bot.errors import LostClaim

_HOUR = timedelta(hours=1)
_PAST_ROWS = 200
"""More than any history budget holds."""

_WORKING = select(turns.c.id).where(turns.c.conversation_id == bindparam("conversation"), WORKING)
_WAITING = (
    select(
        events.c.id.label("event_id"),
        events.c.attempts,
        events.c.due_at.label("replayed_at"),
        messages.c.id,
        messages.c.type,
        messages.c.text,
        messages.c.quoted_text,
        messages.c.created_at,
    )
    .select_from(events.join(messages, messages.c.id == events.c.message_id))
    .where(
        events.c.conversation_id == bindparam("conversation"),
        OPEN_EVENT,
        events.c.state == "pending",
    )
    .order_by(events.c.seq)
)
_TAKE = (
    update(events)
    .where(
        events.c.conversation_id == bindparam("conversation"),
        OPEN_EVENT,
        events.c.state == "pending",
    )
    .values(state="working", turn_id=bindparam("turn"))
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
_ADD_TURN = insert(turns)
_CLAIMED_CONVERSATION = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"))
    .values(due_at=None, first_waiting_at=None)
)
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


def claim(
    tx: Connection, conversation_id: str, worker_id: str, now: datetime, policy: Policy
) -> Claim:
    """Take everything that waits, if it is due and nothing of this conversation is in hand."""
    thread = lock(tx, conversation_id)
    if thread is None or thread.row.due_at is None:
        return Nothing("nothing waits")
    if thread.row.due_at > now:
        return NotYet(thread.row.due_at)
    if thread.paused:
        _set(tx, conversation_id, due_at=None)
        return Nothing("paused")
    sends = open_sends(tx, conversation_id)
    if _is_busy(tx, conversation_id, sends):
        return Nothing("busy")
    return _claim_waiting(tx, thread, worker_id, now, policy, replaces=bool(sends))


def _claim_waiting(
    tx: Connection,
    thread: Thread,
    worker_id: str,
    now: datetime,
    policy: Policy,
    *,
    replaces: bool,
) -> Claim:
    waiting = list(tx.execute(_WAITING, {"conversation": thread.row.id}))
    if not waiting:
        tx.execute(_CLAIMED_CONVERSATION, {"conversation": thread.row.id})
        return Nothing("nothing waits")
    refusal = _refusal(tx, thread, waiting, now, policy)
    if refusal is not None:
        _give_to_person(tx, thread.row.id, refusal, now)
        return Nothing(refusal)
    if replaces:
        tx.execute(_REPLACE, {"conversation": thread.row.id})
    turn = _begin(tx, thread, waiting, worker_id, now)
    return Claimed(replace(turn, past=_past(tx, turn)))


def _is_busy(tx: Connection, conversation_id: str, sends: list[AnyRow]) -> bool:
    """Whether a turn works on it, a send is on its way or unknown, or a reply is half out."""
    if tx.execute(_WORKING, {"conversation": conversation_id}).first() is not None:
        return True
    if any(send.status in ("sending", "unknown") for send in sends):
        return True
    first = sends[0] if sends else None
    return (
        first is not None
        and first.status == "queued"
        and bool(first.part > 0 or first.author == "operator")
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
        _end(tx, turn, worker_id, now, "superseded", reply.made_by)
        _put_back(tx, turn)
        latest = turn.first_message_at + policy.max_wait
        due_at = latest if thread.row.due_at is None else min(thread.row.due_at, latest)
        started = turn.first_message_at
        _set(tx, turn.conversation_id, first_waiting_at=started, due_at=due_at)
        _count(tx, reply.made_by, now, policy)
        return Answered.SUPERSEDED
    _end(tx, turn, worker_id, now, "answered", reply.made_by)
    first = outbox.add_reply(tx, turn, thread, reply, now)
    _finish_events(tx, turn, now, "done", f"answered by {first}")
    _count(tx, reply.made_by, now, policy)
    if reply.hand_off is not None:
        pause = Pause("bot", _until(now, policy), reply.hand_off.reason)
        outbox.pause_conversation(tx, turn.conversation_id, pause, now, attention=True)
    return Answered.STORED


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
    wait = max(_backoff(outages, policy), retry_after if retry_after is not None else timedelta(0))
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
        wait = _backoff(turn.attempts + 1, policy)
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
        _set(tx, conversation_id, due_at=now, first_waiting_at=first)


_PAST = (
    select(
        messages.c.id,
        messages.c.author,
        messages.c.type,
        messages.c.text,
        messages.c.created_at,
        messages.c.quoted_text,
        messages.c.dead,
    )
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        func.coalesce(messages.c.status, "in").in_(("in", "sent", "delivered", "uncertain")),
    )
    .order_by(messages.c.seq.desc())
    .limit(_PAST_ROWS)
)


def _past(tx: Connection, turn: Turn) -> tuple[Entry, ...]:
    """What was really said, without what waits now, oldest first."""
    waiting = {entry.id for entry in turn.waiting}
    rows = tx.execute(_PAST, {"conversation": turn.conversation_id}).all()
    return tuple(_entry(row) for row in reversed(rows) if row.id not in waiting)


def _entry(row: AnyRow) -> Entry:
    return Entry(
        id=row.id,
        author=row.author,
        kind=row.type,
        text=row.text,
        at=row.created_at,
        quoted=row.quoted_text,
        dead=row.dead,
    )


def _begin(
    tx: Connection, thread: Thread, waiting: list[AnyRow], worker_id: str, now: datetime
) -> Turn:
    conversation = thread.row
    first = min(
        waiting[0].created_at,
        now if conversation.first_waiting_at is None else conversation.first_waiting_at,
    )
    turn = Turn(
        id=new_id("tn"),
        conversation_id=conversation.id,
        line_id=conversation.line_id,
        contact_name=conversation.name,
        epoch=conversation.epoch,
        first_message_at=first,
        waiting=tuple(
            Entry(
                id=row.id,
                author="customer",
                kind=row.type,
                text=row.text,
                at=row.created_at,
                quoted=row.quoted_text,
            )
            for row in waiting
        ),
        attempts=max(row.attempts for row in waiting),
    )
    tx.execute(_TAKE, {"conversation": conversation.id, "turn": turn.id})
    tx.execute(_CLAIMED_CONVERSATION, {"conversation": conversation.id})
    tx.execute(
        _ADD_TURN,
        [
            {
                "id": turn.id,
                "conversation_id": conversation.id,
                "state": "working",
                "epoch": conversation.epoch,
                "worker_id": worker_id,
                "first_message_at": first,
                "started_at": now,
            }
        ],
    )
    return turn


_ANSWERED_SINCE = (
    select(func.count())
    .select_from(turns)
    .where(
        turns.c.conversation_id == bindparam("conversation"),
        turns.c.started_at > bindparam("since"),
        turns.c.state == "answered",
    )
)


def _refusal(
    tx: Connection, thread: Thread, waiting: list[AnyRow], now: datetime, policy: Policy
) -> str | None:
    """Why nothing may be answered here now, or None."""
    newest = max(row.replayed_at or row.created_at for row in waiting)
    if now - newest > policy.stale_after:
        return "stale"
    if policy.replies_per_hour:
        asked = {"conversation": thread.row.id, "since": now - _HOUR}
        if tx.execute(_ANSWERED_SINCE, asked).scalar_one() >= policy.replies_per_hour:
            return "over limit: replies per hour"
    if policy.cost_per_day and spent_on(tx, _day(now, policy)) >= policy.cost_per_day:
        return "over limit: cost per day"
    return None


def _give_to_person(tx: Connection, conversation_id: str, reason: str, now: datetime) -> None:
    tx.execute(
        update(events)
        .where(events.c.conversation_id == conversation_id, OPEN_EVENT, events.c.state == "pending")
        .values(state="skipped", reason=reason, ended_at=now)
    )
    _set(
        tx,
        conversation_id,
        due_at=None,
        first_waiting_at=None,
        needs_attention=True,
        attention_reason=reason,
    )


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
    _set(
        tx,
        turn.conversation_id,
        due_at=None if thread.paused else soonest,
        first_waiting_at=turn.first_message_at,
        **values,
    )


def _set(tx: Connection, conversation_id: str, **values: Any) -> None:
    tx.execute(update(conversations).where(conversations.c.id == conversation_id).values(**values))


def _backoff(attempt: int, policy: Policy) -> timedelta:
    return backoff(attempt, policy.base_delay, policy.max_delay, random())  # noqa: S311 - jitter


def _until(now: datetime, policy: Policy) -> datetime | None:
    return None if policy.auto_resume_after is None else now + policy.auto_resume_after


def _day(now: datetime, policy: Policy) -> str:
    return now.astimezone(ZoneInfo(policy.timezone)).date().isoformat()


def _count(tx: Connection, made_by: MadeBy, now: datetime, policy: Policy) -> None:
    if made_by.tokens is not None:
        add_spending(tx, _day(now, policy), made_by)
