"""Operators' chats, notices, opting out, and who did what."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBERED = sa.text("number IS NOT NULL")
_IN_NEED = sa.text("needs_attention")
_UNTOLD = sa.text("state = 'waiting'")
_OF_CONVERSATIONS = (
    ("number", sa.Integer()),
    ("muted_until", sa.BigInteger()),
    ("opted_out_at", sa.BigInteger()),
    ("away_at", sa.BigInteger()),
    ("hush_until", sa.BigInteger()),
    ("relay_to", sa.String(length=40)),
    ("relayed_seq", sa.BigInteger()),
    ("brief", sa.Text()),
)


def upgrade() -> None:
    # Not in a batch: that would copy the table and make its indexes anew, in another order.
    for name, kind in _OF_CONVERSATIONS:
        op.add_column("conversations", sa.Column(name, kind, nullable=True))
    false = sa.text("false")
    op.add_column(
        "conversations", sa.Column("operator", sa.Boolean(), server_default=false, nullable=False)
    )
    op.add_column("messages", sa.Column("about_id", sa.String(length=40), nullable=True))
    op.create_index(
        "uq_conversations_number",
        "conversations",
        ["line_id", "number"],
        unique=True,
        sqlite_where=_NUMBERED,
        postgresql_where=_NUMBERED,
    )
    op.create_index(
        "ix_conversations_attention",
        "conversations",
        ["line_id", "last_message_at"],
        sqlite_where=_IN_NEED,
        postgresql_where=_IN_NEED,
    )
    _add_notices()
    _add_audit()


def _add_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(
        "ix_notices_waiting",
        "notices",
        ["next_at"],
        sqlite_where=_UNTOLD,
        postgresql_where=_UNTOLD,
    )


def _add_audit() -> None:
    sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit",
        sa.Column("seq", sequence, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=True),
        sa.Column("conversation_id", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_conversation", "audit", ["conversation_id", "seq"])
