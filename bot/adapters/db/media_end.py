"""The last transition of an attachment, whichever way it came there."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from bot.adapters.db import takeover
from bot.adapters.db.rows import AnyRow, lock, set_conversation
from bot.adapters.db.schema import LAST_TEXT_CHARS, OPEN_EVENT, conversations, events, messages
from bot.adapters.db.schema import media as table
from bot.domain.conversation import Policy
from bot.domain.media import MediaState, Problem, Reading
from bot.domain.work import MediaEnded


def end(
    tx: Connection,
    row: AnyRow,
    state: MediaState,
    now: datetime,
    policy: Policy,
    reading: Reading | None,
    **values: Any,
) -> MediaEnded:
    """What it says is known, or that nothing will be: its message may be answered now."""
    values = ({} if reading is None else _values(reading)) | values
    if values.get("problem") == Problem.EXPIRED:
        values["url"] = None
    tx.execute(
        update(table)
        .where(table.c.id == row.id)
        .values(state=state.value, worker_id=None, read_at=now, **values)
    )
    if values.get("service") is not None and values.get("text"):
        _show_words(tx, row, values["text"])
    if state is MediaState.FAILED:
        reason = f"a file could not be had: {values['error']}"
        takeover.need_attention(tx, row.conversation_id, reason, now, policy)
    _wake(tx, row, now, policy)
    return MediaEnded(row.conversation_id, expired=values.get("problem") == Problem.EXPIRED)


def _show_words(tx: Connection, row: AnyRow, words: str) -> None:
    """The transcript stands with the message, and in the list while it is the last."""
    said = update(messages).where(messages.c.id == row.message_id)
    tx.execute(said.values(transcript=words))
    tx.execute(
        update(conversations)
        .where(
            conversations.c.id == row.conversation_id,
            conversations.c.last_message_at == row.received_at,
        )
        .values(last_text=words[:LAST_TEXT_CHARS])
    )


def _values(reading: Reading) -> dict[str, Any]:
    return {
        "problem": None if reading.problem is None else reading.problem.value,
        "error": reading.error,
        "text": reading.text,
        "left_out": reading.left_out,
        "pictures": "\n".join(reading.pictures),
        "language": reading.language,
        "duration_s": reading.duration_s,
        "pages": reading.pages,
        "service": reading.service,
        "model": reading.model,
    }


def _wake(tx: Connection, row: AnyRow, now: datetime, policy: Policy) -> None:
    """The message's turn is due as soon as the customer is quiet."""
    thread = lock(tx, row.conversation_id)
    waits = select(events.c.id).where(
        events.c.conversation_id == row.conversation_id,
        OPEN_EVENT,
        events.c.message_id == row.message_id,
        events.c.state == "pending",
    )
    if thread is None or tx.execute(waits).first() is None:
        return
    quiet_at = max(now, thread.row.last_message_at + policy.quiet_period)
    due_at = quiet_at if thread.row.due_at is None else min(quiet_at, thread.row.due_at)
    since = now if thread.row.first_waiting_at is None else thread.row.first_waiting_at
    set_conversation(tx, row.conversation_id, due_at=due_at, first_waiting_at=since)
