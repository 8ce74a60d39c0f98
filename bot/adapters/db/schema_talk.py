"""The tables of what is said: conversations, inbox, messages with the outbox."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from bot.adapters.db.schema_base import (
    ABOUT,
    BLOCKED,
    ENDED_BADLY,
    ERASING,
    IN_NEED,
    NAMELESS,
    NUMBERED,
    OF_MESSAGE,
    OPEN_EVENT,
    OPEN_SEND,
    RECEIVED,
    REQUESTED,
    SENT_WITH_ID,
    SENT_WITHOUT_ID,
    SEQUENCE,
    STRAY,
    UNCERTAIN,
    WITH_PERSON,
    Instant,
    metadata,
)

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
    Column("hush_until", Instant),  # perhaps a person has written: the bot waits
    Column("heard_seq", BigInteger),  # the rules have looked at the messages up to this one
    Column("relay_to", String(40)),  # the operator's chat that what the customer writes goes to
    Column("relayed_seq", BigInteger),  # the last message that went there
    Column("brief", Text),  # what the model is told of the last person who answered here
    Column("read_seq", BigInteger),  # the last message that an operator has seen in the console
    Column("blocked_at", Instant),  # by an operator: never answered, nothing is sent
    Column("blocked_by", Text),
    Column("erasing_at", Instant),  # as soon as nothing is on its way, all of it goes
    Column("erasing_by", Text),
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
    Index(
        "ix_conversations_blocked",
        "blocked_at",
        sqlite_where=BLOCKED,
        postgresql_where=BLOCKED,
    ),
    Index(
        "ix_conversations_erasing",
        "erasing_at",
        sqlite_where=ERASING,
        postgresql_where=ERASING,
    ),
    Index(
        "ix_conversations_with_person",
        "state",  # what it is about, so that SQLite counts without a look at the rows
        "last_message_at",
        "id",
        sqlite_where=WITH_PERSON,
        postgresql_where=WITH_PERSON,
    ),
    Index(
        "ix_conversations_in_need",
        "needs_attention",
        "last_message_at",
        "id",
        sqlite_where=IN_NEED,
        postgresql_where=IN_NEED,
    ),
    Index("ix_conversations_of_line", "line_id", "last_message_at", "id"),
)

events = Table(
    "events",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),  # order of arrival
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
        "ix_events_message",
        "message_id",
        sqlite_where=OF_MESSAGE,
        postgresql_where=OF_MESSAGE,
    ),
    # What an erasure has to find that is no message, nor about one.
    Index("ix_events_stray", "contact", "line_id", sqlite_where=STRAY, postgresql_where=STRAY),
    Index("ix_events_nameless", "line_id", sqlite_where=NAMELESS, postgresql_where=NAMELESS),
    Index(
        "ix_events_ended_badly",
        "state",
        "seq",
        sqlite_where=ENDED_BADLY,
        postgresql_where=ENDED_BADLY,
    ),
)

messages = Table(
    "messages",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),  # the thread's order
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
    Column("about_id", String(40)),  # of a notice to operators, or a command: what conversation
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
    Column("held_at", Instant),  # when it first had to wait for its line or the account
    Column("held_reason", Text),
    Column("first_tried_at", Instant),  # when the first attempt to send it began
    Column("sent_at", Instant),
    Column("delivered_at", Instant),
    Column("request_key", Text),  # an operator's Idempotency-Key
    # what made it
    Column("prompt_version", Text),
    Column("model", Text),
    Column("tokens", Integer),
    Column("cost", Float),
    Index("ix_messages_thread", "conversation_id", "seq"),
    Index("ix_messages_about", "about_id", sqlite_where=ABOUT, postgresql_where=ABOUT),
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
    Index(
        "ix_messages_uncertain",
        "status",
        sqlite_where=UNCERTAIN,
        postgresql_where=UNCERTAIN,
    ),
)
