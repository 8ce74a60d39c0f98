"""What shadows would have said, kept for operators to compare for three months."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, func, select

from bot.adapters.db.engine import Database
from bot.adapters.db.past_turns import asked_and_said
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import shadow_answers, turns
from bot.adapters.db.upsert import upsert
from bot.domain.comparison import Answer, Pair, Spent
from bot.domain.turn import Turn

_KEPT = timedelta(days=90)


class Shadows:
    """Fits the port `ShadowStore`. Everything raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(self, turn: Turn, answer: Answer, at: datetime) -> None:
        """Keep an answer, unless its turn is gone; the same again changes nothing."""
        await self._db.write(lambda tx: _add(tx, turn, answer, at))

    async def spent_since(self, at: datetime) -> Spent:
        """What shadows have cost since then."""
        return await self._db.read(lambda tx: _spent(tx, at))

    async def pairs(
        self, *, line_id: str | None = None, prompt_name: str | None = None, last: int
    ) -> tuple[Pair, ...]:
        """What customers got beside what the shadow would have said, the newest first."""
        return await self._db.read(lambda tx: _pairs(tx, line_id, prompt_name, last))


def _add(tx: Connection, turn: Turn, answer: Answer, at: datetime) -> None:
    row = {
        "turn_id": turn.id,
        "prompt_name": answer.prompt_name or "",
        "conversation_id": turn.conversation_id,
        "line_id": turn.line_id,
        "at": at,
        "ended": answer.ended,
        "reason": answer.reason,
        "effect": answer.effect,
        "text": answer.text,
        "prompt_version": answer.prompt_version,
        "model": answer.model,
        "llm_ms": answer.llm_ms,
        "tokens_in": answer.tokens_in,
        "tokens_out": answer.tokens_out,
        "cost": answer.cost,
        "guards": "\n".join(answer.guards) or None,
    }
    # Of a contact that was erased meanwhile nothing comes back; an erasure waits for this lock.
    known = select(turns.c.id).where(turns.c.id == turn.id).with_for_update(read=True)
    if tx.execute(known).first() is None:
        return
    tx.execute(upsert(tx.dialect.name, shadow_answers).values(row).on_conflict_do_nothing())
    tx.execute(delete(shadow_answers).where(shadow_answers.c.at < at - _KEPT))


def _spent(tx: Connection, at: datetime) -> Spent:
    known = func.coalesce(func.sum(shadow_answers.c.cost), 0.0)
    # Of answers that a model was asked for, those with a price are counted again by count(cost).
    unpriced = func.count(shadow_answers.c.model) - func.count(shadow_answers.c.cost)
    row = tx.execute(select(known, unpriced).where(shadow_answers.c.at >= at)).one()
    return Spent(float(row[0]), int(row[1]))


def _pairs(
    tx: Connection, line_id: str | None, prompt_name: str | None, last: int
) -> tuple[Pair, ...]:
    wanted = [
        *(() if line_id is None else (shadow_answers.c.line_id == line_id,)),
        *(() if prompt_name is None else (shadow_answers.c.prompt_name == prompt_name,)),
    ]
    rows = tx.execute(
        select(shadow_answers)
        .join(turns, turns.c.id == shadow_answers.c.turn_id)
        .where(and_(True, *wanted))
        .order_by(shadow_answers.c.at.desc())
        .limit(last)
    ).all()
    return tuple(_pair(tx, row) for row in rows)


def _pair(tx: Connection, row: AnyRow) -> Pair:
    asked, old = asked_and_said(tx, row.turn_id)
    return Pair(row.turn_id, row.conversation_id, row.line_id, row.at, asked, old, _answer(row))


def _answer(row: AnyRow) -> Answer:
    return Answer(
        text=row.text,
        ended=row.ended,
        reason=row.reason,
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
