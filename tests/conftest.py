"""Fixtures for whole-bot tests.

`bot`       a running `bot run`, shared by the tests of a file (its settings: SETTINGS, PROMPTS and
            ENV of the test module); each test gets it running and without plans.
`new_bot`   starts bots of the test's own: other settings, `kill`, `serve` and `worker` apart.
`other_database`  an empty database beside the bot's.

All run on the embedded parts, and again on PostgreSQL and Redis (markers `postgres`, `redis`).
"""

import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.db.engine import sqlite_url
from tests.harness import (
    Bot,
    Network,
    ScriptedLlm,
    ScriptedMediaHost,
    ScriptedProvider,
    ScriptedSpeech,
)
from tests.harness.stores import EMBEDDED, SERVERS, open_stores

# A test file may set ON_ONE_DATABASE: what it looks at is above the database, and other files run
# the same reads and writes on both.

NewBot = Callable[..., Awaitable[Bot]]

_bots: list[Bot] = []
"""The bots of the running test, for the log of a failure."""

_LONGEST = (
    "test_races.py",
    "test_crash_points_of_people.py",
    "test_takeover_races.py",
    "test_crash_points.py",
    "test_chaos.py",
    "test_state_machine.py",
    "test_watchdog_live.py",
    "test_durability.py",
    "test_copy_to_moving.py",
)
"""Files that take long begin first: otherwise all others wait for the last of them."""


def pytest_configure() -> None:
    """Some shells start what runs in the background deaf to Ctrl-C, and so all that it starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    repeated = [item for item in items if _is_repeated(item)]
    config.hook.pytest_deselected(items=repeated)
    places = {name: place for place, name in enumerate(_LONGEST)}
    left = [item for item in items if item not in set(repeated)]
    items[:] = sorted(left, key=lambda item: places.get(item.path.name, len(places)))


def _is_repeated(item: pytest.Item) -> bool:
    """Whether the same test runs on SQLite, and its file says that the database is no matter."""
    if not isinstance(item, pytest.Function) or not getattr(item.module, "ON_ONE_DATABASE", False):
        return False
    return item.callspec.params.get("stores_kind") == SERVERS if item.callspec else False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    del item, call
    report = yield
    if report.failed:
        for bot in _bots:
            report.sections.append((f"output of the bot in {bot.folder}", bot.log[-20_000:]))
    return report


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.close()


@pytest.fixture(
    scope="module",
    params=[
        EMBEDDED,
        pytest.param(SERVERS, marks=[pytest.mark.postgres, pytest.mark.redis]),
    ],
)
def stores_kind(request: pytest.FixtureRequest) -> str:
    """Each bot gets stores of its own: on a shared database one would do the other's work."""
    return str(request.param)


class _Stage:
    """One bot with its stores, its line and its model, all ended together."""

    def __init__(self, network: Network, kind: str, **wanted: Any) -> None:
        self._network = network
        self._stores = open_stores(kind)
        stores = network.wait(self._stores.__aenter__())
        self.bot = Bot(
            ScriptedProvider(network),
            ScriptedLlm(network),
            stores,
            ScriptedMediaHost(network),
            ScriptedSpeech(network),
            **wanted,
        )
        _bots.append(self.bot)

    def end(self) -> None:
        """A bot that still runs must also stop as promised."""
        try:
            self._network.wait(self.bot.stop())
        finally:
            self.bot.remove()
            self.bot.provider.close()
            self.bot.llm.close()
            self.bot.media.close()
            self.bot.speech.close()
            _bots.remove(self.bot)
            self._network.wait(self._stores.__aexit__(None, None, None))


def _assert_plans_fired(bot: Bot) -> None:
    servers = (bot.provider, bot.llm, bot.media, bot.speech)
    unused = [plan for server in servers for plan in server.forget_plans()]
    assert not unused, f"planned, but never asked for: {unused}"


@pytest.fixture(scope="module")
def _shared_bot(
    request: pytest.FixtureRequest, network: Network, stores_kind: str
) -> Iterator[Bot]:
    module = request.module
    stage = _Stage(
        network,
        stores_kind,
        settings=getattr(module, "SETTINGS", None),
        prompts=getattr(module, "PROMPTS", None),
        env=getattr(module, "ENV", None),
    )
    yield stage.bot
    stage.end()


@pytest.fixture
def bot(_shared_bot: Bot) -> Iterator[Bot]:
    if not _shared_bot.runs:
        _shared_bot.network.wait(_shared_bot.start())
    yield _shared_bot
    _assert_plans_fired(_shared_bot)


@pytest.fixture
def new_bot(network: Network, stores_kind: str) -> Iterator[NewBot]:
    """`await new_bot(settings=…, prompts=…, env=…, command=("serve",), start=True)`."""
    stages: list[_Stage] = []

    async def start_one(
        *, command: tuple[str, ...] = ("run",), start: bool = True, **wanted: Any
    ) -> Bot:
        stage = _Stage(network, stores_kind, **wanted)
        stages.append(stage)
        if start:
            await stage.bot.start(*command)
        return stage.bot

    yield start_one
    with ExitStack() as all_of_them:
        for stage in stages:
            all_of_them.callback(stage.end)
            all_of_them.callback(_assert_plans_fired, stage.bot)


@pytest.fixture(
    params=[
        EMBEDDED,
        pytest.param(SERVERS, marks=[pytest.mark.postgres, pytest.mark.redis]),
    ]
)
async def other_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of an empty database beside the bot's own."""
    async with open_stores(request.param) as stores:
        yield stores.env.get("DATABASE_URL", sqlite_url(tmp_path / "other.db"))


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser's executable; without it the test skips, or fails where it is required."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path is not None:
            return path
    if "browser" in os.environ.get("CI_REQUIRE", "").split(","):
        pytest.fail("browser: no Chromium is installed")
    pytest.skip("browser: install Chromium to run this")
