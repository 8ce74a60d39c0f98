"""The console of a running bot: its pages, and what they are made of."""

import asyncio

from starlette.types import ASGIApp

from bot import bootstrap
from bot.adapters.db.console_desk import Desk
from bot.adapters.db.day_figures import DayFigures
from bot.adapters.db.engine import Database
from bot.adapters.db.line_pace import LinePaces
from bot.adapters.db.presence import Presence
from bot.adapters.db.sessions import Sessions
from bot.adapters.db.views import Views
from bot.adapters.media_store import MediaStore
from bot.adapters.whatsapp_text import to_whatsapp
from bot.api.gate import Operators
from bot.config import Settings
from bot.console import app as console
from bot.handoff import HandOff
from bot.health import Health


def open_console(
    settings: Settings,
    database: Database,
    operators: Operators,
    handoff: HandOff,
    views: Views,
    blobs: MediaStore,
    health: Health,
    stopping: asyncio.Event,
) -> ASGIApp:
    """The app for `/console`; `stopping` ends its open streams."""
    clock, timezone = bootstrap.utc_now, settings.business.timezone
    shown = console.Shown(
        views,
        Desk(database),
        DayFigures(database, timezone),
        Presence(database, clock),
        LinePaces(database, bootstrap.policy_of(settings), clock),
        health,
        blobs,
        to_whatsapp,
    )
    door = console.Door(operators, Sessions(database, clock))
    pages = console.make_pages(settings.business.name, timezone)
    return console.create(door, pages, handoff, shown, stopping)
