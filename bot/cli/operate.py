"""The operator's commands: the same use case as the operator API, from a shell."""

import asyncio
from argparse import Namespace
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from bot.cli.desk import Desk, open_desk
from bot.cli.terminal import cell, complain, moment, say, say_json, say_table
from bot.domain.shown import (
    ConversationView,
    EventPage,
    EventView,
    PausedScopeView,
    PausedView,
    ScopeView,
    SendView,
    shown_status,
)
from bot.domain.work import InFlight
from bot.errors import NotFound, Refused

BY = "shell"
"""Who has done it, as far as the records tell."""


def run(arguments: Namespace) -> int:
    """Run one command on the database."""
    return asyncio.run(_run(arguments))


async def _run(arguments: Namespace) -> int:
    async with open_desk(arguments.config) as desk:
        return await _COMMANDS[arguments.command](desk, arguments)


async def _conversations(desk: Desk, arguments: Namespace) -> int:
    page = await desk.views.conversations(
        line_id=arguments.line,
        state=arguments.state,
        q=arguments.search,
        limit=arguments.limit,
    )
    if arguments.json:
        say_json(page)
        return 0
    head = ("LAST MESSAGE", "CONTACT", "NAME", "LINE", "ANSWERS", "", "TEXT")
    say_table(head, [_row(view) for view in page.items])
    return 0


def _row(view: ConversationView) -> tuple[str, ...]:
    return (
        moment(view.last_message_at),
        cell(view.contact),
        cell(view.name, 24),
        cell(view.line_id),
        view.state,
        "!" if view.needs_attention else "",
        cell(view.last_text, 60),
    )


async def _pause(desk: Desk, arguments: Namespace) -> int:
    if arguments.all:
        return await _pause_scope(desk, arguments)
    known = await desk.conversation(arguments.phone, arguments.line)
    open_sends = await desk.handoff.pause(known.id, BY, arguments.length, arguments.reason)
    view = await desk.views.conversation(known.id)
    if arguments.json:
        say_json(PausedView(**asdict(view), in_flight=_sends(open_sends)))
    else:
        say(f"{cell(view.contact)} on {cell(view.line_id)}: {_until(view)}")
        _warn(open_sends)
    return 0


async def _pause_scope(desk: Desk, arguments: Namespace) -> int:
    open_sends = await desk.handoff.pause_scope(
        arguments.line, BY, arguments.length, arguments.reason
    )
    scope = await desk.views.scope(arguments.line)
    if arguments.json:
        say_json(PausedScopeView(scope.state, scope.paused_until, _sends(open_sends)))
    else:
        say(f"{_scope_name(arguments.line)}: {_until(scope)}")
        _warn(open_sends)
    return 0


async def _resume(desk: Desk, arguments: Namespace) -> int:
    if arguments.all:
        await desk.handoff.resume_scope(arguments.line, BY, answer=arguments.answer)
        scope = await desk.views.scope(arguments.line)
        _show(scope, f"{_scope_name(arguments.line)}: {_until(scope)}", arguments)
        return 0
    known = await desk.conversation(arguments.phone, arguments.line)
    await desk.handoff.resume(known.id, BY, answer=arguments.answer, brief=arguments.brief)
    view = await desk.views.conversation(known.id)
    _show(view, f"{cell(view.contact)} on {cell(view.line_id)}: {_until(view)}", arguments)
    return 0


async def _send(desk: Desk, arguments: Namespace) -> int:
    known = await desk.conversation(arguments.phone, arguments.line)
    message_id = await desk.handoff.send(known.id, arguments.text, BY, keep_bot=arguments.keep_bot)
    message = await desk.views.message(message_id)
    _show(message, f"{message.id}: {message.status}", arguments)
    return 0


async def _events(desk: Desk, arguments: Namespace) -> int:
    page = await desk.views.events(states=arguments.state, limit=arguments.limit)
    if arguments.json:
        say_json(page)
        return 0
    head = ("RECEIVED", "EVENT", "TYPE", "LINE", "CONTACT", "STATE", "WHY")
    say_table(head, [_event_row(view) for view in page.items])
    return 0


def _event_row(view: EventView) -> tuple[str, ...]:
    why = ": ".join(part for part in (view.reason, view.error) if part)
    return (
        moment(view.received_at),
        view.id,
        cell(view.type),
        cell(view.line_id),
        cell(view.contact),
        view.state,
        cell(why, 100),
    )


async def _replay(desk: Desk, arguments: Namespace) -> int:
    """All that can be replayed are; 1 when one could not."""
    replayed = []
    for named in arguments.events:
        try:
            event_id = await desk.views.event_id(named)
            await desk.handoff.replay(event_id, BY)
            replayed.append(await desk.views.event(event_id))
        except NotFound as error:
            complain(f"{cell(named)}: {error}")
        except Refused as error:
            complain(str(error))
    if arguments.json:
        say_json(EventPage(tuple(replayed)))
    else:
        for view in replayed:
            say(f"{view.id}: {view.state}")
    return 0 if len(replayed) == len(arguments.events) else 1


def _show(view: object, line: str, arguments: Namespace) -> None:
    if arguments.json:
        say_json(view)
    else:
        say(line)


def _until(view: ConversationView | ScopeView) -> str:
    if view.state == "bot":
        return "the bot answers"
    if view.paused_until is None:
        return "paused until somebody resumes"
    return f"paused until {moment(view.paused_until)}"


def _scope_name(line_id: str | None) -> str:
    return "everything" if line_id is None else f"line {cell(line_id)}"


def _sends(open_sends: tuple[InFlight, ...]) -> tuple[SendView, ...]:
    return tuple(SendView(send.id, shown_status(send.status) or "") for send in open_sends)


def _warn(open_sends: tuple[InFlight, ...]) -> None:
    for send in open_sends:
        complain(f"warning: {send.id} had left already: nobody knows yet whether it arrived")


_COMMANDS: dict[str, Callable[[Desk, Namespace], Awaitable[int]]] = {
    "conversations": _conversations,
    "pause": _pause,
    "resume": _resume,
    "send": _send,
    "events": _events,
    "replay": _replay,
}
