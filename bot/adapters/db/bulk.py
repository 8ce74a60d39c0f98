"""Many rows, or many ids, in one statement, without the work SQLAlchemy does for each of them.

The statement is SQLAlchemy's own, compiled once per dialect; rows come as mappings whose values
are already what the driver takes (times as whole microseconds).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, TextClause
from sqlalchemy.sql.base import Executable

from bot.adapters.db.schema import EPOCH, MICROSECOND


def microseconds(at: datetime) -> int:
    """A time as the tables keep it."""
    return (at - EPOCH) // MICROSECOND


@dataclass(slots=True)
class Bulk:
    """One statement for many rows; `columns` are the names of its parameters."""

    statement: Executable
    columns: Sequence[str]
    _compiled: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def run(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute for every row; each must have all columns."""
        sql, order = self._for(tx)
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql(sql, [tuple([row[name] for name in order]) for row in rows])
            return
        # One step for all rows: SQLite's driver gives the interpreter away at each, and gets it
        # back late when the event loop is busy.
        head, group, tail = sql.partition(f"({', '.join('?' * len(order))})")
        many = f"{head}{', '.join([group] * len(rows))}{tail}"
        tx.exec_driver_sql(many, tuple([row[name] for row in rows for name in order]))

    def _for(self, tx: Connection) -> tuple[str, tuple[str, ...]]:
        known = self._compiled.get(tx.dialect.name)
        if known is None:
            compiled: Any = self.statement.compile(  # type: ignore[attr-defined]
                dialect=tx.dialect, column_keys=list(self.columns)
            )
            known = (str(compiled), tuple(compiled.positiontup))
            self._compiled[tx.dialect.name] = known
        return known


@dataclass(frozen=True, slots=True)
class Known:
    """Which of many texts a column holds already; `conditions` are those of its indexes."""

    column: Column[Any]
    conditions: tuple[TextClause, ...] = ()

    def among(self, tx: Connection, wanted: Sequence[str]) -> set[str]:
        """Those of `wanted` that are there."""
        if not wanted:
            return set()
        if tx.dialect.name == "postgresql":
            found = tx.exec_driver_sql(self._sql("= ANY($1::text[])"), (list(wanted),))
        else:
            sql = self._sql(f"IN ({','.join('?' * len(wanted))})")
            found = tx.exec_driver_sql(sql, (*wanted,) * max(1, len(self.conditions)))
        return {row[0] for row in found}

    def _sql(self, among: str) -> str:
        name, table = self.column.name, self.column.table.name
        wheres = [f"{condition.text} AND " for condition in self.conditions] or [""]
        return " UNION ALL ".join(
            f"SELECT {name} FROM {table} WHERE {where}{name} {among}"  # noqa: S608 - our own names
            for where in wheres
        )
