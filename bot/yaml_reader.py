"""YAML as settings and prompts need it: plain data with the place of everything in the file.

Scalars follow the YAML 1.2 core rules, so `12:30` and `no` stay text. What can surprise or hurt
(tags, anchors, aliases, double keys, a second document) is a fault, and all faults come at once.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.reader import ReaderError

from bot.errors import Fault, SettingsError

MAX_FILE_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_FAULTS = 100

KeyPath = tuple[str | int, ...]

_WHOLE = re.compile(r"[-+]?[0-9]{1,40}|0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]{1,40}(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_INFINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"": None, "~": None, **dict.fromkeys(("null", "Null", "NULL"))}
_BOOLEANS = {"true": True, "True": True, "TRUE": True}
_BOOLEANS |= {"false": False, "False": False, "FALSE": False}


class WholeNumber(int):
    """A whole number that still knows how it was written: `+34600111222`, `007`."""

    source: str

    def __str__(self) -> str:
        return self.source


class DecimalNumber(float):
    """A decimal number that still knows how it was written: `1.50`."""

    source: str

    def __str__(self) -> str:
        return self.source


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in its file; both count from 1."""

    line: int
    column: int
    file: str = ""
    """Empty: the document's own; else the file that this part of it was included from."""


@dataclass(frozen=True, slots=True)
class Document:
    """One file's mapping; paths lead from its top to a value."""

    file: str
    value: Mapping[str, Any]
    places: Mapping[KeyPath, Place]
    """Of each value."""
    key_places: Mapping[KeyPath, Place]
    """Of each key of a mapping."""
    block_lines: Mapping[KeyPath, int]
    """The first line of the content of each literal block (`key: |`)."""

    def fault(self, path: KeyPath, message: str, *, at_key: bool = False) -> Fault:
        """A fault at the value of `path`, or at the nearest thing above it that is in the file."""
        place = self.key_places.get(path) if at_key else None
        known = path
        while place is None and known:
            place = self.places.get(known)
            known = known[:-1]
        place = Place(1, 1) if place is None else place
        return Fault(message, dotted(path), place.file or self.file, place.line, place.column)


def dotted(path: KeyPath) -> str:
    """`lines.ln_1.only.0`, made of printable characters only and not endless."""
    text = ".".join(str(part) for part in path)
    return "".join(char if char.isprintable() else "?" for char in text)[:200]


def read_yaml(data: bytes, file_name: str) -> Document:
    """The file's data, or SettingsError with every fault; an empty file is an empty mapping."""
    return parse_yaml(decode(data, file_name), file_name)


def decode(data: bytes, file_name: str) -> str:
    """UTF-8 with or without a byte order mark, of bounded size."""
    if len(data) > MAX_FILE_BYTES:
        _refuse(f"the file is over {MAX_FILE_BYTES} bytes: make it smaller", file_name, Place(1, 1))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", errors="replace")
        _refuse("not UTF-8: save the file as UTF-8", file_name, _place_after(before))


