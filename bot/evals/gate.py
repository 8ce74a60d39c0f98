"""The tests beside the prompts as a gate for a changed one."""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import structlog

from bot.adapters.prompt_files import prompt_name
from bot.config import Settings
from bot.domain.candidate import (
    SHOWN_CHARS,
    SHOWN_FAILURES,
    SHOWN_TALK,
    Candidate,
    Failure,
    Judgement,
    Report,
    Ruling,
    Said,
)
from bot.errors import Fault, SettingsError
from bot.evals.files import FOLDER, load_suites, near
from bot.evals.results import Playing, Result, Results, Status
from bot.evals.run import Options, run_tests, suites_about
from bot.evals.script import Suite
from bot.ports import Llm
from bot.rehearsal import PromptText

log = structlog.get_logger()

_OPTIONS = Options(retry_after_s=(1.0,))
"""A model that is away longer is asked again later, and what it has said by then is remembered."""


class TestsAsGate:
    """Fits the port `PromptTests`."""

    __test__ = False  # not one of pytest's

    def __init__(self, settings: Settings, llm: Llm) -> None:
        self._settings = settings
        self._llm = llm
        self._known: tuple[tuple[tuple[Path, tuple[int, ...]], ...], str] | None = None
        """What the test files looked like, and their digest."""

    async def digest(self, name: str) -> str:
        """Of all of them: a file's own words say which prompts it is about."""
        del name
        return await asyncio.to_thread(self._digest)

    async def judge(self, candidate: Candidate) -> Judgement:
        """Run those about a candidate. Never raises for what goes wrong in them."""
        tests = await asyncio.to_thread(self._digest)
        edition = candidate.edition
        try:
            file = prompt_file(self._settings, edition.name)
            suites = await asyncio.to_thread(tests_about, self._settings, file)
            if not suites:
                return Judgement(Ruling.UNTESTED, tests)
            prompt = PromptText(edition.source, file)
            results = await run_tests(
                self._settings, self._llm, suites, prompt=prompt, options=_OPTIONS
            )
        except SettingsError as error:
            return Judgement(Ruling.FAIL, tests, _unreadable(error.faults))
        except Exception as error:
            log.exception("gate.tests_broke", error=type(error).__name__)
            return Judgement(
                Ruling.NOT_RUN, tests, trouble=f"internal error: {type(error).__name__}"
            )
        return judgement_of(results, tests)

    def _digest(self) -> str:
        """Read anew only when a file seems to be another."""
        folder = self._settings.folder / FOLDER
        paths = sorted(folder.rglob("*"))
        stamps = tuple((path, _stamp(path)) for path in paths)
        if self._known is None or self._known[0] != stamps:
            self._known = stamps, _digest_of(folder, paths)
        return self._known[1]


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        now = path.stat()
    except OSError:
        return ()
    return (now.st_mtime_ns, now.st_ctime_ns, now.st_size, now.st_ino)


def _digest_of(folder: Path, paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        try:
            content = path.read_bytes() if path.is_file() else b""
        except OSError as error:
            content = str(error.errno).encode()
        digest.update(f"{path.relative_to(folder)}:{len(content)}:".encode(errors="replace"))
        digest.update(content)
    return digest.hexdigest()


def prompt_file(settings: Settings, name: str) -> str:
    """The file of a prompt that somebody is spoken to with, below the folder of config.yaml."""
    of_contacts = (file for voice in settings.voices().values() for file in voice.contacts.values())
    of_lines = (
        file for line in ("default", *settings.lines) for file in settings.line(line).prompts
    )
    files = (*of_lines, *of_contacts)
    return next((file for file in files if prompt_name(file) == name), f"prompts/{name}.yaml")


def tests_about(settings: Settings, file: str) -> tuple[Suite, ...]:
    """The suites that test this prompt. Raises SettingsError."""
    folder = near(settings.folder / FOLDER)
    suites = load_suites([folder]) if folder.is_dir() else ()
    about = suites_about(file, suites, settings)
    return tuple(suite for suite in about if suite.conversations)


def judgement_of(results: Results, tests: str) -> Judgement:
    """One that has failed is enough, whatever the others would have come to."""
    report = Report(
        results.count(Status.PASSED),
        results.count(Status.FAILED),
        results.count(Status.NOT_RUN),
        results.spent,
        tuple(_failures(results))[:SHOWN_FAILURES],
    )
    if report.failed:
        return Judgement(Ruling.FAIL, tests, report)
    if report.not_run:
        trouble = next((one.trouble for one in results.results if one.trouble), results.stopped)
        return Judgement(Ruling.NOT_RUN, tests, report, trouble or "the tests could not be run")
    return Judgement(Ruling.PASS, tests, report)


def _failures(results: Results) -> Iterator[Failure]:
    for result in results.results:
        if result.status is Status.FAILED and result.worst is not None:
            yield _failure(result, result.worst)


def _failure(result: Result, playing: Playing) -> Failure:
    problems = tuple(
        f"{check.expectation}: {check.reason}"[:SHOWN_CHARS]
        for check in playing.failures[:SHOWN_FAILURES]
    )
    talk = tuple(Said(one.who, one.text[:SHOWN_CHARS]) for one in playing.talk[-SHOWN_TALK:])
    return Failure(result.name, result.file, result.line, problems, talk)


def _unreadable(faults: tuple[Fault, ...]) -> Report:
    """Tests that can't be read can't pass."""
    said = tuple(str(fault)[:SHOWN_CHARS] for fault in faults[:SHOWN_FAILURES])
    file = faults[0].file or FOLDER
    return Report(failed=1, failures=(Failure("the tests can't be run", file, 0, said),))
