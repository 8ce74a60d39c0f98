"""A bot moves from one database to another, and big ones are copied, whatever happens meanwhile."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.db.engine import sqlite_url
from bot.adapters.db.migrate import migrate
from tests.conftest import NewBot
from tests.copy_scenes import ask, read_all
from tests.harness import Answer, Bot, Customer, eventually, fail
from tests.harness.llm import words_of
from tests.harness.stores import EMBEDDED

pytestmark = pytest.mark.slow

SETTINGS = {"retry": {"max_attempts": 1}}
_ON_SQLITE = pytest.mark.parametrize("stores_kind", [EMBEDDED], indirect=True)


async def _status(bot: Bot, customer: Customer, wanted: str) -> None:
    async def reached() -> None:
        assert (await bot.messages(customer))[-1]["status"] == wanted

    await eventually(reached, 20)


async def _left_unfinished(bot: Bot) -> tuple[Customer, Customer, Customer, str]:
    """One customer was answered, one waits for a held reply, and one's message is a dead letter."""
    ana, ben, eve = (bot.provider.customer(line_id=line) for line in ("ln_1", "ln_2", "ln_1"))
    await ana.writes("my name is Ana")
    await ana.reads()
    plan = bot.provider.plan_sends(Answer(409, {"error": "line_not_ready"}), to=ben.number)
    await ben.writes("hello")
    await plan.has_fired()
    await _status(bot, ben, "held")
    bot.llm.plan_calls(fail(400), about="a hard one")
    (dead,) = await eve.writes("a hard one")
    await bot.handled(dead)
    await eve.reads()
    return ana, ben, eve, dead


async def test_a_bot_that_has_moved_goes_on_as_if_nothing_were(
    new_bot: NewBot, other_database: str
) -> None:
    bot = await new_bot(settings=SETTINGS)
    ana, ben, eve, dead = await _left_unfinished(bot)
    before = await bot.messages(ana)
    await bot.stop()
    moved = await bot.cli("copy-to", other_database, "--json")
    assert moved.exit_code == 0, moved.stderr
    _assert_tells(moved.json, bot)
    bot.env["DATABASE_URL"] = other_database
    await bot.start()
    assert await bot.messages(ana) == before
    await ana.writes("who am I?")
    await ana.reads(2)
    (asked,) = bot.llm.messages_about("who am I?")
    assert "my name is Ana" in [words_of(one["content"]) for one in asked]
    assert (await bot.cli("replay", dead)).exit_code == 0
    assert "You said: a hard one" in await eve.reads(2)
    await bot.provider.line_ready("ln_2")
    assert await ben.reads() == ["You said: hello"]
    await _status(bot, ben, "sent")
    assert len(ben.attempts) == 2
    assert len({send.key for send in ben.attempts}) == 1


def _assert_tells(report: Any, bot: Bot) -> None:
    (messages,) = [table for table in report["tables"] if table["table"] == "messages"]
    assert messages["rows"] >= 6
    assert report["rows"] == sum(table["rows"] for table in report["tables"])
    database, media, old = report["next"]
    assert "DATABASE_URL" in database
    assert str(bot.folder / "data" / "media") in media
    assert "media.store" in media
    assert "start no bot" in old


async def test_a_person_reads_a_table_and_what_to_do_next(
    new_bot: NewBot, other_database: str
) -> None:
    bot = await new_bot(start=False, settings={"media": {"store": "s3://bucket/media"}})
    await migrate(bot.env.get("DATABASE_URL", sqlite_url(bot.folder / "data" / "bot.db")))
    copied = await bot.cli("copy-to", other_database)
    assert (copied.exit_code, copied.stderr) == (0, "")
    head, *rows = [line.split() for line in copied.stdout.splitlines()]
    assert head == ["TABLE", "ROWS", "SECONDS"]
    assert ["messages", "0"] in [row[:2] for row in rows]
    assert "0 rows copied to" in copied.stdout
    assert "- media stay where they are, in s3://bucket/media\n" in copied.stdout


