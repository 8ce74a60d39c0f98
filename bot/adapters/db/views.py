"""What people look at: bounded reads, each in one transaction, none of which changes anything."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, literal_column, select

from bot.adapters.db import audit as audit_log
from bot.adapters.db import briefs
from bot.adapters.db.alerts import open_alerts
from bot.adapters.db.conversation_list import list_conversations
from bot.adapters.db.engine import Database
from bot.adapters.db.line_list import list_lines, list_lines_without_ids
from bot.adapters.db.message_list import find_file, find_message, list_around, list_messages
from bot.adapters.db.pauses import Pauses, load_pauses, show_conversation
from bot.adapters.db.schema import ENDED_BADLY, OPEN_EVENT, conversations, events
from bot.adapters.db.way import find_way
from bot.domain.contact import contact_key
from bot.domain.event import EventState
from bot.domain.shown import (
    AlertPage,
    Answerer,
    AuditPage,
    BriefView,
    ConversationPage,
    ConversationView,
    EventPage,
    EventView,
    LinePage,
    MessagePage,
    MessageView,
    ScopeView,
    StoredFile,
)
from bot.domain.way import WayView
from bot.errors import NotFound

CONVERSATIONS_MAX = 200
MESSAGES_MAX = 500
EVENTS_MAX = 1000

_OF_ONE_CONTACT_MAX = 100


class Views:
    """Reads for people. Everything raises StoreUnavailable; longer pages than allowed are cut."""

    def __init__(self, database: Database, configured_lines: Iterable[str] = ()) -> None:
        """`configured_lines` are shown even before anything has happened on them."""
        self._db = database
        self._configured_lines = tuple(configured_lines)

    async def conversations(
        self,
        *,
        line_id: str | None = None,
        contact: str | None = None,
        state: Answerer | None = None,
        q: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ConversationPage:
        """The most recent conversations; `q` is looked for in names, numbers and messages.

        Raises Refused for a cursor that is not one of ours.
        """
        limit = min(limit, CONVERSATIONS_MAX)
        return await self._db.read(
            lambda tx: list_conversations(tx, line_id, contact, state, q, limit, cursor)
        )

    async def of_contact(
        self, address: str, line_id: str | None = None
    ) -> tuple[ConversationView, ...]:
        """A contact's conversations on all lines, or on one, however the number is spelt."""
        return await self._db.read(lambda tx: _of_contact(tx, contact_key(address), line_id))

    async def conversation(self, conversation_id: str) -> ConversationView:
        """One conversation. Raises NotFound."""
        return await self._db.read(lambda tx: _conversation(tx, conversation_id))

    async def messages(
        self, conversation_id: str, *, limit: int = 50, before: str | None = None
    ) -> MessagePage:
        """The newest messages (`before` the one with this id), oldest first. Raises NotFound."""
        limit = min(limit, MESSAGES_MAX)
        return await self._db.read(lambda tx: list_messages(tx, conversation_id, limit, before))

    async def messages_around(
        self, conversation_id: str, message_id: str, *, limit: int = 50
    ) -> MessagePage:
        """The messages before and after this one, oldest first. Raises NotFound."""
        limit = min(limit, MESSAGES_MAX)
        return await self._db.read(lambda tx: list_around(tx, conversation_id, limit, message_id))

    async def message(self, message_id: str) -> MessageView:
        """One message. Raises NotFound."""
        return await self._db.read(lambda tx: find_message(tx, message_id))

    async def media_file(self, media_id: str) -> StoredFile:
        """Where a message's file is kept. Raises NotFound, also while it is not ours yet."""
        return await self._db.read(lambda tx: find_file(tx, media_id))

    async def events(self, *, states: frozenset[str] = frozenset(), limit: int = 50) -> EventPage:
        """The newest events in these states (none named: all)."""
        limit = min(limit, EVENTS_MAX)
        return await self._db.read(lambda tx: _events(tx, states, limit))

    async def event(self, event_id: str) -> EventView:
        """One event. Raises NotFound."""
        return await self._db.read(lambda tx: _event(tx, event_id))

    async def payload(self, event_id: str) -> bytes:
        """What the provider posted, as it came; empty: it was not kept. Raises NotFound."""
        return await self._db.read(lambda tx: _payload(tx, event_id))

    async def event_id(self, named: str) -> str:
        """The id of an event that is named by it or by the provider's id. Raises NotFound."""
        return await self._db.read(lambda tx: _event_id(tx, named))

    async def why(self, named: str) -> WayView:
        """The whole way of an event or a message, by any id of it. Raises NotFound."""
        return await self._db.read(lambda tx: find_way(tx, named))

    async def lines(self) -> LinePage:
        """Every line, by id."""
        return await self._db.read(lambda tx: LinePage(list_lines(tx, self._configured_lines)))

    async def line_ids(self) -> tuple[str, ...]:
        """The lines that something has happened on, whether or not they are configured."""
        used = await self._db.read(lambda tx: list_lines(tx, ()))
        return tuple(view.line_id for view in used)

    async def lines_without_ids(self) -> tuple[str, ...]:
        """Lines whose latest sends came back without the provider's id of the message."""
        return await self._db.read(list_lines_without_ids)

    async def brief(self, conversation_id: str) -> BriefView:
        """What the model would be told if a conversation were handed back. Raises NotFound."""
        return await self._db.read(lambda tx: BriefView(briefs.preview(tx, conversation_id)))

    async def audit(self, *, conversation_id: str | None = None, limit: int = 50) -> AuditPage:
        """Who did what, the newest first; of one conversation, or of all."""
        limit = min(limit, EVENTS_MAX)
        return await self._db.read(lambda tx: audit_log.newest(tx, conversation_id, limit))

    async def alerts(self) -> AlertPage:
        """What is wrong now, and was told."""
        return await self._db.read(lambda tx: AlertPage(open_alerts(tx)))

    async def scope(self, line_id: str | None) -> ScopeView:
        """Who answers on a line, or (None) whether everything is paused."""
        return await self._db.read(lambda tx: load_pauses(tx).scope(line_id))


