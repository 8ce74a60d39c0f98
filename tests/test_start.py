"""Starts that fail, and starts that are given up."""

import errno
import fcntl
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from bot.premises import listen_remedy
from tests.conftest import NewBot
from tests.harness import Bot, eventually

pytestmark = pytest.mark.slow  # a process for each case

ENV = {"DEEPGRAM_API_KEY": ""}  # works, with a warning
EMBEDDED = {"DATABASE_URL": "", "REDIS_URL": ""}
SIGNALS = [
    ("run", signal.SIGTERM),
    ("dev", signal.SIGINT),
    ("serve", signal.SIGTERM),
    ("worker", signal.SIGINT),
]


async def _last_words(bot: Bot, command: str = "run") -> list[str]:
    """What a start that fails leaves on the terminal."""
    ended = await bot.cli(command)
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert "Traceback" not in ended.stderr
    return ended.stderr.splitlines()


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


FAILING: dict[str, tuple[dict[str, str], str]] = {
    "no database": (
        {"DATABASE_URL": f"postgresql://me:hush@127.0.0.1:{_closed_port()}/x"},
        "the database could not be opened: ",
    ),
    "no folder": ({"BOT_DATA_DIR": "/dev/null"}, "/dev/null: "),
    "a folder that the embedded Redis can't use": ({"BOT_DATA_DIR": "odd"}, "the embedded Redis "),
    "a line without its prompt": ({"BOT__LINES__ln_x__PROMPT": "none"}, "prompts/none.yaml: "),
    "a setting": ({"BOT__SERVER__PORT": "x"}, "BOT__SERVER__PORT: must be JSON"),
}


@pytest.mark.parametrize("case", FAILING)
async def test_a_start_that_fails_says_why_in_one_line(new_bot: NewBot, case: str) -> None:
    env, words = FAILING[case]
    bot = await new_bot(start=False, env=EMBEDDED | env)
    (bot.folder / "odd" / "redis" / "lock").mkdir(parents=True)
    (line,) = await _last_words(bot)
    assert line.startswith(words)
    assert "hush" not in line


async def test_a_start_with_two_faults_names_both(new_bot: NewBot) -> None:
    bot = await new_bot(start=False, env={"REDIS_URL": "x", "BOT__SERVER__PORT": "x"})
    places = [line.split(": ")[0] for line in await _last_words(bot)]
    assert places == ["BOT__SERVER__PORT", "REDIS_URL"]


async def test_a_start_that_succeeds_shows_its_warnings(bot: Bot) -> None:
    assert "settings.warning" in bot.log
    assert "web.listening" in bot.log


@pytest.mark.parametrize("command", ["run", "dev"])
async def test_a_port_that_is_taken_is_to_be_changed(new_bot: NewBot, command: str) -> None:
    bot = await new_bot(start=False)
    with socket.create_server(("127.0.0.1", bot.port)):
        (line,) = await _last_words(bot, command)
    assert f"127.0.0.1:{bot.port}: " in line
    assert "another port" in line


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-host.invalid", "a..b"])
async def test_a_host_that_is_none_of_this_machine_is_to_be_corrected(
    new_bot: NewBot, host: str
) -> None:
    bot = await new_bot(start=False, env={"BOT__SERVER__HOST": host})
    (line,) = await _last_words(bot)
    assert line.startswith(f"{host}:{bot.port}: ")
    assert "correct server.host" in line
    assert "PORT" not in line


def test_a_port_that_is_not_for_everybody_is_to_be_changed() -> None:
    denied = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    assert "port over 1024" in listen_remedy(denied)


# signals

# Stands still at the import of a large library, and says so with a file.
STANDSTILL = """\
import pathlib, sys, time
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "uvicorn":
            pathlib.Path("standstill").touch()
            time.sleep(60)
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize(("command", "number"), SIGNALS)
async def test_a_signal_before_the_start_ends_it(
    new_bot: NewBot, tmp_path: Path, command: str, number: signal.Signals
) -> None:
    bot = await new_bot(start=False)
    (tmp_path / "sitecustomize.py").write_text(STANDSTILL)
    bot.env["PYTHONPATH"] = os.pathsep.join((str(tmp_path), *sys.path))
    process = await bot.start(command, ready=False)
    await eventually((bot.folder / "standstill").exists, 20)
    process.signal(number)
    assert await process.wait(30) == 0
    assert bot.log.splitlines()[1:] == []


@pytest.mark.parametrize(("command", "number"), SIGNALS)
async def test_a_signal_during_the_start_ends_it_and_its_redis(
    new_bot: NewBot, command: str, number: signal.Signals
) -> None:
    bot = await new_bot(start=False, env=EMBEDDED)
    data = bot.folder / "data"
    data.mkdir()
    with (data / "bot.db.migrating").open("w") as migrating:
        fcntl.flock(migrating, fcntl.LOCK_EX)  # another process migrates for ever
        process = await bot.start(command, ready=False)
        await eventually(lambda: _answers(data / "redis" / "redis.sock"), 20)
        process.signal(number)
        assert await process.wait(30) == 0
    assert not _answers(data / "redis" / "redis.sock")
    assert "Traceback" not in bot.log


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


async def test_a_second_signal_changes_nothing(new_bot: NewBot) -> None:
    bot = await new_bot()
    for _ in range(3):
        bot.process.signal(signal.SIGINT)
    assert await bot.process.wait(30) == 0
    assert "Traceback" not in bot.log
