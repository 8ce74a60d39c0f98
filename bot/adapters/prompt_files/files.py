"""The prompts of all lines, kept live while the bot runs.

The archive's live version is the truth: every process serves it within a look or two. A file is how
it is changed: an edit of one is offered to the archive, which tells an edit from an old copy.
"""

import asyncio
import hashlib
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import structlog

from bot.adapters.prompt_files.gathering import stamp
from bot.adapters.prompt_files.on_disk import Read, Shelf, Stamps
from bot.adapters.prompt_files.rendering import ReadyPrompt, speak
from bot.adapters.prompt_files.source import prompt_name
from bot.domain.conversation import conversation_id
from bot.domain.prompt import Business, Customer, LineVoice, RenderedPrompt
from bot.domain.prompt_version import Edition, FileText
from bot.domain.split import side_of
from bot.errors import Fault, SettingsError

LOOK_EVERY_S = 0.5
_AFTER_FAILURE_S = 2.0
_SAY_HERE_EVERY_S = 3600.0

_log = structlog.get_logger()


class PromptArchive(Protocol):
    """Where every version that ever was live is kept, and which one is."""

    async def take_file(self, text: FileText) -> str | None:
        """Publish a file's text if it is an edit; the live version, None: ask again soon."""
        ...

    async def live_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """The live version of each; one that never was live is left out."""
        ...

    async def source(self, name: str, version: str) -> str | None:
        """A version's text; None: there is no such version."""
        ...


@dataclass(slots=True)
class _Watched:
    """One file: what is served of its prompt, and what was seen of it."""

    file: str
    path: Path
    name: str
    served: ReadyPrompt | None = None
    pending: ReadyPrompt | None = None
    """Valid, and not yet offered to the archive."""
    seen: Stamps = ()
    handled: Stamps = ()
    """Under which it was last read; empty: never."""
    offered_at: float = 0.0
    offered: ReadyPrompt | None = None
    """What the file said the last time that it was valid."""
    faults: tuple[Fault, ...] = ()
    unusable: tuple[str, Fault] | None = None
    """A live version that can't be used here, and why."""
    logged: str = ""
    """Digest of the faults that were logged last."""

    @property
    def version(self) -> str | None:
        """The one that is served."""
        return None if self.served is None else self.served.prompt.version


