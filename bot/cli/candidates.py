"""A prompt's candidate in the terminal: how far it is, and the conversation that went wrong."""

from collections.abc import Iterator

from bot.cli.terminal import cell, moment, words
from bot.domain.candidate import CandidateState, CandidateView, Failure

_LINE_CHARS = 200


def candidate_lines(name: str, candidate: CandidateView) -> Iterator[str]:
    """What an operator has to know of it."""
    yield f"{cell(name)}: {candidate.version} is not live: {_how_far(candidate)}"
    for failure in candidate.report.failures:
        yield from _failure(failure)
    yield f"  to make it live all the same: bot prompts publish {cell(name)} --anyway"


def _how_far(candidate: CandidateView) -> str:
    match candidate.state:
        case CandidateState.TESTING:
            return "its tests are running"
        case CandidateState.FAILED:
            report = candidate.report
            total = report.passed + report.failed + report.not_run
            return f"{report.failed} of {total} tests failed; the last good version answers on"
        case CandidateState.WAITING if candidate.trouble:
            again = "" if candidate.next_at is None else f", again at {moment(candidate.next_at)}"
            return f"its tests could not be run: {cell(candidate.trouble, _LINE_CHARS)}{again}"
        case CandidateState.WAITING:
            return "it waits for its tests"


def _failure(failure: Failure) -> Iterator[str]:
    place = f"{failure.file}:{failure.line}" if failure.line else failure.file
    yield f"  {cell(place, _LINE_CHARS)}: {cell(failure.name, _LINE_CHARS)}"
    yield from (f"    not as expected: {cell(one, _LINE_CHARS)}" for one in failure.problems)
    for said in failure.talk:
        first, *others = words(said.text).splitlines() or [""]
        yield f"    {said.who:>8}  {first}"
        yield from (f"              {line}" for line in others)
