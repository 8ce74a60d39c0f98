"""`bot eval`: the conversation tests kept beside the prompts."""

import asyncio
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bot import bootstrap, logs, outside
from bot.cli.terminal import cell, complain, say, say_json, say_progress, say_table, words
from bot.config import Settings, load
from bot.domain.chat import Usage
from bot.evals.files import FOLDER, load_suites, near, read_text
from bot.evals.junit import junit_xml
from bot.evals.report import html_report
from bot.evals.results import Playing, Result, Results, Status, as_data
from bot.evals.run import Options, Run, suites_about
from bot.evals.script import Suite
from bot.rehearsal import PromptText

FAILED, WRONG_USAGE = 1, 2
_BAR = 24
_SHOWN_TALK = 12
_WHO = {"customer": "customer", "bot": "bot", "note": "--"}


class _Wrong(Exception):
    """What was asked for can't be done; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    settings: Settings
    suites: tuple[Suite, ...]
    prompt: PromptText | None
    options: Options


def run(arguments: Namespace) -> int:
    """0: every test passed; 1: one failed or could not be run; 2: wrong usage, or no model."""
    logs.configure(level=logging.CRITICAL)
    try:
        wanted = _wanted(arguments)
    except _Wrong as wrong:
        complain(f"bot eval: {wrong}")
        return WRONG_USAGE
    with asyncio.Runner() as runner:
        results = runner.run(_play(wanted))
    _write(arguments, results)
    if arguments.json:
        say_json(as_data(results))
    else:
        _report(results, has_model=outside.has_llm(wanted.settings))
    return _verdict(wanted.settings, results)


def _wanted(arguments: Namespace) -> _Wanted:
    settings = load(arguments.config, os.environ, dev=True)
    suites = _suites(arguments, settings)
    prompt = None
    if arguments.candidate is not None:
        prompt = PromptText(
            read_text(arguments.candidate, str(arguments.candidate)), _name(arguments)
        )
    for path in (arguments.junit, arguments.html):
        _check_writable(path)
    options = Options(
        jobs=arguments.jobs,
        max_cost=arguments.max_cost,
        repeat=arguments.repeat,
        cache=arguments.cache,
    )
    if not outside.has_llm(settings):
        options = replace(options, retry_after_s=())
    elif options.max_cost is not None and _price(settings) is None:
        raise _Wrong(f"--max-cost needs the price of {settings.llm.model} under llm.prices")
    return _Wanted(settings, suites, prompt, options)


def _price(settings: Settings) -> float | None:
    """Of nothing, with the configured model; None: it has no price."""
    return outside.Prices(settings)(Usage(settings.llm.model, 0, 0))


def _name(arguments: Namespace) -> str:
    """A candidate is called as the prompt whose place it is to take."""
    name = arguments.prompt
    return str(arguments.candidate) if name is None else f"prompts/{name}.yaml"


def _suites(arguments: Namespace, settings: Settings) -> tuple[Suite, ...]:
    paths: Sequence[Path] = arguments.paths or [near(settings.folder / FOLDER)]
    for path in paths:
        if not path.exists():
            raise _Wrong(f"{path} is not there: name a test file, or a folder of them")
    suites = load_suites(paths)
    if arguments.prompt is not None:
        suites = suites_about(f"prompts/{arguments.prompt}.yaml", suites, settings)
    if not suites:
        raise _Wrong(f"no tests: put some into {FOLDER}/, or name a file")
    return suites


def _check_writable(path: Path | None) -> None:
    """Before money is spent on what could not be kept."""
    if path is None:
        return
    try:
        path.touch()
    except OSError as error:
        raise _Wrong(f"{path}: {error.strerror}") from None


async def _play(wanted: _Wanted) -> Results:
    """After Ctrl-C: what was done until then."""
    settings = wanted.settings
    llm = outside.make_llm(settings, outside.configured_endpoints(settings))
    try:
        todo = Run(settings, llm, wanted.suites, wanted.prompt, wanted.options)
        if not sys.stderr.isatty():
            complain(f"{todo.size} conversations, {wanted.options.jobs} at a time")
        with suppress(asyncio.CancelledError):
            await todo.play(_show_progress)
        return todo.results()
    finally:
        say_progress("")
        await llm.close()


def _show_progress(done: int, size: int) -> None:
    filled = _BAR * done // size
    say_progress(f"[{'#' * filled}{'.' * (_BAR - filled)}] {done} of {size} conversations")


def _write(arguments: Namespace, results: Results) -> None:
    if arguments.junit is not None:
        arguments.junit.write_bytes(junit_xml(results))
    if arguments.html is not None:
        page = html_report(results, bootstrap.utc_now())
        arguments.html.write_text(page, encoding="utf-8")


def _verdict(settings: Settings, results: Results) -> int:
    if results.passed:
        return 0
    if not outside.has_llm(settings) and not results.count(Status.FAILED):
        missing = results.count(Status.NOT_RUN)
        complain(f"OPENAI_API_KEY is not set: {missing} tests need a model and were not run")
        return WRONG_USAGE
    return FAILED


def _report(results: Results, *, has_model: bool) -> None:
    say_table(("RESULT", "PASSED", "COST", "TEST"), [_row(one) for one in results.results])
    for result in results.results:
        if result.status is Status.FAILED or (has_model and result.status is Status.NOT_RUN):
            say("")
            for line in _detail(result):
                say(line)
    say("")
    counts = ", ".join(f"{results.count(status)} {status}" for status in Status)
    say(f"{counts}; spent {_money(results.spent)}")
    if results.stopped:
        complain(f"stopped early: {results.stopped}")


def _row(result: Result) -> tuple[str, str, str, str]:
    share = f"{result.passes}/{len(result.playings)}"
    name = f"{cell(result.name, 60)} ({cell(result.prompt)})"
    return result.status.value, share, _money(result.cost), name


def _money(cost: float | None) -> str:
    return "?" if cost is None else f"{cost:.4f}"


def _detail(result: Result) -> Iterator[str]:
    yield f"{result.file}:{result.line}: {cell(result.name, 100)}: {result.status}"
    playing = result.worst
    if playing is None:
        return
    if playing.trouble:
        yield f"  {cell(playing.trouble, 300)}"
    for check in playing.failures:
        where = f"{result.file}:{check.line}: " if check.line else ""
        yield f"  {where}{check.where}: {cell(check.expectation, 200)}"
        yield f"    {cell(check.reason, 300)}"
    if result.status is Status.FAILED:
        yield from _talk(playing)


def _talk(playing: Playing) -> Iterator[str]:
    for one in playing.talk[-_SHOWN_TALK:]:
        first, *others = words(one.text[:1000]).splitlines() or [""]
        yield f"  {_WHO[one.who]:>8}  {first}"
        yield from (f"            {line}" for line in others)
