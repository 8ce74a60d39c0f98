"""`include:` puts the keys of other files under those of a prompt.

Rules: a later file wins over an earlier one, and what includes wins over what it includes. Groups
of keys (`variables`, `hand_off`, `languages`) are put together key by key; a text or a list is one
value. A key with nothing behind it says nothing.

A prompt and its parts are kept as one text, the file's own first and each part behind a line that
no prompt file can hold, so that a version needs no other file, and its digest is that of it all.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from bot.adapters.prompt_files.keys import MAX_INCLUDES
from bot.errors import Fault, SettingsError
from bot.yaml_reader import Document, KeyPath, parse_yaml

MAX_LEVELS = 4

_MARK = re.compile(r"^--- # included: (.+?)\r?\n", re.MULTILINE)
"""A second document: valid nowhere in a prompt file."""

Load = Callable[[str], str]
"""The text of a part by its name, as seen from the settings' folder.

Raises SettingsError with one fault that has no place, and says what is wrong with the name.
"""


def folder_of(file: str) -> PurePosixPath:
    """The folder that a prompt's parts are in: `prompts`, or that of a prompt kept elsewhere."""
    path = PurePosixPath(file)
    return PurePosixPath("prompts") if path.parts[:-1][:1] == ("prompts",) else path.parent


def bundle(text: str, parts: Mapping[str, str]) -> str:
    """A prompt file's text and its parts as one text; without parts it is the text itself.

    Raises ValueError when a text holds a line that would be taken for a mark.
    """
    pieces = [text, *(f"--- # included: {name}\n{part}" for name, part in parts.items())]
    whole = "".join(_ended(piece) for piece in pieces) if parts else text
    back, back_parts = unbundle(whole)
    expected = {name: _ended(part) for name, part in parts.items()}
    if (back, back_parts) != (_ended(text) if parts else text, expected):
        raise ValueError
    return whole


def unbundle(source: str) -> tuple[str, Mapping[str, str]]:
    """The text of the prompt file itself, and those of its parts by name."""
    text, *rest = _MARK.split(source)
    return text, dict(zip(rest[::2], rest[1::2], strict=True))


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


@dataclass(slots=True)
class Included:
    """Resolves one prompt's parts; `faults` holds everything that is wrong with them."""

    file: str
    """The prompt file, as seen from the settings' folder."""
    load: Load
    folder: Path = Path()
    """What stands before the parts' names in faults."""
    faults: list[Fault] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """Of every part, in the order in which they are first named."""
    _merged: dict[str, Document] = field(default_factory=dict)

    def merge(self, document: Document) -> Document:
        """The prompt with all its parts under it."""
        return self._merge(document, (str(PurePosixPath(self.file)),))

    def shown(self, name: str) -> str:
        """A part's name in faults."""
        return str(self.folder / name)

    def _merge(self, document: Document, chain: tuple[str, ...]) -> Document:
        whole = _without_include(document)
        for path, name in reversed([*self._names(document)]):
            part = self._part(document, path, name, chain)
            whole = whole if part is None else overlay(whole, part)
        return whole

    def _part(
        self, document: Document, path: KeyPath, name: str, chain: tuple[str, ...]
    ) -> Document | None:
        wrong = self._problem(name, chain)
        if wrong is not None:
            self.faults.append(document.fault(path, wrong))
            return None
        if name not in self._merged:
            part = self._read(document, path, name)
            if part is None:
                return None
            self._merged[name] = _labelled(self._merge(part, (*chain, name)))
        return self._merged[name]

    def _problem(self, name: str, chain: tuple[str, ...]) -> str | None:
        if name in chain:
            return f"a circle: {' -> '.join((*chain, name))}: take one of these includes out"
        if len(chain) > MAX_LEVELS:
            return f"more than {MAX_LEVELS} files deep: include it in a file further up"
        if name not in self.texts and len(self.texts) >= MAX_INCLUDES:
            return f"over {MAX_INCLUDES} files in all: put some together"
        return None

    def _read(self, document: Document, path: KeyPath, name: str) -> Document | None:
        try:
            self.texts[name] = text = self.load(name)
        except SettingsError as error:
            placed = (fault if fault.file else _at(document, path, fault) for fault in error.faults)
            self.faults += placed
            return None
        try:
            return parse_yaml(text, self.shown(name))
        except SettingsError as error:
            self.faults += error.faults
            return None

    def _names(self, document: Document) -> Iterator[tuple[KeyPath, str]]:
        given = document.value.get("include")
        items = [] if given is None else given if isinstance(given, list) else [given]
        for index, item in enumerate(items):
            path: KeyPath = ("include", index) if isinstance(given, list) else ("include",)
            wrong, name = _name(item)
            if wrong:
                self.faults.append(document.fault(path, wrong))
            else:
                yield path, str(folder_of(self.file) / name)


