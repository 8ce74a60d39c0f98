"""`BOT__SECTION__KEY`: environment variables that override keys of config.yaml."""

import json
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, NoReturn, Union, get_args, get_origin

from pydantic import BaseModel

from bot.config.tree import LineEntry, SettingsTree
from bot.config.variables import Variables
from bot.domain.suggestion import nearest
from bot.yaml_reader import KeyPath

PREFIX = "BOT__"


def apply_overrides(
    base: Mapping[str, Any], variables: Variables
) -> tuple[Any, dict[KeyPath, str]]:
    """The tree with every override merged in, and which variable each merged value came from.

    Objects merge key by key, everything else replaces. A longer name is applied later, so that
    `BOT__LLM__MODEL` wins over `BOT__LLM`.
    """
    tree = dict(base)
    origins: dict[KeyPath, str] = {}
    names = [name for name in variables.values if name.startswith(PREFIX)]
    for name in sorted(names, key=lambda name: (name.count("__"), name)):
        path = _path(name)
        if path is None:
            variables.fault(name, f"no such setting; {_hint(name.removeprefix(PREFIX))}")
            continue
        try:
            value = _value(path, variables.values[name])
        except (ValueError, RecursionError):
            variables.fault(name, "must be JSON: a number, true, false, a list or an object")
            continue
        for leaf in _merge(tree, path, value):
            origins[leaf] = name
    return tree, origins


def _path(name: str) -> KeyPath | None:
    """Where a variable's value belongs; None: nowhere. Names of lines keep their case."""
    head, *rest = name.removeprefix(PREFIX).split("__")
    if head.lower() == "lines":
        return _line_path(rest)
    section = SettingsTree.model_fields.get(head.lower())
    if section is None or not rest:
        return None if section is None else (head.lower(),)
    key, *inner = (head.lower(), rest[0].lower()), *rest[1:]
    if key[1] not in _fields(section.annotation):
        return None
    if not inner:
        return key
    return _inner_path(key, inner)


def _inner_path(key: tuple[str, str], inner: list[str]) -> KeyPath | None:
    match key, inner:
        case ("business", "hours"), [day]:
            return (*key, day.lower())
        case ("llm", "prices"), [model]:
            return (*key, model)
        case ("llm", "prices"), [*model, price]:
            return (*key, "__".join(model), price.lower())
    return None


def _line_path(rest: list[str]) -> KeyPath | None:
    if len(rest) < 2:
        return ("lines", *rest)
    key = rest[-1].lower()
    return ("lines", "__".join(rest[:-1]), key) if key in LineEntry.model_fields else None


def _value(path: KeyPath, text: str) -> Any:
    if _is_text(_annotation(path)):
        return text
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_without_doubles)


def _annotation(path: KeyPath) -> Any:
    if path[0] == "lines":
        return LineEntry.model_fields[str(path[2])].annotation if len(path) == 3 else dict
    section = SettingsTree.model_fields[str(path[0])].annotation
    return _fields(section)[str(path[1])].annotation if len(path) == 2 else section


def _fields(section: Any) -> Mapping[str, Any]:
    is_section = isinstance(section, type) and issubclass(section, BaseModel)
    return section.model_fields if is_section else {}


def _is_text(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _is_text(get_args(annotation)[0])
    if origin is UnionType or origin is Union:
        return any(_is_text(part) for part in get_args(annotation))
    return annotation is str or origin is Literal


def _merge(tree: dict[str, Any], path: KeyPath, value: Any) -> Iterator[KeyPath]:
    """Put the value at its path; yields the path of everything that was set."""
    above = tree
    for key in path[:-1]:
        inner = above.get(str(key))
        above[str(key)] = dict(inner) if isinstance(inner, Mapping) else {}
        above = above[str(key)]
    yield from _set(above, path, value)


def _set(above: dict[str, Any], path: KeyPath, value: Any) -> Iterator[KeyPath]:
    key = str(path[-1])
    mergeable = isinstance(value, Mapping) and value and path[-1] != "text_body"
    if not mergeable:
        above[key] = value
        yield path
        return
    inner = above.get(key)
    above[key] = dict(inner) if isinstance(inner, Mapping) else {}
    for name, item in value.items():
        yield from _set(above[key], (*path, name), item)


def _hint(name: str) -> str:
    parts = name.split("__")
    if parts[0].lower() == "lines":
        return nearest(parts[-1].lower(), list(LineEntry.model_fields))
    hint = nearest(name, list(_known_names()))
    return hint.replace("`", f"`{PREFIX}", 1) if hint.startswith("did") else "see config.yaml"


def _known_names() -> Iterator[str]:
    for section, info in SettingsTree.model_fields.items():
        yield section.upper()
        for key in _fields(info.annotation):
            yield f"{section}__{key}".upper()


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError
    return entries
