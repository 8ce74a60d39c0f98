"""Messages as a turn sees them: with their files, and with what they reply to."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, FromClause, bindparam, select

from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import RECEIVED, SENT_WITH_ID, media, messages
from bot.domain.entry import Entry
from bot.domain.media import Attachment, MediaState, Problem, Reading
from bot.domain.telling import in_short

MESSAGE_COLUMNS = (
    messages.c.id,
    messages.c.author,
    messages.c.type,
    messages.c.text,
    messages.c.created_at,
    messages.c.quoted_text,
    messages.c.quoted_id,
    messages.c.dead,
    messages.c.edited_at,
    messages.c.deleted_at,
    media.c.state.label("media_state"),
    media.c.read_at.label("media_ended_at"),
    media.c.media_type,
    media.c.filename,
    media.c.problem,
    media.c.error.label("media_error"),
    media.c.text.label("media_text"),
    media.c.left_out,
    media.c.pictures,
    media.c.language,
    media.c.duration_s,
    media.c.pages,
    media.c.service,
)

_QUOTABLE = (
    messages.c.id,
    messages.c.provider_id,
    messages.c.type,
    messages.c.text,
    messages.c.transcript,
    messages.c.deleted_at,
)
_OF_CONVERSATION = messages.c.conversation_id == bindparam("conversation")
_AMONG = messages.c.provider_id.in_(bindparam("ids", expanding=True))
# One query for each partial index.
_QUOTED = (
    select(*_QUOTABLE).where(RECEIVED, _AMONG, _OF_CONVERSATION),
    select(*_QUOTABLE).where(SENT_WITH_ID, _AMONG, _OF_CONVERSATION),
)


def with_media(joined: FromClause) -> FromClause:
    """The messages in `joined`, each with its file if it has one."""
    return joined.outerjoin(media, media.c.id == messages.c.media_id)


def read_entries(tx: Connection, conversation_id: str, rows: Sequence[AnyRow]) -> tuple[Entry, ...]:
    """Rows with `MESSAGE_COLUMNS` as entries, in their order."""
    quoted = _find_quoted(tx, conversation_id, rows)
    return tuple(_entry(row, quoted) for row in rows)


def _find_quoted(
    tx: Connection, conversation_id: str, rows: Iterable[AnyRow]
) -> Mapping[str, AnyRow]:
    """What is replied to, as far as it was said in this very conversation."""
    ids = sorted({row.quoted_id for row in rows if row.quoted_id is not None})
    if not ids:
        return {}
    asked = {"ids": ids, "conversation": conversation_id}
    return {found.provider_id: found for query in _QUOTED for found in tx.execute(query, asked)}


def _in_short(row: AnyRow) -> str:
    if row.deleted_at is not None:
        return "a message that was deleted"
    return in_short(row.type, row.text, row.transcript)


def _entry(row: AnyRow, quoted: Mapping[str, AnyRow]) -> Entry:
    known = None if row.quoted_id is None else quoted.get(row.quoted_id)
    return Entry(
        id=row.id,
        author=row.author,
        kind=row.type,
        text=row.text,
        at=row.created_at,
        quoted=row.quoted_text if known is None else _in_short(known),
        quotes=None if known is None else known.id,
        dead=row.dead,
        media=None if row.media_state is None else _attachment(row),
        edited=row.edited_at is not None,
        deleted=row.deleted_at is not None,
    )


def _attachment(row: AnyRow) -> Attachment:
    reading = Reading(
        problem=None if row.problem is None else Problem(row.problem),
        error=row.media_error,
        text=row.media_text or "",
        left_out=row.left_out or "",
        pictures=tuple(row.pictures.split()) if row.pictures else (),
        language=row.language,
        duration_s=row.duration_s,
        pages=row.pages,
        service=row.service,
    )
    state = MediaState(row.media_state)
    return Attachment(state, reading, row.media_type, row.filename, row.media_ended_at)