def parse_yaml(text: str, file_name: str) -> Document:
    """Like `read_yaml`, for a text that is decoded already."""
    builder = _Builder(file_name)
    try:
        value = builder.document(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        builder.add(_mark_place(error), _explain(error))
    except ReaderError as error:
        place = _place_after(text[: error.position])
        builder.add(place, "a control character: remove it, or write it as an escape in quotes")
    except YAMLError:
        builder.add(Place(1, 1), "this is not YAML")
    if builder.faults:
        raise SettingsError(tuple(builder.faults))
    return Document(file_name, value, builder.places, builder.key_places, builder.block_lines)


def scalar(text: str) -> Any:
    """A plain scalar's value by the YAML 1.2 core rules."""
    if text in _WORDS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _WHOLE.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return _sourced(WholeNumber(int(text, base)), text)
    if _DECIMAL.fullmatch(text):
        return _sourced(DecimalNumber(text), text)
    if _INFINITE.fullmatch(text):
        return _sourced(DecimalNumber(text.lower().replace(".", "")), text)
    return text


@dataclass(slots=True)
class _Builder:
    file: str
    faults: list[Fault] = field(default_factory=list)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    key_places: dict[KeyPath, Place] = field(default_factory=dict)
    block_lines: dict[KeyPath, int] = field(default_factory=dict)

    def add(self, place: Place, message: str, path: KeyPath = ()) -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(message, dotted(path), self.file, place.line, place.column))

    def document(self, events: Iterator[Event]) -> dict[str, Any]:
        value: Any = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.add(_start(event), "a second document: keep everything above this `---`")
                    break
                value = self.node(next(events), events, ())
            if isinstance(event, StreamEndEvent):
                break
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.add(self.places.get((), Place(1, 1)), "must be a mapping: lines of `key: value`")
            return {}
        return value

    def node(self, event: Event, events: Iterator[Event], path: KeyPath) -> Any:
        self.places[path] = _start(event)
        self._refuse_sharing(event, path)
        if len(path) > MAX_DEPTH:
            _refuse(f"nested deeper than {MAX_DEPTH} levels", self.file, _start(event))
        match event:
            case ScalarEvent():
                return self._scalar(event, path)
            case SequenceStartEvent():
                return self._sequence(events, path)
            case MappingStartEvent():
                return self._mapping(events, path)
        return None

    def _refuse_sharing(self, event: Event, path: KeyPath) -> None:
        if isinstance(event, AliasEvent):
            message = "aliases (`*name`) are refused: write the value out, or put it in quotes"
            self.add(_start(event), message, path)
        elif getattr(event, "anchor", None) is not None:
            self.add(_start(event), "anchors (`&name`) are refused: remove it", path)
        if getattr(event, "tag", None) is not None:
            self.add(_start(event), "tags (`!name`) are refused: remove it", path)

    def _scalar(self, event: ScalarEvent, path: KeyPath) -> Any:
        if event.style == "|":
            self.block_lines[path] = event.start_mark.line + 2
        if event.style is None:
            return scalar(event.value)
        if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in event.value):
            self.add(_start(event), "holds a NUL or half a character: remove the escape", path)
        return event.value

    def _sequence(self, events: Iterator[Event], path: KeyPath) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self.node(event, events, (*path, len(items))))
        return items

    def _mapping(self, events: Iterator[Event], path: KeyPath) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._key(event, events, path)
            value_event = next(events)
            entries[key] = self.node(value_event, events, (*path, key))
            if _is_absent(value_event):
                # The parser puts what is not there at the next thing that is.
                self.places[*path, key] = _end(event)
        return entries

    def _key(self, event: Event, events: Iterator[Event], path: KeyPath) -> str:
        """Keys are text as written: `no`, `1` and `ln_1` alike."""
        if not isinstance(event, ScalarEvent):
            self.add(_start(event), "a key must be plain text", path)
            self.node(event, events, (*path, "?"))
            return "?"
        self._refuse_sharing(event, path)
        key = str(event.value)
        here = (*path, key)
        if here in self.key_places:
            first = self.key_places[here].line
            self.add(_start(event), f"given twice: it is already on line {first}", here)
        else:
            self.key_places[here] = _start(event)
        return key


def _sourced(number: Any, source: str) -> Any:
    number.source = source
    return number


def _start(event: Event) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _is_absent(event: Event) -> bool:
    return isinstance(event, ScalarEvent) and event.value == "" and event.style is None


def _end(event: Event) -> Place:
    return Place(event.end_mark.line + 1, event.end_mark.column + 1)


def _mark_place(error: MarkedYAMLError) -> Place:
    mark = error.problem_mark if error.problem_mark is not None else error.context_mark
    return Place(1, 1) if mark is None else Place(mark.line + 1, mark.column + 1)


def _place_after(text: str) -> Place:
    lines = text.splitlines(keepends=True)
    if not lines or lines[-1].endswith(("\n", "\r")):
        return Place(len(lines) + 1, 1)
    return Place(len(lines), len(lines[-1]) + 1)


def _explain(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "cannot be read")
    if "'\\t'" in problem:
        return "a tab: indent with spaces"
    if "mapping values are not allowed" in problem:
        return "a `:` that does not fit here: put the text in quotes, or correct the indent"
    if "could not find expected ':'" in problem:
        return "a line without `key:`: write `key: value`, or indent it under a `key: |`"
    if "<stream end>" in problem or "end of stream" in problem:
        return "the file ends inside a bracket or a quote: close it"
    if "cannot start any token" in problem:
        return f"{problem}: put the text in quotes"
    return f"not valid YAML ({problem}): correct the indent or put the text in quotes"


def _refuse(message: str, file_name: str, place: Place) -> NoReturn:
    raise SettingsError((Fault(message, "", file_name, place.line, place.column),))
