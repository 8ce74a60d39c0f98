"""`bot copy-to`: everything from the configured database into another, empty one."""

import asyncio
import logging
import os
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass

from bot import bootstrap, logs
from bot.adapters.db.copy_over import CopiedTable, copy_over
from bot.adapters.db.copy_side import shown
from bot.adapters.db.migrate import is_current
from bot.cli.terminal import say, say_json, say_progress, say_table
from bot.config import Settings, load
from bot.config.addresses import with_driver
from bot.errors import Refused, Unavailable
from bot.premises import own_data

_WRONG_USAGE = 422
_BETWEEN_PROGRESS_S = 0.1


@dataclass(frozen=True, slots=True)
class Report:
    """What was copied, and what is left to do; addresses without passwords."""

    source: str
    target: str
    rows: int
    seconds: float
    tables: tuple[CopiedTable, ...]
    next: tuple[str, ...]


def run(arguments: Namespace) -> int:
    """All of it, compared, or nothing."""
    logs.configure(level=logging.ERROR)
    target = _target(arguments.url)
    # As in `bot dev`: an operator's command needs none of the line's secrets.
    settings = load(arguments.config, os.environ, dev=True)
    report = asyncio.run(_copy(settings, target))
    if arguments.json:
        say_json(report)
    else:
        _show(report)
    return 0


def _target(given: str) -> str:
    """Raises Refused."""
    try:
        return with_driver(given)
    except ValueError as wrong:
        example = "`postgresql://user:password@host/name` or `sqlite:////path/to/file.db`"
        raise Refused(f"URL: {wrong}: write {example}", _WRONG_USAGE) from None


async def _copy(settings: Settings, target: str) -> Report:
    began, source = time.monotonic(), bootstrap.database_url(settings)
    if not await is_current(source):
        remedy = "start `bot run` of this version once, and stop it"
        raise Unavailable(f"{shown(source)} is not there yet, or of another version: {remedy}")
    with own_data(settings, alone=True) as sole:
        progress = _Progress()
        try:
            tables = await copy_over(source, target, progress, sole=sole)
        finally:
            progress.end()
    return Report(
        source=shown(source),
        target=shown(target),
        rows=sum(table.rows for table in tables),
        seconds=round(time.monotonic() - began, 3),
        tables=tables,
        next=tuple(_next_steps(settings, source, target)),
    )


def _next_steps(settings: Settings, source: str, target: str) -> Iterator[str]:
    redis = ", and REDIS_URL for several machines" if settings.secrets.redis_url is None else ""
    yield f"set DATABASE_URL to the address of {shown(target)}{redis}, then start the bot"
    if settings.media.store:
        yield f"media stay where they are, in {settings.media.store}"
    else:
        folder = settings.secrets.data_dir / "media"
        yield f"media stay where they are, in {folder}; several hosts need a bucket: media.store"
    again = "it would answer once more what is answered from now on"
    yield f"keep {shown(source)} as long as you like, but start no bot on it: {again}"


def _show(report: Report) -> None:
    rows = [(each.table, f"{each.rows:,}", f"{each.seconds:.1f}") for each in report.tables]
    say_table(("TABLE", "ROWS", "SECONDS"), rows)
    say(f"{report.rows:,} rows copied to {report.target} and compared, in {report.seconds:.1f} s")
    say("next:")
    for step in report.next:
        say(f"- {step}")


class _Progress:
    """One line for the terminal, not more often than an eye can follow."""

    def __init__(self) -> None:
        self._shown_at = 0.0

    def __call__(self, what: str, table: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._shown_at >= _BETWEEN_PROGRESS_S:
            self._shown_at = now
            say_progress(f"{what} {table}: {done:,} of {total:,} rows")

    def end(self) -> None:
        """Whatever is said next has the line for itself."""
        say_progress("")
