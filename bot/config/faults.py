"""From pydantic's errors to faults with a place, a key and a remedy, without any input value."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.config.tree import LineEntry, Price, SettingsTree
from bot.config.variables import Variables
from bot.domain.suggestion import nearest
from bot.errors import Fault
from bot.yaml_reader import Document, KeyPath, dotted


class Sources:
    """Where each value of the merged tree came from: a place in the file, or a variable."""

    def __init__(
        self, document: Document, variables: Variables, origins: Mapping[KeyPath, str]
    ) -> None:
        self._document = document
        self._variables = variables
        self._origins = origins

    def fault(self, path: KeyPath, message: str, *, at_key: bool = False) -> Fault:
        """A fault at the file's place, or naming the variable that brought the value."""
        for length in range(len(path), 0, -1):
            name = self._origins.get(path[:length])
            if name is not None:
                return self._variables.at(name, self._named(name, path, message))
            if path[:length] in self._document.places:
                break
        name = next(
            (self._origins[leaf] for leaf in self._origins if leaf[: len(path)] == path), None
        )
        if name is not None and path not in self._document.places:
            return self._variables.at(name, self._named(name, path, message))
        return self._document.fault(path, message, at_key=at_key)

    def about(self, path: KeyPath, message: str) -> Fault:
        """Like `fault`, but without a place when the key stands nowhere and has its default."""
        is_given = path in self._document.places or any(
            path[:length] in self._origins for length in range(1, len(path) + 1)
        )
        return self.fault(path, message) if is_given else Fault(message, dotted(path))

    def _named(self, name: str, path: KeyPath, message: str) -> str:
        key = dotted(path)
        same = name.removeprefix("BOT__").replace("__", ".").lower() == key.lower()
        return message if same else f"{key}: {message}"


def tree_faults(error: ValidationError, sources: Sources) -> list[Fault]:
    """Every error of the tree, in the order of the file."""
    faults = [_fault(detail, sources) for detail in error.errors(include_url=False)]
    return sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column, fault.key))


def _fault(detail: ErrorDetails, sources: Sources) -> Fault:
    path: KeyPath = detail["loc"]
    at_key = path[-1:] == ("[key]",)
    path = path[:-1] if at_key else path
    if detail["type"] == "extra_forbidden":
        hint = nearest(str(path[-1]), _known_keys(path[:-1]))
        return sources.fault(path, f"no such key; {hint}", at_key=True)
    return sources.fault(path, _message(detail), at_key=at_key)


def _known_keys(path: KeyPath) -> list[str]:
    """The keys that may stand under `path`."""
    match path:
        case ():
            model: Any = SettingsTree
        case ("lines", _):
            model = LineEntry
        case ("llm", "prices", _):
            model = Price
        case _:
            model = SettingsTree.model_fields[str(path[0])].annotation
    return list(model.model_fields)


_MESSAGES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "int_type": lambda _: "must be a whole number, without quotes",
    "int_from_float": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number, without quotes",
    "finite_number": lambda _: "must be a number that is not infinite",
    "bool_type": lambda _: "must be `true` or `false`",
    "string_type": lambda _: "must be text: put it in quotes",
    "string_too_short": lambda _: "must not be empty",
    "too_short": lambda _: "must not be empty",
    "string_too_long": lambda ctx: f"must have at most {ctx['max_length']} characters",
    "too_long": lambda ctx: f"too long: at most {ctx['max_length']}",
    "literal_error": lambda ctx: f"must be one of {ctx['expected'].replace(chr(39), '`')}",
    "greater_than": lambda ctx: f"must be more than {_number(ctx['gt'])}",
    "greater_than_equal": lambda ctx: f"must be at least {_number(ctx['ge'])}",
    "less_than_equal": lambda ctx: f"must be at most {_number(ctx['le'])}",
    "tuple_type": lambda _: "must be a list: [one, two], or lines that begin with `- `",
    "model_type": lambda _: "must be a group of keys: `key: value` lines, indented under it",
    "dict_type": lambda _: "must be a group of keys: `key: value` lines, indented under it",
    "mapping_type": lambda _: "must be a group of keys: `key: value` lines, indented under it",
    "missing": lambda _: "is missing: add it",
    "value_error": lambda ctx: str(ctx["error"]),
}


def _number(limit: float) -> str:
    return f"{limit:.10g}"


def _message(detail: ErrorDetails) -> str:
    explain = _MESSAGES.get(detail["type"])
    return detail["msg"] if explain is None else explain(detail.get("ctx", {}))
