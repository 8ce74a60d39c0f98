"""A day in figures, beside the same day of the week before; and as a table for a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from bot.adapters.db.day_figures import DayFigures
from bot.console.door import Door
from bot.console.pages import Pages
from bot.domain.day import Day

_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_FAR = timedelta(days=36_500)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = ("date", "line", "heard", "answered", "tokens", "cost")


class Today:
    """The pages of a day."""

    def __init__(self, door: Door, pages: Pages, figures: DayFigures) -> None:
        self._door = door
        self._pages = pages
        self._figures = figures

    def routes(self) -> APIRouter:
        """The page and its table."""
        router = APIRouter()
        router.add_api_route("/today", self._page, methods=["GET"])
        router.add_api_route("/today.csv", self._table, methods=["GET"])
        return router

    async def _page(self, request: Request) -> HTMLResponse:
        session = await self._door.require(request)
        day = self._asked(request)
        now, before = await self._figures.of(day), await self._figures.of(day - _WEEK)
        highest = max(1, *now.by_hour, *before.by_hour)
        return self._pages.show(
            request,
            "today.html",
            session=session,
            day=now,
            before=before,
            highest=highest,
            earlier=day - _DAY,
            later=day + _DAY,
        )

    async def _table(self, request: Request) -> Response:
        await self._door.require(request)
        day = await self._figures.of(self._asked(request))
        text = io.StringIO()
        csv.writer(text).writerows([_COLUMNS, *_rows(day)])
        headers = {"content-disposition": f'attachment; filename="{day.date}.csv"'}
        return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)

    def _asked(self, request: Request) -> date:
        today = datetime.now(self._pages.timezone).date()
        try:
            asked = date.fromisoformat(request.query_params.get("day", ""))
        except ValueError:
            return today
        return asked if abs(asked - today) < _FAR else today


def _rows(day: Day) -> Iterator[tuple[str, ...]]:
    for line in day.by_line:
        numbers = (line.heard, line.answered, line.tokens, f"{line.cost:.6f}")
        yield (str(day.date), _harmless(line.line_id), *map(str, numbers))


def _harmless(text: str) -> str:
    """What a spreadsheet would take for a formula gets an apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA) else text
