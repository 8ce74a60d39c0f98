"""Pages out of templates. Whatever a customer, a model or an operator wrote is escaped there."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.console.markup import to_html
from bot.console.words import Words, choose

_DAY = timedelta(days=1)
_TICKS = {
    "queued": "clock",
    "held": "clock",
    "sending": "clock",
    "sent": "sent",
    "delivered": "delivered",
    "failed": "failed",
    "uncertain": "unsure",
    "cancelled": "cancelled",
}


@dataclass(frozen=True, slots=True)
class Pages:
    """Renders for one business: its name and its time zone."""

    business: str
    timezone: ZoneInfo
    environment: Environment

    def show(
        self, request: Request, template: str, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A page, or a part of one, in the browser's language."""
        return HTMLResponse(self.render(template, self.words(request), values), status)

    def words(self, request: Request) -> Words:
        """Those of the browser's language."""
        return choose(request.headers.get("accept-language", ""))

    def render(self, template: str, words: Words, values: Mapping[str, Any]) -> str:
        clock = _Times(self.timezone, words)
        shared = {
            "business": self.business,
            "w": words,
            "times": clock,
            "tick_of": _TICKS.get,
            "page_id": secrets.token_hex(8),  # tells this page from others that are open
        }
        return self.environment.get_template(template).render(shared | dict(values))


def make_pages(business: str, timezone: str) -> Pages:
    """The pages of a business."""
    environment = Environment(
        loader=PackageLoader("bot.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["on_phone"] = to_html
    return Pages(business or "WhatsApp", ZoneInfo(timezone), environment)


@dataclass(frozen=True, slots=True)
class _Times:
    """Moments as people say them, in the business's time zone."""

    zone: ZoneInfo
    words: Words

    def clock(self, at: datetime) -> str:
        """`14:05`."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def day(self, at: datetime) -> str:
        """`Today`, `Yesterday`, or a date."""
        local, today = at.astimezone(self.zone).date(), datetime.now(self.zone).date()
        if local == today:
            return self.words["today"]
        if local == today - _DAY:
            return self.words["yesterday"]
        return f"{local:%Y-%m-%d}"

    def short(self, at: datetime) -> str:
        """The time of today, the day of anything older."""
        day = self.day(at)
        return self.clock(at) if day == self.words["today"] else day

    def full(self, at: datetime) -> str:
        """Day and time."""
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def since(self, at: datetime) -> str:
        """`5 min`: how long ago."""
        minutes = max(0, int((datetime.now(self.zone) - at).total_seconds() // 60))
        if minutes < 60:
            return self.words.say("minutes", count=minutes)
        if minutes < 60 * 48:
            return self.words.say("hours", count=minutes // 60)
        return self.words.say("days", count=minutes // (60 * 24))
