"""`bot chat`: talk to a prompt in the terminal, through the code that answers customers."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import sys
from argparse import Namespace
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from bot import bootstrap, logs, outside
from bot.adapters.prompt_files import NothingKept, PromptFiles
from bot.cli.chat_files import Desk, Files, summary
from bot.cli.rehearsal import CONVERSATION, Rehearsal
from bot.cli.terminal import complain, say, words
from bot.config import Settings, load
from bot.domain.prompt import LineVoice
from bot.domain.turn import Reply
from bot.errors import BotError
from bot.ports import Llm, Transcriber
from bot.respond import Responder
from bot.sandbox import model

_STAND_IN = "No OPENAI_API_KEY is set: a stand-in answers by quoting the prompt."
_HELP = (
    "Write as a customer. /voice FILE, /image FILE and /file FILE send a file. "
    "/reset begins anew, /quit ends."
)
_FILES = {"/voice": "voice", "/image": "image", "/file": "document"}


def run(arguments: Namespace) -> int:
    """Until /quit or the end of the input; 1 when a message got no answer."""
    logs.configure(level=logging.CRITICAL)
    settings = load(arguments.config, os.environ, dev=True)
    # Input is read between the runs: Ctrl-C then ends at once.
    with asyncio.Runner() as runner:
        chat = _Chat(settings, "default" if arguments.line is None else arguments.line)
        runner.run(chat.open())
        try:
            return _talk(chat, runner.run)
        except KeyboardInterrupt:
            return 0
        finally:
            runner.run(chat.close())


def _talk(chat: "_Chat", do: Callable[[Coroutine[Any, Any, None]], None]) -> int:
    if sys.stdin.isatty():
        say(_HELP)
    for line in _lines():
        match line.strip():
            case "":
                continue
            case "/quit":
                break
            case "/reset":
                chat.rehearsal.forget()
            case text if text.split()[0] in _FILES:
                command, _, path = text.partition(" ")
                do(chat.send_file(_FILES[command], path.strip()))
            case text:
                do(chat.answer(text))
    return 1 if chat.failures else 0


def _lines() -> Iterator[str]:
    shown = "> " if sys.stdin.isatty() else ""
    while True:
        try:
            yield input(shown)
        except EOFError:
            return


class _Chat:
    def __init__(self, settings: Settings, line_id: str) -> None:
        self._settings = settings
        self._line_id = line_id
        self.rehearsal = Rehearsal(line_id, _show_reply, self._fail)
        self.failures = 0
        self._desk = Desk()
        self._files: Files | None = None
        self._services: tuple[Transcriber, ...] = ()
        self._responder: Responder | None = None
        self._llm: Llm | None = None
        self._model: _StandIn | None = None

    async def open(self) -> None:
        """Load the prompt, find a model. Raises SettingsError."""
        settings = self._settings
        prompts = _prompts(settings, self._line_id)
        await prompts.load()
        endpoints = outside.configured_endpoints(settings)
        if not outside.has_llm(settings):
            complain(_STAND_IN)
            self._model = _StandIn()
            url = self._model.start()
            endpoints = replace(endpoints, llm_url=url, llm_key=self._model.key)
        self._llm = outside.make_llm(settings, endpoints)
        self._services = outside.make_services(settings, endpoints)
        interpreter = bootstrap.make_interpreter(settings, self._desk, self._services)
        self._files = Files(interpreter, settings.media.max_bytes)
        self._responder = Responder(
            self.rehearsal,
            self._llm,
            prompts,
            self._desk,
            bootstrap.utc_now,
            bootstrap.make_style(settings),
            in_hand=set(),
        )

    async def answer(self, text: str) -> None:
        """One message and what the customer gets."""
        self.rehearsal.say(text, bootstrap.utc_now())
        await self._take_turn()

    async def send_file(self, kind: str, path: str) -> None:
        """One file, read as if a customer had sent it."""
        if self._files is None:
            raise RuntimeError("the chat is not open")
        try:
            media = await self._files.attach(Path(path))
        except (BotError, OSError) as error:
            self._fail(f"{path}: {error.strerror if isinstance(error, OSError) else error}")
            return
        say(words(f"[{summary(media)}]"))
        self.rehearsal.say("", bootstrap.utc_now(), kind=kind, media=media)
        await self._take_turn()

    async def _take_turn(self) -> None:
        if self._responder is None:
            raise RuntimeError("the chat is not open")
        await self._responder.take_turn(CONVERSATION)

    async def close(self) -> None:
        """Disconnect; end the stand-in, if there is one."""
        for service in self._services:
            await service.close()
        if self._llm is not None:
            await self._llm.close()
        if self._model is not None:
            await self._model.stop()

    def _fail(self, error: str) -> None:
        self.failures += 1
        complain(f"no answer: {error}")


def _prompts(settings: Settings, line_id: str) -> PromptFiles:
    """The one prompt that is spoken with; a fault in another is none here."""
    files = settings.prompt_files()
    spoken_with = files.get(line_id, files["default"])
    voices = settings.voices()
    return PromptFiles(
        settings.folder,
        {"default": spoken_with},
        settings.business.for_prompts(),
        NothingKept(),
        {"default": LineVoice(voices.get(line_id, voices["default"]).variables)},
    )


def _show_reply(reply: Reply) -> None:
    for part in reply.parts:
        say(words(part))
    if reply.hand_off is not None:
        call = reply.hand_off
        say(words(f"[handed over to a person: {call.reason}]"))


class _Server(uvicorn.Server):
    """Without signal handlers: Ctrl-C is for the one who types."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _StandIn:
    """The sandbox's model on a port of the loopback, behind real HTTP like any other."""

    def __init__(self) -> None:
        self.key = secrets.token_urlsafe(24)
        config = uvicorn.Config(
            model.create(self.key), log_config=None, access_log=False, lifespan="off"
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> str:
        """The base URL for a client of the Chat Completions API."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # calls wait here until the server has started
        port = listener.getsockname()[1]
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        return f"http://127.0.0.1:{port}/v1"

    async def stop(self) -> None:
        """Wait until it has ended."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
