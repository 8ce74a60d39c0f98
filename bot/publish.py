"""Making a prompt's text live: from the console, the API, the shell, or a file that was saved.

Everything that goes live passes `Publisher`. The database is first, the file second: what is live
is never less than what is written down, and a file that could not be written goes on holding a text
that is known, which its host therefore does not take for an edit.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

import structlog

from bot.crash_points import CrashPoint, reach
from bot.domain.prompt_shown import (
    Checked,
    FileLook,
    FileState,
    Invalid,
    Outcome,
    Outdated,
    PromptPage,
    PromptView,
    Published,
    TextView,
    VersionPage,
    VersionView,
    show_fault,
)
from bot.domain.prompt_version import Bringer, Edition, FileText, LivePrompt
from bot.errors import NotFound, Refused
from bot.ports import PromptFolder, PromptStore

log = structlog.get_logger()

LIVE = "live"
FILE = "file"
"""Names that may stand for a version: what is live, and what this host's file says."""
_BOM = "\ufeff"
_LIKE_MAX = 2
_NAME_MAX = 300


class Publisher:
    """On one host. Everything raises StoreUnavailable; a prompt nobody knows raises NotFound."""

    def __init__(self, store: PromptStore, folder: PromptFolder) -> None:
        self._store = store
        self._folder = folder

    # what files bring, and what processes follow

    async def take_file(self, text: FileText) -> str | None:
        """A file's valid text: live if it is an edit. The live version; None: ask again soon."""
        return await self._store.take_file(text)

    async def live_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """What is to be served."""
        return await self._store.live_versions(names)

    async def source(self, name: str, version: str) -> str | None:
        """A version's text; None: no such version."""
        return await self._store.source(name, version)

    # what operators see

    async def prompts(self) -> PromptPage:
        """Each prompt that a line speaks with: what is live, and what is wrong with its file."""
        names = self._folder.names()
        live = await self._store.live(names)
        return PromptPage(tuple([await self._show(name, live.get(name)) for name in sorted(names)]))

    async def prompt(self, name: str) -> PromptView:
        """One of them."""
        if name not in self._folder.names():
            raise NotFound("no line speaks with such a prompt")
        return await self._show(name, (await self._store.live([name])).get(name))

    async def history(self, name: str) -> VersionPage:
        """What was live when, the newest first; also of a prompt that no line speaks with now."""
        past = await self._store.history(_possible(name))
        if not past and name not in self._folder.names():
            raise NotFound("there is no such prompt")
        return VersionPage(
            tuple(
                VersionView(
                    one.version,
                    one.since,
                    one.until,
                    one.origin,
                    one.actor,
                    one.host,
                    one.is_rollback,
                )
                for one in past
            )
        )

    async def text(self, name: str, named: str = LIVE) -> TextView:
        """A version's text; `named` is its beginning, `live` or `file`.

        Raises NotFound; Refused when several versions begin so, or the file is invalid.
        """
        if named == FILE:
            return await self._text_of_file(name)
        version = await self._find(_possible(name), named)
        source = await self._store.source(name, version)
        if source is None:
            raise NotFound("there is no such version")
        return TextView(name, version, source)

    def own_text(self, source: str) -> str:
        """A version's text without the parts that it includes: what is edited."""
        return self._folder.own_text(source)

    async def before_live(self, name: str) -> str | None:
        """The version that was live before the present one; None: there was none."""
        past = await self._store.history(_possible(name))
        return past[1].version if len(past) > 1 else None

    async def check(self, name: str, source: str) -> Invalid | None:
        """What is wrong with a text; None: nothing."""
        checked = await asyncio.to_thread(self._folder.check, name, source.removeprefix(_BOM))
        return None if checked.version is not None else _invalid(checked)

    # what operators do

    async def publish(
        self,
        name: str,
        source: str,
        base: str | None,
        bringer: Bringer,
        *,
        writes_file: bool = True,
    ) -> Outcome:
        """Make a text live that was made out of the version `base`, and write it to the file."""
        source = source.removeprefix(_BOM)  # as where it is read from a file
        checked = await asyncio.to_thread(self._folder.check, name, source)
        if checked.version is None:
            return _invalid(checked)
        edition = Edition(name, checked.version, checked.source)
        live = await self._store.publish(edition, bringer, base)
        if live != edition.version:
            return Outdated(live)
        changed = live != base
        if changed:
            log.info("prompt.published", prompt=name, version=live, origin=bringer.origin.value)
        reach(CrashPoint.PROMPT_PUBLISHED)
        return await self._write(edition, changed=changed, writes_file=writes_file)

    async def rollback(
        self,
        name: str,
        named: str,
        bringer: Bringer,
        *,
        writes_file: bool = True,
        needs_file: bool = False,
    ) -> Outcome:
        """Make an earlier version live again; the live one's own name only writes the file anew.

        `needs_file`: nothing happens where it can't be written. Raises NotFound, Refused.
        """
        text = await self.text(name, named)
        fault = await asyncio.to_thread(self._folder.why_not_writable, name, text.source)
        if fault is not None and writes_file and needs_file:
            raise Refused(fault)
        live = (await self._store.live_versions([name])).get(name)
        return await self.publish(name, text.source, live, bringer, writes_file=writes_file)

    # how

    async def _show(self, name: str, live: LivePrompt | None) -> PromptView:
        look = await asyncio.to_thread(self._folder.look, name)
        return PromptView(
            name=name,
            file=look.file,
            lines=self._folder.lines(name),
            version=None if live is None else live.version,
            since=None if live is None else live.since,
            origin=None if live is None else live.origin,
            actor=None if live is None else live.actor,
            host=None if live is None else live.host,
            is_rollback=live is not None and live.is_rollback,
            state=await self._state(name, look, live),
            file_version=look.version,
            faults=tuple(show_fault(fault, look.file) for fault in look.faults),
        )

    async def _state(self, name: str, look: FileLook, live: LivePrompt | None) -> FileState:
        if look.version is None:
            return "invalid"
        if live is not None and live.version == look.version:
            return "valid"
        was_live = await self._store.source(name, look.version) is not None
        return "older" if was_live else "waiting"

    async def _text_of_file(self, name: str) -> TextView:
        look = await asyncio.to_thread(self._folder.look, name)
        if look.version is None:
            raise Refused(f"the file is invalid: {look.faults[0]}")
        return TextView(name, look.version, look.source)

    async def _find(self, name: str, named: str) -> str:
        if named == LIVE:
            live = (await self._store.live_versions([name])).get(name)
            if live is None:
                raise NotFound("nothing is live of such a prompt")
            return live
        if not named.isalnum() or not named.isascii():
            raise NotFound("there is no such version")
        found = await self._store.versions_like(name, named, _LIKE_MAX)
        if not found:
            raise NotFound("there is no such version")
        if len(found) > 1 and named not in found:
            raise Refused(f"several versions begin with {named}: write more of it", 422)
        return named if named in found else found[0]

    async def _write(self, edition: Edition, *, changed: bool, writes_file: bool) -> Published:
        look = await asyncio.to_thread(self._folder.look, edition.name)
        published = partial(Published, edition.name, edition.version, changed, look.file)
        if look.version == edition.version:
            return published(None, None)
        fault = await asyncio.to_thread(self._folder.why_not_writable, edition.name, edition.source)
        if fault is not None or not writes_file:
            return published(fault or "it was to be left as it is", None)
        aside = None
        try:
            if look.version is None or not await self._is_kept(edition.name, look.version):
                aside = await asyncio.to_thread(self._folder.set_aside, edition.name)
            await asyncio.to_thread(self._folder.write, edition.name, edition.source)
        except Refused as refused:
            return published(str(refused), aside)
        reach(CrashPoint.PROMPT_WRITTEN)
        await self._store.note_file(edition.name, look.place, edition.version)
        return published(None, aside)

    async def _is_kept(self, name: str, version: str) -> bool:
        return await self._store.source(name, version) is not None


def _invalid(checked: Checked) -> Invalid:
    return Invalid(tuple(show_fault(fault, checked.file) for fault in checked.faults))


def _possible(name: str) -> str:
    """Raises NotFound for what can be no prompt's name."""
    if "\0" in name or not name.isprintable() or len(name) > _NAME_MAX:
        raise NotFound("there is no such prompt")
    return name
