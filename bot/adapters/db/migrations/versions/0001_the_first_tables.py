"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("line_id", sa.String(length=255), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("contact_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=8), server_default="bot", nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("pause_noticed_at", sa.BigInteger(), nullable=True),
        sa.Column("needs_attention", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attention_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_message_at", sa.BigInteger(), nullable=False),
        sa.Column("last_text", sa.Text(), server_default="", nullable=False),
        sa.Column("first_waiting_at", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("outages", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
    )
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.create_index("ix_conversations_contact", ["contact_key", "line_id"], unique=False)
        batch_op.create_index(
            "ix_conversations_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_conversations_paused",
            ["paused_until"],
            unique=False,
            sqlite_where=sa.text("paused_until IS NOT NULL"),
            postgresql_where=sa.text("paused_until IS NOT NULL"),
        )
        batch_op.create_index("ix_conversations_recent", ["last_message_at", "id"], unique=False)

    op.create_table(
        "events",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("provider_event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("conversation_id", sa.String(length=40), nullable=True),
        sa.Column("message_id", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("turn_id", sa.String(length=40), nullable=True),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
        sa.UniqueConstraint("provider_event_id", name=op.f("uq_events_provider_event_id")),
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index(
            "ix_events_ended_badly",
            ["state", "seq"],
            unique=False,
            sqlite_where=sa.text("state IN ('dead', 'skipped')"),
            postgresql_where=sa.text("state IN ('dead', 'skipped')"),
        )
        batch_op.create_index(
            "ix_events_open",
            ["conversation_id", "seq"],
            unique=False,
            sqlite_where=sa.text("state IN ('pending', 'working')"),
            postgresql_where=sa.text("state IN ('pending', 'working')"),
        )

    op.create_table(
        "installation",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "lines",
        sa.Column("line_id", sa.String(length=255), nullable=False),
        sa.Column("connection", sa.String(length=12), server_default="ready", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("hold_code", sa.Text(), nullable=True),
        sa.Column("hold_reason", sa.Text(), nullable=True),
        sa.Column("hold_since", sa.BigInteger(), nullable=True),
        sa.Column("probe_at", sa.BigInteger(), nullable=True),
        sa.Column("paused_at", sa.BigInteger(), nullable=True),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("paused_by", sa.Text(), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("line_id", name=op.f("pk_lines")),
    )
    op.create_table(
        "live_prompts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_live_prompts")),
    )
    op.create_table(
        "messages",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.String(length=60), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("author", sa.String(length=8), nullable=False),
        sa.Column("author_name", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("transcript", sa.Text(), nullable=True),
        sa.Column("quoted_text", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("dead", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=True),
        sa.Column("turn_id", sa.String(length=40), nullable=True),
        sa.Column("part", sa.Integer(), server_default="0", nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("parting", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("draft", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("probe", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("guessed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("unknowns", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("worker_id", sa.String(length=40), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("request_key", sa.Text(), nullable=True),
        sa.Column("prompt_version", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("tokens", sa.Integer(), nullable=True),
        sa.Column("cost", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_messages")),
        sa.UniqueConstraint("id", name=op.f("uq_messages_id")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        # Of two indexes that serve, SQLite takes the younger: this one, of all messages ever, is
        # older than the partial ones on the same columns.
        batch_op.create_index("ix_messages_thread", ["conversation_id", "seq"], unique=False)
        batch_op.create_index(
            "ix_messages_open",
            ["conversation_id", "seq"],
            unique=False,
            sqlite_where=sa.text("status IN ('queued', 'held', 'sending', 'unknown')"),
            postgresql_where=sa.text("status IN ('queued', 'held', 'sending', 'unknown')"),
        )
        batch_op.create_index(
            "ix_messages_outbox",
            ["status", "next_at"],
            unique=False,
            sqlite_where=sa.text("status IN ('queued', 'held', 'sending', 'unknown')"),
            postgresql_where=sa.text("status IN ('queued', 'held', 'sending', 'unknown')"),
        )
        batch_op.create_index(
            "ix_messages_received",
            ["provider_id"],
            unique=True,
            sqlite_where=sa.text("direction = 'in'"),
            postgresql_where=sa.text("direction = 'in'"),
        )
        batch_op.create_index(
            "ix_messages_sent",
            ["provider_id"],
            unique=False,
            sqlite_where=sa.text("direction = 'out' AND provider_id IS NOT NULL"),
            postgresql_where=sa.text("direction = 'out' AND provider_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_messages_unconfirmed",
            ["conversation_id", "seq"],
            unique=False,
            sqlite_where=sa.text("status IN ('sent', 'uncertain') AND provider_id IS NULL"),
            postgresql_where=sa.text("status IN ('sent', 'uncertain') AND provider_id IS NULL"),
        )
        batch_op.create_index(
            "uq_messages_request",
            ["request_key"],
            unique=True,
            sqlite_where=sa.text("request_key IS NOT NULL"),
            postgresql_where=sa.text("request_key IS NOT NULL"),
        )

    op.create_table(
        "prompt_versions",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_prompt_versions")),
    )
    op.create_table(
        "spending",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_spending")),
    )
    op.create_table(
        "turns",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("worker_id", sa.String(length=40), nullable=False),
        sa.Column("first_message_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("prompt_version", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("tokens_in", sa.Integer(), nullable=True),
        sa.Column("tokens_out", sa.Integer(), nullable=True),
        sa.Column("cost", sa.Float(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
    )
    with op.batch_alter_table("turns", schema=None) as batch_op:
        batch_op.create_index(
            "ix_turns_conversation", ["conversation_id", "started_at"], unique=False
        )
        batch_op.create_index(
            "uq_turns_working",
            ["conversation_id"],
            unique=True,
            sqlite_where=sa.text("state = 'working'"),
            postgresql_where=sa.text("state = 'working'"),
        )

    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )


def downgrade() -> None:
    op.drop_table("workers")
    with op.batch_alter_table("turns", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_turns_working",
            sqlite_where=sa.text("state = 'working'"),
            postgresql_where=sa.text("state = 'working'"),
        )
        batch_op.drop_index("ix_turns_conversation")

    op.drop_table("turns")
    op.drop_table("spending")
    op.drop_table("prompt_versions")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_messages_request",
            sqlite_where=sa.text("request_key IS NOT NULL"),
            postgresql_where=sa.text("request_key IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_messages_unconfirmed",
            sqlite_where=sa.text("status IN ('sent', 'uncertain') AND provider_id IS NULL"),
            postgresql_where=sa.text("status IN ('sent', 'uncertain') AND provider_id IS NULL"),
        )
        batch_op.drop_index("ix_messages_thread")
        batch_op.drop_index(
            "ix_messages_sent",
            sqlite_where=sa.text("direction = 'out' AND provider_id IS NOT NULL"),
            postgresql_where=sa.text("direction = 'out' AND provider_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_messages_received",
            sqlite_where=sa.text("direction = 'in'"),
            postgresql_where=sa.text("direction = 'in'"),
        )
        batch_op.drop_index(
            "ix_messages_outbox",
            sqlite_where=sa.text("status IN ('queued', 'held', 'sending', 'unknown')"),
            postgresql_where=sa.text("status IN ('queued', 'held', 'sending', 'unknown')"),
        )
        batch_op.drop_index(
            "ix_messages_open",
            sqlite_where=sa.text("status IN ('queued', 'held', 'sending', 'unknown')"),
            postgresql_where=sa.text("status IN ('queued', 'held', 'sending', 'unknown')"),
        )

    op.drop_table("messages")
    op.drop_table("live_prompts")
    op.drop_table("lines")
    op.drop_table("installation")
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_events_open",
            sqlite_where=sa.text("state IN ('pending', 'working')"),
            postgresql_where=sa.text("state IN ('pending', 'working')"),
        )
        batch_op.drop_index(
            "ix_events_ended_badly",
            sqlite_where=sa.text("state IN ('dead', 'skipped')"),
            postgresql_where=sa.text("state IN ('dead', 'skipped')"),
        )

    op.drop_table("events")
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.drop_index("ix_conversations_recent")
        batch_op.drop_index(
            "ix_conversations_paused",
            sqlite_where=sa.text("paused_until IS NOT NULL"),
            postgresql_where=sa.text("paused_until IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_conversations_due",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_conversations_contact")

    op.drop_table("conversations")
