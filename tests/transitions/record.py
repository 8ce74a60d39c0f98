"""Every change of a state as the database made it, and what must be true after each step."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, StaticPool, create_engine, select, text

from bot.adapters.db.engine import Database
from bot.adapters.db.schema import conversations, events, messages, metadata, turns
from bot.domain.event import EventState
from bot.domain.outbox import SEND_MOVES, SendStatus
from bot.domain.turn import TurnState

AnyRow = Row[Any]

OPEN_SENDS = {"queued", "held", "sending", "unknown"}
_ENDS = {EventState.DONE, EventState.SKIPPED, EventState.DEAD}
_EVENT_MOVES: dict[str | None, set[EventState]] = {
    None: {EventState.PENDING, EventState.SKIPPED, EventState.DEAD},
    "pending": {EventState.WORKING, *_ENDS},
    "working": {EventState.PENDING, *_ENDS},
}
_FIRST = {"queued", "held", "cancelled"}
_TABLE = """CREATE TABLE IF NOT EXISTS moves (
    number INTEGER PRIMARY KEY, kind TEXT, id TEXT, before TEXT, after TEXT,
    silent BOOLEAN, in_flight BOOLEAN)"""
_SILENT = """EXISTS (SELECT 1 FROM conversations c WHERE c.id = NEW.conversation_id AND (
    c.state = 'human' OR EXISTS (SELECT 1 FROM lines l
        WHERE l.line_id IN (c.line_id, '*') AND l.paused_at IS NOT NULL)))"""
_IN_FLIGHT = """EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = NEW.conversation_id
    AND m.status IN ('sending', 'unknown'))"""
_INSERT = "INSERT INTO moves (kind, id, before, after, silent, in_flight) VALUES"
_TRIGGERS = [
    f"CREATE TRIGGER IF NOT EXISTS {table}_{when} AFTER {when} ON {table}"
    f"{condition} BEGIN {_INSERT} "
    f"('{table}', NEW.id, {before}, NEW.{column}, {_SILENT}, {_IN_FLIGHT}); END"
    for table, column in (("messages", "status"), ("events", "state"), ("turns", "state"))
    for when, condition, before in (
        ("INSERT", "", "NULL"),
        ("UPDATE", f" WHEN OLD.{column} <> NEW.{column}", f"OLD.{column}"),
    )
]


class Record:
    """What has happened in a database since it was wiped; it waits for nobody while it looks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        url = database.url.set(drivername="sqlite")
        self._engine = create_engine(url, poolclass=StaticPool)
        self._seen = 0

    async def begin(self) -> None:
        """Wipe it, and write down every move from here on."""

        def wipe(tx: Connection) -> None:
            for statement in (_TABLE, *_TRIGGERS):
                tx.execute(text(statement))
            for table in metadata.sorted_tables:
                tx.execute(table.delete())
            tx.execute(text("DELETE FROM moves"))

        await self._database.write(wipe)
        self._seen = 0

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def check(self) -> None:
        """What must be true after every step."""
        with self._engine.connect() as tx:
            self._check(tx)

    def texts(self, query: Select[str]) -> list[str]:
        """The words that a query finds."""
        with self._engine.connect() as tx:
            return list(tx.execute(query).scalars())

    def open_work(self) -> list[tuple[str, str, str]]:
        """What has not come to an end: kind, id and state."""
        waits = events.c.state.in_(("pending", "working"))
        human = conversations.c.state == "human"
        is_open, works = messages.c.status.in_(OPEN_SENDS), turns.c.state == "working"
        with self._engine.connect() as tx:
            return [
                *_named(tx, "event", select(events.c.id, events.c.state).where(waits)),
                *_named(tx, "message", select(messages.c.id, messages.c.status).where(is_open)),
                *_named(tx, "turn", select(turns.c.id, turns.c.state).where(works)),
                *_named(
                    tx, "person", select(conversations.c.id, conversations.c.state).where(human)
                ),
            ]

    def _check(self, tx: Connection) -> None:
        inbox = tx.execute(select(events)).all()
        outbox = tx.execute(select(messages).where(messages.c.direction == "out")).all()
        work = tx.execute(select(turns)).all()
        moves = self._new_moves(tx)
        _moved_as_allowed(moves, inbox, outbox)
        _begun_when_free(moves)
        _silent_when_paused(moves, outbox)
        _oldest_first(moves, outbox)
        _one_at_a_time(work, outbox)
        _events_are_somewhere(inbox, work)

    def _new_moves(self, tx: Connection) -> Sequence[AnyRow]:
        query = text("SELECT * FROM moves WHERE number > :seen ORDER BY number")
        moves = tx.execute(query, {"seen": self._seen}).all()
        self._seen = moves[-1].number if moves else self._seen
        return moves


