"""What came of an attempt to send: the transitions out of `sending`."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from bot.adapters.db import governor, holds, outbox, takeover
from bot.adapters.db.pacing import retry_delay
from bot.adapters.db.rows import ALL, AnyRow, end_message, lock
from bot.adapters.db.schema import OF_MESSAGE, OPEN_SEND, conversations, events, messages
from bot.domain.conversation import Policy
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
from bot.errors import LostClaim

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
    thread = lock(tx, message.conversation_id)
    if thread is None:
        raise LostClaim(f"message {message.id} is gone")
    row = tx.execute(_IN_HAND, {"message": message.id}).first()
    if row is None:  # erased, and the same customer has written anew
        raise LostClaim(f"message {message.id} is gone")
    if row.guessed and _overrules(row, outcome):
        row = _take_back_guess(tx, row, worker_id, now)
    if row.status in ("sent", "delivered"):  # its delivery notice was faster than the answer
        _confirm(tx, row, outcome, policy)
    elif _may_settle(row, outcome, worker_id):
        _apply_outcome(tx, row, outcome, now, policy)
    else:
        raise LostClaim(f"message {message.id} is no longer ours")
    return outbox.drop_silenced(tx, thread, now, policy)


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
                holds.release_holds(tx, row.line_id)
        case NotSent(error):
            again = now + retry_delay(row.attempts, policy)
            _wait(tx, row, {"status": "queued", "next_at": again, "error": error})
        case LineHeld():
            held = holds.mark_held(f"{outcome.code}: {outcome.error}", now)
            _wait(tx, row, held | {"next_at": now, "error": outcome.error})
            holds.hold_line(tx, row, outcome, now, policy)
            governor.complain(tx, row.line_id, now)
        case AccountHeld(code, error):
            held = holds.mark_held(f"{code}: {error}", now)
            _wait(tx, row, held | {"next_at": now, "error": error})
            holds.hold(tx, ALL, code, error, now, now + policy.hold_probe)
        case Rejected(code, error):
            text = f"rejected by the line ({code}): {error}"
            end_message(tx, row, {"status": "failed", "error": text})
            _cancel_rest(tx, row)
            takeover.need_attention(tx, row.conversation_id, text, now, policy)
        case Unanswered(error):
            become_unknown(tx, row, error, now, policy)


def _wait(tx: Connection, row: AnyRow, change: dict[str, Any]) -> None:
    """Not sent now. What may have left before stays unknown: nothing may take its place."""
    end_message(tx, row, change | ({"status": "unknown"} if row.unknowns else {}))


def become_unknown(tx: Connection, row: AnyRow, error: str, now: datetime, policy: Policy) -> None:
    """A request left and nobody answered: wait for its delivery notice, longer each time."""
    wait = policy.unknown_wait * 2.0**row.unknowns
    end_message(
        tx,
        row,
        {"status": "unknown", "unknowns": row.unknowns + 1, "next_at": now + wait, "error": error},
    )


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


def _confirm(tx: Connection, row: AnyRow, outcome: SendOutcome, policy: Policy) -> None:
    """The notice was about this message indeed: the bot need not wait to see whose it was."""
    values: dict[str, Any] = {"guessed": False}
    if isinstance(outcome, Sent) and row.provider_id is None:
        values["provider_id"] = outcome.provider_id
    tx.execute(update(messages).where(messages.c.id == row.id).values(**values))
    notice = select(events.c.received_at).where(
        OF_MESSAGE, events.c.message_id == row.id, events.c.type == "message.delivered"
    )
    hushed = {at + policy.delivery_grace for at in tx.execute(notice).scalars()}
    tx.execute(
        update(conversations)
        .where(conversations.c.id == row.conversation_id, conversations.c.hush_until.in_(hushed))
        .values(hush_until=None)
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


def _mark_sent(tx: Connection, row: AnyRow, provider_id: str | None, now: datetime) -> None:
    values = {"message": row.id, "was": row.status, "provider": provider_id, "now": now}
    if tx.execute(_SENT, values).rowcount != 1:
        raise LostClaim(f"message {row.id} is no longer {row.status}")
