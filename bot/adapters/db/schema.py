"""The tables. `events` is the inbox, outbound rows of `messages` are the outbox.

Times are whole microseconds since 1970 in UTC: they compare and add the same way in SQLite and
PostgreSQL. Conversation ids are derived from line and contact, so nothing has to be read to know
where a message belongs.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LAST_TEXT_CHARS = 200
"""How much of a conversation's last words its list shows."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:  # noqa: ARG002 - SQLAlchemy's shape
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's shape
        return None if value is None else EPOCH + timedelta(microseconds=value)


# SQLite counts rows by itself only for a column declared INTEGER PRIMARY KEY.
_Sequence = BigInteger().with_variant(Integer, "sqlite")

# The conditions of partial indexes. SQLite uses such an index only for a query that holds the very
# same words, so queries take them from here.
RECEIVED = text("direction = 'in'")
SENT_WITH_ID = text("direction = 'out' AND provider_id IS NOT NULL")
SENT_WITHOUT_ID = text("status IN ('sent', 'uncertain') AND provider_id IS NULL")
REQUESTED = text("request_key IS NOT NULL")
OPEN_EVENT = text("state IN ('pending', 'working')")
ENDED_BADLY = text("state IN ('dead', 'skipped')")
NUMBERED = text("number IS NOT NULL")
IN_NEED = text("needs_attention")
UNTOLD = text("state = 'waiting'")

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("line_id", String(255), nullable=False),
    Column("contact", Text, nullable=False),  # the address as last received: replies go there
    Column("contact_key", Text, nullable=False),  # how the contact is found
    Column("name", Text),
    Column("state", String(8), nullable=False, server_default="bot"),
    Column("epoch", Integer, nullable=False, server_default="0"),  # raised by pause and resume
    Column("paused_at", Instant),
    Column("paused_until", Instant),  # null while paused: until somebody resumes
    Column("paused_by", Text),
    Column("pause_reason", Text),
    Column("pause_noticed_at", Instant),  # the pause is over, the customer waits, people were told
    Column("needs_attention", Boolean, nullable=False, server_default=text("false")),
    Column("attention_reason", Text),
    Column("created_at", Instant, nullable=False),
    Column("last_message_at", Instant, nullable=False),
    Column("last_text", Text, nullable=False, server_default=""),
    Column("first_waiting_at", Instant),  # first message that nobody has answered or claimed
    Column("due_at", Instant),  # when the next turn may be claimed; null: nothing waits
    Column("outages", Integer, nullable=False, server_default="0"),  # in a row, for the backoff
    Column("number", Integer),  # what operators call it, on its line; given when first needed
    Column("operator", Boolean, nullable=False, server_default=text("false")),  # an operator's chat
    Column("muted_until", Instant),  # of an operator's chat: no notices until then
    Column("opted_out_at", Instant),  # the customer said STOP: nothing is sent
    Column("away_at", Instant),  # when the prompt's `away` was said last
    Column("relay_to", String(40)),  # the operator's chat that what the customer writes goes to
    Column("relayed_seq", BigInteger),  # the last message that went there
    Column("brief", Text),  # what the model is told of the last person who answered here
    Index("ix_conversations_contact", "contact_key", "line_id"),
    Index("ix_conversations_recent", "last_message_at", "id"),
    Index(
        "ix_conversations_due",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "ix_conversations_paused",
        "paused_until",
        sqlite_where=text("paused_until IS NOT NULL"),
        postgresql_where=text("paused_until IS NOT NULL"),
    ),
    Index(
        "uq_conversations_number",
        "line_id",
        "number",
        unique=True,
        sqlite_where=NUMBERED,
        postgresql_where=NUMBERED,
    ),
    Index(
        "ix_conversations_attention",
        "line_id",
        "last_message_at",
        sqlite_where=IN_NEED,
        postgresql_where=IN_NEED,
    ),
)

