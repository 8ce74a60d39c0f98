"""The transitions of outbound messages. Each function is the whole or a part of one transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from bot.adapters.db import governor, holds, takeover
from bot.adapters.db.rows import AnyRow, Thread, lock, move_message, open_sends
from bot.adapters.db.schema import (
    LAST_TEXT_CHARS,
    WORKING,
    Instant,
    conversations,
    messages,
    turns,
)
from bot.adapters.db.turn_rows import unanswer
from bot.domain.conversation import Policy
from bot.domain.event import EndReason
from bot.domain.outbox import BLOCKED, OPTED_OUT, TAKEN_OVER, Outbound, reply_id
from bot.domain.turn import Reply, Turn
from bot.domain.work import SendLater, ToSend

_MAX_UNKNOWNS = 3
_AT_REST = ("queued", "held")
_DRAFT = {"status": "cancelled", "draft": True, "error": TAKEN_OVER}


_ADD = insert(messages)


_TAKE = (
    update(messages)
    .where(
        messages.c.id == bindparam("message"),
        messages.c.status.in_(("queued", "held", "unknown")),
    )
    .values(
        status="sending",
        worker_id=bindparam("worker"),
        attempts=messages.c.attempts + 1,
        next_at=bindparam("now"),
        first_tried_at=func.coalesce(messages.c.first_tried_at, bindparam("now", type_=Instant)),
        probe=bindparam("is_probe"),
    )
)


_SPOKE = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"))
    .values(last_message_at=bindparam("now"), last_text=bindparam("said"), outages=0)
)


_WORKS = select(turns.c.id).where(turns.c.conversation_id == bindparam("conversation"), WORKING)


def add_reply(
    tx: Connection, turn: Turn, thread: Thread, reply: Reply, now: datetime, *, draft: bool = False
) -> str:
    """Put a turn's reply in the outbox, or (draft) keep it beside; the id of its first part."""
    _keep_withheld(tx, turn, reply, now)
    # To somebody who has opted out before, nobody says goodbye.
    parting = reply.is_parting and (reply.opting is not None or thread.row.opted_out_at is None)
    made_by = reply.made_by
    rows = [
        {
            "id": reply_id(turn.id, part),
            "conversation_id": turn.conversation_id,
            "direction": "out",
            "author": "bot",
            "type": "text",
            "text": text,
            "created_at": now,
            "line_id": turn.line_id,
            "status": _first_status(thread, draft),
            "draft": draft,
            "turn_id": turn.id,
            "part": part,
            "epoch": thread.row.epoch + 1 if parting else turn.epoch,
            "parting": parting,
            "next_at": now,
            **thread.hold_of(now),
            "error": TAKEN_OVER if draft else None,
            "prompt_version": made_by.prompt_version,
            "model": made_by.model,
            # one completion made all parts: it is counted with the first
            "tokens": made_by.tokens if part == 0 else None,
            "cost": made_by.cost if part == 0 else None,
        }
        for part, text in enumerate(reply.parts)
    ]
    tx.execute(_ADD, rows)
    if not draft:
        said = {"conversation": turn.conversation_id, "now": now}
        tx.execute(_SPOKE, said | {"said": reply.parts[-1][:LAST_TEXT_CHARS]})
    return str(rows[0]["id"])


def _keep_withheld(tx: Connection, turn: Turn, reply: Reply, now: datetime) -> None:
    """What a guard has held back is a draft, before what is said in its place."""
    if reply.withheld is None:
        return
    rows = [
        {
            "id": reply_id(turn.id, part),
            "conversation_id": turn.conversation_id,
            "direction": "out",
            "author": "bot",
            "type": "text",
            "text": text,
            "created_at": now,
            "line_id": turn.line_id,
            "status": "cancelled",
            "draft": True,
            "turn_id": turn.id,
            "part": part,
            "epoch": turn.epoch,
            "error": reply.withheld.reason,
            "prompt_version": reply.made_by.prompt_version,
            "model": reply.made_by.model,
        }
        for part, text in enumerate(reply.withheld.parts, len(reply.parts))
    ]
    tx.execute(_ADD, rows)


