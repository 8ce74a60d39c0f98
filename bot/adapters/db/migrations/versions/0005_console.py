"""What the console needs: who is signed in, who looks at what, how far a conversation was read."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversations", sa.Column("read_seq", sa.BigInteger(), nullable=True))
    op.execute("UPDATE conversations SET read_seq = (SELECT max(seq) FROM messages)")
    op.create_index("ix_turns_started", "turns", ["started_at"])
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("token_mark", sa.String(length=64), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
    )
    op.create_table(
        "presence",
        sa.Column("page", sa.String(length=40), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("writing_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("page", name=op.f("pk_presence")),
    )
    op.create_index("ix_presence_conversation", "presence", ["conversation_id"])
