"""What is seen of the bot as a whole, and told of it: each method is one transaction."""

from collections.abc import Callable, Mapping
from datetime import datetime

from bot.adapters.db import alerts, census, heard, watch
from bot.adapters.db.engine import Database
from bot.domain.alert import Told
from bot.domain.census import Census
from bot.domain.conversation import Policy
from bot.domain.silence import Heard
from bot.domain.watchdog import Limits, Sighting, Verdict


class Lookout:
    """Counts, sightings and alerts. Everything raises StoreUnavailable."""

    def __init__(self, database: Database, policy: Policy, worker_id: Callable[[], str]) -> None:
        """`worker_id` as this process's worker goes by now."""
        self._db = database
        self._policy = policy
        self._worker_id = worker_id

    async def count(self, now: datetime) -> Census:
        """How much there is of everything."""
        return await self._db.read(lambda tx: census.count(tx, now))

    async def sight(self, now: datetime, limits: Limits, watched_since: datetime) -> Sighting:
        """What may be wrong."""
        worker_id = self._worker_id()
        return await self._db.read(
            lambda tx: watch.sight(tx, worker_id, now, limits, watched_since)
        )

    async def settle_alerts(self, verdict: Verdict, now: datetime) -> Told:
        """Tell what has come up and what is over."""
        return await self._db.write(lambda tx: alerts.settle(tx, verdict, now, self._policy))

    async def note_heard(self, lines: Mapping[str, Heard], now: datetime) -> None:
        """Add what lines have heard."""
        await self._db.write(lambda tx: heard.note(tx, lines, now))

    async def open_alert_kinds(self) -> tuple[str, ...]:
        """Of all that are open, each once."""
        kinds = await self._db.read(census.kind_of_open)
        return tuple(sorted(set(kinds)))
