"""The environment: process variables, and a `.env` beside config.yaml that they win over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from bot.domain.suggestion import nearest
from bot.errors import Fault, SettingsError
from bot.yaml_reader import decode

KNOWN = (
    "MOSSMOON_WEBHOOK_SECRET",
    "MOSSMOON_API_KEY",
    "MOSSMOON_BASE_URL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "DEEPGRAM_API_KEY",
    "DEEPGRAM_BASE_URL",
    "DATABASE_URL",
    "REDIS_URL",
    "BOT_DATA_DIR",
    "OPERATOR_TOKEN",
    "BOT_CONFIG",
)


@dataclass(slots=True)
class Variables:
    """Names and values, and what was found wrong with them. No value is ever put into a fault."""

    values: Mapping[str, str] = field(repr=False)
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """File and line of what came from `.env`."""
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        """The value without the blanks around it; None when unset or blank."""
        text = self.values.get(name, "").strip()
        return text if text else None

    def fault(self, name: str, message: str) -> None:
        self.faults.append(self.at(name, message))

    def warn(self, name: str, message: str) -> None:
        self.warnings.append(self.at(name, message))

    def at(self, name: str, message: str) -> Fault:
        file, line = self.places.get(name, ("", 0))
        return Fault(message, name, file, line, 1 if line else 0)


def read_variables(folder: Path, environ: Mapping[str, str]) -> Variables:
    """Both sources as one; a `.env` that can't be read is a fault, a missing one is none."""
    path = folder / ".env"
    try:
        text = decode(path.read_bytes(), str(path)) if path.exists() else ""
    except OSError as error:
        fault = Fault(f"can't be read ({error.strerror}): correct it or remove it", "", str(path))
        return Variables(environ, faults=[fault])
    except SettingsError as error:
        return Variables(environ, faults=list(error.faults))
    return _merged(list(parse_stream(StringIO(text))), str(path), environ)


def _merged(bindings: list[Binding], file: str, environ: Mapping[str, str]) -> Variables:
    values = {line.key: line.value for line in bindings if line.key and line.value is not None}
    places = {line.key: (file, line.original.line) for line in bindings if line.key}
    merged = Variables(
        {**values, **environ},
        {name: place for name, place in places.items() if name not in environ},
        list(_unreadable(bindings, file)),
    )
    for name in values:
        if name.startswith(("MOSSMOON_", "BOT_")) and not name.startswith("BOT__"):
            _warn_unknown(merged, name)
    return merged


def _warn_unknown(variables: Variables, name: str) -> None:
    if name not in KNOWN:
        variables.warn(name, f"no such variable, it has no effect; {nearest(name, KNOWN)}")
    elif name == "BOT_CONFIG":
        variables.warn(name, "has no effect in `.env`, that is found by it: set it outside")


def _unreadable(bindings: list[Binding], file: str) -> Iterator[Fault]:
    for line in bindings:
        if line.error:
            yield Fault("not understood: write NAME=value", "", file, line.original.line, 1)
