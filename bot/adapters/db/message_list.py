"""Messages as people look at them, each with its file."""

from typing import Any

from sqlalchemy import Connection, Row, literal, select

from bot.adapters.db.notices import AUTHOR
from bot.adapters.db.schema import conversations, media, messages
from bot.domain.media import media_key
from bot.domain.shown import MediaView, MessagePage, MessageView, StoredFile, shown_status
from bot.errors import NotFound

_OF_MEDIA = (
    *("state", "media_type", "size_bytes", "sha256", "filename", "problem", "error", "left_out"),
    *("language", "duration_s", "pages", "service", "model", "cost"),
    *("fetched_at", "fetch_ms", "read_at", "read_ms"),
)
_SHOWN = select(
    messages, *(media.c[name].label(f"media_{name}") for name in _OF_MEDIA)
).select_from(messages.outerjoin(media, media.c.id == messages.c.media_id))


def list_messages(
    tx: Connection, conversation_id: str, limit: int, before: str | None
) -> MessagePage:
    known = select(literal(1)).where(conversations.c.id == conversation_id)
    if tx.execute(known).first() is None:
        raise NotFound("there is no such conversation")
    query = _SHOWN.where(messages.c.conversation_id == conversation_id)
    if before is not None:
        query = query.where(messages.c.seq < _place(tx, conversation_id, before))
    newest = tx.execute(query.order_by(messages.c.seq.desc()).limit(limit)).all()
    return MessagePage(tuple(_show_message(row) for row in reversed(newest)))


def list_around(tx: Connection, conversation_id: str, limit: int, message_id: str) -> MessagePage:
    """A page with this message in its middle. Raises NotFound."""
    place = _place(tx, conversation_id, message_id)
    theirs = _SHOWN.where(messages.c.conversation_id == conversation_id)
    later = theirs.where(messages.c.seq > place).order_by(messages.c.seq).limit(limit // 2)
    after = tx.execute(later).all()
    newest = theirs.where(messages.c.seq <= place).order_by(messages.c.seq.desc())
    before = tx.execute(newest.limit(limit - len(after))).all()
    return MessagePage(tuple(_show_message(row) for row in (*reversed(before), *after)))


def _place(tx: Connection, conversation_id: str, message_id: str) -> int:
    query = select(messages.c.seq).where(
        messages.c.id == message_id, messages.c.conversation_id == conversation_id
    )
    seq = tx.execute(query).scalar()
    if seq is None:
        raise NotFound("there is no such message in this conversation")
    return int(seq)


def find_message(tx: Connection, message_id: str) -> MessageView:
    row = tx.execute(_SHOWN.where(messages.c.id == message_id)).first()
    if row is None:
        raise NotFound("there is no such message")
    return _show_message(row)


def find_file(tx: Connection, media_id: str) -> StoredFile:
    row = tx.execute(select(media).where(media.c.id == media_id)).first()
    if row is None or row.sha256 is None:
        raise NotFound("there is no such file")
    kind = "application/octet-stream" if row.media_type is None else row.media_type
    return StoredFile(media_key(row.sha256), kind, row.size_bytes, row.filename, row.sha256)


def _show_message(row: Row[Any]) -> MessageView:
    return MessageView(
        id=row.id,
        direction=row.direction,
        author="bot" if row.author == AUTHOR else row.author,
        author_name=row.author_name,
        type=row.type,
        text=row.text,
        transcript=row.transcript,
        language=row.media_language,
        duration_s=row.media_duration_s,
        media_url=None if row.media_sha256 is None else f"/api/media/{row.media_id}",
        media=None if row.media_state is None else _show_media(row),
        quoted_text=row.quoted_text,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
        status=shown_status(row.status),
        error=row.error,
        provider_id=row.provider_id,
        prompt_version=row.prompt_version,
        model=row.model,
        tokens=row.tokens,
        cost=row.cost,
        draft=row.draft,
        created_at=row.created_at,
    )


def _show_media(row: Row[Any]) -> MediaView:
    return MediaView(
        state=row.media_state,
        media_type=row.media_media_type,
        size_bytes=row.media_size_bytes,
        sha256=row.media_sha256,
        filename=row.media_filename,
        problem=row.media_problem,
        error=row.media_error,
        left_out=row.media_left_out or None,
        pages=row.media_pages,
        service=row.media_service,
        model=row.media_model,
        cost=row.media_cost,
        fetched_at=row.media_fetched_at,
        fetch_ms=row.media_fetch_ms,
        read_at=row.media_read_at,
        read_ms=row.media_read_ms,
    )
