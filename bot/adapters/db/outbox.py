"""The transitions of outbound messages. Each function is the whole or a part of one transaction."""

from datetime import datetime, timedelta
from random import random
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, literal, or_, select, update

from bot.adapters.db.inbox import LAST_TEXT_CHARS
from bot.adapters.db.rows import ALL, AnyRow, Thread, lock, open_sends
from bot.adapters.db.schema import OPEN_SEND, Instant, conversations, events, lines, messages
from bot.domain.conversation import Owner, Pause, Policy
from bot.domain.outbox import (
    AccountHeld,
    LineHeld,
    NotSent,
    Outbound,
    Rejected,
    SendOutcome,
    Sent,
    Unanswered,
)
from bot.domain.retry import backoff
from bot.domain.turn import Reply, Turn
from bot.domain.work import SendLater, ToSend
from bot.errors import LostClaim

_MAX_UNKNOWNS = 3
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
        probe=bindparam("is_probe"),
    )
)
_SPOKE = (
    update(conversations)
    .where(conversations.c.id == bindparam("conversation"))
    .values(last_message_at=bindparam("now"), last_text=bindparam("said"), outages=0)
)
_IN_HAND = select(
    *(messages.c[name] for name in ("id", "conversation_id", "line_id", "status", "worker_id")),
    *(messages.c[name] for name in ("turn_id", "provider_id", "guessed", "probe")),
    *(messages.c[name] for name in ("attempts", "unknowns")),
).where(messages.c.id == bindparam("message"))
_SENT = (
    update(messages)
    .where(messages.c.id == bindparam("message"), messages.c.status == bindparam("was"))
    .values(
        status="sent",
        provider_id=bindparam("provider"),
        sent_at=bindparam("now"),
        error=None,
        worker_id=None,
    )
)


