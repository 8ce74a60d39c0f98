"""INSERT … ON CONFLICT, which SQLAlchemy builds for each database by another class."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(dialect: str, table: Table) -> Any:
    """An insert that takes `on_conflict_do_update` and `on_conflict_do_nothing`."""
    return (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
