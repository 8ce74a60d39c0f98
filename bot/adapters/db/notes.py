"""What operators note on a conversation, for each other. Each function is one transaction."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from bot.adapters.db.ids import new_id
from bot.adapters.db.rows import locked
from bot.adapters.db.schema import conversations
from bot.adapters.db.schema import notes as table
from bot.domain.people import NOTES_MAX, NoteView
from bot.errors import NotFound, Refused

_SHOWN = (
    *(table.c.id, table.c.author, table.c.text),
    *(table.c.created_at, table.c.edited_at, table.c.edited_by),
)


def of(tx: Connection, conversation_id: str) -> tuple[NoteView, ...]:
    """In order of time. Raises NotFound."""
    known = select(conversations.c.id).where(conversations.c.id == conversation_id)
    if tx.execute(known).first() is None:
        raise NotFound("there is no such conversation")
    query = select(*_SHOWN).where(table.c.conversation_id == conversation_id)
    rows = tx.execute(query.order_by(table.c.created_at, table.c.id).limit(NOTES_MAX))
    return tuple(NoteView(*row) for row in rows)


def add(tx: Connection, conversation_id: str, text: str, by: str, now: datetime) -> NoteView:
    """Raises NotFound, and Refused when there are too many."""
    locked(tx, conversation_id)
    mine = table.c.conversation_id == conversation_id
    many = tx.execute(select(func.count()).select_from(table).where(mine)).scalar_one()
    if many >= NOTES_MAX:
        raise Refused(f"a conversation holds {NOTES_MAX} notes: delete one first")
    note_id = new_id("nt")
    row = {"id": note_id, "conversation_id": conversation_id, "author": by}
    tx.execute(insert(table).values(**row, text=text, created_at=now))
    return NoteView(note_id, by, text, now, None, None)


def edit(
    tx: Connection, conversation_id: str, note_id: str, text: str, by: str, now: datetime
) -> NoteView:
    """Who wrote it first stays its author. Raises NotFound."""
    this = (table.c.id == note_id, table.c.conversation_id == conversation_id)
    values = {"text": text, "edited_at": now, "edited_by": by}
    if not tx.execute(update(table).where(*this).values(**values)).rowcount:
        raise NotFound("there is no such note on this conversation")
    return NoteView(*tx.execute(select(*_SHOWN).where(*this)).one())


def remove(tx: Connection, conversation_id: str, note_id: str) -> None:
    """Raises NotFound."""
    this = (table.c.id == note_id, table.c.conversation_id == conversation_id)
    if not tx.execute(delete(table).where(*this)).rowcount:
        raise NotFound("there is no such note on this conversation")