def add_reply(
    tx: Connection, turn: Turn, thread: Thread, reply: Reply, now: datetime, *, draft: bool = False
) -> str:
    """Put a turn's reply in the outbox, or (draft) keep it beside; the id of its first part."""
    parting = reply.hand_off is not None
    made_by = reply.made_by
    rows = [
        {
            "id": f"re{turn.id[2:]}_{part}",
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
            "epoch": turn.epoch + 1 if parting else turn.epoch,
            "parting": parting,
            "next_at": now,
            "error": "a person took over" if draft else None,
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
    sends = open_sends(tx, thread.row.id)
    if any(send.status == "sending" for send in sends):
        return SendLater()
    for send in sends:
        verdict = _verdict(send, thread, now, policy)
        if verdict is None:
            return _start(tx, send, thread, worker_id, now, policy, probe=probe)
        _give_up(tx, send, verdict)
    return SendLater()


def settle(
    tx: Connection,
    message: Outbound,
    outcome: SendOutcome,
    worker_id: str,
    now: datetime,
    policy: Policy,
) -> bool:
    """Store what came of an attempt; refused when somebody else has settled it meanwhile.

    Whether the conversation has more to send, now or later.
    """
    if lock(tx, message.conversation_id) is None:
        raise LostClaim(f"message {message.id} is gone")
    row = tx.execute(_IN_HAND, {"message": message.id}).one()
    if row.guessed and _overrules(row, outcome):
        row = _take_back_guess(tx, row, worker_id, now)
    if row.status in ("sent", "delivered"):  # its delivery notice was faster than the answer
        _note_provider_id(tx, row, outcome)
    elif _may_settle(row, outcome, worker_id):
        _apply_outcome(tx, row, outcome, now, policy)
    else:
        raise LostClaim(f"message {message.id} is no longer ours")
    return bool(open_sends(tx, message.conversation_id))


def _may_settle(row: AnyRow, outcome: SendOutcome, worker_id: str) -> bool:
    if row.status == "unknown":  # taken back from this worker, and yet the line had taken it
        return isinstance(outcome, Sent)
    return bool(row.status == "sending" and row.worker_id == worker_id)


def _apply_outcome(
    tx: Connection,
    row: AnyRow,
    outcome: SendOutcome,
    now: datetime,
    policy: Policy,
) -> None:
    match outcome:
        case Sent(provider_id):
            _mark_sent(tx, row, provider_id, now)
            if row.probe:
                release_holds(tx, row.line_id)
        case NotSent(error):
            again = now + _backoff(row.attempts, policy)
            _end(tx, row, {"status": "queued", "next_at": again, "error": error})
        case LineHeld():
            _end(tx, row, {"status": "held", "error": outcome.error})
            _hold_line(tx, row, outcome, now, policy)
        case AccountHeld(code, error):
            _end(tx, row, {"status": "held", "error": error})
            hold(tx, ALL, code, error, now, now + policy.hold_probe)
        case Rejected(code, error):
            text = f"rejected by the line ({code}): {error}"
            _end(tx, row, {"status": "failed", "error": text})
            _cancel_rest(tx, row)
            need_attention(tx, row.conversation_id, text)
        case Unanswered(error):
            become_unknown(tx, row, error, now, policy)


def become_unknown(tx: Connection, row: AnyRow, error: str, now: datetime, policy: Policy) -> None:
    """A request left and nobody answered: wait for its delivery notice, longer each time."""
    wait = policy.unknown_wait * 2.0**row.unknowns
    _end(
        tx,
        row,
        {"status": "unknown", "unknowns": row.unknowns + 1, "next_at": now + wait, "error": error},
    )


def pause_conversation(
    tx: Connection, conversation_id: str, pause: Pause, now: datetime, *, attention: bool = False
) -> None:
    """A person takes over; what the bot still had queued is kept as drafts."""
    values: dict[str, Any] = {"needs_attention": True, "attention_reason": pause.reason}
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(
            state=Owner.HUMAN,
            epoch=conversations.c.epoch + 1,
            paused_at=now,
            paused_until=pause.until,
            paused_by=pause.by,
            pause_reason=pause.reason,
            pause_noticed_at=None,
            **(values if attention else {}),
        )
    )
    cancel_queued(tx, messages.c.conversation_id == conversation_id)


def cancel_queued(tx: Connection, where: Any) -> None:
    """The bot's queued and held replies become drafts; parting words of a hand-off stay."""
    current = select(conversations.c.epoch).where(conversations.c.id == messages.c.conversation_id)
    tx.execute(
        update(messages)
        .where(
            where,
            OPEN_SEND,
            messages.c.author == "bot",
            messages.c.status.in_(("queued", "held")),
            or_(
                messages.c.parting.is_(False),
                messages.c.epoch != current.scalar_subquery(),
            ),
        )
        .values(status="cancelled", draft=True, error="a person took over")
    )


def hold(
    tx: Connection, line_id: str, code: str, error: str, now: datetime, probe_at: datetime
) -> None:
    """Nothing leaves on a line (or, `*`, on any) until a probe gets through."""
    ensure_line(tx, line_id, now)
    tx.execute(
        update(lines)
        .where(lines.c.line_id == line_id)
        .values(
            hold_code=code,
            hold_reason=error,
            hold_since=func.coalesce(lines.c.hold_since, literal(now, Instant)),
            probe_at=probe_at,
        )
    )
    queued: list[Any] = [OPEN_SEND, messages.c.status == "queued"]
    if line_id != ALL:
        queued.append(messages.c.line_id == line_id)
    tx.execute(update(messages).where(and_(*queued)).values(status="held"))


def release_holds(tx: Connection, line_id: str) -> None:
    """A probe got through: the line and the account work, what was held goes out."""
    tx.execute(
        update(lines)
        .where(lines.c.line_id.in_((line_id, ALL)))
        .values(hold_code=None, hold_reason=None, hold_since=None, probe_at=None)
    )
    tx.execute(  # its `line.ready` was lost
        update(lines)
        .where(lines.c.line_id == line_id, lines.c.connection != "ready")
        .values(connection="ready", reason=None)
    )
    requeue_unblocked(tx)


def requeue_unblocked(tx: Connection) -> None:
    """What is held on lines that are no longer held goes back into the queue."""
    blocked = select(lines.c.line_id).where(lines.c.hold_code.is_not(None))
    account_blocked = blocked.where(lines.c.line_id == ALL).exists()
    tx.execute(
        update(messages)
        .where(
            OPEN_SEND,
            messages.c.status == "held",
            messages.c.line_id.not_in(blocked),
            ~account_blocked,
        )
        .values(status="queued")
    )


def ensure_line(tx: Connection, line_id: str, now: datetime) -> None:
    """Make sure that a line has a row."""
    known = tx.execute(select(lines.c.line_id).where(lines.c.line_id == line_id)).first()
    if known is None:
        tx.execute(insert(lines).values(line_id=line_id, connection="ready", since=now))


def need_attention(tx: Connection, conversation_id: str, reason: str) -> None:
    """A person should look at this conversation."""
    tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(needs_attention=True, attention_reason=reason)
    )


def _give_up(tx: Connection, send: AnyRow, verdict: dict[str, Any]) -> None:
    """End a message that must not be tried (again)."""
    if _move(tx, send, verdict) and verdict.get("attention"):
        need_attention(tx, send.conversation_id, str(verdict["error"]))


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
    """Take a message, unless it has to wait for its time or for its line."""
    if send.next_at is not None and send.next_at > now and send.status != "held":
        return SendLater(send.next_at)
    is_probe = thread.held and probe and _take_probe(tx, thread, now, policy)
    if thread.held and not is_probe:
        if send.status == "queued":
            _move(tx, send, {"status": "held"})
        return SendLater()  # the sweep probes holds, nobody else
    return _take(tx, send, thread, worker_id, now, is_probe=is_probe)


