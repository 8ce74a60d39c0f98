"""The tables of work in hand: files, turns, workers, notices for the webhook."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text, text

from bot.adapters.db.schema_base import (
    ALERT_KEY_CHARS,
    LATE,
    OPEN_MEDIA,
    UNTOLD,
    WORKING,
    Instant,
    metadata,
)

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

turns = Table(
    "turns",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("conversation_id", String(40), nullable=False),
    Column("state", String(12), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("worker_id", String(40), nullable=False),
    Column("message_ids", Text),  # what it took, in order, one a line (the newest of very many)
    Column("first_message_at", Instant, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("prompt_version", Text),
    Column("model", Text),
    Column("llm_ms", Integer),  # how long the model took
    Column("late", Boolean, nullable=False, server_default=text("false")),  # with an apology
    Column("tokens_in", Integer),
    Column("tokens_out", Integer),
    Column("cost", Float),
    Column("error", Text),
    Column("guards", Text),  # what they found in the model's words, one a line
    Column("prompt_name", Text),
    Column("effect", String(12)),  # of an answer that ended more than a turn: `domain.turn`
    Index("ix_turns_conversation", "conversation_id", "started_at"),
    Index("ix_turns_started", "started_at"),
    Index("ix_turns_late", "ended_at", sqlite_where=LATE, postgresql_where=LATE),
    Index(
        "uq_turns_working",
        "conversation_id",
        unique=True,
        sqlite_where=WORKING,
        postgresql_where=WORKING,
    ),
)

shadow_answers = Table(
    "shadow_answers",  # what another prompt would have said to the same turns; nothing was sent
    metadata,
    Column("turn_id", String(40), primary_key=True),
    Column("prompt_name", Text, primary_key=True),
    Column("conversation_id", String(40), nullable=False),
    Column("line_id", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("ended", String(12), nullable=False),
    Column("reason", Text, nullable=False),  # of a hand-off, or why nothing was said
    Column("effect", String(12)),
    Column("text", Text, nullable=False),
    Column("prompt_version", Text),
    Column("model", Text),
    Column("llm_ms", Integer),
    Column("tokens_in", Integer),
    Column("tokens_out", Integer),
    Column("cost", Float),
    Column("guards", Text),
    Index("ix_shadow_answers_line", "line_id", "at"),
    Index("ix_shadow_answers_prompt", "prompt_name", "at"),
    Index("ix_shadow_answers_conversation", "conversation_id"),
    Index("ix_shadow_answers_at", "at"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("lease_until", Instant, nullable=False),
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
    Index("ix_notices_conversation", "conversation_id"),
    Index("ix_notices_waiting", "next_at", sqlite_where=UNTOLD, postgresql_where=UNTOLD),
)

alerts = Table(
    "alerts",  # what the watchdog has told and not yet taken back
    metadata,
    Column("key", String(ALERT_KEY_CHARS), primary_key=True),
    Column("text", Text, nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("cleared_at", Instant),
)
