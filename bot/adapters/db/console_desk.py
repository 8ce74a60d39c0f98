"""What the console shows beside what the API does: who waits, what is unread, what has changed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    TextClause,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)

from bot.adapters.db.change_watch import ChangeWatch
from bot.adapters.db.conversation_list import filtered, list_page
from bot.adapters.db.engine import Database
from bot.adapters.db.pauses import Pauses, load_pauses, show_conversation
from bot.adapters.db.rows import ALL
from bot.adapters.db.schema import (
    ENDED_BADLY,
    IN_NEED,
    OPEN_EVENT,
    UNCERTAIN,
    audit,
    conversations,
    events,
    lines,
    messages,
    presence,
)
from bot.adapters.db.search import Found
from bot.domain.shown import ConversationView

Which = Literal["all", "bot", "human", "waiting", "attention", "failed"]
_UNREAD_MAX = 100
_LINES_MAX = 100
_OPEN_MAX = 500
"""Events that wait are not counted farther: in a flood the newest message changes anyway."""
_WATCHED = 60
"""Messages of an open thread whose changes are looked for."""

_WAITING = select(events.c.conversation_id).where(OPEN_EVENT, events.c.conversation_id.is_not(None))
_DEAD = select(events.c.conversation_id).where(
    ENDED_BADLY, events.c.state == literal_column("'dead'"), events.c.conversation_id.is_not(None)
)
_UNSURE = select(messages.c.conversation_id).where(UNCERTAIN)
"""Of replies of which nobody knows whether they arrived."""

_OF_LIST = select(
    *(
        one.scalar_subquery()
        for one in (
            select(func.max(messages.c.seq)),
            select(func.max(audit.c.seq)),
            select(func.max(conversations.c.last_message_at)),
            select(func.max(lines.c.paused_at)),
            select(func.count()).select_from(conversations).where(IN_NEED),
            select(func.count()).select_from(
                select(events.c.seq).where(OPEN_EVENT).limit(_OPEN_MAX).subquery()
            ),
        )
    )
)
_UNREAD = select(
    conversations.c.id,
    select(func.count())
    .select_from(
        select(messages.c.seq)
        .where(
            messages.c.conversation_id == conversations.c.id,
            messages.c.seq > func.coalesce(conversations.c.read_seq, 0),
            messages.c.direction == "in",
        )
        .correlate(conversations)
        .limit(_UNREAD_MAX)
        .subquery()
    )
    .scalar_subquery()
    .label("unread"),
)
_OF_MESSAGES = (
    select(
        *(messages.c.seq, messages.c.status, messages.c.transcript.is_not(None)),
        *(messages.c.edited_at, messages.c.deleted_at, messages.c.draft),
    )
    .where(messages.c.conversation_id == bindparam("conversation_id"))
    .order_by(messages.c.seq.desc())
    .limit(_WATCHED)
)
_OF_PRESENCE = (
    select(presence.c.page, presence.c.writing_at)
    .where(presence.c.conversation_id == bindparam("conversation_id"))
    .order_by(presence.c.page)
)
_OF_CONVERSATION = select(
    *(conversations.c[name] for name in ("state", "epoch", "needs_attention", "attention_reason")),
    *(conversations.c[name] for name in ("paused_by", "opted_out_at", "blocked_at")),
    select(func.max(lines.c.paused_at))
    .where(lines.c.line_id.in_((conversations.c.line_id, ALL)))
    .scalar_subquery()
    .label("line_paused_at"),
).where(conversations.c.id == bindparam("conversation_id"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list."""

    conversation: ConversationView
    waiting_since: datetime | None
    """The first message that nobody has answered; None: nothing waits."""
    unread: int
    """Messages of the customer's that no operator has seen in the console."""
    found: Found | None = None
    """The message that was searched for; None: nothing was, or the name or number was found."""


@dataclass(frozen=True, slots=True)
class Entries:
    """A page of the list, the most recent first."""

    items: tuple[Entry, ...]
    next_cursor: str | None
    waiting: int = field(default=0)
    """How many conversations need a person, on all pages."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Other texts when something has changed."""

    of_list: str
    by_thread: Mapping[str, str]


