"""What is known of a contact on a line: figures for operators, and how it stands with them."""

from sqlalchemy import Connection, case, func, select

from bot.adapters.db import notes, remembered
from bot.adapters.db.schema import conversations, media, messages, turns
from bot.domain.people import Place, Profile, Standing
from bot.errors import NotFound


def standing(tx: Connection, place: Place) -> Standing:
    """Blocked, opted out, or neither; also of somebody who is only remembered."""
    query = select(conversations).where(conversations.c.id == place.conversation_id)
    row = tx.execute(query).first()
    if row is not None:
        marks = (row.blocked_at, row.blocked_by, row.opted_out_at)
        return Standing(place.line_id, True, row.id, *marks)
    kept = remembered.of_contact(tx, place.line_id, place.contact_key)
    if kept is None:
        return Standing(place.line_id, False, None, None, None, None)
    marks = (kept.blocked_at, kept.blocked_by, kept.opted_out_at)
    return Standing(place.line_id, False, None, *marks)


def place_of(tx: Connection, conversation_id: str) -> Place:
    """Whose conversation it is. Raises NotFound, also of an operator's chat."""
    query = select(conversations).where(
        conversations.c.id == conversation_id, conversations.c.operator.is_(False)
    )
    row = tx.execute(query).first()
    if row is None:
        raise NotFound("there is no such conversation")
    return Place(row.line_id, row.contact_key, row.id, is_known=True)


def profile(tx: Connection, conversation_id: str) -> Profile:
    """Raises NotFound."""
    place = place_of(tx, conversation_id)
    row = tx.execute(select(conversations).where(conversations.c.id == conversation_id)).one()
    received, sent = _counts(tx, conversation_id)
    files, heard = _files(tx, conversation_id)
    return Profile(
        conversation_id=row.id,
        line_id=row.line_id,
        contact=row.contact,
        name=row.name,
        first_seen_at=row.created_at,
        last_seen_at=row.last_message_at,
        received=received,
        sent=sent,
        files=files,
        language=_language(tx, conversation_id),
        cost=heard + _answers(tx, conversation_id),
        standing=standing(tx, place),
        notes=notes.of(tx, conversation_id),
    )


def _counts(tx: Connection, conversation_id: str) -> tuple[int, int]:
    """What came in, and what really went out."""
    went = messages.c.status.in_(("sent", "delivered", "uncertain"))
    row = tx.execute(
        select(
            func.coalesce(func.sum(case((messages.c.direction == "in", 1), else_=0)), 0),
            func.coalesce(func.sum(case((went, 1), else_=0)), 0),
        ).where(messages.c.conversation_id == conversation_id)
    ).one()
    return int(row[0]), int(row[1])


_OF_MESSAGES = messages.join(media, media.c.id == messages.c.media_id)


def _files(tx: Connection, conversation_id: str) -> tuple[int, float]:
    row = tx.execute(
        select(func.count(), func.coalesce(func.sum(media.c.cost), 0.0))
        .select_from(_OF_MESSAGES)
        .where(messages.c.conversation_id == conversation_id)
    ).one()
    return int(row[0]), float(row[1])


def _answers(tx: Connection, conversation_id: str) -> float:
    query = select(func.sum(turns.c.cost)).where(turns.c.conversation_id == conversation_id)
    return float(tx.execute(query).scalar() or 0.0)


def _language(tx: Connection, conversation_id: str) -> str | None:
    query = (
        select(media.c.language)
        .select_from(_OF_MESSAGES)
        .where(messages.c.conversation_id == conversation_id, media.c.language.is_not(None))
        .order_by(messages.c.seq.desc())
        .limit(1)
    )
    return tx.execute(query).scalar()
