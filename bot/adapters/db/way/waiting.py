"""What has not ended waits for something: for what, and until when."""

from collections.abc import Sequence

from sqlalchemy import Connection

from bot.adapters.db.pauses import load_pauses, show_conversation
from bot.adapters.db.rows import AnyRow, told_hold
from bot.adapters.db.way import reads
from bot.domain.event import EventState
from bot.domain.media import MEDIA_OPEN
from bot.domain.outbox import SendStatus
from bot.domain.shown import ConversationView
from bot.domain.way import Noted, Step, told, words_of


def for_turn(tx: Connection, event: AnyRow, files: Sequence[AnyRow]) -> Noted:
    """What a customer's message waits for."""
    if event.state == EventState.WORKING:
        return Noted(None, Step.WAITING, "for the turn that has it in hand")
    conversation = reads.conversation(tx, event.conversation_id)
    view = None if conversation is None else show_conversation(conversation, load_pauses(tx))
    if view is not None and view.state == "human":
        return _for_person(view)
    for row in files:
        if row.message_id == event.message_id and row.state in MEDIA_OPEN:
            what = told("for its file", f"which is {row.state}", words_of(row.error))
            return Noted(row.next_at, Step.WAITING, what)
    if conversation is not None and conversation.due_at is not None:
        return Noted(conversation.due_at, Step.WAITING, "until its turn is due")
    return Noted(None, Step.WAITING, "for what is in hand in its conversation")


def _for_person(view: ConversationView) -> Noted:
    until = "somebody resumes" if view.paused_until is None else "the pause ends"
    by = f"paused by {words_of(view.paused_by)}" if view.paused_by else ""
    what = told("a person has the conversation", by, f"until {until}")
    return Noted(view.paused_until, Step.WAITING, what)


def for_line(tx: Connection, row: AnyRow) -> Noted | None:
    """What an outbound message waits for; None: nothing, it is at its end."""
    match SendStatus(row.status):
        case SendStatus.QUEUED:
            what = told(row.id, "to be sent", words_of(row.error))
            return Noted(row.next_at, Step.WAITING, what)
        case SendStatus.HELD:
            return Noted(None, Step.WAITING, told(row.id, "for its line", _hold(tx, row)))
        case SendStatus.SENDING:
            return Noted(None, Step.WAITING, told(row.id, "for the line's answer"))
        case SendStatus.UNKNOWN:
            what = told(row.id, "for its delivery notice: it left and got no answer")
            return Noted(row.next_at, Step.WAITING, what)
        case _:
            return None


def _hold(tx: Connection, row: AnyRow) -> str:
    holds = [one for one in reads.line_and_account(tx, row.line_id) if one.hold_code is not None]
    return "; ".join(words_of(told_hold(one.hold_code, one.hold_reason)) for one in holds)