events = Table(
    "events",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),  # order of arrival
    Column("id", String(40), nullable=False, unique=True),
    Column("provider_event_id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("line_id", Text, nullable=False),
    Column("contact", Text),
    Column("conversation_id", String(40)),  # set: a message that waits for an answer or got one
    Column("message_id", String(40)),
    Column("state", String(8), nullable=False),
    Column("reason", Text),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("turn_id", String(40)),
    Column("received_at", Instant, nullable=False),
    Column("due_at", Instant),  # line and delivery events: look again then; messages: replayed at
    Column("ended_at", Instant),
    Column("raw", LargeBinary, nullable=False),
    Index(
        "ix_events_open",
        "conversation_id",
        "seq",
        sqlite_where=OPEN_EVENT,
        postgresql_where=OPEN_EVENT,
    ),
    Index(
        "ix_events_ended_badly",
        "state",
        "seq",
        sqlite_where=ENDED_BADLY,
        postgresql_where=ENDED_BADLY,
    ),
)

OPEN_SEND = text("status IN ('queued', 'held', 'sending', 'unknown')")

messages = Table(
    "messages",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),  # the thread's order
    Column("id", String(60), nullable=False, unique=True),
    Column("conversation_id", String(40), nullable=False),
    Column("direction", String(3), nullable=False),
    Column("author", String(8), nullable=False),
    Column("author_name", Text),  # of an operator
    Column("type", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("transcript", Text),
    Column("quoted_text", Text),
    Column("quoted_id", Text),  # the provider's id of the message replied or reacted to
    Column("media_id", String(40)),
    Column("about_id", String(40)),  # of a notice to operators: the conversation it is about
    Column("edited_at", Instant),
    Column("deleted_at", Instant),
    Column("provider_id", Text),
    Column("created_at", Instant, nullable=False),
    Column("dead", Boolean, nullable=False, server_default=text("false")),  # broke the model's turn
    # the outbox
    Column("line_id", Text, nullable=False),
    Column("status", String(10)),
    Column("turn_id", String(40)),
    Column("part", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer),
    Column("parting", Boolean, nullable=False, server_default=text("false")),  # may leave on pause
    Column("draft", Boolean, nullable=False, server_default=text("false")),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("probe", Boolean, nullable=False, server_default=text("false")),  # tries a held line
    Column("guessed", Boolean, nullable=False, server_default=text("false")),  # whose notice it is
    Column("unknowns", Integer, nullable=False, server_default="0"),
    Column("next_at", Instant),
    Column("worker_id", String(40)),  # who has it in hand while it is `sending`
    Column("error", Text),
    Column("sent_at", Instant),
    Column("delivered_at", Instant),
    Column("request_key", Text),  # an operator's Idempotency-Key
    # what made it
    Column("prompt_version", Text),
    Column("model", Text),
    Column("tokens", Integer),
    Column("cost", Float),
    Index("ix_messages_thread", "conversation_id", "seq"),
    Index(
        "uq_messages_request",
        "request_key",
        unique=True,
        sqlite_where=REQUESTED,
        postgresql_where=REQUESTED,
    ),
    Index(
        "ix_messages_received",
        "provider_id",
        unique=True,
        sqlite_where=RECEIVED,
        postgresql_where=RECEIVED,
    ),
    Index(
        "ix_messages_sent",
        "provider_id",
        sqlite_where=SENT_WITH_ID,
        postgresql_where=SENT_WITH_ID,
    ),
    Index(
        "ix_messages_unconfirmed",
        "conversation_id",
        "seq",
        sqlite_where=SENT_WITHOUT_ID,
        postgresql_where=SENT_WITHOUT_ID,
    ),
    Index(
        "ix_messages_open",
        "conversation_id",
        "seq",
        sqlite_where=OPEN_SEND,
        postgresql_where=OPEN_SEND,
    ),
    Index(
        "ix_messages_outbox",
        "status",
        "next_at",
        sqlite_where=OPEN_SEND,
        postgresql_where=OPEN_SEND,
    ),
)

OPEN_MEDIA = text("state IN ('waiting', 'fetching', 'stored', 'reading')")

