"""What became of the contacts on each side of a split: by the prompt that really answered."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, select

from bot.adapters.db.engine import Database
from bot.adapters.db.rows import AnyRow
from bot.adapters.db.schema import conversations, messages, turns
from bot.adapters.db.traces import in_pieces
from bot.domain.outbox import reply_id
from bot.domain.split_shown import SideView
from bot.domain.turn import Effect, TurnState

_LENGTHS_MAX = 10_000
_PARTS_MAX = 8


class SplitFigures:
    """Raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def of(
        self, line_id: str, prompts: Mapping[str, tuple[str, float]], since: datetime
    ) -> tuple[SideView, ...]:
        """One line's turns since then; `prompts`: file and percentage by a prompt's name."""
        return await self._db.read(
            lambda tx: tuple(
                _side(tx, line_id, name, file, percent, since)
                for name, (file, percent) in prompts.items()
            )
        )


def _side(
    tx: Connection, line_id: str, name: str, file: str, percent: float, since: datetime
) -> SideView:
    which = (
        conversations.c.line_id == line_id,
        turns.c.prompt_name == name,
        turns.c.started_at >= since,
    )
    row = tx.execute(_counts(which)).one()
    answered = int(row.answered or 0)
    return SideView(
        prompt=name,
        file=file,
        percent=percent,
        contacts=int(row.contacts),
        answered=answered,
        handed_off=int(row.handed_off or 0),
        hand_off_rate=int(row.handed_off or 0) / answered if answered else None,
        opted_out=int(row.opted_out or 0),
        failed=int(row.failed or 0),
        median_chars=_median(_lengths(tx, which)),
        tokens=int(row.tokens or 0),
        cost=_cost(row),
    )


def _counts(which: Sequence[Any]) -> Select[Any]:
    is_answered = turns.c.state == TurnState.ANSWERED.value

    def count(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    return (
        select(
            func.count(turns.c.conversation_id.distinct()).label("contacts"),
            count(is_answered).label("answered"),
            count(and_(is_answered, turns.c.effect == Effect.HANDED_OFF.value)).label("handed_off"),
            count(and_(is_answered, turns.c.effect == Effect.OPTED_OUT.value)).label("opted_out"),
            count(turns.c.state == TurnState.FAILED.value).label("failed"),
            func.sum(
                func.coalesce(turns.c.tokens_in, 0) + func.coalesce(turns.c.tokens_out, 0)
            ).label("tokens"),
            func.sum(turns.c.cost).label("cost"),
            (func.count(turns.c.model) - func.count(turns.c.cost)).label("unpriced"),
        )
        .select_from(turns.join(conversations, conversations.c.id == turns.c.conversation_id))
        .where(*which)
    )


def _lengths(tx: Connection, which: Sequence[Any]) -> list[int]:
    """Of whole answers, the newest of very many."""
    turn_ids = tx.execute(
        select(turns.c.id)
        .select_from(turns.join(conversations, conversations.c.id == turns.c.conversation_id))
        .where(*which, turns.c.state == TurnState.ANSWERED.value)
        .order_by(turns.c.started_at.desc())
        .limit(_LENGTHS_MAX)
    ).scalars()
    # By their ids, which are made of the turn's: no index tells which messages a turn made.
    ids = [reply_id(turn_id, part) for turn_id in turn_ids for part in range(_PARTS_MAX)]
    lengths: Counter[str] = Counter()
    for some in in_pieces(ids):
        rows = tx.execute(
            select(messages.c.turn_id, func.length(messages.c.text)).where(
                messages.c.id.in_(some), messages.c.draft.is_(False)
            )
        )
        for turn_id, length in rows:
            lengths[turn_id] += length
    return list(lengths.values())


def _median(lengths: Sequence[Any]) -> float | None:
    return float(median(lengths)) if lengths else None


def _cost(row: AnyRow) -> float | None:
    return None if row.unpriced else float(row.cost or 0.0)
