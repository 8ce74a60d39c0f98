"""The end of a turn that has a reply. Each function is the whole or a part of one transaction."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from bot.adapters.db import catch_up, opting, outbox, takeover
from bot.adapters.db.pacing import resume_at
from bot.adapters.db.rows import Thread
from bot.adapters.db.schema import OPEN_SEND, events, messages
from bot.adapters.db.turn_rows import (
    TURN_EVENTS,
    count_spending,
    end_turn,
    finish_events,
    lock_turn,
    put_back,
    supersede,
    turn_params,
)
from bot.domain.chat import HandOffCall
from bot.domain.conversation import Pause, Policy
from bot.domain.event import EndReason
from bot.domain.handling import BOT
from bot.domain.media import MediaState
from bot.domain.notice import NoticeKind
from bot.domain.outbox import Outbound, replaced, reply_id
from bot.domain.turn import Answered, Opting, Reply, Turn
from bot.domain.work import ToSend

_REPLACE = (
    update(messages)
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        messages.c.direction == "out",
        messages.c.author == "bot",
        OPEN_SEND,
        messages.c.status.in_(("queued", "held")),
    )
    .values(status="cancelled", error=bindparam("why"))
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
    thread = lock_turn(tx, turn)
    answered = _answer(tx, thread, turn, reply, worker_id, now, policy)
    if answered is not Answered.STORED or reply.is_parting:
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
    if reply.opting is not None:
        return _opt(tx, thread, turn, reply, reply.opting, worker_id, now)
    if thread.paused or thread.row.epoch != turn.epoch:
        end_turn(tx, turn, worker_id, now, "drafted", reply.made_by, effect=reply.effect)
        outbox.add_reply(tx, turn, thread, reply, now, draft=True)
        if thread.paused or thread.row.due_at is not None:
            put_back(tx, turn)
        else:  # paused and handed back meanwhile: whoever resumed has seen it
            finish_events(tx, turn, now, "skipped", EndReason.PAUSED)
        count_spending(tx, reply.made_by, now, policy)
        return Answered.DRAFTED
    if thread.row.first_waiting_at is not None and now < turn.first_message_at + policy.max_wait:
        return supersede(tx, thread, turn, reply.made_by, worker_id, now, policy)
    end_turn(tx, turn, worker_id, now, "answered", reply.made_by, effect=reply.effect)
    if reply.has_seen_all:
        why = replaced(reply_id(turn.id))
        tx.execute(_REPLACE, {"conversation": turn.conversation_id, "why": why})
    first = outbox.add_reply(tx, turn, thread, reply, now)
    if reply.late:
        catch_up.note(tx, turn, now)
    _bury_missing(tx, turn, now, first)
    _finish_answered(tx, turn, now, first)
    count_spending(tx, reply.made_by, now, policy)
    _tell_people(tx, turn, reply, now, policy)
    return Answered.STORED


def _tell_people(tx: Connection, turn: Turn, reply: Reply, now: datetime, policy: Policy) -> None:
    if reply.hand_off is not None:
        _call_person(tx, turn, reply.hand_off, now, policy)
    elif reply.withheld is not None:
        takeover.need_attention(tx, turn.conversation_id, reply.withheld.reason, now, policy)


def _opt(
    tx: Connection,
    thread: Thread,
    turn: Turn,
    reply: Reply,
    wanted: Opting,
    worker_id: str,
    now: datetime,
) -> Answered:
    """A right, so nothing stands in its way; confirmed once, and only where the bot may speak."""
    end_turn(tx, turn, worker_id, now, "answered", reply.made_by, effect=reply.effect)
    finish_events(tx, turn, now, "done", wanted.value)
    if (thread.row.opted_out_at is not None) == (wanted is Opting.OUT):
        return Answered.SKIPPED  # said to a person meanwhile
    opting.change(tx, thread, wanted, now)
    if thread.paused:
        return Answered.SKIPPED
    outbox.add_reply(tx, turn, thread, reply, now)
    return Answered.STORED


def _call_person(
    tx: Connection, turn: Turn, call: HandOffCall, now: datetime, policy: Policy
) -> None:
    """The bot is silent from here on, and people are told what the customer wants."""
    pause = Pause(BOT, resume_at(now, policy), call.reason)
    takeover.pause_conversation(tx, turn.conversation_id, pause, now)
    takeover.need_attention(
        tx,
        turn.conversation_id,
        call.reason,
        now,
        policy,
        NoticeKind.HAND_OFF,
        wants=call.summary,
    )


def _finish_answered(tx: Connection, turn: Turn, now: datetime, answered_by: str) -> None:
    """The last of a burst is answered, the others with it."""
    reason = f"{EndReason.ANSWERED} {answered_by}"
    last = turn.waiting[-1].id
    if len(turn.waiting) > 1:
        merged = f"{EndReason.MERGED} {last}, {reason}"
        others = events.c.message_id != last
        finish_events(tx, turn, now, "done", merged, others)
    finish_events(tx, turn, now, "done", reason)


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
        reason = f"{EndReason.NO_FILE} {answered_by}"
        tx.execute(
            update(events)
            .where(TURN_EVENTS, events.c.message_id == message_id)
            .values(state="dead", reason=reason, error=error, ended_at=now),
            turn_params(turn),
        )
