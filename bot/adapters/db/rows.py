"""What every transition of a conversation begins with: its row, locked, and its line's state."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from bot.adapters.db.schema import OPEN_SEND, conversations, lines, messages
from bot.domain.conversation import Owner

AnyRow = Row[*tuple[Any, ...]]
"""A row whose columns the type checker is not told."""

ALL = "*"
"""The row of `lines` that stands for the account: all lines at once."""

_line = lines.alias("line")
_account = lines.alias("account")

_LOCKED = (
    select(
        conversations,
        _line.c.paused_at.label("line_paused_at"),
        _line.c.hold_code.label("line_hold"),
        _line.c.probe_at.label("line_probe_at"),
        _account.c.paused_at.label("all_paused_at"),
        _account.c.hold_code.label("account_hold"),
        _account.c.probe_at.label("account_probe_at"),
    )
    .select_from(
        conversations.outerjoin(_line, _line.c.line_id == conversations.c.line_id).outerjoin(
            _account, _account.c.line_id == ALL
        )
    )
    .where(conversations.c.id == bindparam("conversation"))
    .with_for_update(of=conversations)
)
_SWITCH = select(lines.c.line_id).where(lines.c.line_id == ALL).with_for_update(read=True)

_OPEN_SENDS = (
    select(messages)
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
    def probe_at(self) -> datetime | None:
        """When the hold may be tried again."""
        times = [t for t in (self.row.line_probe_at, self.row.account_probe_at) if t is not None]
        return max(times, default=None)


def lock(tx: Connection, conversation_id: str) -> Thread | None:
    """Lock a conversation; None: there is no such conversation.

    PostgreSQL also shares the switch's row, so that a pause of everything cannot slip in between
    the check here and the commit.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(_SWITCH)
    row = tx.execute(_LOCKED, {"conversation": conversation_id}).first()
    return None if row is None else Thread(row)


def open_sends(tx: Connection, conversation_id: str) -> list[AnyRow]:
    """The conversation's outbound messages that have not come to an end, in order."""
    return list(tx.execute(_OPEN_SENDS, {"conversation": conversation_id}))
