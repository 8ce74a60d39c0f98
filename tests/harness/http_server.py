"""A small HTTP/1.1 server whose answers a test plans: delayed, held, dropped, never given."""

import asyncio
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from tests.harness.network import POLL_S, Network, eventually


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; header names are lower-case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float
    """`time.monotonic()` when the last byte was read."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Gate:
    """Holds an answer back until the test opens it; `reached` tells that a request waits there."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def open(self) -> None:
        self._open.set()

    async def reached(self, timeout_s: float = 10) -> None:
        await eventually(self._reached.is_set, timeout_s)

    async def pass_through(self, given_up: Callable[[], bool]) -> None:
        self._reached.set()
        while not (self._open.is_set() or given_up()):
            await asyncio.sleep(POLL_S)


@dataclass(frozen=True, slots=True)
class Answer:
    """A full response. `body`: bytes as they are, anything else as JSON."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    gate: Gate | None = None


@dataclass(frozen=True, slots=True)
class Hang:
    """Reads the request and never answers. `taken`: the message counts as accepted all the same."""

    taken: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """Reads the request and ends the connection. `taken`: the message was accepted before."""

    taken: bool = False
    reset: bool = True
    """True: the client sees a reset; False: an orderly end without an answer."""


Behaviour = Answer | Hang | Drop


class Plan:
    """Behaviours for the next matching requests, in order; `fired` counts those that were used."""

    def __init__(self, behaviours: tuple[Behaviour, ...], when: Callable[[Request], bool]) -> None:
        self._behaviours = behaviours
        self._when = when
        self.fired = 0

    @property
    def done(self) -> bool:
        return self.fired == len(self._behaviours)

    def take(self, request: Request) -> Behaviour | None:
        """The next behaviour, or None when the plan is used up or is about another request."""
        if self.done or not self._when(request):
            return None
        self.fired += 1
        return self._behaviours[self.fired - 1]

    async def has_fired(self, times: int | None = None, timeout_s: float = 10) -> None:
        """Waits until the plan was used `times` times (None: used up)."""
        wanted = len(self._behaviours) if times is None else times
        await eventually(lambda: self.fired >= wanted, timeout_s)

    def __repr__(self) -> str:
        return f"<Plan fired {self.fired} of {len(self._behaviours)}: {self._behaviours}>"


def _always(_request: Request) -> bool:
    return True


_ACCEPTING = 10
"""Turns of the loop that a connection needs, once accepted, to be known here."""


class ScriptedServer:
    """Listens on a loopback port that stays the same over `down` and `up`."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.requests: list[Request] = []
        self._plans: list[Plan] = []
        self._standing: Behaviour | None = None
        self.whim: Callable[[Request], Behaviour | None] | None = None
        """What a request without a plan gets now and then; None: the normal answer."""
        self._connections: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.Server | None = None
        self.port = 0
        network.wait(self._listen())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def plan(self, *behaviours: Behaviour, when: Callable[[Request], bool] | None = None) -> Plan:
        """Every plan must be used up by the end of the test, or the test fails."""
        plan = Plan(behaviours, _always if when is None else when)
        self._plans.append(plan)
        return plan

    def always(self, behaviour: Behaviour | None) -> None:
        """What every request without a plan gets from now on; None: the normal answer again."""
        self._standing = behaviour

    def forget_plans(self) -> list[Plan]:
        """Back to normal; returns the plans that did not fire completely."""
        unused = [plan for plan in self._plans if not plan.done]
        self._plans.clear()
        self._standing = None
        return unused

    async def down(self) -> None:
        """Refuses connections and resets the open ones."""
        await self.network.call(self._stop_listening())

    async def up(self) -> None:
        await self.network.call(self._listen())

    def close(self) -> None:
        self.network.wait(self._stop_listening())

    def normal_answer(self, request: Request) -> Answer:
        """What a healthy server says; overridden by the line and the model."""
        del request
        return Answer()

    def noted(self, request: Request, behaviour: Behaviour) -> None:
        """Called once for every request with the behaviour chosen for it."""

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._listener is None:
            return
        self._listener.close()
        self._listener = None
        for _ in range(_ACCEPTING):
            await asyncio.sleep(0)
        for writer in list(self._connections):
            writer.transport.abort()
        while self._connections:
            await asyncio.sleep(POLL_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._connections.discard(writer)
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False: the connection is over."""
        request = await _read_request(reader)
        self.requests.append(request)
        behaviour = self._behaviour_for(request)
        self.noted(request, behaviour)
        match behaviour:
            case Hang():
                await reader.read()  # until the client gives up
                return False
            case Drop(reset=reset):
                if reset:
                    _reset_on_close(writer)
                return False
            case Answer():
                return await self._answer(behaviour, reader, writer)

    def _behaviour_for(self, request: Request) -> Behaviour:
        for plan in self._plans:
            behaviour = plan.take(request)
            if behaviour is not None:
                return behaviour
        whim = None if self.whim is None else self.whim(request)
        if whim is not None:
            return whim
        return self.normal_answer(request) if self._standing is None else self._standing

    async def _answer(
        self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if answer.delay_s:
            await asyncio.sleep(answer.delay_s)
        if answer.gate is not None:
            await answer.gate.pass_through(writer.is_closing)
        writer.write(_response(answer))
        await writer.drain()
        return not reader.at_eof()


def _reset_on_close(writer: asyncio.StreamWriter) -> None:
    linger_for_0_s = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_0_s)


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _version = head[0].split(" ", 2)
    headers = {
        name.strip().lower(): value.strip()
        for name, _colon, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await _read_body(reader, headers)
    return Request(method, path, headers, body, time.monotonic())


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    chunks: list[bytes] = []
    while size := int(await reader.readline(), 16):
        chunks.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(chunks)


def _response(answer: Answer) -> bytes:
    body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **{name.lower(): value for name, value in answer.headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"HTTP/1.1 {answer.status} {phrase}\r\n{lines}\r\n".encode("latin-1") + body
