"""Whether two databases hold the same rows: every column of every one, read from both."""

import hashlib
from collections.abc import Callable

from sqlalchemy import Table

from bot.adapters.db.copy_side import Side, Values, key_of, named
from bot.errors import Refused

Progress = Callable[[str, str, int, int], None]
"""Is told what is done, with which table, with how many rows so far, and of how many."""


async def compare(table: Table, source: Side, target: Side, progress: Progress) -> str:
    """The SHA-256 of all rows in the source's order. Raises Refused: the first that differs."""
    digest, done = hashlib.sha256(), 0
    total = await target.count(table)
    async for rows in source.pages(table):
        found = await target.find(table, list(map(key_of(table), rows)))
        for row, other in zip(rows, found, strict=True):
            # Unlike ==, this tells 1 from true and 0.0 from -0.0, and a NaN is like another one.
            written = repr(row)
            if written != repr(other):
                raise Refused(f"{named(table, row)} {_difference(table, row, other)}: try again")
            digest.update(written.encode())
        done += len(rows)
        progress("comparing", table.name, done, total)
    if total != done:
        raise Refused(f"{await _first_stranger(table, source, target)}: try again")
    return digest.hexdigest()


def _difference(table: Table, row: Values, other: Values | None) -> str:
    if other is None:
        return "is in the source only"
    columns = zip(table.columns, row, other, strict=True)
    return f"differs in {', '.join(c.name for c, a, b in columns if repr(a) != repr(b))}"


async def _first_stranger(table: Table, source: Side, target: Side) -> str:
    async for rows in target.pages(table):
        found = await source.find(table, list(map(key_of(table), rows)))
        for row, other in zip(rows, found, strict=True):
            if other is None:
                return f"{named(table, row)} is in the target only"
    return f"{table.name} has another number of rows in the target"
