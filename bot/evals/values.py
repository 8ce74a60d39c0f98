"""Values of a test file, each with what is wrong with it and what to write instead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.domain.lengths import read_length
from bot.domain.opening_hours import DAYS, opening
from bot.domain.suggestion import nearest
from bot.errors import Fault
from bot.yaml_reader import DecimalNumber, Document, KeyPath, WholeNumber

MAX_TEXT = 10_000
MAX_REPEAT = 100
GROUP = "must be a group of keys: `key: value` lines, indented under it"
_MOMENT = "%Y-%m-%d %H:%M"
_LONGEST_WAIT = timedelta(days=400)


@dataclass(slots=True)
class Values:
    """What stands at a path; what is absent has its default, what is wrong becomes a fault."""

    document: Document
    faults: list[Fault] = field(default_factory=list)

    def value(self, path: KeyPath) -> Any:
        value: Any = self.document.value
        for part in path:
            if isinstance(part, int):
                value = value[part] if isinstance(value, list) and part < len(value) else None
            else:
                value = value.get(part) if isinstance(value, dict) else None
        return value

    def add(self, path: KeyPath, message: str, *, at_key: bool = False) -> None:
        fault = self.document.fault(path, message, at_key=at_key)
        if fault not in self.faults:  # what the whole file says is read for each conversation
            self.faults.append(fault)

    def line(self, path: KeyPath) -> int:
        return self.document.fault(path, "", at_key=True).line

    def is_group(self, path: KeyPath) -> bool:
        return isinstance(self.value(path), dict)

    def is_fine(self, path: KeyPath) -> bool:
        key = ".".join(map(str, path))
        return not any(fault.key == key for fault in self.faults)

    def unknown(self, path: KeyPath, known: tuple[str, ...]) -> None:
        for key in self.value(path):
            if key not in known:
                self.add((*path, key), f"no such key; {nearest(key, known)}", at_key=True)

    def items(self, path: KeyPath, most: int) -> list[Any]:
        value = self.value(path)
        if value is None:
            return []
        if not isinstance(value, list):
            self.add(path, "must be a list: lines that begin with `- `")
            return []
        if len(value) > most:
            self.add(path, f"at most {most}: make a second file, or a second conversation")
            return []
        return value

    def text(self, path: KeyPath, *, needed: bool = False) -> str:
        """Empty when absent; numbers are the text they were written as."""
        value = self.value(path)
        if value is not None and not isinstance(value, str | WholeNumber | DecimalNumber):
            self.add(path, "must be text: put it in quotes")
            return ""
        text = "" if value is None else str(value).strip()
        if len(text) > MAX_TEXT:
            self.add(path, f"must have at most {MAX_TEXT} characters")
        if needed and not text and self.is_fine(path):
            self.add(path, "is missing: write it")
        return text

    def texts(self, path: KeyPath) -> tuple[str, ...]:
        value = self.value(path)
        if value is None:
            return ()
        if not isinstance(value, list):
            return (self.text(path, needed=True),)
        if not value or len(value) > 100:
            self.add(path, "must be a text, or a list of at most 100: [one, two]")
            return ()
        return tuple(self.text((*path, index), needed=True) for index in range(len(value)))

    def flag(self, path: KeyPath) -> bool | None:
        """`yes` and `no` are text in YAML 1.2, and what people write."""
        value = self.value(path)
        if not isinstance(value, bool) and value not in ("yes", "no"):
            self.add(path, "must be `yes` or `no`")
            return None
        return value in (True, "yes")

    def whole(self, path: KeyPath, default: int, most: int = MAX_REPEAT) -> int:
        value = self.value(path)
        if value is None:
            return default
        if not isinstance(value, WholeNumber) or not 1 <= value <= most:
            self.add(path, f"must be a whole number from 1 to {most}")
            return default
        return int(value)

    def number(self, path: KeyPath) -> float | None:
        value = self.value(path)
        return float(value) if isinstance(value, WholeNumber | DecimalNumber) else None

    def share(self, path: KeyPath, default: float) -> float:
        if self.value(path) is None:
            return default
        number = self.number(path)
        if number is None or not 0 < number <= 1:
            self.add(path, "must be a share above 0 and up to 1: 0.8 means four of five")
            return default
        return number

    def amount(self, path: KeyPath) -> float | None:
        number = self.number(path)
        if number is None or not 0 <= number < 1e9:
            self.add(path, "must be an amount, in the currency of llm.prices: 0.01")
            return None
        return number

    def length(self, path: KeyPath) -> timedelta:
        text = self.text(path)
        try:
            length = read_length(text) if text else timedelta(0)
        except ValueError:
            length = None
        if length is None or length > _LONGEST_WAIT:
            self.add(path, "must be a time such as 10m, 2h or 1d, at most 400d")
            return timedelta(0)
        return length

    def moment(self, path: KeyPath) -> datetime | None:
        text = " ".join(self.text(path).replace("T", " ").split())
        if not text:
            return None
        try:
            return datetime.strptime(text, _MOMENT)  # noqa: DTZ007 - the zone is the business's
        except ValueError:
            self.add(path, "must be a day and a time, as in `2026-03-28 10:30`")
            return None

    def hours(self, path: KeyPath) -> Mapping[str, tuple[str, ...]] | None:
        value = self.value(path)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.add(path, f'{GROUP}: `mon: ["09:00-13:00"]`')
            return None
        self.unknown(path, DAYS)
        return {day: self.spans((*path, day)) for day in value if day in DAYS}

    def spans(self, path: KeyPath) -> tuple[str, ...]:
        value = self.value(path)
        items = value if isinstance(value, list) else [value]
        if items in ([], ["closed"]):
            return ()
        spans = [opening(item) if isinstance(item, str) else None for item in items]
        if None in spans:
            self.add(path, 'must be `closed` or a list like ["09:00-13:00", "16:00-20:00"]')
        return tuple(span for span in spans if span is not None)
