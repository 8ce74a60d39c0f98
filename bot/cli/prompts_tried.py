"""`bot prompts replay | shadow | split`: a prompt beside the one that speaks, before it speaks."""

import asyncio
import logging
import os
import sys
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bot import bootstrap, logs, outside
from bot.adapters.db.engine import Database
from bot.adapters.db.migrate import is_current
from bot.adapters.db.past_turns import PastTurns
from bot.cli.comparing import check_writable, tell
from bot.cli.terminal import cell, complain, say, say_json, say_progress, say_table
from bot.config import Settings, load
from bot.domain.chat import Usage
from bot.domain.split_shown import SideView
from bot.errors import Refused, Unavailable
from bot.replay.results import Comparison
from bot.replay.run import Options, Past, Replay
from bot.replay.sources import find_candidate, find_turns
from bot.replay.trials import Trials

FAILED, WRONG_USAGE = 1, 2
_BAR = 24


def run(arguments: Namespace) -> int:
    """0: done; 1: some answers could not be made; 2: wrong usage, or no model."""
    logs.configure(level=logging.CRITICAL)
    # As in `bot dev`: an operator's command needs none of the line's secrets.
    settings = load(arguments.config, os.environ, dev=True)
    check_writable(getattr(arguments, "html", None))
    actions = {"replay": _replay, "shadow": _shadow, "split": _split}
    with asyncio.Runner() as runner:
        return runner.run(actions[arguments.action](settings, arguments))


@asynccontextmanager
async def _database(settings: Settings, readers: int = 1) -> AsyncIterator[Database]:
    url = bootstrap.database_url(settings)
    if not await is_current(url):
        raise Unavailable("the database is not there yet, or of another version: `bot run`")
    database = Database(url, readers=readers)
    try:
        yield database
    finally:
        await database.close()


async def _replay(settings: Settings, arguments: Namespace) -> int:
    options = _options(settings, arguments)
    async with _database(settings, readers=2) as database:
        past = Past(
            PastTurns(database),
            bootstrap.make_store(settings, database),
            outside.make_blobs(settings),
        )
        publisher = bootstrap.make_publisher(settings, database)
        given = (arguments.candidate, arguments.version)
        candidate = await find_candidate(settings, publisher, arguments.name, *given)
        wanted = (arguments.name, arguments.last, arguments.line)
        turn_ids = await find_turns(settings, past.turns, *wanted)
        llm = outside.make_llm(settings, outside.configured_endpoints(settings))
        try:
            replay = Replay(settings, llm, past, candidate, turn_ids, options)
            comparison = await _run(replay, options)
        finally:
            say_progress("")
            await llm.close()
    tell(comparison, f"{arguments.name}: {len(comparison.pairs)} past turns again", arguments)
    return _verdict(settings, comparison)


def _options(settings: Settings, arguments: Namespace) -> Options:
    """Raises Refused for a limit that could not be kept."""
    options = Options(arguments.jobs, arguments.max_cost, arguments.cache)
    if not outside.has_llm(settings):
        return Options(arguments.jobs, arguments.max_cost, arguments.cache, ())
    price = outside.Prices(settings)(Usage(settings.llm.model, 0, 0))
    if options.max_cost is not None and price is None:
        message = f"--max-cost needs the price of {settings.llm.model} under llm.prices"
        raise Refused(message, 422)
    return options


async def _run(replay: Replay, options: Options) -> Comparison:
    """After Ctrl-C: what was done until then."""
    if not sys.stderr.isatty():
        complain(f"{len(replay.turn_ids)} turns, {options.jobs} at a time")
    with suppress(asyncio.CancelledError):
        await replay.run(_show_progress)
    return replay.results()


def _show_progress(done: int, size: int) -> None:
    filled = _BAR * done // size
    say_progress(f"[{'#' * filled}{'.' * (_BAR - filled)}] {done} of {size} turns")


def _verdict(settings: Settings, comparison: Comparison) -> int:
    if comparison.troubles and not outside.has_llm(settings):
        missing = comparison.troubles
        complain(f"OPENAI_API_KEY is not set: {missing} turns need a model and were not taken")
        return WRONG_USAGE
    return FAILED if comparison.troubles or comparison.not_begun else 0


async def _shadow(settings: Settings, arguments: Namespace) -> int:
    async with _database(settings) as database:
        comparison = await Trials(settings, database).of_line(arguments.line, arguments.last)
    title = f"Line {arguments.line} and its shadow: {len(comparison.pairs)} turns"
    tell(comparison, title, arguments)
    return 0


async def _split(settings: Settings, arguments: Namespace) -> int:
    async with _database(settings) as database:
        split = await Trials(settings, database).split(arguments.line, arguments.days)
    if arguments.json:
        say_json(split)
        return 0
    head = ("PROMPT", "SHARE", "CONTACTS", "ANSWERED", "HANDED OFF", "OPTED OUT", "FAILED")
    say_table((*head, "MEDIAN LENGTH", "TOKENS", "COST"), [_row(side) for side in split.sides])
    say(f"the last {split.days} days of line {cell(split.line_id)}")
    return 0


def _row(side: SideView) -> tuple[str, ...]:
    rate = "" if side.hand_off_rate is None else f" ({side.hand_off_rate:.0%})"
    return (
        cell(side.prompt),
        f"{side.percent:g} %",
        str(side.contacts),
        str(side.answered),
        f"{side.handed_off}{rate}",
        str(side.opted_out),
        str(side.failed),
        "" if side.median_chars is None else f"{side.median_chars:.0f}",
        str(side.tokens),
        "?" if side.cost is None else f"{side.cost:.4f}",
    )
