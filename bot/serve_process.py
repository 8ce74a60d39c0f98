"""A running bot: web, worker or both in one process, from start to an orderly stop."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import structlog
import uvicorn

from bot import bootstrap, crash_points, logs, outside
from bot.adapters.arq_queue import ArqQueue, run_worker
from bot.adapters.db.engine import Database
from bot.adapters.db.migrate import migrate
from bot.adapters.db.search_index import SearchIndex
from bot.adapters.db.views import Views
from bot.adapters.embedded_redis import EmbeddedRedis
from bot.config import Settings, load
from bot.config_watch import watch_settings
from bot.doors import Parts, make_doors, make_operations
from bot.errors import Unavailable
from bot.gate_wiring import make_gatekeeper
from bot.metrics import LOST_POKES
from bot.observing import (
    make_tracer,
    make_watchdog,
    observe,
)
from bot.premises import listen, own_data
from bot.sandbox_wiring import Sandbox, open_sandbox, with_operator

log = structlog.get_logger()

Mode = Literal["dev", "run", "serve", "worker"]

_GRACEFUL_HTTP_S = 4
_SWITCH_INTERVAL_S = 0.0005
"""SQLite's thread asks for the interpreter several times a commit: at Python's 5 ms it starves."""
_GRACE = timedelta(seconds=18)


def run_process(mode: Mode, config_path: Path | None) -> int:
    """Run until a signal; the exit code. Raises BotError when it can't start."""
    crash_points.arm(os.environ)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    held_back = logs.HeldBack()
    logs.configure(json_lines=_writes_json("auto", mode), output=held_back)
    if os.environ.get("BOT_DEBUG") == "1":
        held_back.release()
    settings = load(config_path, os.environ, dev=mode == "dev")
    if mode == "dev":
        settings = with_operator(settings)
    level = logging.getLevelNamesMapping()[settings.log.level.upper()]
    logs.configure(
        json_lines=_writes_json(settings.log.format, mode), level=level, output=held_back
    )
    for warning in settings.warnings:
        log.warning("settings.warning", warning=str(warning))
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_Process(mode, settings, held_back.release).run())


def _writes_json(wanted: str, mode: Mode) -> bool:
    if wanted == "auto":
        return mode != "dev" and not sys.stderr.isatty()
    return wanted == "json"