def claim(
    tx: Connection,
    conversation_id: str,
    worker_id: str,
    now: datetime,
    policy: Policy,
    *,
    probe: bool,
) -> ToSend | SendLater:
    """Take the oldest message that may leave now; order is kept, one at a time."""
    thread = lock(tx, conversation_id)
    if thread is None:
        return SendLater()
    return claim_in(tx, thread, worker_id, now, policy, probe=probe)


def claim_in(
    tx: Connection,
    thread: Thread,
    worker_id: str,
    now: datetime,
    policy: Policy,
    *,
    probe: bool = False,
) -> ToSend | SendLater:
    """The same in a conversation that this transaction has locked already."""
    if thread.row.erasing_at is not None:
        return SendLater()
    sends = open_sends(tx, thread.row.id)
    if any(send.status == "sending" for send in sends):
        return SendLater()
    if _is_being_replaced(tx, thread, sends):
        return SendLater()  # whoever works on the turn looks here when it has ended
    for send in sends:
        verdict = _verdict(send, thread, now, policy)
        if verdict is None:
            return _start(tx, send, thread, worker_id, now, policy, probe=probe)
        _give_up(tx, send, thread, verdict, now, policy)
    return SendLater()


def drop_silenced(tx: Connection, thread: Thread, now: datetime, policy: Policy) -> bool:
    """What a person's take-over has overtaken becomes a draft; whether more is to be sent."""
    sends = open_sends(tx, thread.row.id)
    silenced = [send for send in sends if send.status in _AT_REST and _silenced(send, thread)]
    for send in silenced:
        _give_up(tx, send, thread, _DRAFT, now, policy)
    return len(sends) > len(silenced)


def _is_being_replaced(tx: Connection, thread: Thread, sends: list[AnyRow]) -> bool:
    """Whether a turn works on an answer that may take the place of the oldest that waits."""
    oldest = sends[0] if sends else None
    if oldest is None or oldest.author != "bot" or oldest.status not in _AT_REST:
        return False
    return tx.execute(_WORKS, {"conversation": thread.row.id}).first() is not None


def _give_up(
    tx: Connection,
    send: AnyRow,
    thread: Thread,
    verdict: dict[str, Any],
    now: datetime,
    policy: Policy,
) -> None:
    """End a message that must not be tried (again)."""
    if not move_message(tx, send, verdict):
        return
    if verdict.get("attention"):
        takeover.need_attention(tx, send.conversation_id, str(verdict["error"]), now, policy)
    if verdict["error"] == TAKEN_OVER and send.part == 0:
        ended = _ended_meanwhile(tx, send, thread)
        unanswer(tx, [send.turn_id], None if ended is None else now, ended)


def _ended_meanwhile(tx: Connection, send: AnyRow, thread: Thread) -> tuple[str, EndReason] | None:
    """What the reply was about, now that it never leaves; None: it waits again."""
    written = select(messages.c.id).where(
        messages.c.conversation_id == thread.row.id,
        messages.c.seq > send.seq,
        messages.c.author == "operator",
    )
    if tx.execute(written.limit(1)).first() is not None:
        return "done", EndReason.BY_PERSON
    if thread.paused or thread.row.due_at is not None:
        return None
    return "skipped", EndReason.PAUSED  # whoever handed the conversation back has seen it


