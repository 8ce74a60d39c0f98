"""`bot check`: settings, every prompt and the environment, without starting anything."""

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.adapters import otlp
from bot.adapters.media_host import AllowedHosts
from bot.adapters.prompt_files import parse_prompt, prompt_name
from bot.config import Examined, Settings, SettingsTree, examine
from bot.domain.prompt import Business, Prompt
from bot.errors import Fault, SettingsError
from bot.yaml_reader import MAX_FILE_BYTES, decode

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
        self._used = {} if tree is None else _used(tree)
        self.warnings: list[Fault] = []

    def faults(self) -> Iterator[Fault]:
        for file in sorted({*self._used.values(), *self._found()}):
            if (self._folder / file).exists():
                yield from self._file_faults(file)
            else:
                yield from self._missing(file)

    def _found(self) -> Iterator[str]:
        folder = self._folder / "prompts"
        for pattern in ("*.yaml", "*.yml"):
            for path in folder.glob(pattern):
                yield path.relative_to(self._folder).as_posix()

    def _missing(self, file: str) -> Iterator[Fault]:
        for place, wanted in self._used.items():
            if wanted == file:
                message = f"no such file {file}: write it, or name another"
                yield self._examined.sources.about(place, message)

    def _file_faults(self, file: str) -> Iterator[Fault]:
        path = self._folder / file
        try:
            prompt = parse_prompt(_content(path), str(path), self._business, prompt_name(file))
        except SettingsError as error:
            yield from error.faults
            return
        self.warnings += self._missing_away(prompt, path)

    def _missing_away(self, prompt: Prompt, path: Path) -> Iterator[Fault]:
        tree = self._examined.tree
        business = None if tree is None else tree.business
        if business is None or not business.hours or business.bot_answers != "in_hours":
            return
        if not prompt.texts.get("away"):
            message = "is missing: with business.bot_answers: in_hours nothing is said while closed"
            yield Fault(message, "away", str(path))


def _used(tree: SettingsTree) -> Mapping[tuple[str, ...], str]:
    """The prompt files that lines have to do with, by the key that names them."""
    used: dict[tuple[str, ...], str] = {}
    for line_id in ("default", *tree.lines):
        line = tree.line(line_id)
        used["lines", line_id, "prompt"] = line.prompt
        entry = tree.lines.get(line_id)
        if entry is not None and entry.shadow is not None:
            used["lines", line_id, "shadow"] = entry.shadow
        for file in () if entry is None or entry.split is None else entry.split:
            used["lines", line_id, "split", file] = file
    return used


def _content(path: Path) -> str:
    try:
        if not path.is_file():
            raise SettingsError((Fault("not a file: put a prompt there", "", str(path)),))
        with path.open("rb") as file:
            return decode(file.read(MAX_FILE_BYTES + 1), str(path))
    except OSError as error:
        raise SettingsError((Fault(f"can't be read: {error.strerror}", "", str(path)),)) from error


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