class PromptFiles:
    """Fits the port `Prompts`. Files are relative to `root`; `lines` holds at least `default`."""

    def __init__(
        self,
        root: Path,
        lines: Mapping[str, str],
        business: Business,
        archive: PromptArchive,
        voices: Mapping[str, LineVoice] = MappingProxyType({}),
        host: str | None = None,
    ) -> None:
        """`voices`: what lines say otherwise than the files; a line not in it as `default`.

        `host`: what this machine is called; None: by its own name.
        """
        self._shelf = Shelf(root, lines, business, voices)
        self._archive = archive
        self._host = socket.gethostname() if host is None else host
        self._files = {
            file: _Watched(file, root / file, prompt_name(file)) for file in self._shelf.files()
        }
        self._lines = {line_id: self._files[file] for line_id, file in lines.items()}
        self._is_archive_away = False
        self._follow_at = 0.0

    async def load(self) -> None:
        """Serve the live version of every prompt, after offering what the files say.

        SettingsError when a prompt has no valid version (a shadow's may have none: it says nothing
        then); the archive's own errors pass through.
        """
        for watched in self._files.values():
            read = await asyncio.to_thread(self._read, watched)
            watched.seen = watched.handled = read.stamps
            self._note(watched, read)
            if read.ready is not None:
                await self._offer(watched, read.ready, is_start=True)
        await self._follow()
        for watched in self._files.values():
            self._serve_something(watched)
        missing = [
            fault
            for file in self._shelf.heard_files()
            if self._files[file].served is None
            for fault in self._files[file].faults
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
        """One look at all files, and at what is live.

        An edit is read once it has held still from one look to the next: a file that is still
        being written is left alone.
        """
        for watched in self._files.values():
            now = await asyncio.to_thread(_now, watched)
            steady, watched.seen = now == watched.seen, now
            if steady and now != watched.handled:
                await self._take(watched, now)
            if time.monotonic() - watched.offered_at > _SAY_HERE_EVERY_S:
                watched.pending = watched.pending or watched.offered
            if watched.pending is not None and watched.seen == watched.handled:
                await self._try_to_offer(watched, watched.pending)
        if time.monotonic() >= self._follow_at:
            await self._try_to_follow()

    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the files, and with what is live, whatever is served."""
        in_files = [fault for watched in self._files.values() for fault in watched.faults]
        others = [each.unusable[1] for each in self._files.values() if each.unusable is not None]
        return (*in_files, *others)

    def render(
        self,
        line_id: str,
        *,
        contact_name: str | None,
        now: datetime,
        customer: Customer = Customer(),  # noqa: B008 - frozen
        file: str | None = None,
    ) -> RenderedPrompt:
        """The line's prompt for one conversation; `load` must have succeeded.

        `file`: another one of the line's files. A contact's own prompt goes before any other.
        """
        voices = self._shelf.voices
        voice = voices.get(line_id, voices.get("default", LineVoice()))
        own = voice.contacts.get(customer.key)
        if own is None and file is None and customer.key:
            file = side_of(voice.split, conversation_id(line_id, customer.key))
        watched = self._lines.get(line_id, self._lines["default"])
        watched = watched if own is None and file is None else self._files[own or file or ""]
        if watched.served is None:
            raise SettingsError((Fault("no valid version is live", "", watched.file),))
        return speak(
            watched.served,
            self._shelf.business,
            voice,
            customer,
            line_id=line_id,
            contact_name=contact_name,
            now=now,
        )

    async def _take(self, watched: _Watched, now: Stamps) -> None:
        read = await asyncio.to_thread(self._read, watched)
        if await asyncio.to_thread(_now, watched) != now:
            return
        # What is included may be other files now: a change of those since is seen next time.
        watched.seen = watched.handled = read.stamps
        self._note(watched, read)
        watched.pending = read.ready
        if read.ready is None:
            watched.offered = None

    async def _try_to_offer(self, watched: _Watched, ready: ReadyPrompt) -> None:
        try:
            await self._offer(watched, ready)
        except Exception as error:  # noqa: BLE001 - whatever ails the archive, try at the next look
            if watched.logged != ready.prompt.version:
                _log.warning("prompt_waits", prompt=watched.name, error=type(error).__name__)
            watched.logged = ready.prompt.version

    async def _offer(
        self, watched: _Watched, ready: ReadyPrompt, *, is_start: bool = False
    ) -> None:
        prompt = ready.prompt
        edition = Edition(watched.name, prompt.version, prompt.source)
        place = f"{self._host}:{watched.path.absolute()}"
        live = await self._archive.take_file(FileText(edition, self._host, place, is_start))
        watched.pending = ready if live is None else None
        watched.offered, watched.offered_at = ready, time.monotonic()
        if live == prompt.version:
            self._serve(watched, ready)
        elif live is not None:
            _log.warning("prompt_file_differs", prompt=watched.name, file=prompt.version, live=live)

    async def _follow(self) -> None:
        """Serve what is live, whoever brought it."""
        live = await self._archive.live_versions([each.name for each in self._files.values()])
        for watched in self._files.values():
            version = live.get(watched.name)
            if version is None or version == watched.version:
                watched.unusable = None
            elif watched.unusable is None or watched.unusable[0] != version:
                await self._fetch(watched, version)

    async def _try_to_follow(self) -> None:
        try:
            await self._follow()
        except Exception as error:  # noqa: BLE001 - whatever ails the archive, a later look tries again
            if not self._is_archive_away:
                _log.warning("prompts_not_followed", error=type(error).__name__)
            self._is_archive_away = True
            self._follow_at = time.monotonic() + _AFTER_FAILURE_S
        else:
            self._is_archive_away = False

    async def _fetch(self, watched: _Watched, version: str) -> None:
        source = await self._archive.source(watched.name, version)
        if source is None:
            return
        read = await asyncio.to_thread(self._shelf.read_text, source, watched.file, watched.name)
        if read.ready is not None:
            self._serve(watched, read.ready)
            return
        fault = read.faults[0]
        about = f"the live version {version} can't be used here: {fault.message}"
        watched.unusable = version, Fault(about, fault.key, watched.file)
        _log.error("prompt_unusable", prompt=watched.name, version=version, fault=str(fault))

    def _serve(self, watched: _Watched, ready: ReadyPrompt) -> None:
        before, watched.served, watched.unusable = watched.version, ready, None
        if before not in (None, ready.prompt.version):
            _log.info("prompt_live", prompt=watched.name, version=ready.prompt.version)

    def _serve_something(self, watched: _Watched) -> None:
        """At the start: what is live can't be used here, but perhaps the file can."""
        if watched.served is None:
            watched.served = watched.offered
        if watched.served is not None and (watched.faults or watched.unusable):
            _log.warning("prompt_kept", prompt=watched.name, version=watched.version)

    def _note(self, watched: _Watched, read: Read) -> None:
        watched.faults = read.faults
        digest = hashlib.sha256(repr(read.faults).encode()).hexdigest() if read.faults else ""
        if digest and digest != watched.logged:
            _log.error(
                "prompt_invalid", prompt=watched.name, faults=[str(fault) for fault in read.faults]
            )
        watched.logged = digest

    def _read(self, watched: _Watched) -> Read:
        return self._shelf.read(watched.file, watched.name)


def _now(watched: _Watched) -> Stamps:
    """Of the files that the last reading looked for."""
    paths = [path for path, _ in watched.handled] or [watched.path]
    return tuple((path, stamp(path)) for path in paths)
