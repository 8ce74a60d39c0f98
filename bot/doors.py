"""What a running process has opened, and the HTTP apps that are made of it."""

import asyncio
from dataclasses import dataclass

from fastapi import FastAPI

from bot import bootstrap, console_wiring, web
from bot.adapters.arq_queue import ArqQueue
from bot.adapters.db.engine import Database
from bot.adapters.db.store import Store
from bot.adapters.media_store import MediaStore
from bot.adapters.mossmoon import parse, verify
from bot.adapters.prompt_files import PromptFiles
from bot.api import app as api
from bot.config import Settings
from bot.observing import Observed, add_operations, make_health, operations_app
from bot.ports import Llm
from bot.publish import Publisher
from bot.replay.trials import Trials
from bot.sandbox_wiring import Sandbox


@dataclass(slots=True)
class Parts:
    """What has been opened, to be closed in the opposite order."""

    database: Database
    store: Store
    queue: ArqQueue
    prompts: PromptFiles
    publisher: Publisher
    blobs: MediaStore
    observed: Observed
    redis_url: str
    queue_name: str
    trial_llm: Llm
    """For trying prompts in the console."""


def make_doors(
    settings: Settings, parts: Parts, sandbox: Sandbox | None, stopping: asyncio.Event
) -> web.Doors:
    """The HTTP side of one process; `stopping` ends open streams."""
    observed = parts.observed
    receiver = bootstrap.make_receiver(settings, parts.store, parts.queue, observed.hearing.hear)
    given = [secret.get_secret_value().encode() for secret in settings.secrets.webhook_secrets]
    secrets = given if sandbox is None else [sandbox.secret.encode()]
    webhook = web.Webhook(receiver, secrets, verify, parse, observed.bad_signatures.note)
    handoff = bootstrap.make_handoff(settings, parts.store, parts.queue)
    views = bootstrap.make_views(settings, parts.database)
    operators = api.operators_of(settings)
    contacts = bootstrap.make_contacts(settings, parts.database, parts.blobs)
    people = api.People(contacts, bootstrap.make_export(parts.database, parts.blobs))
    tried = Trials(settings, parts.database)
    app = api.create_app(operators, handoff, views, parts.blobs, parts.publisher, people, tried)
    health = make_health(observed, parts.store, parts.queue, parts.prompts)
    add_operations(app, settings, observed, health)
    shown = console_wiring.Parts(
        parts.database,
        handoff,
        views,
        parts.blobs,
        parts.publisher,
        people,
        health,
        parts.trial_llm,
    )
    pages = console_wiring.open_console(settings, shown, operators, stopping)
    return web.Doors(webhook, app, pages, None if sandbox is None else sandbox.app)


def make_operations(
    settings: Settings, parts: Parts, _sandbox: Sandbox | None, _stopping: asyncio.Event
) -> FastAPI:
    """What a worker shows of itself, and nothing else."""
    app = operations_app()
    health = make_health(parts.observed, parts.store, parts.queue, parts.prompts)
    add_operations(app, settings, parts.observed, health)
    return app
