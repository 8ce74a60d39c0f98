"""When `bot copy-to` does nothing: it says why, and what to do, in one line without passwords."""

from pathlib import Path

import pytest

from bot.adapters.db.engine import sqlite_url
from bot.adapters.db.migrate import is_current, migrate
from tests.conftest import NewBot
from tests.copy_scenes import ask, read_all
from tests.harness import Bot, Finished, eventually
from tests.old_database import make_old

pytestmark = pytest.mark.slow

NOWHERE = "postgresql://me:hush@127.0.0.1:1/x"


async def _stopped(new_bot: NewBot) -> Bot:
    """A bot that does not run, with a database of its own."""
    bot = await new_bot(start=False)
    await migrate(_database(bot))
    return bot


def _database(bot: Bot) -> str:
    return bot.env.get("DATABASE_URL", sqlite_url(bot.folder / "data" / "bot.db"))


def _says(finished: Finished, *words: str, exit_code: int = 1) -> None:
    assert (finished.exit_code, finished.stdout) == (exit_code, ""), finished
    (line,) = finished.stderr.splitlines()
    assert "hush" not in line
    for each in words:
        assert each in line


async def test_a_target_that_does_not_answer(new_bot: NewBot) -> None:
    bot = await _stopped(new_bot)
    _says(await bot.cli("copy-to", NOWHERE), "postgresql://me:***@127.0.0.1:1/x", "try again")


async def test_a_target_that_is_no_database(new_bot: NewBot, tmp_path: Path) -> None:
    bot = await _stopped(new_bot)
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8 not a database" * 100)
    for path in (tmp_path, tmp_path / "photo.jpg", tmp_path / "photo.jpg" / "bot.db"):
        _says(await bot.cli("copy-to", f"sqlite:///{path}"), str(path), "see to it")


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("bot.db", "not a database this bot knows"),
        ("mysql://me:hush@host/x", "not a database this bot knows"),
        ("sqlite://bot.db", "three slashes"),
        ("sqlite:///:memory:", "in memory is lost"),
        ("postgresql://me:hush@host:99999/x", "its port is not one"),
        ("postgresql://me:hush@host/x?sslmode=require", "ssl="),
    ],
)
async def test_what_is_no_address(new_bot: NewBot, url: str, named: str) -> None:
    bot = await new_bot(start=False)
    _says(await bot.cli("copy-to", url), named, "write `postgresql://", exit_code=2)


async def test_wrong_usage_does_not_show_a_password_either(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    _says(await bot.cli("copy-to"), "URL", exit_code=2)
    _says(await bot.cli("copy-to", NOWHERE, NOWHERE), "unrecognized", exit_code=2)
    _says(await bot.cli(NOWHERE), "copy-to", exit_code=2)


async def test_the_database_in_use_by_another_name(new_bot: NewBot, tmp_path: Path) -> None:
    bot = await _stopped(new_bot)
    url = _database(bot)
    if url.startswith("sqlite"):
        (tmp_path / "link.db").symlink_to(bot.folder / "data" / "bot.db")
        others = [url, f"sqlite:///{tmp_path / 'link.db'}", "sqlite:///data/../data/bot.db"]
    else:
        others = [url, url.replace("@127.0.0.1", ":hush@localhost")]
    for other in others:
        _says(await bot.cli("copy-to", other), "in use", "name another")


async def test_a_target_that_holds_a_row(new_bot: NewBot, other_database: str) -> None:
    bot = await _stopped(new_bot)
    await migrate(other_database)
    await ask(other_database, "INSERT INTO installation (id) VALUES ('in_1')")
    _says(await bot.cli("copy-to", other_database), "holds data already", "name an empty database")


async def test_a_target_of_an_older_version_with_rows_stays_as_it_is(
    new_bot: NewBot, other_database: str
) -> None:
    bot = await _stopped(new_bot)
    await make_old(other_database)
    _says(await bot.cli("copy-to", other_database), "holds data already")
    assert not await is_current(other_database)


async def test_a_target_of_a_newer_version(new_bot: NewBot, other_database: str) -> None:
    bot = await _stopped(new_bot)
    await migrate(other_database)
    await ask(other_database, "UPDATE alembic_version SET version_num = '9999'")
    _says(await bot.cli("copy-to", other_database), "newer", "name another database")


async def test_a_database_that_is_not_there_yet(new_bot: NewBot, other_database: str) -> None:
    bot = await new_bot(start=False)
    _says(await bot.cli("copy-to", other_database), "not there yet", "`bot run`")


async def test_a_database_of_an_older_version(new_bot: NewBot, other_database: str) -> None:
    bot = await new_bot(start=False)
    (bot.folder / "data").mkdir()
    await make_old(_database(bot))
    _says(await bot.cli("copy-to", other_database), "another version", "`bot run`")


# a bot that runs


async def test_a_bot_that_runs_on_this_machine(new_bot: NewBot, other_database: str) -> None:
    bot = await new_bot()
    _says(await bot.cli("copy-to", other_database), "another bot runs", "stop it first")
    await migrate(other_database)
    assert not any((await read_all(other_database)).values())


@pytest.mark.parametrize("stores_kind", ["servers"], indirect=True)
@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_a_bot_that_runs_on_another_machine(
    new_bot: NewBot, command: str, tmp_path: Path
) -> None:
    bot = await _stopped(new_bot)
    await bot.start(command, ready=command == "serve")

    async def works() -> None:
        assert await ask(_database(bot), "SELECT id FROM installation")
        assert command == "serve" or await ask(_database(bot), "SELECT id FROM workers")

    await eventually(works, 30)
    bot.env["BOT_DATA_DIR"] = str(tmp_path / "data")  # nothing of that bot's is on this machine
    other = f"sqlite:///{tmp_path / 'other.db'}"
    _says(await bot.cli("copy-to", other), "a bot is running", "on every machine")
    assert not (tmp_path / "other.db").exists()
    await bot.stop()
    assert (await bot.cli("copy-to", other)).exit_code == 0
