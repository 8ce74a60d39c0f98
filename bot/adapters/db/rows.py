"""What every transition of a conversation begins with: its row, locked, and its line's state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from bot.adapters.db.schema import OPEN_SEND, conversations, lines, messages
from bot.domain.conversation import Owner
from bot.domain.outbox import SEND_MOVES
from bot.errors import LostClaim, NotFound

AnyRow = Row[*tuple[Any, ...]]
"""A row whose columns the type checker is not told."""

ALL = "*"
"""The row of `lines` that stands for the account: all lines at once."""

_line = lines.alias("line")
_account = lines.alias("account")

_LOCKED = (
    select(
        conversations.c.id,
        conversations.c.line_id,
        conversations.c.contact,
        conversations.c.contact_key,
        conversations.c.name,
        conversations.c.state,
        conversations.c.epoch,
        conversations.c.paused_at,
        conversations.c.paused_by,
        conversations.c.paused_until,
        conversations.c.pause_noticed_at,
        conversations.c.opted_out_at,
        conversations.c.blocked_at,
        conversations.c.erasing_at,
        conversations.c.away_at,
        conversations.c.hush_until,
        conversations.c.operator,
        conversations.c.heard_seq,
        conversations.c.relay_to,
        conversations.c.relayed_seq,
        conversations.c.brief,
        conversations.c.first_waiting_at,
        conversations.c.due_at,
        conversations.c.last_message_at,
        conversations.c.outages,
        _line.c.paused_at.label("line_paused_at"),
        _line.c.hold_code.label("line_hold"),
        _line.c.hold_reason.label("line_hold_reason"),
        _line.c.pace.label("line_pace"),
        _line.c.slowed_at.label("line_slowed_at"),
        _account.c.paused_at.label("all_paused_at"),
        _account.c.hold_code.label("account_hold"),
        _account.c.hold_reason.label("account_hold_reason"),
    )
    .select_from(
        conversations.outerjoin(_line, _line.c.line_id == conversations.c.line_id).outerjoin(
            _account, _account.c.line_id == ALL
        )
    )
    .where(conversations.c.id == bindparam("conversation"))
    .with_for_update(of=conversations)
)
_SWITCH_LOCK = 7_036_874_417_766_403  # any number, the same in all our processes
_SHARE_SWITCH = select(func.pg_advisory_xact_lock_shared(_SWITCH_LOCK))
_TAKE_SWITCH = select(func.pg_advisory_xact_lock(_SWITCH_LOCK))

_OPEN_SENDS = (
    select(
        *(messages.c[name] for name in ("id", "conversation_id", "line_id", "author", "text")),
        *(messages.c[name] for name in ("status", "next_at", "attempts", "unknowns", "part")),
        *(
            messages.c[name]
            for name in ("epoch", "parting", "created_at", "provider_id", "seq", "turn_id")
        ),
        messages.c.first_tried_at,
    )
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        OPEN_SEND,
    )
    .order_by(messages.c.seq)
)


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation's row, locked until the transaction ends."""

    row: AnyRow

    @property
    def paused(self) -> bool:
        """Whether a person has it: this conversation, its line or everything."""
        row = self.row
        return (
            row.state == Owner.HUMAN
            or row.line_paused_at is not None
            or row.all_paused_at is not None
        )

    @property
    def held(self) -> bool:
        """Whether nothing leaves on its line but a probe."""
        return self.row.line_hold is not None or self.row.account_hold is not None

    @property
    def hold_reason(self) -> str:
        """Why nothing leaves; empty: it does."""
        row = self.row
        if row.line_hold is not None:
            return told_hold(row.line_hold, row.line_hold_reason)
        return told_hold(row.account_hold, row.account_hold_reason) if row.account_hold else ""

    def hold_of(self, now: datetime) -> dict[str, Any]:
        """Since when, and why, a message that is stored now waits for its line."""
        held = self.held
        return {"held_at": now if held else None, "held_reason": self.hold_reason if held else None}


def told_hold(code: str, reason: str | None) -> str:
    """Why a line or the account is held, in one text."""
    if not reason:
        return code
    return reason if code in reason else f"{code}: {reason}"


def lock(tx: Connection, conversation_id: str) -> Thread | None:
    """Lock a conversation; None: there is no such conversation.

    PostgreSQL also shares the switch, so that a pause of everything cannot slip in between the
    check here and the commit.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(_SHARE_SWITCH)
    row = tx.execute(_LOCKED, {"conversation": conversation_id}).first()
    return None if row is None else Thread(row)


def locked(tx: Connection, conversation_id: str) -> Thread:
    """The same of a conversation that should be there. Raises NotFound."""
    thread = lock(tx, conversation_id)
    if thread is None:
        raise NotFound(f"there is no conversation {conversation_id}")
    return thread


def take_switch(tx: Connection) -> None:
    """No claim and no send of any conversation commits until this transaction ends.

    Only for a transaction that has locked no conversation yet.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(_TAKE_SWITCH)


def open_sends(tx: Connection, conversation_id: str) -> list[AnyRow]:
    """The conversation's outbound messages that have not come to an end, in order."""
    return list(tx.execute(_OPEN_SENDS, {"conversation": conversation_id}))


def set_conversation(tx: Connection, conversation_id: str, **values: Any) -> None:
    """Change columns of a conversation."""
    tx.execute(update(conversations).where(conversations.c.id == conversation_id).values(**values))


def end_message(tx: Connection, row: AnyRow, change: dict[str, Any]) -> None:
    """Change a message that is surely still as it was read. Raises LostClaim."""
    if not move_message(tx, row, change):
        raise LostClaim(f"message {row.id} is no longer {row.status}")


def move_message(tx: Connection, row: AnyRow, change: dict[str, Any]) -> bool:
    """Change a message, unless somebody else has moved it on meanwhile.

    Only moves that the outbox's state machine knows: any other is a fault of the program.
    """
    if change["status"] not in SEND_MOVES[row.status]:
        raise ValueError(f"message {row.id}: {row.status} does not become {change['status']}")
    values = {name: value for name, value in change.items() if name != "attention"}
    moved = tx.execute(
        update(messages)
        .where(messages.c.id == row.id, messages.c.status == row.status)
        .values(worker_id=None, **values)
    )
    return moved.rowcount == 1
