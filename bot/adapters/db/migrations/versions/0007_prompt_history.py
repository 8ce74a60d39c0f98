"""What was live of each prompt from when to when, by whom, and what hosts have seen of files."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "prompt_history",
        sa.Column("seq", sequence, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("origin", sa.String(length=8), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("is_rollback", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_prompt_history")),
    )
    op.create_index("ix_prompt_history_name", "prompt_history", ["name", "seq"])
    op.create_index("ix_prompt_history_version", "prompt_history", ["name", "version"])
    still_live = sa.text("until IS NULL")
    op.create_index(
        "uq_prompt_history_live",
        "prompt_history",
        ["name"],
        unique=True,
        sqlite_where=still_live,
        postgresql_where=still_live,
    )
    op.create_table(
        "prompt_hosts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "place", name=op.f("pk_prompt_hosts")),
    )
    _tell_what_is_known()


def _tell_what_is_known() -> None:
    """Versions were kept with the time at which they first went live."""
    connection = op.get_bind()
    kept = connection.execute(
        sa.text("SELECT name, version, saved_at FROM prompt_versions ORDER BY name, saved_at")
    ).all()
    live = connection.execute(sa.text("SELECT name, version, since FROM live_prompts")).all()
    history = sa.table(
        "prompt_history",
        *(sa.column(name) for name in ("name", "version", "since", "until")),
    )
    for name, version, since in live:
        earlier = [row for row in kept if row.name == name and row.version != version]
        for row in _in_turn(earlier, since):
            connection.execute(sa.insert(history).values(name=name, **row))
        connection.execute(
            sa.insert(history).values(name=name, version=version, since=since, until=None)
        )


def _in_turn(earlier: Sequence[Any], live_since: int) -> Iterator[dict[str, Any]]:
    """Each until the next one came."""
    ends = [*(row.saved_at for row in earlier[1:]), live_since]
    for row, until in zip(earlier, ends, strict=False):
        yield {
            "version": row.version,
            "since": row.saved_at,
            "until": max(until, row.saved_at),
        }
