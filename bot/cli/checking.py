"""`bot check`: every fault of settings, prompts and environment at once."""

import asyncio
import json
import logging
import os
from argparse import Namespace
from collections.abc import Iterator

from bot import bootstrap, logs
from bot.adapters.db.engine import Database
from bot.adapters.db.migrate import is_current
from bot.adapters.db.views import Views
from bot.check import check
from bot.cli.terminal import cell, complain, say
from bot.config import Settings
from bot.errors import Fault, StoreUnavailable
from bot.evals.run import suite_faults

_DATABASE_TIMEOUT_S = 5.0


def run(arguments: Namespace) -> int:
    """1 when there is a fault; warnings alone are fine."""
    logs.configure(level=logging.CRITICAL)
    result = check(arguments.config, os.environ)
    past = () if result.settings is None else asyncio.run(_ask_database(result.settings))
    faults = [str(fault) for fault in result.faults]
    tests = () if result.settings is None else suite_faults(result.settings)
    warnings = [str(warning) for warning in (*result.warnings, *tests, *past)]
    if arguments.json:
        say(json.dumps({"faults": faults, "warnings": warnings}, indent=2))
    else:
        for warning in warnings:
            complain(f"warning: {warning}")
        for fault in faults:
            complain(fault)
    if not faults and not arguments.json:
        say("ok")
    return 1 if faults else 0


async def _ask_database(settings: Settings) -> tuple[Fault, ...]:
    """What the past tells of the lines; a database that isn't there yet tells nothing."""
    try:
        async with asyncio.timeout(_DATABASE_TIMEOUT_S):
            return tuple(_about_lines(await _lines_without_ids(settings)))
    except (StoreUnavailable, TimeoutError):
        return (Fault("the database did not answer: is it running?", "DATABASE_URL"),)


async def _lines_without_ids(settings: Settings) -> tuple[str, ...]:
    url = bootstrap.database_url(settings)
    if not await is_current(url):
        return ()
    database = Database(url, readers=1)
    try:
        return await Views(database).lines_without_ids()
    finally:
        await database.close()


def _about_lines(line_ids: tuple[str, ...]) -> Iterator[Fault]:
    for line_id in line_ids:
        yield Fault(
            "returns no ids for what is sent, so replies from the phone cannot be told from the "
            "bot's own: pause the bot before you write there",
            f"line {cell(line_id)}",
        )