def _start(
    tx: Connection,
    send: AnyRow,
    thread: Thread,
    worker_id: str,
    now: datetime,
    policy: Policy,
    *,
    probe: bool,
) -> ToSend | SendLater:
    """Take a message, unless it has to wait for its time, for its line, or for a person."""
    if send.author == "bot" and _is_hushed(thread, now, policy):
        return SendLater(thread.row.hush_until)
    if send.next_at is not None and send.next_at > now and send.status != "held":
        return SendLater(send.next_at)
    is_probe = thread.held and probe and holds.take_probe(tx, thread, now, policy)
    if thread.held and not is_probe:
        if send.status == "queued":
            move_message(tx, send, holds.mark_held(thread.hold_reason, now))
        return SendLater()  # the sweep probes holds, nobody else
    later = None if is_probe else _paced(tx, send, thread, now, policy)
    return _take(tx, send, thread, worker_id, now, is_probe=is_probe) if later is None else later


def _paced(
    tx: Connection, send: AnyRow, thread: Thread, now: datetime, policy: Policy
) -> SendLater | None:
    """What the line's pace has against sending one of the bot's messages now; None: nothing."""
    if send.author != "bot":
        return None
    wait_until = governor.wait_to_send(tx, thread, send, now, policy)
    if wait_until is None:
        return None
    tx.execute(update(messages).where(messages.c.id == send.id).values(next_at=wait_until))
    return SendLater(wait_until)


def _is_hushed(thread: Thread, now: datetime, policy: Policy) -> bool:
    """Whether a person may just have written here; later than the grace: the clock was set back."""
    until = thread.row.hush_until
    return until is not None and bool(now < until <= now + policy.delivery_grace)


def _verdict(send: AnyRow, thread: Thread, now: datetime, policy: Policy) -> dict[str, Any] | None:
    """How a message ends without (another) attempt, or None: it may be tried."""
    stale = now - send.created_at > policy.stale_after
    if send.status == "unknown":
        gave_up = send.unknowns >= _MAX_UNKNOWNS or not policy.resend_unknown or stale
        forbidden = _silenced(send, thread) or _unwanted(send, thread, policy) is not None
        if send.next_at <= now and (gave_up or forbidden):
            text = "it left and got no answer: nobody knows whether it arrived"
            return {"status": "uncertain", "error": text, "attention": True}
        return None
    if _silenced(send, thread):
        return _DRAFT
    unwanted = _unwanted(send, thread, policy)
    if unwanted is not None:
        return {"status": "cancelled", "error": unwanted}
    if stale:
        text = "it could not be sent in time"
        return {"status": "cancelled", "draft": True, "error": text, "attention": True}
    return None


def _silenced(send: AnyRow, thread: Thread) -> bool:
    """Whether a person has taken over since this message of the bot's was made."""
    if send.author != "bot":
        return False
    if send.epoch != thread.row.epoch:
        return True
    return thread.paused and not send.parting


def _unwanted(send: AnyRow, thread: Thread, policy: Policy) -> str | None:
    """Why nobody, or not the bot, may write to this contact any more; None: they may."""
    row = thread.row
    if row.operator:
        return None
    if row.blocked_at is not None:
        return BLOCKED
    is_last_word = send.parting and send.epoch == row.epoch
    if row.opted_out_at is not None and not is_last_word:
        return OPTED_OUT
    if send.author == "bot" and not policy.audience(row.line_id).includes(row.contact_key):
        return "the contact is not answered on this line"
    return None


def _take(
    tx: Connection,
    send: AnyRow,
    thread: Thread,
    worker_id: str,
    now: datetime,
    *,
    is_probe: bool,
) -> ToSend | SendLater:
    values = {"message": send.id, "worker": worker_id, "now": now, "is_probe": is_probe}
    taken = tx.execute(_TAKE, values)
    if taken.rowcount != 1:
        return SendLater()
    outbound = Outbound(
        id=send.id,
        conversation_id=send.conversation_id,
        line_id=send.line_id,
        to=thread.row.contact,
        text=send.text,
        attempt=send.attempts + 1,
    )
    return ToSend(outbound)


def _first_status(thread: Thread, draft: bool) -> str:
    if draft:
        return "cancelled"
    return "held" if thread.held else "queued"
