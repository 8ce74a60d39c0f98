"""What a replay is about: which prompt speaks, and which turns it is given."""

from dataclasses import replace
from pathlib import Path

from bot.adapters.db.past_turns import Lines, PastTurns
from bot.adapters.prompt_files import prompt_name
from bot.config import Settings
from bot.errors import Fault, NotFound, SettingsError
from bot.evals.files import read_text
from bot.publish import FILE, LIVE, Publisher
from bot.rehearsal import PromptText
from bot.replay.run import Candidate


async def find_candidate(
    settings: Settings,
    publisher: Publisher,
    name: str,
    file: Path | None = None,
    version: str | None = None,
) -> Candidate:
    """A file, a version, or else what the prompt's own file says now; without it what is live.

    Raises SettingsError for a text that is not valid, NotFound, Refused.
    """
    own = file_of(settings, name)
    if file is not None:
        source = read_text(file, str(file))
    elif version is not None and version != FILE:
        source = (await publisher.text(name, version)).source
    elif version == FILE or (settings.folder / own).exists():
        source = read_text(settings.folder / own, own)
    else:
        source = (await publisher.text(name, LIVE)).source
    try:
        prompts = PromptText(source, own).prompts(settings)
    except SettingsError as error:
        raise SettingsError(tuple(_placed(fault, own, file) for fault in error.faults)) from None
    return Candidate(prompts, name, prompts.prompt.version)


def _placed(fault: Fault, own: str, file: Path | None) -> Fault:
    """A candidate is read as if it stood in the prompt's place; its faults are its own."""
    return fault if file is None or fault.file != own else replace(fault, file=str(file))


def file_of(settings: Settings, name: str) -> str:
    """The prompt's file, of those that lines name; else where it would be."""
    lines = (settings.line(line_id) for line_id in ("default", *settings.lines))
    named = {prompt_name(file): file for line in lines for file in line.prompts}
    return named.get(name, f"prompts/{name}.yaml")


async def find_turns(
    settings: Settings, past: PastTurns, name: str, last: int, line_id: str | None = None
) -> tuple[str, ...]:
    """The prompt's own turns; of one that has answered nobody yet, those of its lines.

    With a line: all of that line. Raises NotFound when there are none.
    """
    if line_id is not None:
        found = await past.on_lines(Lines((line_id,)), last)
    else:
        own = file_of(settings, name)
        found = await past.of_prompt(name, _lines(settings, own, speaking=True), last)
        found = found or await past.on_lines(_lines(settings, own, speaking=False), last)
    if not found:
        where = "this prompt" if line_id is None else f"line {line_id}"
        raise NotFound(f"no answers of {where} are kept: nothing to take again")
    return found


def _lines(settings: Settings, file: str, *, speaking: bool) -> Lines:
    """Those that speak with a file, or (not only speaking) that it has to do with at all."""
    every = ("default", *settings.lines)
    found = {
        line_id
        for line_id in every
        if file in settings.line(line_id).prompts[: 1 if speaking else None]
    }
    others = set(every) - {"default"}
    return Lines(found - {"default"}, others if "default" in found else None)
