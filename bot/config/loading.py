"""From files and variables to settings, with every fault at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError

from bot import crash_points
from bot.config.cross_checks import oddities
from bot.config.faults import Sources, tree_faults
from bot.config.overrides import apply_overrides
from bot.config.secrets import Secrets, read_secrets
from bot.config.tree import SettingsTree
from bot.config.variables import read_variables
from bot.errors import Fault, SettingsError
from bot.yaml_reader import Document, read_yaml

DEFAULT_PATH = Path("config.yaml")


class Settings(SettingsTree):
    """Everything an operator has set. Read once, at start."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    secrets: Secrets
    path: Path
    """The settings file, absolute; other paths are relative to its folder."""
    warnings: tuple[Fault, ...] = ()
    dev: bool = False

    @property
    def folder(self) -> Path:
        return self.path.parent


@dataclass(frozen=True, slots=True)
class Examined:
    """The settings, when they are usable, and everything to be said about them."""

    settings: Settings | None
    tree: SettingsTree | None
    """What the file says, usable by itself even when the environment is at fault."""
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    path: Path
    """As the operator gave it, for faults in other files."""
    sources: Sources = field(repr=False)


@dataclass(frozen=True, slots=True)
class EditNote:
    """What an edit of the settings comes to."""

    text: str
    changed: tuple[str, ...] = ()
    """The sections that would be different after a restart."""
    faults: tuple[Fault, ...] = ()


def load(
    config_path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    dev: bool = False,
) -> Settings:
    """The settings, or SettingsError with every fault; without a path `BOT_CONFIG` decides."""
    examined = examine(config_path, environ, dev=dev)
    if examined.settings is None:
        raise SettingsError(examined.faults)
    return examined.settings


def examine(config_path: Path | None, environ: Mapping[str, str], *, dev: bool = False) -> Examined:
    """Like `load`, but never raises for what an operator wrote."""
    path = _chosen_path(config_path, environ)
    document, faults, warnings = _read(path)
    variables = read_variables(path.parent, environ)
    merged, origins = apply_overrides(document.value, variables)
    sources = Sources(document, variables, origins)
    tree = _tree(merged, sources, faults)
    secrets = read_secrets(variables, path.absolute().parent, dev=dev)
    faults += variables.faults
    warnings += variables.warnings
    warnings += [] if tree is None else oddities(tree, secrets, sources, dev=dev)
    warnings += _of_crash_points(environ)
    settings = None
    if tree is not None and not faults:
        given: dict[str, Any] = {**dict(tree), "secrets": secrets, "path": path.absolute()}
        settings = Settings.model_construct(None, **given, warnings=tuple(warnings), dev=dev)
    return Examined(settings, tree, tuple(faults), tuple(warnings), path, sources)


def _of_crash_points(environ: Mapping[str, str]) -> list[Fault]:
    warning = crash_points.warning(environ)
    return [] if warning is None else [Fault(warning, crash_points.VARIABLE)]


def reload_note(settings: Settings, environ: Mapping[str, str] = os.environ) -> EditNote:
    """What an operator is told after config.yaml was edited under a running bot."""
    examined = examine(settings.path, environ, dev=settings.dev)
    if examined.settings is None:
        return EditNote("not valid, would stop the next start", faults=examined.faults)
    new = examined.settings
    changed = [name for name in SettingsTree.model_fields if _differs(settings, new, name)]
    if settings.secrets != new.secrets:
        changed.append("the environment")
    if not changed:
        return EditNote("changes nothing")
    return EditNote("takes effect at restart", changed=tuple(changed))


def _differs(old: Settings, new: Settings, name: str) -> bool:
    return bool(getattr(old, name) != getattr(new, name))


def _chosen_path(config_path: Path | None, environ: Mapping[str, str]) -> Path:
    if config_path is not None:
        return config_path
    named = environ.get("BOT_CONFIG", "").strip()
    return Path(named) if named else DEFAULT_PATH


def _read(path: Path) -> tuple[Document, list[Fault], list[Fault]]:
    """The file, its faults and warnings; only under its default name it may be missing."""
    file = str(path)
    nothing = Document(file, {}, {}, {}, {})
    try:
        return read_yaml(path.read_bytes(), file), [], []
    except SettingsError as error:
        return nothing, list(error.faults), []
    except FileNotFoundError:
        if path == DEFAULT_PATH:
            return nothing, [], [Fault("no such file: every setting has its default", "", file)]
        return nothing, [Fault("no such file: correct the path or write the file", "", file)], []
    except OSError as error:
        return nothing, [Fault(f"can't be read: {error.strerror}", "", file)], []


def _tree(merged: Mapping[str, Any], sources: Sources, faults: list[Fault]) -> SettingsTree | None:
    # A section whose keys are all commented out has no value: its defaults hold.
    given = {key: value for key, value in merged.items() if value is not None}
    try:
        return SettingsTree.model_validate(given)
    except ValidationError as error:
        faults += tree_faults(error, sources)
        return None
