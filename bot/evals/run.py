"""A whole run: every conversation with every prompt it is meant for, several at a time."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot import bootstrap, outside
from bot.config import Settings
from bot.errors import Fault, SettingsError
from bot.evals.asking import RETRY_AFTER_S, Model, Purse
from bot.evals.cache import Cache
from bot.evals.files import FOLDER, load_suites, near, read_text
from bot.evals.play import Scene, play
from bot.evals.results import Playing, Result, Results, Status
from bot.evals.script import Conversation, Suite
from bot.ports import Llm
from bot.rehearsal import PromptText, Stage

NOT_BEGUN = "not begun"
_MORNING = 10
"""O'clock."""
_WEDNESDAY = 2

Progress = Callable[[int, int], None]
"""Is told how many conversations are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Options:
    """How tests are run."""

    jobs: int = 4
    """Conversations at once."""
    max_cost: float | None = None
    """In the currency of `llm.prices`; once it is spent nothing more is begun."""
    repeat: int | None = None
    """Instead of what the files say."""
    cache: bool = True
    retry_after_s: Sequence[float] = RETRY_AFTER_S
    """How long to wait for a model that is away, each time."""


async def run_tests(
    settings: Settings,
    llm: Llm,
    suites: Sequence[Suite],
    *,
    prompt: PromptText | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Results:
    """Every test with `prompt`, a candidate; None: each with the prompts that it names.

    Raises SettingsError for a prompt that is not valid. Nothing is sent, and nothing is stored but
    the model's answers, in the data directory, so that they need not be paid twice.
    """
    run = Run(settings, llm, suites, prompt=prompt, options=options)
    await run.play(progress)
    return run.results()


@dataclass(slots=True)
class _Test:
    scene: Scene
    conversation: Conversation
    playings: list[Playing | None]


@dataclass(slots=True)
class Run:
    """A run whose results can be had at any moment, also when it was ended early."""

    settings: Settings
    llm: Llm
    suites: Sequence[Suite]
    prompt: PromptText | None = None
    options: Options | None = None
    _tests: list[_Test] = field(init=False)
    _purse: Purse = field(init=False)
    _model: Model = field(init=False)
    _stopped: str = ""

    def __post_init__(self) -> None:
        """Raises SettingsError."""
        options = self.options = Options() if self.options is None else self.options
        self._purse = Purse(options.max_cost)
        price = outside.Prices(self.settings)
        cache = open_cache(self.settings) if options.cache else None
        self._model = Model(self.llm, price, self._purse, cache, options.retry_after_s)
        self._tests = [
            _Test(scene, one, [None] * (options.repeat or one.repeat))
            for scene in self._scenes()
            for one in scene.suite.conversations
        ]

    @property
    def size(self) -> int:
        """How many conversations are held, repetitions counted."""
        return sum(len(test.playings) for test in self._tests)

    async def play(self, progress: Progress | None = None) -> None:
        """Hold them all, as far as the money goes."""
        to_do = iter([(test, number) for test in self._tests for number in _range(test)])
        jobs = 1 if self.options is None else self.options.jobs
        async with asyncio.TaskGroup() as group:
            for _ in range(jobs):
                group.create_task(self._work(to_do, progress))

    def results(self) -> Results:
        """What is known now."""
        why = self._stopped or "interrupted"
        nothing = Playing(Status.NOT_RUN, trouble=f"{NOT_BEGUN}: {why}")
        return Results(
            tuple(
                Result(
                    name=test.conversation.name,
                    file=test.scene.suite.file,
                    line=test.conversation.line,
                    prompt=test.scene.prompt,
                    playings=tuple(one or nothing for one in test.playings),
                    pass_rate=test.conversation.pass_rate,
                )
                for test in self._tests
            ),
            None if self._purse.unpriced else self._purse.spent,
            self._stopped,
        )

    async def _work(self, to_do: Iterator[tuple[_Test, int]], progress: Progress | None) -> None:
        for test, number in to_do:
            self._stopped = self._stopped or self._purse.closed
            if self._stopped:
                return
            test.playings[number] = await play(
                test.scene, test.conversation, self._model, str(number)
            )
            if progress is not None:
                done = sum(one is not None for each in self._tests for one in each.playings)
                progress(done, self.size)

    def _scenes(self) -> Iterator[Scene]:
        faults: list[Fault] = []
        for suite in self.suites:
            settings = _set_for(suite, self.settings)
            for text in self._prompts_of(suite, faults):
                try:
                    prompts = text.prompts(settings)
                except SettingsError as error:
                    faults += error.faults
                    continue
                stage = Stage(settings, prompts)
                yield Scene(suite, prompts.prompt.name, stage, _beginning(suite, settings))
        if faults:
            raise SettingsError(tuple(dict.fromkeys(faults)))

    def _prompts_of(self, suite: Suite, faults: list[Fault]) -> Iterator[PromptText]:
        if self.prompt is not None:
            yield self.prompt
            return
        for file in prompt_files(suite, self.settings):
            path = self.settings.folder / file
            if path.is_file():
                yield PromptText(read_text(path, str(path)), file)
            else:
                faults.append(_missing(suite, file))


def suite_faults(settings: Settings) -> tuple[Fault, ...]:
    """What is wrong with the test files beside the prompts; a fault in a prompt is none of them."""
    folder = near(settings.folder / FOLDER)
    try:
        suites = load_suites([folder]) if folder.is_dir() else ()
    except SettingsError as error:
        return error.faults
    named = ((suite, file) for suite in suites for file in prompt_files(suite, settings))
    return tuple(_missing(suite, f) for suite, f in named if not (settings.folder / f).is_file())


def _missing(suite: Suite, file: str) -> Fault:
    message = f"no such prompt: {file} is not there; name another"
    return Fault(message, "prompt", suite.file)


def suites_about(file: str, suites: Sequence[Suite], settings: Settings) -> tuple[Suite, ...]:
    """Those that test this prompt, and with it alone; `file` as in `prompts/default.yaml`."""
    about = (suite for suite in suites if file in prompt_files(suite, settings))
    return tuple(replace(suite, prompts=(Path(file).stem,)) for suite in about)


def prompt_files(suite: Suite, settings: Settings) -> tuple[str, ...]:
    """The prompts that a suite is about, as files below the folder of config.yaml."""
    if not suite.prompts:
        return (settings.line(suite.line_id).prompt,)
    return tuple(f"prompts/{name.removesuffix('.yaml')}.yaml" for name in suite.prompts)


def _range(test: _Test) -> range:
    return range(len(test.playings))


def _set_for(suite: Suite, settings: Settings) -> Settings:
    """The settings with the file's own hours."""
    changed = {"hours": suite.hours, "bot_answers": suite.bot_answers}
    update = {key: value for key, value in changed.items() if value is not None}
    business = settings.business.model_copy(update=update)
    return settings.model_copy(update={"business": business})


def _beginning(suite: Suite, settings: Settings) -> datetime:
    """Wednesday of this week at ten, unless the file says otherwise: the same for days on end."""
    zone = ZoneInfo(settings.business.timezone)
    if suite.now is not None:
        return suite.now.replace(tzinfo=zone)
    today = bootstrap.utc_now().astimezone(zone)
    wednesday = today + timedelta(days=_WEDNESDAY - today.weekday())
    return wednesday.replace(hour=_MORNING, minute=0, second=0, microsecond=0)


def open_cache(settings: Settings) -> Cache:
    """Where the answers of the configured model are remembered."""
    llm = settings.llm
    made_with = {
        "server": settings.secrets.openai_base_url,
        "model": llm.model,
        "temperature": llm.temperature,
        "max_output_tokens": llm.max_output_tokens,
    }
    cache = Cache(settings.secrets.data_dir / "evals", made_with)
    cache.tidy()
    return cache
