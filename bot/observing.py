"""How one process is seen from outside: its gauges, its ears, its watchdog, its operations."""

import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from fastapi import FastAPI

from bot import bootstrap, outside, web
from bot.adapters.db.engine import Database
from bot.adapters.db.journeys import Journeys
from bot.adapters.db.lookout import Lookout
from bot.adapters.db.store import Store
from bot.adapters.prompt_files import PromptFiles
from bot.api import app as api
from bot.config import Settings
from bot.domain.watchdog import Limits
from bot.gauges import Gauges
from bot.health import Health
from bot.hearing import Hearing
from bot.herald import Herald
from bot.ports import Queue
from bot.tracing import Tracer
from bot.watchdog import Recent, Senses, Watchdog

_LOOK_EVERY_S = 30.0
_LOOKS_AT_LEAST = 4
"""Within the shortest time that anything may be wrong."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the parts of a process note for others to see."""

    lookout: Lookout
    gauges: Gauges
    hearing: Hearing
    bad_signatures: Recent


def observe(settings: Settings, database: Database, store: Store) -> Observed:
    """Nothing is looked at yet."""
    policy = bootstrap.policy_of(settings)
    lookout = Lookout(database, policy, lambda: store.worker_id)
    clock = bootstrap.utc_now
    return Observed(lookout, Gauges(lookout, clock), Hearing(lookout, clock), Recent())


def make_watchdog(
    settings: Settings,
    observed: Observed,
    store: Store,
    prompts: PromptFiles,
    stack: AsyncExitStack,
    *,
    web: bool,
) -> Watchdog:
    """`web`: it takes webhooks, and tells when there is no worker that could."""
    senses = Senses(
        prompts.faults,
        settings.secrets.data_dir,
        socket.gethostname(),
        bad_signatures=observed.bad_signatures if web else None,
        misses_workers=web,
    )
    tell = _make_herald(settings, store, stack).tell if web else _nobody_else_to_tell
    return Watchdog(observed.lookout, bootstrap.utc_now, limits_of(settings), senses, tell)


def _make_herald(settings: Settings, store: Store, stack: AsyncExitStack) -> Herald:
    notifier = outside.make_notifier(settings)
    if notifier is not None:
        stack.push_async_callback(notifier.close)
    return Herald(store, notifier, bootstrap.utc_now)


async def _nobody_else_to_tell() -> None:
    """A worker's own herald does it."""


def make_tracer(settings: Settings, database: Database) -> Tracer | None:
    """Who tells a collector of replies; None: nobody wants to know."""
    collector = outside.make_collector(settings)
    return None if collector is None else Tracer(Journeys(database), collector)


def limits_of(settings: Settings) -> Limits:
    """How long things may be wrong, and how often is looked."""
    given = settings.watchdog
    shortest_s = min(given.unanswered_s, given.line_down_s)
    return Limits(
        timedelta(seconds=given.unanswered_s),
        timedelta(seconds=given.line_down_s),
        timedelta(seconds=min(_LOOK_EVERY_S, shortest_s / _LOOKS_AT_LEAST)),
    )


def make_health(observed: Observed, store: Store, queue: Queue, prompts: PromptFiles) -> Health:
    """What is asked whether the bot can do its work."""
    alerts: Callable[[], Awaitable[tuple[str, ...]]] = observed.lookout.open_alert_kinds
    return Health(store, queue, bootstrap.utc_now, prompts.faults, alerts)


def add_operations(app: FastAPI, settings: Settings, observed: Observed, health: Health) -> None:
    """Health, readiness and metrics."""
    web.add_operations(app, health, api.knows_token(settings), observed.gauges.refresh)


def operations_app() -> FastAPI:
    """For a process that serves nothing else."""
    return FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
