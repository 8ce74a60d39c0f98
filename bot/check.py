"""`bot check`: settings, every prompt and the environment, without starting anything."""

import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.adapters import otlp
from bot.adapters.media_host import AllowedHosts
from bot.adapters.prompt_files import Gathered, gather, prompt_name, ready_prompt
from bot.config import Examined, Settings, SettingsTree, examine
from bot.domain.prompt import Business, Prompt, Value, variables_with
from bot.domain.suggestion import nearest
from bot.errors import Fault, SettingsError

_WAL_RESET_FIXED = (3, 51, 3)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Faults stop the bot or the use of a prompt; warnings don't."""

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    settings: Settings | None
    """None when they are at fault."""


def check(
    config_path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    dev: bool = False,
) -> CheckResult:
    """Everything an operator has written, read as the bot would read it now."""
    examined = examine(config_path, environ, dev=dev)
    prompts = _Prompts(examined)
    faults = [*examined.faults, *prompts.faults(), *_hosts(examined), *_tracing(examined)]
    warnings = [*examined.warnings, *prompts.warnings, *_sqlite(examined)]
    return CheckResult(tuple(faults), tuple(warnings), examined.settings)


def _hosts(examined: Examined) -> Sequence[Fault]:
    """Hosts that no address could ever be on."""
    try:
        AllowedHosts(() if examined.tree is None else examined.tree.media.allowed_hosts)
    except SettingsError as error:
        return error.faults
    return ()


def _tracing(examined: Examined) -> Iterator[Fault]:
    """Traces need a part that is not installed by itself."""
    tree = examined.tree
    if tree is not None and tree.tracing.endpoint and not otlp.is_installed():
        yield examined.sources.about(("tracing", "endpoint"), otlp.MISSING)


class _Prompts:
    """All prompt files: those that lines speak with, and whatever else lies in `prompts/`."""

    def __init__(self, examined: Examined) -> None:
        self._folder = examined.path.parent
        self._examined = examined
        tree = examined.tree
        self._business = Business() if tree is None else tree.business.for_prompts()
        self._tried = {} if tree is None else _tried(tree)
        self._used = {} if tree is None else tree.prompt_files()
        self._voices = {} if tree is None else tree.voices()
        self.warnings: list[Fault] = []

    def faults(self) -> Iterator[Fault]:
        of_contacts = (file for voice in self._voices.values() for file in voice.contacts.values())
        used = {*self._used.values(), *self._tried.values(), *of_contacts}
        gathered = {
            file: gather(self._folder, file, self._folder)
            for file in sorted({*used, *self._found()})
            if (self._folder / file).exists()
        }
        yield from self._missing(used - {*gathered})
        parts = {path for read in gathered.values() for path, _ in read.stamps[1:]}
        for file, read in gathered.items():
            # What others include need not be a whole prompt.
            if file in used or self._folder / file not in parts:
                yield from self._file_faults(file, read)

    def _found(self) -> Iterator[str]:
        folder = self._folder / "prompts"
        for pattern in ("*.yaml", "*.yml"):
            for path in folder.glob(pattern):
                yield path.relative_to(self._folder).as_posix()

    def _missing(self, files: Collection[str]) -> Iterator[Fault]:
        about = self._examined.sources.about
        for line_id, wanted in self._used.items():
            if wanted in files:
                yield about(("lines", line_id, "prompt"), _no_such(wanted))
        for line_id, voice in self._voices.items():
            for wanted in sorted({*voice.contacts.values()} & {*files}):
                yield about(("lines", line_id, "contacts"), _no_such(wanted))
        for place, wanted in self._tried.items():
            if wanted in files:
                yield about(place, _no_such(wanted))

    def _file_faults(self, file: str, read: Gathered) -> Iterator[Fault]:
        yield from read.faults
        if read.faults:
            return
        path = self._folder / file
        lines = variables_with(file, self._used, self._voices)
        try:
            prompt = ready_prompt(
                read.source,
                str(path),
                self._business,
                prompt_name(file),
                folder=self._folder,
                line_variables=lines,
            ).prompt
        except SettingsError as error:
            yield from error.faults
            return
        self.warnings += self._missing_away(prompt, path)
        self.warnings += self._undeclared(prompt, path, lines)

    def _undeclared(
        self, prompt: Prompt, path: Path, lines: Mapping[str, Mapping[str, Value]]
    ) -> Iterator[Fault]:
        for line_id, variables in lines.items():
            for name in variables:
                if name not in prompt.variables:
                    hint = nearest(name, tuple(prompt.variables))
                    message = f"{path} declares no such variable, so this does nothing; {hint}"
                    yield self._examined.sources.about(
                        ("lines", line_id, "variables", name), message
                    )

    def _missing_away(self, prompt: Prompt, path: Path) -> Iterator[Fault]:
        tree = self._examined.tree
        business = None if tree is None else tree.business
        if business is None or not business.hours or business.bot_answers != "in_hours":
            return
        if not prompt.texts.get("away"):
            message = "is missing: with business.bot_answers: in_hours nothing is said while closed"
            yield Fault(message, "away", str(path))


def _tried(tree: SettingsTree) -> Mapping[tuple[str, ...], str]:
    """The prompt files of shadows and splits, by the key that names them."""
    tried: dict[tuple[str, ...], str] = {}
    for line_id, entry in tree.lines.items():
        if entry.shadow is not None:
            tried["lines", line_id, "shadow"] = entry.shadow
        for file in entry.split or ():
            tried["lines", line_id, "split", file] = file
    return tried


def _no_such(file: str) -> str:
    return f"no such file {file}: write it, or name another"


def _sqlite(examined: Examined) -> Iterator[Fault]:
    """Versions before the fix can lose pages when several connections commit and checkpoint."""
    if examined.settings is None:
        return
    url = examined.settings.secrets.database_url
    on_sqlite = url is None or url.get_secret_value().startswith("sqlite")
    if on_sqlite and sqlite3.sqlite_version_info < _WAL_RESET_FIXED:
        version = sqlite3.sqlite_version
        message = f"SQLite {version} has a rare fault in its log, so writers take turns by a lock"
        yield Fault(f"{message}; 3.51.3 needs none", "DATABASE_URL")
