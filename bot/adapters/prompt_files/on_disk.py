"""Prompts as they stand in files: read with what they include, checked, compiled."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.adapters.prompt_files.gathering import Stamp, gather
from bot.adapters.prompt_files.rendering import ReadyPrompt
from bot.adapters.prompt_files.source import ready_prompt
from bot.domain.prompt import Business, LineVoice, variables_with
from bot.errors import Fault, SettingsError

Stamps = tuple[tuple[Path, Stamp], ...]
"""Of a prompt file and what it includes, as it was read last."""


@dataclass(frozen=True, slots=True)
class Read:
    """What reading a file gave: a prompt or faults."""

    ready: ReadyPrompt | None = None
    faults: tuple[Fault, ...] = field(default=())
    stamps: Stamps = ()


@dataclass(frozen=True, slots=True)
class Shelf:
    """The prompt files of a host, and what they are to be valid for. Files are below `root`."""

    root: Path
    lines: Mapping[str, str]
    business: Business
    voices: Mapping[str, LineVoice] = field(default_factory=dict)
    """What lines say otherwise than the files; a line not in it as `default`."""

    def files(self) -> frozenset[str]:
        """All that answers are made with."""
        beside = (voice.shadow for voice in self.voices.values())
        return self.heard_files() | {file for file in beside if file is not None}

    def heard_files(self) -> frozenset[str]:
        """All that customers are spoken to with."""
        beside = (file for voice in self.voices.values() for file in voice.heard)
        return frozenset({*self.lines.values(), *beside})

    def read(self, file: str, name: str, draft: str | None = None) -> Read:
        """A file as it is right now, or a draft of it; whatever is at its place is a fault."""
        found = gather(self.root, file, text=draft)
        if found.faults:
            return Read(faults=found.faults, stamps=found.stamps)
        return replace(self.read_text(found.source, file, name), stamps=found.stamps)

    def read_text(self, source: str, file: str, name: str) -> Read:
        """A text that holds what it includes."""
        try:
            lines = variables_with(file, self.lines, self.voices)
            return Read(ready_prompt(source, file, self.business, name, line_variables=lines))
        except SettingsError as error:
            return Read(faults=error.faults)
