"""The prompt files of all lines, kept live while the bot runs."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import structlog

from bot.adapters.prompt_files.gathering import Gathered, Stamp, gather, stamp
from bot.adapters.prompt_files.rendering import ReadyPrompt, speak
from bot.adapters.prompt_files.source import prompt_name, ready_prompt
from bot.domain.prompt import Business, Customer, LineVoice, RenderedPrompt, variables_with
from bot.errors import Fault, SettingsError

LOOK_EVERY_S = 0.5

Stamps = tuple[tuple[Path, Stamp], ...]
"""Of a prompt file and what it includes, as it was read last."""

_log = structlog.get_logger()


class PromptArchive(Protocol):
    """Where every version that ever was live is kept."""

    async def save_prompt(self, prompt_name: str, version: str, source: str) -> None:
        """Keep this version and mark it live. Saving it again changes nothing."""
        ...

    async def live_prompt(self, prompt_name: str) -> tuple[str, str] | None:
        """Version and source that were live last."""
        ...


@dataclass(slots=True)
class _Watched:
    """One file: what is live of it, and what was seen of it."""

    file: str
    path: Path
    name: str
    live: ReadyPrompt | None = None
    pending: ReadyPrompt | None = None
    """Valid, but not archived yet."""
    seen: Stamps = ()
    handled: Stamps = ()
    """Under which it was last read; empty: never."""
    faults: tuple[Fault, ...] = ()
    logged: str = ""
    """Digest of the faults that were logged last."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What reading a file gave: a prompt or faults."""

    ready: ReadyPrompt | None = None
    faults: tuple[Fault, ...] = field(default=())
    stamps: Stamps = ()


class PromptFiles:
    """Fits the port `Prompts`. Files are relative to `root`; `lines` holds at least `default`."""

    def __init__(
        self,
        root: Path,
        lines: Mapping[str, str],
        business: Business,
        archive: PromptArchive,
        voices: Mapping[str, LineVoice] = MappingProxyType({}),
    ) -> None:
        """`voices`: what lines say otherwise than the files; a line not in it as `default`."""
        self._root = root
        self._business = business
        self._archive = archive
        self._voices = voices
        self._spoken_with = lines
        of_contacts = {file for voice in voices.values() for file in voice.contacts.values()}
        self._files = {
            file: _Watched(file, root / file, prompt_name(file))
            for file in {*lines.values(), *of_contacts}
        }
        self._lines = {line_id: self._files[file] for line_id, file in lines.items()}

    async def load(self) -> None:
        """Make every prompt live, from its file or else its last live version in the archive.

        SettingsError when a prompt has neither; the archive's own errors pass through.
        """
        for watched in self._files.values():
            await self._load(watched)
        missing = [
            fault for each in self._files.values() if each.live is None for fault in each.faults
        ]
        if missing:
            raise SettingsError(tuple(missing))

    async def watch(self, stop: asyncio.Event) -> None:
        """Take over valid edits until `stop`; nothing that happens to a file ends it."""
        while not stop.is_set():
            await self.look()
            try:
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
            except TimeoutError:
                continue

    async def look(self) -> None:
        """One look at all files. An edit is read once it has held still from one look to the next.

        So a file that is still being written is left alone.
        """
        for watched in self._files.values():
            stamps = await asyncio.to_thread(_now, watched)
            steady, watched.seen = stamps == watched.seen, stamps
            if steady and stamps != watched.handled:
                await self._take(watched, stamps)
            if watched.pending is not None:
                await self._publish(watched, watched.pending)

    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the files right now, whatever is live."""
        return tuple(fault for watched in self._files.values() for fault in watched.faults)

    def render(
        self,
        line_id: str,
        *,
        contact_name: str | None,
        now: datetime,
        customer: Customer = Customer(),  # noqa: B008 - frozen
    ) -> RenderedPrompt:
        """The line's prompt for one conversation; `load` must have succeeded."""
        voice = self._voices.get(line_id, self._voices.get("default", LineVoice()))
        own = voice.contacts.get(customer.key)
        watched = self._lines.get(line_id, self._lines["default"])
        watched = watched if own is None else self._files[own]
        if watched.live is None:
            raise SettingsError((Fault("no valid version is live", "", watched.file),))
        return speak(
            watched.live,
            self._business,
            voice,
            customer,
            line_id=line_id,
            contact_name=contact_name,
            now=now,
        )

    async def _load(self, watched: _Watched) -> None:
        read = await asyncio.to_thread(self._read, watched)
        watched.seen = watched.handled = read.stamps
        self._note(watched, read)
        if read.ready is not None:
            prompt = read.ready.prompt
            await self._archive.save_prompt(prompt.name, prompt.version, prompt.source)
            watched.live = read.ready
            return
        stored = await self._archive.live_prompt(watched.name)
        if stored is not None:
            watched.live = self._parse(watched, stored[1]).ready
        if watched.live is not None:
            _log.warning("prompt_kept", prompt=watched.name, version=watched.live.prompt.version)

    async def _take(self, watched: _Watched, stamps: Stamps) -> None:
        read = await asyncio.to_thread(self._read, watched)
        if await asyncio.to_thread(_now, watched) != stamps:
            return
        # What is included may be other files now: a change of those since is seen next time.
        watched.seen = watched.handled = read.stamps
        self._note(watched, read)
        same = (
            watched.live is not None
            and read.ready is not None
            and (read.ready.prompt.version == watched.live.prompt.version)
        )
        watched.pending = None if same else read.ready

    async def _publish(self, watched: _Watched, ready: ReadyPrompt) -> None:
        prompt = ready.prompt
        try:
            await self._archive.save_prompt(prompt.name, prompt.version, prompt.source)
        except Exception as error:  # noqa: BLE001 - whatever ails the archive, try at the next look
            if watched.logged != prompt.version:
                _log.warning("prompt_waits", prompt=prompt.name, error=type(error).__name__)
            watched.logged = prompt.version
            return
        watched.live, watched.pending = ready, None
        _log.info("prompt_live", prompt=prompt.name, version=prompt.version)

    def _note(self, watched: _Watched, read: _Read) -> None:
        watched.faults = read.faults
        digest = hashlib.sha256(repr(read.faults).encode()).hexdigest() if read.faults else ""
        if digest and digest != watched.logged:
            _log.error(
                "prompt_invalid", prompt=watched.name, faults=[str(fault) for fault in read.faults]
            )
        watched.logged = digest

    def _read(self, watched: _Watched) -> _Read:
        found: Gathered = gather(self._root, watched.file)
        if found.faults:
            return _Read(faults=found.faults, stamps=found.stamps)
        return replace(self._parse(watched, found.source), stamps=found.stamps)

    def _parse(self, watched: _Watched, source: str) -> _Read:
        try:
            return _Read(
                ready_prompt(
                    source,
                    watched.file,
                    self._business,
                    watched.name,
                    line_variables=variables_with(watched.file, self._spoken_with, self._voices),
                )
            )
        except SettingsError as error:
            return _Read(faults=error.faults)


def _now(watched: _Watched) -> Stamps:
    """Of the files that the last reading looked for."""
    paths = [path for path, _ in watched.handled] or [watched.path]
    return tuple((path, stamp(path)) for path in paths)