def whole(document: Document, parts: Mapping[str, str], folder: Path = Path()) -> Document:
    """The prompt with its parts, which are at hand. Raises SettingsError."""

    def part(name: str) -> str:
        if name not in parts:
            raise SettingsError((Fault(f"{name} is not at hand: it is not kept with this text"),))
        return parts[name]

    # Places are looked up in the prompts' folder, whatever the file is called in faults.
    inside = _inside(document.file, folder)
    included = Included(inside, part, folder)
    merged = included.merge(document)
    spare = next((name for name in parts if name not in included.texts), None)
    if spare is not None and not included.faults:
        message = f"nothing includes {spare}: take the line `--- # included:` and what follows out"
        included.faults.append(Fault(message, "include", document.file))
    if included.faults:
        raise SettingsError(tuple(included.faults))
    return merged


def _inside(file: str, folder: Path) -> str:
    path = Path(file)
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else file


def _at(document: Document, path: KeyPath, fault: Fault) -> Fault:
    return document.fault(path, fault.message)


def _name(item: Any) -> tuple[str, str]:
    """What is wrong with a name, or the name."""
    example = "write one like `shared/house-style.yaml`, as seen from the prompts' folder"
    if not isinstance(item, str) or not item.strip() or not item.isprintable() or len(item) > 200:
        return f"must be the name of a file: {example}", ""
    path = PurePosixPath(item.strip().replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        return f"leads out of the prompts' folder: {example}", ""
    if path.suffix not in {".yaml", ".yml"}:
        return f"must end in .yaml: {example}", ""
    return "", str(path)


def overlay(over: Document, under: Document) -> Document:
    """Both as one: where both say something, what is `over` holds."""
    owners: dict[KeyPath, Document] = {(): over}
    value = _overlaid(over, under, (), owners)

    def mine(document: Document, path: KeyPath) -> bool:
        prefixes = (path[:length] for length in range(len(path), -1, -1))
        return next(owners[prefix] for prefix in prefixes if prefix in owners) is document

    def both(name: str) -> dict[KeyPath, Any]:
        return {
            path: place
            for document in (under, over)
            for path, place in getattr(document, name).items()
            if mine(document, path)
        }

    return Document(over.file, value, both("places"), both("key_places"), both("block_lines"))


def _overlaid(
    over: Document, under: Document, path: KeyPath, owners: dict[KeyPath, Document]
) -> dict[str, Any]:
    above, below = _at_path(over, path), _at_path(under, path)
    merged: dict[str, Any] = {}
    for key in {**below, **above}:
        here = (*path, key)
        ours, theirs = above.get(key), below.get(key)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            owners[here] = over
            merged[key] = _overlaid(over, under, here, owners)
        else:
            holds = over if ours is not None or key not in below else under
            owners[here] = holds
            merged[key] = ours if holds is over else theirs
    return merged


def _at_path(document: Document, path: KeyPath) -> Mapping[str, Any]:
    value: Any = document.value
    for part in path:
        value = value[part]
    found: Mapping[str, Any] = value
    return found


def _without_include(document: Document) -> Document:
    kept = {key: value for key, value in document.value.items() if key != "include"}
    return replace(document, value=kept)


def _labelled(document: Document) -> Document:
    """With the file at each place, so that a fault in what is put together names its own."""

    def named(places: Mapping[KeyPath, Any]) -> dict[KeyPath, Any]:
        return {
            path: place if place.file else replace(place, file=document.file)
            for path, place in places.items()
        }

    return replace(document, places=named(document.places), key_places=named(document.key_places))
