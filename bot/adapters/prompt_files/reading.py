"""Reading the values of a prompt file, with a fault at its place for what is not as it must be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bot.adapters.prompt_files.keys import MAX_LABEL_LENGTH
from bot.adapters.prompt_files.syntax import TemplateFault
from bot.domain.languages import language_named
from bot.domain.suggestion import nearest
from bot.errors import Fault
from bot.yaml_reader import DecimalNumber, Document, KeyPath, WholeNumber


@dataclass(slots=True)
class Reader:
    """One prompt, with whatever it includes; faults are gathered, not raised."""

    document: Document
    lines: Mapping[str, list[str]]
    """Of each file, as it is named in faults."""
    faults: list[Fault] = field(default_factory=list)

    def _add(self, path: KeyPath, message: str, *, at_key: bool = False) -> None:
        self.faults.append(self.document.fault(path, message, at_key=at_key))

    def _value(self, path: KeyPath) -> Any:
        value: Any = self.document.value
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _unknown(self, path: KeyPath, known: tuple[str, ...]) -> None:
        for key in self._value(path):
            if key not in known:
                self._add((*path, key), f"no such key; {nearest(key, known)}", at_key=True)

    def _text(self, path: KeyPath) -> str:
        """Empty when absent; numbers are the text they were written as."""
        value = self._value(path)
        if value is None:
            return ""
        if not isinstance(value, str | WholeNumber | DecimalNumber):
            self._add(path, "must be text: write it after `key: |`, indented by two spaces")
            return ""
        return str(value) if str(value).strip() else ""

    def _label(self, key: str) -> str:
        text = self._text((key,)).strip()
        if len(text) > MAX_LABEL_LENGTH or not text.isprintable():
            self._add((key,), f"must be one line of at most {MAX_LABEL_LENGTH} characters")
        return text

    def _code(self, path: KeyPath) -> str:
        text = self._text(path)
        return text if text and self._is_code(path, text, at_key=False) else ""

    def _is_code(self, path: KeyPath, tag: str, *, at_key: bool = True) -> bool:
        """Codes only, so that two spellings can't stand for one language."""
        try:
            code = language_named(tag)
        except ValueError as error:
            self._add(path, str(error), at_key=at_key)
            return False
        if code != tag:
            self._add(path, f"write `{code}` for it", at_key=at_key)
        return code == tag

    def _in_template(self, path: KeyPath, fault: TemplateFault) -> Fault:
        at = self.document.fault(path, fault.message)
        first = self.document.block_lines.get(path)
        if first is None:
            return at
        line = first + fault.line - 1
        return replace(at, line=line, column=self._column(at.file, line, fault.word))

    def _column(self, file: str, line: int, word: str) -> int:
        lines = self.lines.get(file, [])
        text = lines[line - 1] if line <= len(lines) else ""
        found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) if word else None
        return len(text) - len(text.lstrip()) + 1 if found is None else found.start() + 1