def _loop_factory() -> Any:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the process has one place for them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Process:
    def __init__(self, mode: Mode, settings: Settings, show_log: Callable[[], None]) -> None:
        """`show_log` is called once the start has succeeded."""
        self._mode = mode
        self._settings = settings
        self._show_log = show_log
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._listener: socket.socket | None = None
        self._server: _Server | None = None

    @property
    def _has_web(self) -> bool:
        return self._mode != "worker"

    @property
    def _has_worker(self) -> bool:
        return self._mode != "serve"

    async def run(self) -> int:
        self._catch_signals()
        async with contextlib.AsyncExitStack() as stack:
            has_started = await self._unless_stopped(self._open(stack))
            if self._tasks:
                await self._watch()
        self._show_log()
        log.info("process.stopped")
        if not has_started:
            os._exit(0)  # a thread that still waits for a lock would keep the process
        return 0

    async def _unless_stopped(self, start: Coroutine[Any, Any, None]) -> bool:
        """Start, or give up at a signal; whether it has started. Raises what the start raises."""
        starting = asyncio.create_task(start, name="start")
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([starting, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        while self._stop.is_set() and not starting.done():  # libraries may swallow it once
            starting.cancel()
            await asyncio.wait([starting], timeout=0.5)
        if self._stop.is_set() and (starting.cancelled() or starting.exception() is not None):
            return False
        starting.result()
        return True

    async def _open(self, stack: contextlib.AsyncExitStack) -> None:
        sole = stack.enter_context(own_data(self._settings, alone=self._alone))
        server = self._settings.server
        if self._has_web:
            self._listener = stack.enter_context(listen(server.host, server.port))
        elif server.metrics_port:
            address = server.metrics_host, server.metrics_port
            self._listener = stack.enter_context(listen(*address, keys="metrics_"))
        sandbox = await self._open_sandbox(stack)
        parts = await self._open_parts(stack, sandbox)
        await self._start(stack, parts, sandbox, sole=sole)

    @property
    def _alone(self) -> bool:
        return self._mode in ("dev", "run")

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)

    async def _open_sandbox(self, stack: contextlib.AsyncExitStack) -> Sandbox | None:
        if self._mode != "dev" or self._listener is None:
            return None
        port = self._listener.getsockname()[1]
        sandbox = open_sandbox(self._settings, port, self._stop)
        stack.push_async_callback(sandbox.app.stop)
        return sandbox

    async def _open_parts(self, stack: contextlib.AsyncExitStack, sandbox: Sandbox | None) -> Parts:
        settings = self._settings
        redis_url = await _redis_url(settings, stack)
        url = bootstrap.database_url(settings)
        await migrate(url)
        database = Database(url)
        stack.push_async_callback(database.close)
        if sandbox is not None:
            await _refuse_real_lines(Views(database), sandbox)
        store = bootstrap.make_store(settings, database)
        if sandbox is None:
            await store.know_lines(bootstrap.configured_lines(settings), bootstrap.utc_now())
        queue_name = await store.installation_id()
        queue = ArqQueue(redis_url, queue_name)
        stack.push_async_callback(queue.close)
        LOST_POKES.set_function(lambda: queue.lost_pokes)
        publisher = bootstrap.make_publisher(settings, database)
        prompts = bootstrap.make_prompts(settings, publisher)
        await prompts.load()
        blobs = outside.make_blobs(settings)
        observed = observe(settings, database, store)
        trial_llm = outside.LlmOnDemand(settings, self._endpoints(sandbox))
        stack.push_async_callback(trial_llm.close)
        return Parts(
            database,
            store,
            queue,
            prompts,
            publisher,
            blobs,
            observed,
            redis_url,
            queue_name,
            trial_llm,
        )

    def _endpoints(self, sandbox: Sandbox | None) -> outside.Endpoints:
        if sandbox is not None:
            return sandbox.endpoints
        return outside.configured_endpoints(self._settings)

    async def _start(
        self,
        stack: contextlib.AsyncExitStack,
        parts: Parts,
        sandbox: Sandbox | None,
        *,
        sole: bool,
    ) -> None:
        self._spawn(parts.prompts.watch(self._stop), "prompts")
        self._spawn(watch_settings(self._settings, self._stop), "settings")
        if self._listener is not None:
            await self._start_web(parts, sandbox, self._listener)
        if self._has_worker:
            self._start_worker(stack, parts, sandbox, sole=sole)
        self._start_observing(stack, parts)
        if sandbox is not None:
            await sandbox.app.start()
        self._show_log()
        if sandbox is not None:
            print(sandbox.greeting, flush=True)  # noqa: T201 - the one URL to open
        gc.collect()
        gc.freeze()  # what lives as long as the process is never looked at again

    async def _start_web(
        self, parts: Parts, sandbox: Sandbox | None, listener: socket.socket
    ) -> None:
        make = make_doors if self._has_web else make_operations
        config = uvicorn.Config(
            make(self._settings, parts, sandbox, self._stop),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=_GRACEFUL_HTTP_S,
            timeout_keep_alive=75,
        )
        self._server = _Server(config)
        self._spawn(self._server.serve(sockets=[listener]), "web")
        while not self._server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        host, port = listener.getsockname()[:2]
        log.info("web.listening", host=host, port=port)

    def _start_worker(
        self,
        stack: contextlib.AsyncExitStack,
        parts: Parts,
        sandbox: Sandbox | None,
        *,
        sole: bool,
    ) -> None:
        endpoints = self._endpoints(sandbox)
        around = outside.open_outside(self._settings, endpoints, parts.blobs)
        stack.push_async_callback(around.close)
        tracer = make_tracer(self._settings, parts.database)
        if tracer is not None:
            stack.push_async_callback(tracer.finish)
            self._spawn(tracer.run(self._stop), "traces")
        if self._settings.prompts.gate == "tests":
            publisher = parts.publisher
            gate = make_gatekeeper(self._settings, parts.database, publisher, around.llm)
            self._spawn(gate.run(self._stop), "gate")
        contacts = bootstrap.make_contacts(self._settings, parts.database, parts.blobs)
        self._spawn(contacts.run(self._stop), "erasures")
        in_hand: set[str] = set()
        known = (around, parts.prompts, in_hand)
        shadow = bootstrap.make_shadow(self._settings, parts.database, parts.store, *known)
        if shadow is not None:
            self._spawn(shadow.run(self._stop), "shadow")
        worker = bootstrap.make_worker(
            self._settings, parts.store, parts.queue, *known, witness=tracer, understudy=shadow
        )
        self._spawn(worker.run(self._stop, sole=sole), "worker")
        self._spawn(SearchIndex(parts.database).run(self._stop), "search")
        jobs: dict[str, Callable[..., Awaitable[None]]] = {
            "turns": worker.turns,
            "events": worker.events,
            "media": worker.media,
        }
        queue = run_worker(parts.redis_url, parts.queue_name, jobs, self._stop, grace=_GRACE)
        self._spawn(queue, "queue")

    def _start_observing(self, stack: contextlib.AsyncExitStack, parts: Parts) -> None:
        if self._has_web:
            self._spawn(parts.observed.hearing.run(self._stop), "hearing")
        if self._settings.watchdog.enabled:
            known = (self._settings, parts.observed, parts.store, parts.prompts, stack)
            self._spawn(make_watchdog(*known, web=self._has_web).run(self._stop), "watchdog")

    def _spawn(self, work: Any, name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _watch(self) -> None:
        """Until a signal, or until a part has ended by itself: then everything ends."""
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([stopped, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        broken = [task for task in self._tasks if task.done() and not self._stop.is_set()]
        self._stop.set()
        if self._server is not None and self._mode != "dev":
            self._server.should_exit = True
        working = [task for task in self._tasks if task.get_name() != "web"]
        await asyncio.wait(working, timeout=22) if working else None
        if self._server is not None:  # in dev the line lives here: it goes last
            self._server.should_exit = True
        await asyncio.wait(self._tasks, timeout=_GRACEFUL_HTTP_S + 1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for task in broken:
            task.result()


async def _redis_url(settings: Settings, stack: contextlib.AsyncExitStack) -> str:
    given = settings.secrets.redis_url
    if given is not None:
        return given.get_secret_value()
    embedded = EmbeddedRedis(settings.secrets.data_dir)
    url = await embedded.start()
    stack.push_async_callback(embedded.stop)
    return url


async def _refuse_real_lines(views: Views, sandbox: Sandbox) -> None:
    """The sandbox must not take what waits for real customers."""
    known = {line.line_id for line in (await views.lines()).items}
    if known - {sandbox.line_id}:
        raise Unavailable(
            "this data directory holds conversations of real lines, and `bot dev` only speaks to "
            "the sandbox: set BOT_DATA_DIR to another folder"
        )
