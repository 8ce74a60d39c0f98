"""Fixtures for whole-bot tests.

`bot`       a running `bot run`, shared by the tests of a file (its settings: SETTINGS, PROMPTS and
            ENV of the test module); each test gets it running and without plans.
`new_bot`   starts bots of the test's own: other settings, `kill`, `serve` and `worker` apart.

Both run on the embedded parts, and again on PostgreSQL and Redis (markers `postgres`, `redis`).
"""

import os
import shutil
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

import pytest

from tests.harness import Bot, Network, ScriptedLlm, ScriptedProvider, Stores
from tests.harness.stores import EMBEDDED, SERVERS, open_stores

NewBot = Callable[..., Awaitable[Bot]]

_bots: list[Bot] = []
"""The bots of the running test, for the log of a failure."""


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
def stores(request: pytest.FixtureRequest, network: Network) -> Iterator[Stores]:
    opened = open_stores(request.param)
    yield network.wait(opened.__aenter__())
    network.wait(opened.__aexit__(None, None, None))


def _make_bot(network: Network, stores: Stores, **wanted: Any) -> Bot:
    bot = Bot(ScriptedProvider(network), ScriptedLlm(network), stores, **wanted)
    _bots.append(bot)
    return bot


def _end(bot: Bot) -> None:
    """A bot that still runs must also stop as promised."""
    try:
        bot.network.wait(bot.stop())
    finally:
        bot.remove()
        bot.provider.close()
        bot.llm.close()
        _bots.remove(bot)


def _assert_plans_fired(bot: Bot) -> None:
    unused = bot.provider.forget_plans() + bot.llm.forget_plans()
    assert not unused, f"planned, but never asked for: {unused}"


@pytest.fixture(scope="module")
def _shared_bot(request: pytest.FixtureRequest, network: Network, stores: Stores) -> Iterator[Bot]:
    module = request.module
    bot = _make_bot(
        network,
        stores,
        settings=getattr(module, "SETTINGS", None),
        prompts=getattr(module, "PROMPTS", None),
        env=getattr(module, "ENV", None),
    )
    yield bot
    _end(bot)


@pytest.fixture
def bot(_shared_bot: Bot) -> Iterator[Bot]:
    if not _shared_bot.runs:
        _shared_bot.network.wait(_shared_bot.start())
    yield _shared_bot
    _assert_plans_fired(_shared_bot)


@pytest.fixture
def new_bot(network: Network, stores: Stores) -> Iterator[NewBot]:
    """`await new_bot(settings=…, prompts=…, env=…, command=("serve",), start=True)`."""
    made: list[Bot] = []

    async def start_one(
        *, command: tuple[str, ...] = ("run",), start: bool = True, **wanted: Any
    ) -> Bot:
        bot = _make_bot(network, stores, **wanted)
        made.append(bot)
        if start:
            await bot.start(*command)
        return bot

    yield start_one
    try:
        for bot in made:
            _assert_plans_fired(bot)
    finally:
        for bot in made:
            _end(bot)


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