@_ON_SQLITE
async def test_on_a_terminal_a_line_tells_how_far_it_is(new_bot: NewBot, tmp_path: Path) -> None:
    bot = await _filled(new_bot, "INSERT INTO installation (id) VALUES ('in_1')")
    seen, terminal = os.openpty()
    command = (sys.executable, "-m", "bot", "copy-to", f"sqlite:///{tmp_path / 'other.db'}")
    process = await asyncio.create_subprocess_exec(
        *command, env={**bot.env, "BOT_CONFIG": ""}, cwd=bot.folder, stderr=terminal, stdout=PIPE
    )
    told, _ = await process.communicate()
    os.close(terminal)
    shown = os.read(seen, 1000)
    os.close(seen)
    assert b"1 rows copied to" in told
    assert b"\r" not in told
    assert b"\rcopying installation: 1 of 1 rows" in shown
    assert shown.endswith(b"\r\x1b[K")


# big ones

_MANY = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO messages (id, conversation_id, direction, author, type, text, created_at, line_id)
SELECT 'ms_' || i, 'cv_' || i % 500, 'out', 'bot', 'text', printf('%.1500c', 'x'), i, 'ln_1' FROM n
"""
_LARGE = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
INSERT INTO events (id, provider_event_id, type, line_id, state, received_at, raw)
SELECT 'ev_' || i, 'evt_' || i, 'x', 'ln_1', 'done', i, randomblob(1000000) FROM n
"""
_MEASURED = (
    "import resource, sys; from bot.__main__ import main; ended = main(sys.argv[1:]);"
    "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)); sys.exit(ended)"
)


async def _filled(new_bot: NewBot, *statements: str) -> Bot:
    bot = await new_bot(start=False)
    url = sqlite_url(bot.folder / "data" / "bot.db")
    await migrate(url)
    if statements:
        await ask(url, *statements)
    return bot


async def _memory_bytes(bot: Bot, target: str) -> int:
    """The most that the command has taken."""
    command = (sys.executable, "-c", _MEASURED, "copy-to", target)
    env = {**bot.env, "BOT_CONFIG": ""}
    process = await asyncio.create_subprocess_exec(
        *command, env=env, cwd=bot.folder, stdout=DEVNULL, stderr=PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said
    return int(said.split()[-1]) * 1024


@pytest.mark.slow
@_ON_SQLITE
@pytest.mark.parametrize("rows", [_MANY, _LARGE], ids=["many", "large"])
async def test_memory_does_not_grow_with_the_database(
    new_bot: NewBot, other_database: str, tmp_path: Path, rows: str
) -> None:
    nothing = await _memory_bytes(await _filled(new_bot), f"sqlite:///{tmp_path / 'nothing.db'}")
    full = await _filled(new_bot, rows)
    assert (full.folder / "data" / "bot.db").stat().st_size > 150_000_000
    assert await _memory_bytes(full, other_database) < nothing + 100_000_000
    assert (
        len(await ask(other_database, "SELECT id FROM messages UNION SELECT id FROM events")) > 199
    )


@pytest.mark.slow
@_ON_SQLITE
async def test_a_copy_that_is_killed_leaves_nothing_and_can_be_made_again(
    new_bot: NewBot, other_database: str
) -> None:
    bot = await _filled(new_bot, _MANY)
    await migrate(other_database)
    empty = await _size_bytes(other_database)
    await bot.start("copy-to", other_database, ready=False)

    async def is_half_way() -> None:
        assert bot.runs, bot.log
        assert await _size_bytes(other_database) > empty + 5_000_000

    await eventually(is_half_way, 60)
    await bot.kill()
    assert not any((await read_all(other_database)).values())
    assert (await bot.cli("copy-to", other_database, timeout_s=300)).exit_code == 0
    ((count,),) = await ask(other_database, "SELECT count(*) FROM messages")
    assert count == 100_000


async def _size_bytes(url: str) -> int:
    if url.startswith("sqlite"):
        path = Path(url.partition(":///")[2])
        return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    ((size,),) = await ask(url, "SELECT pg_database_size(current_database())")
    return int(size)
