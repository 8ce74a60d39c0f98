"""How much the bot writes, and how much is written to it: for the breaker of a runaway."""

from datetime import datetime

from sqlalchemy import Connection, case, func, select

from bot.adapters.db import notices, switch
from bot.adapters.db.schema import lines, messages
from bot.domain.conversation import Pause, Policy
from bot.domain.handling import BREAKER
from bot.domain.notice import NoticeKind
from bot.domain.work import Traffic

_REASON = "the bot writes much more than is written to it"
_SAID = "is stopped: {why}. Look what it says, then resume the line (#resume all)."


def since(tx: Connection, after: int | None) -> Traffic:
    """What has been written since the message `after`; None: only where to count from."""
    newest = tx.execute(select(func.max(messages.c.seq))).scalar() or 0
    if after is None or newest <= after:
        return Traffic(newest, {})
    of_bot = case((messages.c.author == "bot", 1), else_=0)
    of_customers = case((messages.c.direction == "in", 1), else_=0)
    rows = tx.execute(
        select(messages.c.line_id, func.sum(of_bot), func.sum(of_customers))
        .where(messages.c.seq > after, messages.c.seq <= newest)
        .group_by(messages.c.line_id)
    )
    return Traffic(newest, {line: (int(sent), int(heard)) for line, sent, heard in rows})


def stop(tx: Connection, line_id: str, now: datetime, policy: Policy) -> bool:
    """A line is silent until a person resumes it; False: it is paused already."""
    switch.lock_scope(tx, line_id, now)
    paused = select(lines.c.paused_at).where(lines.c.line_id == line_id)
    if tx.execute(paused).scalar() is not None:
        return False
    switch.pause_scope(tx, line_id, Pause(BREAKER, None, _REASON), now)
    text = f"Line {line_id} {_SAID.format(why=_REASON)}"
    notices.announce(tx, line_id, NoticeKind.STOPPED, text, now, policy)
    return True
