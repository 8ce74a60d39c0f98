"""What the console needs: who is signed in, and how far somebody has read a conversation."""

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
