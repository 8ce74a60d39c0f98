"""The operator's desk: the same database as the bot's, whether or not the bot is running."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot import bootstrap, logs, outside
from bot.adapters.arq_queue import ArqQueue
from bot.adapters.db.engine import Database
from bot.adapters.db.migrate import is_current
from bot.adapters.db.views import Views
from bot.config import Settings, load
from bot.contacts import Contacts
from bot.domain.shown import ConversationView
from bot.errors import Ambiguous, NotFound, Unavailable
from bot.export import Export
from bot.handoff import HandOff


@dataclass(frozen=True, slots=True)
class Desk:
    """What an operator's command works with."""

    views: Views
    handoff: HandOff
    _settings: Settings
    _database: Database

    # The media store only for who needs it: no fault in it stands in the way of a pause.

    @property
    def contacts(self) -> Contacts:
        """What is done with contacts. Raises SettingsError."""
        blobs = outside.make_blobs(self._settings)
        return bootstrap.make_contacts(self._settings, self._database, blobs)

    @property
    def export(self) -> Export:
        """All that is kept of a contact. Raises SettingsError."""
        return bootstrap.make_export(self._database, outside.make_blobs(self._settings))

    async def conversation(self, phone: str, line_id: str | None) -> ConversationView:
        """The one conversation with a contact. Raises NotFound, Ambiguous."""
        found = await self.views.of_contact(phone, line_id)
        if not found:
            where = "" if line_id is None else f" on line {line_id}"
            raise NotFound(f"no conversation with {phone}{where}")
        if len(found) > 1:
            raise Ambiguous(phone, tuple(view.line_id for view in found))
        return found[0]


@asynccontextmanager
async def open_desk(config_path: Path | None) -> AsyncIterator[Desk]:
    """Open the configured database. Raises SettingsError, Unavailable."""
    logs.configure(level=logging.ERROR)
    # As in `bot dev`: an operator's command needs none of the line's secrets.
    settings = load(config_path, os.environ, dev=True)
    url = bootstrap.database_url(settings)
    if not await is_current(url):
        raise Unavailable(f"{_place(settings)} is not there yet, or of another version: `bot run`")
    database = Database(url, readers=1)
    try:
        store = bootstrap.make_store(settings, database)
        queue = ArqQueue(_redis_url(settings), await store.installation_id())
        try:
            handoff = bootstrap.make_handoff(settings, store, queue)
            yield Desk(bootstrap.make_views(settings, database), handoff, settings, database)
        finally:
            await queue.close()  # sends the pokes, or gives up within a second
    finally:
        await database.close()


def _place(settings: Settings) -> str:
    if settings.secrets.database_url is not None:
        return "the database of DATABASE_URL"
    return f"the database {settings.secrets.data_dir / 'bot.db'}"


def _redis_url(settings: Settings) -> str:
    """The configured Redis, or the embedded one of a bot that runs; none is started for this."""
    given = settings.secrets.redis_url
    if given is not None:
        return given.get_secret_value()
    home = settings.secrets.data_dir / "redis"
    try:
        socket = os.fsdecode((home / "socket").read_bytes())
    except OSError:
        socket = str(home / "redis.sock")
    return f"unix://{socket}?db=0"
