"""What the pages are made of."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.adapters.db.console_desk import Desk
from bot.adapters.db.day_figures import DayFigures
from bot.adapters.db.line_pace import LinePaces
from bot.adapters.db.presence import Presence
from bot.adapters.db.views import Views
from bot.adapters.media_store import MediaStore
from bot.api.app import People
from bot.console.tries import Tries
from bot.health import Health
from bot.publish import Publisher


@dataclass(frozen=True, slots=True)
class Shown:
    """The reads for operators' pages."""

    views: Views
    desk: Desk
    figures: DayFigures
    presence: Presence
    paces: LinePaces
    health: Health
    blobs: MediaStore
    publisher: Publisher
    tries: Tries
    people: People
    to_phone: Callable[[str], str]
    """Markdown as WhatsApp writes it: how an operator's words leave."""
