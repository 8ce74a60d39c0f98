"""Turns that have been: what was said before, what the customer said, and what they got."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from bot.adapters.db.engine import Database
from bot.adapters.db.entries import MESSAGE_COLUMNS, read_entries, with_media
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import conversations, messages, turns
from bot.domain.comparison import Answer
from bot.domain.entry import Entry
from bot.domain.outbox import TAKEN_OVER, reply_id
from bot.domain.telling import in_short
from bot.domain.turn import Effect, Standing, Turn, TurnState

_PAST_ROWS = 200
_PARTS_MAX = 64
_ANSWERED = (TurnState.ANSWERED.value, TurnState.DRAFTED.value)
_SAID = ("in", "sent", "delivered", "uncertain")


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines by id, or all but some."""

    ids: Collection[str] = ()
    others_than: Collection[str] | None = None
    """Set: besides, every line that is none of these."""


@dataclass(frozen=True, slots=True)
class PastTurn:
    """A turn as it was claimed, and what came of it."""

    turn: Turn
    at: datetime
    asked: str = field(repr=False)
    answer: Answer


class PastTurns:
    """Reads only. Everything raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def of_prompt(self, name: str, lines: Lines, last: int) -> tuple[str, ...]:
        """The ids of the newest turns that a prompt answered.

        Of before it was noted which prompt did: those on the lines that speak with it.
        """
        unknown = and_(turns.c.prompt_name.is_(None), _on(lines))
        return await self._find(or_(turns.c.prompt_name == name, unknown), last)

    async def on_lines(self, lines: Lines, last: int) -> tuple[str, ...]:
        """The same, whichever prompt answered."""
        return await self._find(_on(lines), last)

    async def turn(self, turn_id: str) -> PastTurn | None:
        """None: what it was about is gone."""
        return await self._db.read(lambda tx: _past_turn(tx, turn_id))

    async def _find(self, which: ColumnElement[bool], last: int) -> tuple[str, ...]:
        query = (
            select(turns.c.id)
            .join(conversations, conversations.c.id == turns.c.conversation_id)
            .where(
                turns.c.state.in_(_ANSWERED),
                turns.c.message_ids.is_not(None),
                conversations.c.operator.is_(False),
                which,
            )
            .order_by(turns.c.started_at.desc(), turns.c.id.desc())
            .limit(last)
        )
        return await self._db.read(lambda tx: tuple(tx.execute(query).scalars()))


def asked_and_said(tx: Connection, turn_id: str) -> tuple[str, Answer]:
    """What a customer said, in short, and what they got."""
    row = tx.execute(select(turns).where(turns.c.id == turn_id)).one()
    return _in_short(_asked_rows(tx, row)), _answer(tx, row)


def _on(lines: Lines) -> ColumnElement[bool]:
    on = conversations.c.line_id.in_(sorted(lines.ids))
    if lines.others_than is None:
        return on if lines.ids else false()
    return or_(on, conversations.c.line_id.not_in(sorted(lines.others_than)))


def _past_turn(tx: Connection, turn_id: str) -> PastTurn | None:
    of_conversation = [conversations.c[name] for name in ("line_id", "name", "contact_key")]
    row = tx.execute(
        select(turns, *of_conversation)
        .join(conversations, conversations.c.id == turns.c.conversation_id)
        .where(turns.c.id == turn_id)
    ).first()
    if row is None:
        return None
    asked = _asked_rows(tx, row)
    if not asked:
        return None
    turn = Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        line_id=row.line_id,
        contact_name=row.name,
        epoch=row.epoch,
        first_message_at=row.first_message_at,
        waiting=read_entries(tx, row.conversation_id, asked),
        attempts=0,
        past=_past(tx, row, {one.id for one in asked}),
        standing=Standing(opted_out=row.effect == Effect.OPTED_IN.value, late=row.late),
        contact=row.contact_key,
    )
    return PastTurn(turn, row.started_at, _in_short(asked), _answer(tx, row))


def _asked_rows(tx: Connection, row: AnyRow) -> Sequence[AnyRow]:
    """Without what its author has taken back since."""
    return tx.execute(
        select(*MESSAGE_COLUMNS, messages.c.transcript)
        .select_from(with_media(messages))
        .where(messages.c.id.in_(row.message_ids.split()), messages.c.deleted_at.is_(None))
        .order_by(messages.c.seq)
    ).all()


def _past(tx: Connection, row: AnyRow, asked: Collection[str]) -> tuple[Entry, ...]:
    """What had been said when the turn began, as its words are now."""
    rows = tx.execute(
        select(*MESSAGE_COLUMNS)
        .select_from(with_media(messages))
        .where(
            messages.c.conversation_id == row.conversation_id,
            func.coalesce(messages.c.status, "in").in_(_SAID),
            func.coalesce(messages.c.sent_at, messages.c.created_at) <= row.started_at,
            or_(messages.c.turn_id.is_(None), messages.c.turn_id != row.id),
            messages.c.id.not_in(sorted(asked)),
        )
        .order_by(messages.c.seq.desc())
        .limit(_PAST_ROWS)
    ).all()
    return read_entries(tx, row.conversation_id, list(reversed(rows)))


def _in_short(rows: Sequence[AnyRow]) -> str:
    said = (row.text if row.type == "text" else _file_in_short(row) for row in rows)
    return "\n".join(said)


def _file_in_short(row: AnyRow) -> str:
    return in_short(row.type, row.text, row.transcript or row.media_text)


def _answer(tx: Connection, row: AnyRow) -> Answer:
    """The turn's own words; not what a guard has held back, which is kept beside them."""
    parts = tx.execute(
        select(messages.c.text, messages.c.prompt_version)
        .where(
            messages.c.id.in_([reply_id(row.id, part) for part in range(_PARTS_MAX)]),
            or_(messages.c.draft.is_(False), messages.c.error == TAKEN_OVER),
        )
        .order_by(messages.c.part)
    ).all()
    return Answer(
        text="\n\n".join(part.text for part in parts),
        ended=row.state,
        effect=row.effect,
        prompt_name=row.prompt_name,
        prompt_version=row.prompt_version,
        model=row.model,
        llm_ms=row.llm_ms,
        tokens_in=row.tokens_in,
        tokens_out=row.tokens_out,
        cost=row.cost,
        guards=tuple((row.guards or "").splitlines()),
    )