def _verdict(send: AnyRow, thread: Thread, now: datetime, policy: Policy) -> dict[str, Any] | None:
    """How a message ends without (another) attempt, or None: it may be tried."""
    stale = now - send.created_at > policy.stale_after
    if send.status == "unknown":
        gave_up = send.unknowns >= _MAX_UNKNOWNS or not policy.resend_unknown or stale
        if send.next_at <= now and (gave_up or _silenced(send, thread)):
            text = "it left and got no answer: nobody knows whether it arrived"
            return {"status": "uncertain", "error": text, "attention": True}
        return None
    if _silenced(send, thread):
        return {"status": "cancelled", "draft": True, "error": "a person took over"}
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


def _take_probe(tx: Connection, thread: Thread, now: datetime, policy: Policy) -> bool:
    """Whether this caller may try the hold; only one may, each time."""
    taken = tx.execute(
        update(lines)
        .where(
            lines.c.line_id.in_((thread.row.line_id, ALL)),
            lines.c.hold_code.is_not(None),
            lines.c.probe_at <= now,
        )
        .values(probe_at=now + policy.hold_probe)
    )
    return taken.rowcount > 0


def _end(tx: Connection, row: AnyRow, change: dict[str, Any]) -> None:
    if not _move(tx, row, change):
        raise LostClaim(f"message {row.id} is no longer {row.status}")


def _move(tx: Connection, row: AnyRow, change: dict[str, Any]) -> bool:
    """Change a message, unless somebody else has moved it on meanwhile."""
    values = {name: value for name, value in change.items() if name != "attention"}
    moved = tx.execute(
        update(messages)
        .where(messages.c.id == row.id, messages.c.status == row.status)
        .values(worker_id=None, **values)
    )
    return moved.rowcount == 1


def _overrules(row: AnyRow, outcome: SendOutcome) -> bool:
    """Whether the line's answer shows that a delivery notice was not about this message."""
    match outcome:
        case Sent(provider_id):
            return provider_id is not None and provider_id != row.provider_id
        case Unanswered():
            return False
        case _:
            return True


def _take_back_guess(tx: Connection, row: AnyRow, worker_id: str, now: datetime) -> AnyRow:
    """The notice was about another message: both are looked at again."""
    tx.execute(
        update(messages)
        .where(messages.c.id == row.id)
        .values(
            status="sending",
            worker_id=worker_id,
            provider_id=None,
            delivered_at=None,
            sent_at=None,
            guessed=False,
        )
    )
    tx.execute(
        update(events)
        .where(events.c.message_id == row.id, events.c.type == "message.delivered")
        .values(state="pending", reason=None, ended_at=None, due_at=now, message_id=None)
    )
    return tx.execute(_IN_HAND, {"message": row.id}).one()


def _note_provider_id(tx: Connection, row: AnyRow, outcome: SendOutcome) -> None:
    if isinstance(outcome, Sent) and outcome.provider_id is not None and row.provider_id is None:
        tx.execute(
            update(messages).where(messages.c.id == row.id).values(provider_id=outcome.provider_id)
        )


def _cancel_rest(tx: Connection, row: AnyRow) -> None:
    """The further parts of a reply whose part was rejected make no sense alone."""
    if row.turn_id is not None:
        tx.execute(
            update(messages)
            .where(
                messages.c.conversation_id == row.conversation_id,
                messages.c.turn_id == row.turn_id,
                OPEN_SEND,
                messages.c.status.in_(("queued", "held")),
            )
            .values(status="cancelled", error="an earlier part was rejected")
        )


def _first_status(thread: Thread, draft: bool) -> str:
    if draft:
        return "cancelled"
    return "held" if thread.held else "queued"


def _mark_sent(tx: Connection, row: AnyRow, provider_id: str | None, now: datetime) -> None:
    values = {"message": row.id, "was": row.status, "provider": provider_id, "now": now}
    if tx.execute(_SENT, values).rowcount != 1:
        raise LostClaim(f"message {row.id} is no longer {row.status}")


def _hold_line(
    tx: Connection, row: AnyRow, outcome: LineHeld, now: datetime, policy: Policy
) -> None:
    wait = policy.hold_probe if outcome.capped else policy.not_ready_probe
    if outcome.retry_after is not None:  # a line that always says "at once" is not hammered
        wait = max(outcome.retry_after, _backoff(row.attempts, policy))
    code = "rate_limited" if outcome.capped else "not_ready"
    hold(tx, row.line_id, code, f"{outcome.code}: {outcome.error}", now, now + wait)


def _backoff(attempt: int, policy: Policy) -> timedelta:
    return backoff(attempt, policy.base_delay, policy.max_delay, random())  # noqa: S311 - jitter
