"""What a chaos run plays on: the bot, its neighbours, and what can be taken from it."""

import random
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.adapters.db.engine import Database, sqlite_url
from tests.chaos.customers import ChaosSpeech
from tests.chaos.line import ChaosLine
from tests.harness import Bot, Network, ScriptedLlm, ScriptedMediaHost, Stores
from tests.harness.postgres_server import PostgresServer, own_postgres
from tests.harness.small_disk import NoDisk, SmallDisk, small_disk
from tests.harness.stores import EMBEDDED

_DISK_MB = 400


@dataclass(frozen=True, slots=True)
class Stage:
    """`disk` None: none can be filled; `postgres` None: the bot keeps a SQLite file."""

    bot: Bot
    line: ChaosLine
    model: ScriptedLlm
    media: ScriptedMediaHost
    speech: ChaosSpeech
    disk: SmallDisk | None
    postgres: PostgresServer | None

    @property
    def database(self) -> Database:
        """The bot's, to be read only; to be closed."""
        file = Path(self.bot.env["BOT_DATA_DIR"]) / "bot.db"
        return Database(self.bot.env.get("DATABASE_URL", sqlite_url(file)))

    def keep(self) -> None:
        """A copy of the bot's folder, beside it."""
        shutil.copytree(self.bot.folder, f"{self.bot.folder}-kept", ignore_dangling_symlinks=True)


@contextmanager
def stage(
    dice: random.Random, settings: Mapping[str, Any], *, fills_disk: bool, on_postgres: bool
) -> Iterator[Stage]:
    """All of it, gone at the end."""
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres()) if on_postgres else None
        disk = _disk(stack) if fills_disk and postgres is None else None
        network = Network()
        stack.callback(network.close)
        line, model = ChaosLine(network, dice), ScriptedLlm(network)
        media, speech = ScriptedMediaHost(network), ChaosSpeech(network)
        for server in (line, model, media, speech):
            stack.callback(server.close)
        env = {} if postgres is None else {"DATABASE_URL": postgres.url}
        bot = Bot(line, model, Stores(EMBEDDED, env), media, speech, settings=settings)
        stack.callback(bot.remove)
        if disk is not None:
            bot.env["BOT_DATA_DIR"] = str(disk.path / "data")
        yield Stage(bot, line, model, media, speech, disk, postgres)


def _disk(stack: ExitStack) -> SmallDisk | None:
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    try:
        return stack.enter_context(small_disk(Path(folder) / "disk", _DISK_MB))
    except NoDisk:
        return None
