"""Databases to be copied: one that was lived in, the oddest rows, and how all is read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, String, Table, func, select
from sqlalchemy.ext.asyncio import create_async_engine

from bot.adapters.db.copy_side import COPIED
from bot.adapters.db.engine import Database
from bot.adapters.db.migrate import migrate
from bot.adapters.db.prompt_archive import PromptArchive
from bot.adapters.db.schema import EPOCH, MICROSECOND, Instant, messages, metadata, workers
from bot.domain.notice import Roster
from bot.domain.outbox import Sent
from bot.domain.prompt_version import Edition, FileText
from bot.domain.turn import MadeBy, Reply
from tests.transitions.scene import ANNA, BEN, NOT_READY, Scene, crowd, pause

RAW = b"\x00\xff not JSON \xf0\x9f"
WORDS = "Grüße 🍋 漢字 \u200d\U0010ffff 'quoted' \\n %s $1\r\n\ttab"
CARL, DORA, EVE = crowd(3)


async def live_in(url: str) -> None:
    """What a bot leaves that was stopped hard: answered, held, sending, working, waiting."""
    await migrate(url)
    database = Database(url)
    scene = Scene(database)
    scene.settings(roster=Roster(("+70001",), webhook=True))
    try:
        await scene.store.register(scene.now, sole=True)
        await _what_is_over(scene)
        await _what_goes_on(scene)
    finally:
        await database.close()


async def _what_is_over(scene: Scene) -> None:
    anna = await scene.writes(ANNA, WORDS)
    turn = await scene.takes_turn(anna)
    made_by = MadeBy("v1", "a-model", 100, 20, 0.1)
    _, first = await scene.store.answer_turn(turn, Reply((WORDS, "again"), made_by), scene.now)
    assert first is not None
    await scene.settles(first, Sent("p1"))
    await scene.settles(await scene.sends(anna), Sent(None))
    await scene.delivered("p1")
    await scene.apply()
    await scene.store.bury(RAW, "not JSON", scene.now)
    archive = PromptArchive(scene.database, lambda: scene.now)
    edition = Edition("default", "v1", f"name: {WORDS}")
    await archive.take_file(FileText(edition, "a-host", "a-host:/prompts/default.yaml"))
    await scene.store.installation_id()


async def _what_goes_on(scene: Scene) -> None:
    await scene.settles(await scene.answers(await scene.writes(BEN, line="ln_2")), NOT_READY)
    await scene.answers(await scene.writes(CARL))
    await scene.takes_turn(await scene.writes(DORA))
    await scene.store.decline_turn(
        await scene.takes_turn(await scene.writes(EVE)), "flood: too many messages", scene.now
    )
    conversation, _ = await scene.sends_voice(ANNA)
    await scene.store.pause(conversation, pause(), scene.now)


async def add_odd_rows(url: str) -> None:
    """To each table one row of extremes, and one with nothing wherever that may be."""
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for table in COPIED:
            for row in (_extreme_row(table), _bare_row(table)):
                await connection.execute(table.insert(), row)
    await engine.dispose()


def _extreme_row(table: Table) -> Mapping[str, Any]:
    kinds = metadata.tables[table.name].columns
    return {column.name: _extreme(column) for column in kinds}


def _bare_row(table: Table) -> Mapping[str, Any]:
    kinds = metadata.tables[table.name].columns
    return {column.name: None if column.nullable else _smallest(column) for column in kinds}


def _extreme(column: Column[Any]) -> Any:
    kind = column.type
    if isinstance(kind, Instant):
        return (datetime.max.replace(tzinfo=EPOCH.tzinfo) - EPOCH) // MICROSECOND
    if column.primary_key and column.name == "seq":
        return 2**62
    if isinstance(kind, Boolean | Float):
        return True if isinstance(kind, Boolean) else 0.1 + 0.2
    if isinstance(kind, Integer):
        return 2**31 - 1 if type(kind) is Integer else 2**63 - 1
    if isinstance(kind, LargeBinary):
        return bytes(range(256))
    return (WORDS * 9)[: kind.length] if isinstance(kind, String) else None


def _smallest(column: Column[Any]) -> Any:
    kind = column.type
    if isinstance(kind, Instant):
        return (datetime.min.replace(tzinfo=EPOCH.tzinfo) - EPOCH) // MICROSECOND
    if column.primary_key and column.name == "seq":
        return -(2**62)
    if isinstance(kind, Boolean | Float):
        return False if isinstance(kind, Boolean) else -5e-324
    if isinstance(kind, Integer):
        return -(2**31) if type(kind) is Integer else -(2**63)
    return b"" if isinstance(kind, LargeBinary) else ""


async def read_all(url: str) -> dict[str, list[str]]:
    """Every row of every table but the leases, as the bot reads it."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        found = {
            name: sorted(repr(tuple(row)) for row in await connection.execute(select(table)))
            for name, table in metadata.tables.items()
            if table is not workers
        }
    await engine.dispose()
    return found


async def highest_seq(url: str) -> int:
    """Of all messages."""
    return int((await ask(url, str(select(func.max(messages.c.seq)))))[0][0])


async def ask(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Plain SQL in one transaction; the rows of the last statement."""
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            for statement in statements:
                result = await connection.exec_driver_sql(statement)
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        await engine.dispose()
