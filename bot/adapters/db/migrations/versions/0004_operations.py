"""What is told of the way of a message, how fast a line sends, and what the watchdog has told."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OF_LINES = (
    ("heard_at", sa.BigInteger()),
    ("first_sent_at", sa.BigInteger()),
    ("allowance", sa.Float()),
    ("allowance_at", sa.BigInteger()),
    ("slowed_at", sa.BigInteger()),
    ("sent_day", sa.String(length=10)),
)


def upgrade() -> None:
    # Not in a batch: that would copy the table and make its indexes anew, in another order.
    op.add_column("messages", sa.Column("first_tried_at", sa.BigInteger(), nullable=True))
    op.add_column("conversations", sa.Column("heard_seq", sa.BigInteger(), nullable=True))
    op.execute("UPDATE conversations SET heard_seq = (SELECT max(seq) FROM messages)")
    op.add_column("turns", sa.Column("llm_ms", sa.Integer(), nullable=True))
    false = sa.text("false")
    op.add_column("turns", sa.Column("late", sa.Boolean(), server_default=false, nullable=False))
    late = sa.text("late")
    op.create_index(
        "ix_turns_late", "turns", ["ended_at"], sqlite_where=late, postgresql_where=late
    )
    for name, kind in _OF_LINES:
        op.add_column("lines", sa.Column(name, kind, nullable=True))
    op.add_column("lines", sa.Column("pace", sa.Float(), server_default="1", nullable=False))
    op.add_column(
        "lines", sa.Column("sent_count", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_table(
        "alerts",
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alerts")),
    )
    _add_what_is_counted()
    _add_the_way_of_a_message()


def _add_the_way_of_a_message() -> None:
    op.add_column("messages", sa.Column("held_at", sa.BigInteger(), nullable=True))
    op.add_column("messages", sa.Column("held_reason", sa.Text(), nullable=True))
    op.add_column("turns", sa.Column("message_ids", sa.Text(), nullable=True))
    of_message = sa.text("message_id IS NOT NULL")
    op.create_index(
        "ix_events_message",
        "events",
        ["message_id"],
        sqlite_where=of_message,
        postgresql_where=of_message,
    )


def _add_what_is_counted() -> None:
    op.create_table(
        "line_hours",
        sa.Column("line_id", sa.String(length=255), nullable=False),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("heard", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("line_id", "hour", name=op.f("pk_line_hours")),
    )
    with_person, uncertain = sa.text("state = 'human'"), sa.text("status = 'uncertain'")
    op.create_index(
        "ix_conversations_with_person",
        "conversations",
        ["state"],
        sqlite_where=with_person,
        postgresql_where=with_person,
    )
    op.create_index(
        "ix_messages_uncertain",
        "messages",
        ["status"],
        sqlite_where=uncertain,
        postgresql_where=uncertain,
    )
