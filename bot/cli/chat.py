"""`bot chat`: talk to a prompt in the terminal, through the code that answers customers."""

import asyncio
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from bot import logs
from bot.cli.chat_talk import Talk
from bot.cli.terminal import complain, say
from bot.config import load

_HELP = """\
Write as a customer. Change the prompt's file: the next message is answered with it.
/voice FILE, /image FILE, /file FILE   send a file
/why        how the last answer came about
/cost       what was spent here
/as LINE    speak with another line's prompt
/new        begin anew
/quit       end"""
_FILES = {"/voice": "voice", "/image": "image", "/file": "document"}

_Do = Callable[[Coroutine[Any, Any, None]], None]


def run(arguments: Namespace) -> int:
    """Until /quit or the end of the input; 1 when a message got no answer."""
    logs.configure(level=logging.CRITICAL)
    settings = load(arguments.config, os.environ, dev=True)
    # Input is read between the runs: Ctrl-C then ends at once.
    with asyncio.Runner() as runner:
        talk = Talk(settings, "default" if arguments.line is None else arguments.line)
        runner.run(talk.open())
        try:
            return _converse(talk, runner.run)
        except KeyboardInterrupt:
            return 0
        finally:
            runner.run(talk.close())


def _converse(talk: Talk, do: _Do) -> int:
    if sys.stdin.isatty():
        say(_HELP)
    for line in _lines():
        text = line.strip()
        if text == "/quit":
            break
        if text.startswith("/"):
            _command(talk, text, do)
        elif text:
            do(talk.answer(text))
    return 1 if talk.failures else 0


def _command(talk: Talk, text: str, do: _Do) -> None:
    """What begins with a slash is never a customer's: a typing error must not cost anything."""
    command, _, given = text.partition(" ")
    match command:
        case "/help":
            say(_HELP)
        case "/new" | "/reset":
            talk.forget()
        case "/why":
            talk.show_why()
        case "/cost":
            talk.show_cost()
        case "/as":
            do(talk.speak_as(given.strip()))
        case _ if command in _FILES:
            do(talk.send_file(_FILES[command], given.strip()))
        case _:
            complain(f"{command[:40]}: no such command; /help shows them")


def _lines() -> Iterator[str]:
    shown = "> " if sys.stdin.isatty() else ""
    while True:
        try:
            yield input(shown)
        except EOFError:
            return
