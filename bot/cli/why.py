"""`bot why`: what happened to one event or message, as a column of steps."""

import asyncio
from argparse import Namespace

from bot.cli.desk import open_desk
from bot.cli.terminal import cell, instant, say, say_json, say_table
from bot.domain.way import StepView, WayView

_DETAIL_WIDTH = 240
_SECOND_MS = 1_000
_HOUR_MS = 3_600_000


def run(arguments: Namespace) -> int:
    """Look it up in the database. Raises NotFound."""
    return asyncio.run(_run(arguments))


async def _run(arguments: Namespace) -> int:
    async with open_desk(arguments.config) as desk:
        way = await desk.views.why(arguments.id)
    if arguments.json:
        say_json(way)
        return 0
    say(f"{_subject(way)}: {_end(way)}")
    say_table(("WHEN", "TOOK", "STEP", "WHAT"), [_row(step) for step in way.steps])
    return 0


def _subject(way: WayView) -> str:
    whom = "" if way.contact is None else f", {cell(way.contact)}"
    return f"{way.kind} {cell(way.id, 60)} on {cell(way.line_id)}{whom}"


def _end(way: WayView) -> str:
    if way.end is None:
        return "still open"
    return cell(f"{way.end.state}, {way.end.reason}", _DETAIL_WIDTH)


def _row(step: StepView) -> tuple[str, ...]:
    when = "" if step.at is None else instant(step.at)
    return when, _length(step.ms), step.step, cell(step.detail, _DETAIL_WIDTH)


def _length(ms: int | None) -> str:
    if ms is None:
        return ""
    if ms < _SECOND_MS:
        return f"{ms} ms"
    if ms < _HOUR_MS:
        return f"{ms / _SECOND_MS:.1f} s"
    return f"{ms / _HOUR_MS:.1f} h"