def _named(tx: Connection, kind: str, query: Select[str, str]) -> list[tuple[str, str, str]]:
    return [(kind, *row) for row in tx.execute(query)]


def _moved_as_allowed(
    moves: Sequence[AnyRow], inbox: Sequence[AnyRow], outbox: Sequence[AnyRow]
) -> None:
    notices = {row.id for row in inbox if row.type == "message.delivered"}
    ours = {row.id: row for row in outbox}
    drafted = {row.conversation_id for row in outbox if row.draft}
    unsaid = {row.id for row in inbox if row.conversation_id in drafted}
    for move in moves:
        what = (move.kind, move.id, move.before, move.after)
        if move.kind == "turns":
            assert move.before in (None, TurnState.WORKING), what
        elif move.kind == "events" and move.before == "done":
            # it was about another message after all, or its answer never left
            assert move.id in notices | unsaid, what
        elif move.kind == "events":
            assert move.after in _EVENT_MOVES[move.before], what
        elif move.id in ours:
            assert _may_become(move, ours[move.id]), what


def _may_become(move: AnyRow, row: AnyRow) -> bool:
    if move.before is None:
        return move.after in _FIRST or (row.author_name == "phone" and move.after == "delivered")
    if (move.before, move.after) == ("delivered", "sending"):
        return bool(row.author != "phone")  # the notice was about another message after all
    return move.after in SEND_MOVES[SendStatus(move.before)]


def _taken(moves: Sequence[AnyRow]) -> set[str]:
    """The messages that a worker has been given to send."""
    open_before = {"queued", "held", "unknown"}
    return {move.id for move in moves if move.after == "sending" and move.before in open_before}


def _begun_when_free(moves: Sequence[AnyRow]) -> None:
    for move in moves:
        if move.kind == "turns" and move.before is None:
            assert (move.silent, move.in_flight) == (0, 0), move


def _silent_when_paused(moves: Sequence[AnyRow], outbox: Sequence[AnyRow]) -> None:
    silent = {move.id for move in moves if move.silent}
    broken = [
        (row.id, row.status)
        for row in outbox
        if row.id in _taken(moves) & silent and row.author == "bot" and not row.parting
    ]
    assert broken == []


def _oldest_first(moves: Sequence[AnyRow], outbox: Sequence[AnyRow]) -> None:
    taken = [row for row in outbox if row.id in _taken(moves)]
    for row in taken:
        overtaken = [
            (other.id, other.status)
            for other in outbox
            if other.conversation_id == row.conversation_id
            and other.seq < row.seq
            and other.status in OPEN_SENDS
        ]
        assert overtaken == [], row.id


def _one_at_a_time(work: Sequence[AnyRow], outbox: Sequence[AnyRow]) -> None:
    working = Counter(row.conversation_id for row in work if row.state == "working")
    assert set(working.values()) <= {1}, working
    left = [row for row in outbox if row.status in ("sending", "unknown")]
    assert set(Counter(row.conversation_id for row in left).values()) <= {1}, left
    parts = Counter((row.turn_id, row.part) for row in outbox if row.turn_id is not None)
    assert set(parts.values()) <= {1}, parts


def _events_are_somewhere(inbox: Sequence[AnyRow], work: Sequence[AnyRow]) -> None:
    working = {row.id: row.conversation_id for row in work if row.state == "working"}
    for row in inbox:
        state = EventState(row.state)
        what = (row.id, row.type, row.state, row.reason, row.turn_id)
        assert (state in _ENDS) == (row.ended_at is not None), what
        assert state not in _ENDS or row.reason, what
        if state is EventState.WORKING:
            assert working.get(row.turn_id) == row.conversation_id, what
        assert state is not EventState.PENDING or row.turn_id is None, what
