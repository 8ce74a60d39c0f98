"""The rows of a filled SQLite database, copied into an empty PostgreSQL database."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Boolean, Table, make_url

from bot.adapters.db.migrate import migrate
from bot.adapters.db.schema import conversations, events, messages, turns

_CHUNK = 20_000


async def copy_into(url: str, path: Path) -> None:
    """Make the tables and copy what `bench.fill` fills."""
    await migrate(url)
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    server = await asyncpg.connect(plain)
    try:
        with closing(sqlite3.connect(path)) as database:
            for table in (conversations, events, messages, turns):
                await _copy(server, database, table)
        await server.execute("ANALYZE")
    finally:
        await server.close()


async def _copy(server: Any, database: sqlite3.Connection, table: Table) -> None:
    names = [column.name for column in table.columns]
    rows = database.execute(f"SELECT {', '.join(names)} FROM {table.name}")  # noqa: S608 - our own
    is_bool = [isinstance(column.type, Boolean) for column in table.columns]
    for chunk in iter(lambda: rows.fetchmany(_CHUNK), []):
        records = list(_records(chunk, is_bool))
        await server.copy_records_to_table(table.name, records=records, columns=names)
    if "seq" in names:
        sequence = f"pg_get_serial_sequence('{table.name}', 'seq')"
        newest = f"(SELECT max(seq) FROM {table.name})"  # noqa: S608 - our own
        await server.execute(f"SELECT setval({sequence}, {newest})")


def _records(rows: list[tuple[Any, ...]], is_bool: list[bool]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield tuple(
            bool(value) if boolean and value is not None else value
            for value, boolean in zip(row, is_bool, strict=True)
        )
