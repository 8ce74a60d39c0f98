"""A contact's data out or gone, and contacts blocked, from a shell."""

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from bot.cli.desk import Desk, open_desk
from bot.cli.operate import BY
from bot.cli.terminal import cell, complain, say, say_json
from bot.domain.contact import contact_key
from bot.domain.people import Decision, Erased, Place, Standing
from bot.errors import Ambiguous, NotFound, Refused, Unavailable


def run(arguments: Namespace) -> int:
    """Run one command on the database."""
    return asyncio.run(_run(arguments))


async def _run(arguments: Namespace) -> int:
    async with open_desk(arguments.config) as desk:
        return await _COMMANDS[arguments.command](desk, arguments)


async def _kept(desk: Desk, arguments: Namespace) -> tuple[Place, ...]:
    """Raises NotFound, Ambiguous."""
    try:
        places = await desk.contacts.kept(arguments.phone, arguments.line)
    except NotFound:
        where = "" if arguments.line is None else f" on line {arguments.line}"
        raise NotFound(f"nothing is kept of {arguments.phone}{where}") from None
    return _one(places, arguments)


def _one(places: tuple[Place, ...], arguments: Namespace) -> tuple[Place, ...]:
    if len(places) > 1 and not arguments.all_lines:
        raise Ambiguous(arguments.phone, tuple(place.line_id for place in places))
    return places


# export


async def _export(desk: Desk, arguments: Namespace) -> int:
    places = await _kept(desk, arguments)
    if arguments.json:
        async for piece in desk.export.data(places, BY):
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        return 0
    path = _default_path() if arguments.out is None else arguments.out
    await _save(desk, places, path)
    say(f"{path}: all that is kept of {cell(arguments.phone)}")
    return 0


def _default_path() -> Path:
    return Path(f"contact-{datetime.now().astimezone():%Y%m%d-%H%M%S}.zip")


async def _save(desk: Desk, places: tuple[Place, ...], path: Path) -> None:
    """Whole or not at all, for its owner's eyes alone. Raises Unavailable."""
    part = path.with_name(f"{path.name}.part")
    try:
        file = os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        try:
            with file:
                async for piece in desk.export.archive(places, BY):
                    file.write(piece)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(
            f"{path} can't be written: {error.strerror}: give another --out"
        ) from None


# erase


async def _erase(desk: Desk, arguments: Namespace) -> int:
    if not arguments.yes and not sys.stdin.isatty():
        raise Refused("erase asks for the number to be typed: add --yes where nobody can", 422)
    places = await _kept(desk, arguments)
    if not arguments.yes and not _is_confirmed(arguments.phone, places):
        complain("nothing was erased: that was another number")
        return 1
    erased = await desk.contacts.erase(places, BY)
    if arguments.json:
        say_json(erased)
    else:
        _tell(erased)
    return 0


def _is_confirmed(phone: str, places: tuple[Place, ...]) -> bool:
    lines = ", ".join(cell(place.line_id) for place in places)
    sys.stderr.write(
        f"Everything that is kept of {cell(phone)} on {lines} is removed for good: messages, "
        "files, notes, records. Nothing brings it back.\nType the number to go on: "
    )
    sys.stderr.flush()
    return contact_key(sys.stdin.readline().strip()) == contact_key(phone)


def _tell(erased: Erased) -> None:
    for one in erased.removed:
        say(
            f"{cell(one.line_id)}: erased {one.messages} messages, {one.files} files, "
            f"{one.notes} notes, {one.events} stored webhook calls"
        )
    if erased.files_left:
        complain(
            f"warning: {erased.files_left} files could not be deleted yet: the bot tries again "
            "every few seconds while it runs"
        )
    if erased.copies:
        complain(
            "warning: copies of the database from before upgrades still hold it; delete them when "
            f"you no longer need them: {', '.join(erased.copies)}"
        )


# block


async def _block(desk: Desk, arguments: Namespace) -> int:
    return await _decide(desk, arguments, Decision.BLOCK)


async def _unblock(desk: Desk, arguments: Namespace) -> int:
    return await _decide(desk, arguments, Decision.UNBLOCK)


async def _decide(desk: Desk, arguments: Namespace, decision: Decision) -> int:
    try:
        places = _one(await desk.contacts.places(arguments.phone, arguments.line), arguments)
    except NotFound:
        raise NotFound(f"no conversation with {arguments.phone}: name its line, --line") from None
    page = await desk.contacts.decide(places, decision, BY, arguments.reason)
    if arguments.json:
        say_json(page)
    else:
        for one in page.items:
            say(f"{cell(arguments.phone)} on {cell(one.line_id)}: {_told(one)}")
    return 0


def _told(one: Standing) -> str:
    if one.blocked_at is not None:
        return "blocked: never answered, nothing is sent"
    if one.opted_out_at is not None:
        return "not blocked; opted out: nothing is sent until they write START"
    return "not blocked"


_COMMANDS: dict[str, Callable[[Desk, Namespace], Awaitable[int]]] = {
    "export": _export,
    "erase": _erase,
    "block": _block,
    "unblock": _unblock,
}
