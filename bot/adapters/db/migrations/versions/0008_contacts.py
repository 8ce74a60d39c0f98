"""Contacts: blocked, erased, and what operators note about them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind in (
        ("blocked_at", sa.BigInteger()),
        ("blocked_by", sa.Text()),
        ("erasing_at", sa.BigInteger()),
        ("erasing_by", sa.Text()),
    ):
        op.add_column("conversations", sa.Column(name, kind, nullable=True))
    blocked = sa.text("blocked_at IS NOT NULL")
    op.create_index(
        "ix_conversations_blocked",
        "conversations",
        ["blocked_at"],
        sqlite_where=blocked,
        postgresql_where=blocked,
    )
    erasing = sa.text("erasing_at IS NOT NULL")
    op.create_index(
        "ix_conversations_erasing",
        "conversations",
        ["erasing_at"],
        sqlite_where=erasing,
        postgresql_where=erasing,
    )
    about = sa.text("about_id IS NOT NULL")
    op.create_index(
        "ix_messages_about",
        "messages",
        ["about_id"],
        sqlite_where=about,
        postgresql_where=about,
    )
    stray = sa.text("message_id IS NULL AND contact IS NOT NULL")
    op.create_index(
        "ix_events_stray",
        "events",
        ["contact", "line_id"],
        sqlite_where=stray,
        postgresql_where=stray,
    )
    nameless = sa.text("contact IS NULL")
    op.create_index(
        "ix_events_nameless",
        "events",
        ["line_id"],
        sqlite_where=nameless,
        postgresql_where=nameless,
    )
    op.create_index("ix_notices_conversation", "notices", ["conversation_id"])
    op.add_column(
        "lines", sa.Column("numbers_given", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("installation", sa.Column("secret", sa.String(length=64), nullable=True))
    _add_tables()


def _add_tables() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("edited_at", sa.BigInteger(), nullable=True),
        sa.Column("edited_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_index("ix_notes_conversation", "notes", ["conversation_id", "created_at"])
    op.create_table(
        "seen",
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_seen")),
    )
    op.create_table(
        "remembered",
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.Column("opted_out_at", sa.BigInteger(), nullable=True),
        sa.Column("blocked_at", sa.BigInteger(), nullable=True),
        sa.Column("blocked_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_remembered")),
    )
    op.create_table(
        "leftovers",
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("what", name=op.f("pk_leftovers")),
    )
    op.create_index("ix_leftovers_due", "leftovers", ["due_at"])
