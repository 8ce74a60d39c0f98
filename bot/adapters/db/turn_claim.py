"""Claiming a turn: everything that waits in a conversation, if nobody works on it."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import (
    Connection,
    bindparam,
    func,
    insert,
    select,
    text,
    update,
)

from bot.adapters.db import barring, governor, turn_listen
from bot.adapters.db.entries import MESSAGE_COLUMNS, read_entries, with_media
from bot.adapters.db.ids import new_id
from bot.adapters.db.rows import AnyRow, Thread, lock, open_sends, set_conversation
from bot.adapters.db.schema import (
    OPEN_EVENT,
    WORKING,
    conversations,
    events,
    messages,
    turns,
)
from bot.adapters.db.turn_listen import awaiting_files
from bot.adapters.db.turn_standing import age_of, standing_of
from bot.domain.conversation import Policy
from bot.domain.entry import Entry
from bot.domain.event import EndReason
from bot.domain.media import MEDIA_OPEN
from bot.domain.turn import (
    NOTED_MAX,
    Claim,
    Claimed,
    Nothing,
    NotYet,
    Turn,
)

_PAST_ROWS = 200


"""More than any history budget holds."""


_WORKING = select(turns.c.id).where(turns.c.conversation_id == bindparam("conversation"), WORKING)


_WAITING = (
    select(
        events.c.id.label("event_id"),
        events.c.attempts,
        events.c.due_at.label("replayed_at"),
        messages.c.seq,
        *MESSAGE_COLUMNS,
    )
    .select_from(with_media(events.join(messages, messages.c.id == events.c.message_id)))
    .where(
        events.c.conversation_id == bindparam("conversation"),
        # The table named, since files have a state too: SQLite knows its index by it all the same.
        text(f"events.{OPEN_EVENT.text}"),
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


_ONLY = events.c.id.in_(bindparam("ids", expanding=True))


_ADD_TURN = insert(turns)


_CLAIMED_CONVERSATION = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"))
    .values(
        due_at=None,
        first_waiting_at=None,
        heard_seq=func.coalesce(bindparam("heard"), conversations.c.heard_seq),
    )
)


def claim(
    tx: Connection, conversation_id: str, worker_id: str, now: datetime, policy: Policy
) -> Claim:
    """Take everything that waits, if it is due and nothing of this conversation is in hand."""
    thread = lock(tx, conversation_id)
    if thread is None or thread.row.due_at is None:
        return Nothing("nothing waits")
    if thread.row.erasing_at is not None or thread.row.blocked_at is not None:
        return _shut(tx, thread, now)
    if thread.row.due_at > now:
        return NotYet(thread.row.due_at)
    if thread.paused:
        return turn_listen.listen(tx, thread, now, policy)
    sends = open_sends(tx, conversation_id)
    if _is_busy(tx, conversation_id, sends):
        is_unknown = any(send.status == "unknown" for send in sends)
        return turn_listen.overhear(tx, thread) if is_unknown else Nothing("busy")
    return _claim_waiting(tx, thread, sends, worker_id, now, policy)


def _shut(tx: Connection, thread: Thread, now: datetime) -> Claim:
    if thread.row.erasing_at is not None:
        return Nothing("all of it is being erased")
    barring.drop_waiting(tx, thread, now)
    return Nothing("the contact is blocked")


def _claim_waiting(
    tx: Connection,
    thread: Thread,
    sends: list[AnyRow],
    worker_id: str,
    now: datetime,
    policy: Policy,
) -> Claim:
    rows = _waiting_rows(tx, thread.row.id, now)
    ready = [row for row in rows if row.media_state not in MEDIA_OPEN]
    later = awaiting_files(tx, thread, rows, now, policy) if len(ready) < len(rows) else None
    if later is not None:
        return later
    if not ready:
        tx.execute(_CLAIMED_CONVERSATION, {"conversation": thread.row.id, "heard": None})
        # What is not opened yet asks for a turn when it is.
        return Nothing("media are not here yet") if rows else turn_listen.overhear(tx, thread)
    begun_at = _wait_to_catch_up(tx, thread, ready, now, policy)
    if begun_at is not None:
        return NotYet(begun_at)
    only = None if len(ready) == len(rows) else [row.event_id for row in ready]
    turn = _begin(tx, thread, ready, _taken_back(tx, thread, sends), worker_id, now, only)
    is_introduced = any(send.author == "bot" for send in sends)
    standing = standing_of(tx, thread, ready, now, policy, is_introduced=is_introduced)
    return Claimed(replace(turn, past=_past(tx, turn), standing=standing))


def _wait_to_catch_up(
    tx: Connection, thread: Thread, waiting: list[AnyRow], now: datetime, policy: Policy
) -> datetime | None:
    """Late answers of a line begin one after the other; None: this one now."""
    age = age_of(waiting, now)
    if not policy.late_after < age <= policy.stale_after:
        return None
    later = governor.wait_to_catch_up(tx, thread.row.line_id, now, policy)
    if later is not None:
        set_conversation(tx, thread.row.id, due_at=later)
    return later


def _waiting_rows(tx: Connection, conversation_id: str, now: datetime) -> list[AnyRow]:
    """What waits, in order; what its author has taken back waits no more."""
    rows = list(tx.execute(_WAITING, {"conversation": conversation_id}))
    deleted = [row.event_id for row in rows if row.deleted_at is not None]
    if deleted:
        tx.execute(
            update(events)
            .where(_ONLY)
            .values(state="skipped", reason=EndReason.DELETED.value, ended_at=now),
            {"ids": deleted},
        )
    return [row for row in rows if row.deleted_at is None]


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


_PAST = (
    select(*MESSAGE_COLUMNS)
    .select_from(with_media(messages))
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        func.coalesce(messages.c.status, "in").in_(("in", "sent", "delivered", "uncertain")),
    )
    .order_by(messages.c.seq.desc())
    .limit(_PAST_ROWS)
)


def _past(tx: Connection, turn: Turn) -> tuple[Entry, ...]:
    """What was really said, without what is to be answered now, oldest first."""
    waiting = {entry.id for entry in turn.to_answer}
    rows = tx.execute(_PAST, {"conversation": turn.conversation_id}).all()
    past = [row for row in reversed(rows) if row.id not in waiting]
    return read_entries(tx, turn.conversation_id, past)


_ANSWERED_BY = select(turns.c.message_ids).where(
    turns.c.id.in_(bindparam("ids", expanding=True)), turns.c.message_ids.is_not(None)
)
_MEANT = (
    select(*MESSAGE_COLUMNS)
    .select_from(with_media(messages))
    .where(messages.c.id.in_(bindparam("ids", expanding=True)), messages.c.deleted_at.is_(None))
    .order_by(messages.c.seq)
)


def _taken_back(tx: Connection, thread: Thread, sends: list[AnyRow]) -> tuple[Entry, ...]:
    """What replies that have not left yet were about: an answer that replaces them is about it too.

    They may stand before an earlier answer that has left, and would look answered there.
    """
    turn_ids = [send.turn_id for send in sends if send.author == "bot" and send.turn_id is not None]
    if not turn_ids:
        return ()
    noted = tx.execute(_ANSWERED_BY, {"ids": turn_ids}).scalars().all()
    ids = [message_id for ids in noted for message_id in ids.split()]
    rows = tx.execute(_MEANT, {"ids": ids}).all() if ids else []
    return read_entries(tx, thread.row.id, rows)


def _begin(
    tx: Connection,
    thread: Thread,
    waiting: list[AnyRow],
    taken_back: tuple[Entry, ...],
    worker_id: str,
    now: datetime,
    only: list[str] | None,
) -> Turn:
    """`only`: the events it takes, None for all that wait."""
    conversation = thread.row
    since = now if conversation.first_waiting_at is None else conversation.first_waiting_at
    first = min(since, *(row.replayed_at or row.created_at for row in waiting))
    turn = Turn(
        id=new_id("tn"),
        conversation_id=conversation.id,
        line_id=conversation.line_id,
        contact_name=conversation.name,
        epoch=conversation.epoch,
        first_message_at=first,
        waiting=read_entries(tx, conversation.id, waiting),
        attempts=max(row.attempts for row in waiting),
        taken_back=taken_back,
        event_ids=tuple(row.event_id for row in waiting),
        contact=conversation.contact_key,
    )
    take, which = (_TAKE, {}) if only is None else (_TAKE.where(_ONLY), {"ids": only})
    tx.execute(take, {"conversation": conversation.id, "turn": turn.id, **which})
    heard = {"conversation": conversation.id, "heard": max(row.seq for row in waiting)}
    tx.execute(_CLAIMED_CONVERSATION, heard)
    tx.execute(
        _ADD_TURN,
        [
            {
                "id": turn.id,
                "conversation_id": conversation.id,
                "state": "working",
                "epoch": conversation.epoch,
                "worker_id": worker_id,
                "message_ids": "\n".join(entry.id for entry in turn.to_answer[-NOTED_MAX:]),
                "first_message_at": first,
                "started_at": now,
            }
        ],
    )
    return turn