class Desk:
    """Everything raises StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._watch = ChangeWatch(database.url)

    async def entries(
        self,
        which: Which = "all",
        line_id: str | None = None,
        q: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Entries:
        """Conversations of a kind. Raises Refused for a cursor that is not one of ours."""
        return await self._db.read(lambda tx: _entries(tx, which, line_id, q, limit, cursor))

    async def in_need(self) -> int:
        """How many conversations need a person."""
        return await self._db.read(_in_need)

    async def line_ids(self) -> tuple[str, ...]:
        """The lines that anything is known of."""
        return await self._db.read(_line_ids)

    async def version(self) -> str | None:
        """Another text when anything was written; None: the database does not say. Cheap."""
        return await self._watch.version()

    async def marks(self, conversation_ids: Collection[str]) -> Marks:
        """What is to be shown of the list and of these threads, as texts to compare."""
        return await self._db.read(lambda tx: _marks(tx, conversation_ids))

    async def forget(self) -> None:
        """Nobody asks for the version any more, for now."""
        await self._watch.close()

    async def note_read(self, conversation_id: str) -> None:
        """Somebody looks at all that was said there."""
        if await self._db.read(lambda tx: _is_unread(tx, conversation_id)):
            await self._db.write(lambda tx: _note_read(tx, conversation_id))


def _entries(
    tx: Connection,
    which: Which,
    line_id: str | None,
    q: str | None,
    limit: int,
    cursor: str | None,
) -> Entries:
    pauses = load_pauses(tx)
    query = filtered(line_id).where(*_of_kind(which, pauses))
    page = list_page(tx, query, q, limit, cursor)
    ids = [row.id for row in page.rows]
    since, unread = _waiting_since(tx, ids), _unread(tx, ids)
    items = tuple(
        Entry(
            show_conversation(row, pauses),
            since.get(row.id),
            unread.get(row.id, 0),
            page.found.get(row.id),
        )
        for row in page.rows
    )
    return Entries(items, page.next_cursor, _in_need(tx))


def _of_kind(which: Which, pauses: Pauses) -> Sequence[ColumnElement[bool] | TextClause]:
    match which:
        case "bot" | "human":
            return (pauses.condition(which),)
        case "waiting":
            return (conversations.c.id.in_(_WAITING),)
        case "attention":
            # Twice, for SQLite: once to use the index, once to walk along it.
            return (IN_NEED, conversations.c.needs_attention == literal_column("true"))
        case "failed":
            return (or_(conversations.c.id.in_(_DEAD), conversations.c.id.in_(_UNSURE)),)
        case "all":
            return ()


def _line_ids(tx: Connection) -> tuple[str, ...]:
    query = select(lines.c.line_id).where(lines.c.line_id != ALL).order_by(lines.c.line_id)
    return tuple(tx.execute(query.limit(_LINES_MAX)).scalars())


def _waiting_since(tx: Connection, ids: Collection[str]) -> Mapping[str, datetime]:
    query = (
        select(events.c.conversation_id, func.min(events.c.received_at).label("since"))
        .where(OPEN_EVENT, events.c.conversation_id.in_(ids))
        .group_by(events.c.conversation_id)
    )
    return {row.conversation_id: row.since for row in tx.execute(query)} if ids else {}


def _unread(tx: Connection, ids: Collection[str]) -> Mapping[str, int]:
    """Not counted far."""
    rows = tx.execute(_UNREAD.where(conversations.c.id.in_(ids))).all() if ids else ()
    return {row.id: row.unread for row in rows}


def _in_need(tx: Connection) -> int:
    query = select(func.count()).select_from(conversations).where(IN_NEED)
    return int(tx.execute(query).scalar_one())


def _marks(tx: Connection, conversation_ids: Collection[str]) -> Marks:
    of_list = "-".join(map(str, tx.execute(_OF_LIST).one()))
    return Marks(of_list, {one: _mark_of(tx, one) for one in conversation_ids})


def _mark_of(tx: Connection, conversation_id: str) -> str:
    """Of the newest messages, what may change about them; who has the conversation, who looks."""
    theirs = {"conversation_id": conversation_id}
    rows = (*tx.execute(_OF_MESSAGES, theirs).all(), *tx.execute(_OF_PRESENCE, theirs).all())
    return f"{hash(tuple(map(tuple, rows)))}-{tx.execute(_OF_CONVERSATION, theirs).first()}"


def _newest_of(tx: Connection, conversation_id: str) -> int:
    newest = select(func.max(messages.c.seq)).where(messages.c.conversation_id == conversation_id)
    return int(tx.execute(newest).scalar() or 0)


def _is_unread(tx: Connection, conversation_id: str) -> bool:
    read = select(conversations.c.read_seq).where(conversations.c.id == conversation_id)
    return (tx.execute(read).scalar() or 0) < _newest_of(tx, conversation_id)


def _note_read(tx: Connection, conversation_id: str) -> None:
    newest = _newest_of(tx, conversation_id)
    tx.execute(
        update(conversations)
        .where(
            conversations.c.id == conversation_id,
            func.coalesce(conversations.c.read_seq, 0) < newest,
        )
        .values(read_seq=newest)
    )
