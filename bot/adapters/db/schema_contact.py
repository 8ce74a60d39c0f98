"""The tables about contacts as people: what operators note, what outlives an erasure."""

from sqlalchemy import Column, Index, String, Table, Text

from bot.adapters.db.schema_base import Instant, metadata

notes = Table(
    "notes",  # for operators alone: neither the customer nor the model ever sees them
    metadata,
    Column("id", String(40), primary_key=True),
    Column("conversation_id", String(40), nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("edited_at", Instant),
    Column("edited_by", Text),
    Index("ix_notes_conversation", "conversation_id", "created_at"),
)

seen = Table(
    "seen",  # ids of events and messages that were erased: what comes again is not new
    metadata,
    Column("digest", String(32), primary_key=True),  # keyed
)

remembered = Table(
    "remembered",  # of contacts of whom there is no conversation
    metadata,
    Column("digest", String(32), primary_key=True),  # of line and number, keyed
    Column("erased_at", Instant),
    Column("opted_out_at", Instant),
    Column("blocked_at", Instant),
    Column("blocked_by", Text),
)

leftovers = Table(
    "leftovers",  # what an erasure has still to remove outside of the tables
    metadata,
    Column("what", String(64), primary_key=True),  # a file's sha256, or `log`
    Column("state", String(8), nullable=False),  # waiting, deleting or gone
    Column("due_at", Instant, nullable=False),
    Index("ix_leftovers_due", "due_at"),
)