def _of_contact(tx: Connection, key: str, line_id: str | None) -> tuple[ConversationView, ...]:
    theirs = (conversations.c.contact_key == key, conversations.c.operator.is_(False))
    query = select(conversations).where(*theirs)
    if line_id is not None:
        query = query.where(conversations.c.line_id == line_id)
    rows = tx.execute(query.order_by(conversations.c.line_id).limit(_OF_ONE_CONTACT_MAX)).all()
    pauses = load_pauses(tx)
    return tuple(show_conversation(row, pauses) for row in rows)


def _conversation(tx: Connection, conversation_id: str) -> ConversationView:
    row = tx.execute(select(conversations).where(conversations.c.id == conversation_id)).first()
    if row is None:
        raise NotFound("there is no such conversation")
    pauses: Pauses = load_pauses(tx)
    return show_conversation(row, pauses)


_SHOWN_OF_EVENT = (
    events.c.seq,
    events.c.id,
    events.c.provider_event_id,
    events.c.type,
    events.c.line_id,
    events.c.contact,
    events.c.state,
    events.c.reason,
    events.c.error,
    events.c.attempts,
    events.c.received_at,
)
_OPEN = frozenset({EventState.PENDING, EventState.WORKING})
_ENDED_BADLY = frozenset({EventState.SKIPPED, EventState.DEAD})


def _events(tx: Connection, states: frozenset[str], limit: int) -> EventPage:
    """One query for each state: each then has an index that it can use."""
    shown: Select[Any] = select(*_SHOWN_OF_EVENT).limit(limit)
    if not states:
        newest = shown.order_by(events.c.seq.desc())
        return EventPage(tuple(_show_event(row) for row in tx.execute(newest)))
    rows: list[Row[Any]] = []
    for state in states:
        rows.extend(tx.execute(_in_state(shown, EventState(state))))
    rows.sort(key=lambda row: row.seq, reverse=True)
    return EventPage(tuple(_show_event(row) for row in rows[:limit]))


def _in_state(shown: Select[Any], state: EventState) -> Select[Any]:
    query = shown.where(events.c.state == literal_column(f"'{state.value}'"))
    if state in _ENDED_BADLY:
        query = query.where(ENDED_BADLY)
    elif state in _OPEN:
        # Few are open. Without the sum SQLite walks through all events ever for the order's sake.
        return query.where(OPEN_EVENT).order_by((events.c.seq + 0).desc())
    return query.order_by(events.c.seq.desc())


def _event(tx: Connection, event_id: str) -> EventView:
    query: Select[Any] = select(*_SHOWN_OF_EVENT).where(events.c.id == event_id)
    row = tx.execute(query).first()
    if row is None:
        raise NotFound("there is no such event")
    return _show_event(row)


def _payload(tx: Connection, event_id: str) -> bytes:
    raw = tx.execute(select(events.c.raw).where(events.c.id == event_id)).scalar()
    if raw is None:
        raise NotFound("there is no such event")
    return bytes(raw)


def _event_id(tx: Connection, named: str) -> str:
    for column in (events.c.id, events.c.provider_event_id):
        found = tx.execute(select(events.c.id).where(column == named)).scalar()
        if found is not None:
            return str(found)
    raise NotFound("there is no such event")


def _show_event(row: Row[Any]) -> EventView:
    return EventView(
        id=row.id,
        provider_event_id=row.provider_event_id,
        type=row.type,
        line_id=row.line_id,
        contact=row.contact,
        state=row.state,
        reason=row.reason,
        error=row.error,
        attempts=row.attempts,
        received_at=row.received_at,
    )