media = Table(
    "media",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("message_id", String(60), nullable=False),
    Column("conversation_id", String(40), nullable=False),
    Column("line_id", Text, nullable=False),
    Column("kind", Text, nullable=False),  # of the message
    Column("state", String(8), nullable=False),
    Column("url", Text),  # signed; forgotten once the bytes are ours
    Column("announced_type", Text),
    Column("announced_sha256", String(64)),
    Column("filename", Text),
    Column("received_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),  # that count against it
    Column("outages", Integer, nullable=False, server_default="0"),  # in a row, for the backoff
    Column("interrupted", Boolean, nullable=False, server_default=text("false")),
    Column("worker_id", String(40)),
    Column("taken_at", Instant),
    # the file
    Column("sha256", String(64)),
    Column("media_type", Text),
    Column("size_bytes", BigInteger),
    Column("fetched_at", Instant),
    Column("fetch_ms", Integer),
    # what it says
    Column("problem", Text),
    Column("error", Text),
    Column("text", Text),
    Column("left_out", Text),
    Column("pictures", Text),  # keys of the media store, one a line
    Column("language", Text),
    Column("duration_s", Float),
    Column("pages", Integer),
    Column("service", Text),
    Column("model", Text),
    Column("cost", Float),
    Column("read_at", Instant),
    Column("read_ms", Integer),
    Index(
        "ix_media_open",
        "state",
        "next_at",
        sqlite_where=OPEN_MEDIA,
        postgresql_where=OPEN_MEDIA,
    ),
    Index("ix_media_sha256", "sha256"),
)

WORKING = text("state = 'working'")

turns = Table(
    "turns",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("conversation_id", String(40), nullable=False),
    Column("state", String(12), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("worker_id", String(40), nullable=False),
    Column("first_message_at", Instant, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("prompt_version", Text),
    Column("model", Text),
    Column("tokens_in", Integer),
    Column("tokens_out", Integer),
    Column("cost", Float),
    Column("error", Text),
    Index("ix_turns_conversation", "conversation_id", "started_at"),
    Index(
        "uq_turns_working",
        "conversation_id",
        unique=True,
        sqlite_where=WORKING,
        postgresql_where=WORKING,
    ),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("lease_until", Instant, nullable=False),
)

lines = Table(
    "lines",
    metadata,
    Column("line_id", String(255), primary_key=True),  # `*`: the account, all lines
    Column("connection", String(12), nullable=False, server_default="ready"),
    Column("reason", Text),
    Column("since", Instant),
    Column("hold_code", Text),  # set: nothing leaves but a probe
    Column("hold_reason", Text),
    Column("hold_since", Instant),
    Column("probe_at", Instant),
    Column("paused_at", Instant),
    Column("paused_until", Instant),
    Column("paused_by", Text),
    Column("pause_reason", Text),
)

notices = Table(
    "notices",  # those for the webhook; an operator's chat gets them as messages
    metadata,
    Column("id", String(40), primary_key=True),
    Column("conversation_id", String(40)),
    Column("kind", String(16), nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("state", String(8), nullable=False),  # waiting, told or failed
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("error", Text),
    Index("ix_notices_waiting", "next_at", sqlite_where=UNTOLD, postgresql_where=UNTOLD),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("action", String(16), nullable=False),
    Column("actor", Text, nullable=False),
    Column("line_id", Text),  # null: everything
    Column("conversation_id", String(40)),
    Column("reason", Text),
    Column("until", Instant),
    Index("ix_audit_conversation", "conversation_id", "seq"),
)

installation = Table(
    "installation",
    metadata,
    Column("id", String(40), primary_key=True),  # one row: tells this bot's queue from others'
)

spending = Table(
    "spending",
    metadata,
    Column("day", String(10), primary_key=True),  # in the business's time zone
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("cost", Float, nullable=False),
)

prompt_versions = Table(
    "prompt_versions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("source", Text, nullable=False),
    Column("saved_at", Instant, nullable=False),
)

live_prompts = Table(
    "live_prompts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", String(64), nullable=False),
    Column("since", Instant, nullable=False),
)
