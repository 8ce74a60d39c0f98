"""`bot prompts`: what is live, what was, what changed, and back to an earlier version."""

import asyncio
import getpass
import logging
import os
import socket
from argparse import Namespace
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot import bootstrap, logs
from bot.adapters.db.engine import Database
from bot.adapters.db.migrate import is_current
from bot.cli.candidates import candidate_lines
from bot.cli.terminal import cell, complain, moment, say, say_json, say_table, words
from bot.config import load
from bot.domain.candidate import CandidateState, Gate
from bot.domain.prompt_shown import Invalid, Outdated, PromptView, Published, VersionView
from bot.domain.prompt_version import Bringer, Origin
from bot.domain.text_diff import DiffLine, diff_texts
from bot.errors import Refused, Unavailable
from bot.publish import LIVE, Publisher

_SIGNS = {"same": " ", "added": "+", "removed": "-"}


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one version to another."""

    name: str
    before: str
    after: str
    lines: tuple[DiffLine, ...] = field(repr=False)


def run(arguments: Namespace) -> int:
    """One of them, on the database; the bot may run or not."""
    logs.configure(level=logging.CRITICAL)
    return asyncio.run(_run(arguments))


async def _run(arguments: Namespace) -> int:
    # As in `bot dev`: an operator's command needs none of the line's secrets.
    settings = load(arguments.config, os.environ, dev=True)
    url = bootstrap.database_url(settings)
    if not await is_current(url):
        raise Unavailable("the database is not there yet, or of another version: `bot run`")
    database = Database(url, readers=1)
    try:
        publisher = bootstrap.make_publisher(settings, database)
        return await _ACTIONS[arguments.action](publisher, arguments)
    finally:
        await database.close()


async def _list(publisher: Publisher, arguments: Namespace) -> int:
    page = await publisher.prompts()
    if arguments.json:
        say_json(page)
        return 0
    head = ("NAME", "FILE", "LIVE", "SINCE", "BY", "STATE")
    say_table(head, [_row(view) for view in page.items])
    for view in page.items:
        for fault in view.faults:
            place = f"{view.file}:{fault.line}:{fault.column}" if fault.line else view.file
            say(": ".join(part for part in (place, fault.key, fault.message) if part))
        if view.candidate is not None:
            for line in candidate_lines(view.name, view.candidate):
                say(line)
    return 0


def _row(view: PromptView) -> tuple[str, ...]:
    return (
        cell(view.name),
        cell(view.file),
        view.version or "nothing",
        "" if view.since is None else moment(view.since),
        _by(view),
        _state(view),
    )


def _state(view: PromptView) -> str:
    match view.state:
        case "invalid":
            first = view.faults[0]
            return f"invalid, line {first.line}" if first.line else "invalid"
        case "candidate":
            return "the file is not live yet: see below"
        case "older":
            return f"the file holds {view.file_version}, which is not live"
        case _:
            return view.state


async def _log(publisher: Publisher, arguments: Namespace) -> int:
    page = await publisher.history(arguments.name)
    if arguments.json:
        say_json(page)
        return 0
    rows = [(one.version, moment(one.since), _until(one), _by(one)) for one in page.items]
    say_table(("VERSION", "LIVE FROM", "UNTIL", "BY"), rows)
    return 0


def _until(view: VersionView) -> str:
    return "now" if view.until is None else moment(view.until)


def _by(view: PromptView | VersionView) -> str:
    """`the console by rosa`, `file on web-1`, `rollback by olga in the shell of web-1`."""
    if view.origin is None:
        return ""
    ways = {
        Origin.FILE: f"file on {cell(view.host)}",
        Origin.CONSOLE: f"console by {cell(view.actor)}",
        Origin.API: f"API by {cell(view.actor)}",
        Origin.SHELL: f"shell on {cell(view.host)} by {cell(view.actor)}",
    }
    way = ways[Origin(view.origin)]
    if view.gate == Gate.ANYWAY:
        return f"{way}, in spite of its tests"
    return f"rollback, {way}" if view.is_rollback else way


async def _show(publisher: Publisher, arguments: Namespace) -> int:
    text = await publisher.text(arguments.name, arguments.version)
    if arguments.json:
        say_json(text)
    else:
        say(words(text.source).removesuffix("\n"))
    return 0


async def _diff(publisher: Publisher, arguments: Namespace) -> int:
    before = arguments.before
    if before is None:
        before = await publisher.before_live(arguments.name)
        if before is None:
            raise Refused("there is one version only: nothing to compare it with")
    old = await publisher.text(arguments.name, before)
    new = await publisher.text(arguments.name, arguments.after or LIVE)
    lines = await asyncio.to_thread(diff_texts, old.source, new.source)
    if arguments.json:
        say_json(Difference(arguments.name, old.version, new.version, lines))
        return 0
    say(f"--- {old.version}")
    say(f"+++ {new.version}")
    for line in lines:
        say("…" + line.text if line.kind == "gap" else _SIGNS[line.kind] + words(line.text))
    return 0


async def _rollback(publisher: Publisher, arguments: Namespace) -> int:
    bringer = Bringer(Origin.SHELL, _user(), socket.gethostname(), is_rollback=True)
    outcome = await publisher.rollback(
        arguments.name,
        arguments.version,
        bringer,
        writes_file=not arguments.live_only,
        needs_file=True,
    )
    match outcome:
        case Published():
            return _say_published(outcome, arguments)
        case Outdated(live):
            raise Refused(f"{live} went live meanwhile: look again with `bot prompts`")
        case Invalid(faults):
            for fault in faults:
                complain(f"{arguments.version}:{fault.line}: {fault.key}: {fault.message}")
            complain("that version is no longer valid: nothing has changed")
            return 1


async def _publish(publisher: Publisher, arguments: Namespace) -> int:
    candidate = (await publisher.prompt(arguments.name)).candidate
    if candidate is None:
        raise Refused(f"{arguments.name} has no changed version that waits: see `bot prompts`")
    if arguments.anyway:
        bringer = Bringer(Origin.SHELL, _user(), socket.gethostname())
        published = await publisher.publish_anyway(
            arguments.name, candidate.version, bringer, writes_file=not arguments.live_only
        )
        return _say_published(published, arguments)
    if candidate.state is CandidateState.FAILED:
        await publisher.test_again(arguments.name, candidate.version)
    elif arguments.json:
        say_json(candidate)
        return 0
    say(f"{cell(arguments.name)}: {candidate.version} goes live once its tests have passed")
    return 0


def _user() -> str:
    """Whoever types, as far as this machine knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _say_published(published: Published, arguments: Namespace) -> int:
    if arguments.json:
        say_json(published)
        return 0
    state = "is live" if published.changed else "was live already"
    written = "" if published.file_fault is not None else f", and in {published.file}"
    say(f"{cell(published.name)}: {published.version} {state}{written}")
    if published.file_fault is not None:
        complain(f"the file was not written: {published.file_fault}")
    if published.set_aside is not None:
        say(f"what the file held before is kept in {published.set_aside}")
    return 0


_ACTIONS: dict[str, Callable[[Publisher, Namespace], Awaitable[int]]] = {
    "list": _list,
    "log": _log,
    "show": _show,
    "diff": _diff,
    "rollback": _rollback,
    "publish": _publish,
}
