"""The image and the wheel hold all that the bot needs: the Dockerfile's steps, without Docker."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness import (
    Bot,
    Network,
    ScriptedLlm,
    ScriptedMediaHost,
    ScriptedProvider,
    ScriptedSpeech,
    Stores,
)
from tests.harness.stores import EMBEDDED

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of the Dockerfile, its continuation lines joined."""

    name: str
    rest: str

    @property
    def paths(self) -> list[str]:
        """The sources and, last, the destination of a COPY."""
        return [word for word in shlex.split(self.rest) if not word.startswith("--")]


def _steps() -> list[Step]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]
    return [Step(*line.split(" ", 1)) for line in lines]


def _stages() -> tuple[list[Step], list[Step]]:
    steps = _steps()
    second = max(index for index, step in enumerate(steps) if step.name == "FROM")
    return steps[:second], steps[second:]


def _image_env() -> dict[str, str]:
    return dict(
        word.split("=", 1)
        for step in _stages()[1]
        if step.name == "ENV"
        for word in shlex.split(step.rest)
    )


def _may_enter_the_build() -> set[str]:
    """The top-level names that .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    return {line.removeprefix("!") for line in lines if line.startswith("!")}


def _copy(step: Step, workdir: Path) -> None:
    *sources, destination = step.paths
    for source in sources:
        assert source in _may_enter_the_build(), f".dockerignore keeps {source} out"
        target = workdir / destination
        if destination.endswith("./"):
            target = workdir / source
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, target, ignore=ignored)
        else:
            shutil.copy(ROOT / source, target)


@dataclass(frozen=True, slots=True)
class Image:
    """What the Dockerfile makes, in a folder: `opt` is its /opt/bot, `app` its /app."""

    opt: Path
    app: Path

    def run(self, *command: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.opt / "bin" / command[0]), *command[1:]],
            cwd=self.app,
            env={"PATH": os.environ["PATH"], **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("image")
    source, opt, app = folder / "src", folder / "opt", folder / "app"
    source.mkdir()
    app.mkdir()
    build, final = _stages()
    for step in build:
        if step.name == "COPY":
            _copy(step, source)
        elif step.name == "RUN":
            command = step.rest.replace("/opt/bot", str(opt)).split()
            command[0] = sys.executable if command[0] == "python" else command[0]
            subprocess.run(command, cwd=source, check=True, stdout=subprocess.DEVNULL)
    for step in final:
        if step.name == "COPY" and "--from=" not in step.rest:
            source_name, destination = step.paths
            _copy(Step("COPY", f"{source_name} {Path(destination).name}"), app)
    return Image(opt, app)


Neighbours = tuple[ScriptedProvider, ScriptedLlm, ScriptedMediaHost, ScriptedSpeech]


@pytest.fixture
def neighbours(network: Network) -> Iterator[Neighbours]:
    around = (
        ScriptedProvider(network),
        ScriptedLlm(network),
        ScriptedMediaHost(network),
        ScriptedSpeech(network),
    )
    yield around
    for server in around:
        server.close()


@pytest.fixture
def bot_env(neighbours: Neighbours, image: Image) -> Iterator[Bot]:
    """A bot with the image's environment, its folders moved to where this test may write."""
    provider, llm, media, speech = neighbours
    bot = Bot(provider, llm, Stores(EMBEDDED), media, speech)
    bot.env |= {
        "BOT_CONFIG": str(image.app / "config.yaml"),
        "BOT__SERVER__HOST": _image_env()["BOT__SERVER__HOST"],
        "BOT__CONVERSATION__QUIET_PERIOD_S": "0",
    }
    yield bot
    bot.remove()


def test_the_image_runs_as_its_own_user_with_its_data_in_a_volume() -> None:
    final = {step.name: step.rest for step in _stages()[1]}
    assert final["USER"] == "bot"
    assert final["VOLUME"] == _image_env()["BOT_DATA_DIR"] == "/data"
    assert json.loads(final["CMD"]) == ["bot", "run"]


def test_the_command_answers_help_outside_the_project(image: Image) -> None:
    helped = image.run("bot", "--help", env={})
    assert helped.returncode == 0, helped.stderr
    assert "check" in helped.stdout


def test_every_file_of_the_package_is_installed(image: Image) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "bot"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    (site,) = image.opt.glob("lib/python*/site-packages")
    missing = [name for name in tracked if name and not (site / name).is_file()]
    assert missing == []


def test_the_settings_and_prompts_in_the_image_pass_the_check(image: Image, bot_env: Bot) -> None:
    checked = image.run("bot", "check", env=bot_env.env)
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_the_image_is_healthy_answers_and_stops(image: Image, bot_env: Bot) -> None:
    bot = bot_env
    bot.executable = (str(image.opt / "bin" / "python"), str(image.opt / "bin" / "bot"))
    await bot.start()
    health = next(step for step in _steps() if step.name == "HEALTHCHECK")
    command = json.loads(health.rest.partition("CMD ")[2])
    assert image.run(*command, env=bot.env).returncode == 0
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()
    await bot.stop()
    assert image.run(*command, env=bot.env).returncode == 1
