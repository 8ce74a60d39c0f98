"""The console of a running bot: its pages, and what they are made of."""

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp

from bot import bootstrap
from bot.adapters.db.console_desk import Desk
from bot.adapters.db.day_figures import DayFigures
from bot.adapters.db.engine import Database
from bot.adapters.db.line_pace import LinePaces
from bot.adapters.db.presence import Presence
from bot.adapters.db.sessions import Sessions
from bot.adapters.db.try_spending import TrySpending
from bot.adapters.db.views import Views
from bot.adapters.media_store import MediaStore
from bot.adapters.whatsapp_text import to_whatsapp
from bot.api.app import People
from bot.api.gate import Operators
from bot.config import Settings
from bot.console import app as console
from bot.console.allowance import Allowance
from bot.console.tries import Tries
from bot.handoff import HandOff
from bot.health import Health
from bot.outside import Prices
from bot.ports import Llm
from bot.publish import Publisher


@dataclass(frozen=True, slots=True)
class Parts:
    """What the console shows and works with."""

    database: Database
    handoff: HandOff
    views: Views
    blobs: MediaStore
    publisher: Publisher
    people: People
    health: Health
    llm: Llm
    """For trying prompts."""


def open_console(
    settings: Settings, parts: Parts, operators: Operators, stopping: asyncio.Event
) -> ASGIApp:
    """The app for `/console`; `stopping` ends its open streams."""
    clock, timezone, database = bootstrap.utc_now, settings.business.timezone, parts.database
    shown = console.Shown(
        views=parts.views,
        desk=Desk(database),
        figures=DayFigures(database, timezone),
        presence=Presence(database, clock),
        paces=LinePaces(database, bootstrap.policy_of(settings), clock),
        health=parts.health,
        blobs=parts.blobs,
        publisher=parts.publisher,
        tries=_tries(settings, parts),
        people=parts.people,
        to_phone=to_whatsapp,
    )
    door = console.Door(operators, Sessions(database, clock))
    pages = console.make_pages(settings.business.name, timezone)
    return console.create(door, pages, parts.handoff, shown, stopping)


def _tries(settings: Settings, parts: Parts) -> Tries:
    clock = bootstrap.utc_now
    spending = TrySpending(parts.database, clock, settings.business.timezone)
    allowance = Allowance(spending, settings.prompts.try_cost_per_day)
    return Tries(settings, parts.llm, Prices(settings), allowance, clock)
