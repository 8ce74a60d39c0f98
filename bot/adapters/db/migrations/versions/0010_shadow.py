"""Which prompt a turn was answered with and to what end; what shadows would have said."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turns", sa.Column("prompt_name", sa.Text(), nullable=True))
    op.add_column("turns", sa.Column("effect", sa.String(12), nullable=True))
    _tell_past_effects()
    op.create_table(
        "shadow_answers",
        sa.Column("turn_id", sa.String(40), nullable=False),
        sa.Column("prompt_name", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.String(40), nullable=False),
        sa.Column("line_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("effect", sa.String(12), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("llm_ms", sa.Integer(), nullable=True),
        sa.Column("tokens_in", sa.Integer(), nullable=True),
        sa.Column("tokens_out", sa.Integer(), nullable=True),
        sa.Column("cost", sa.Float(), nullable=True),
        sa.Column("guards", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("turn_id", "prompt_name", name="pk_shadow_answers"),
    )
    op.create_index("ix_shadow_answers_line", "shadow_answers", ["line_id", "at"])
    op.create_index("ix_shadow_answers_prompt", "shadow_answers", ["prompt_name", "at"])
    op.create_index("ix_shadow_answers_conversation", "shadow_answers", ["conversation_id"])
    op.create_index("ix_shadow_answers_at", "shadow_answers", ["at"])


def _tell_past_effects() -> None:
    """A parting message is a hand-off, unless its turn's event says that the customer opted."""
    op.execute(
        "UPDATE turns SET effect = 'handed off' WHERE state IN ('answered', 'drafted') AND id IN"
        " (SELECT turn_id FROM messages WHERE parting AND part = 0 AND turn_id IS NOT NULL)"
    )
    for opting in ("opted out", "opted in"):
        op.execute(
            f"UPDATE turns SET effect = '{opting}' WHERE id IN"
            f" (SELECT turn_id FROM events WHERE reason = '{opting}' AND turn_id IS NOT NULL)"
        )
