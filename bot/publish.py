"""Making a prompt's text live: from the console, the API, the shell, or a file that was saved.

Everything that goes live passes `Publisher`. With a gate a changed text is a candidate first, until
its tests have passed (`bot/gating.py`) or a person publishes it anyway. The database is first, the
file second: what is live is never less than what is written down, and a file that could not be
written goes on holding a text that is known, which its host therefore does not take for an edit.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

import structlog

from bot.crash_points import CrashPoint, reach
from bot.domain.candidate import Candidate, CandidateView, Gate
from bot.domain.prompt_shown import (
    Checked,
    FileLook,
    FileState,
    Invalid,
    Outcome,
    Outdated,
    PromptPage,
    PromptView,
    Proposed,
    Published,
    TextView,
    VersionPage,
    VersionView,
    show_fault,
)
from bot.domain.prompt_version import Bringer, Edition, FileText, LivePrompt, Origin
from bot.errors import NotFound, Refused
from bot.ports import CandidateStore, PromptFolder, PromptStore

log = structlog.get_logger()

LIVE = "live"
FILE = "file"
CANDIDATE = "candidate"
"""Names that may stand for a version: what is live, what this host's file says, what is tested."""
_BOM = "\ufeff"
_LIKE_MAX = 2
_NAME_MAX = 300


class Publisher:
    """On one host. Everything raises StoreUnavailable; a prompt nobody knows raises NotFound."""

    def __init__(
        self, store: PromptStore, folder: PromptFolder, gate: CandidateStore | None = None
    ) -> None:
        """`gate` None: every valid text goes live at once."""
        self._store = store
        self._folder = folder
        self._gate = gate

    # what files bring, and what processes follow

    async def take_file(self, text: FileText) -> str | None:
        """A file's valid text: live if it is an edit. The live version; None: ask again soon."""
        return await self._store.take_file(text, gated=self._gate is not None)

    async def live_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """What is to be served."""
        return await self._store.live_versions(names)

    async def source(self, name: str, version: str) -> str | None:
        """A version's text; None: no such version."""
        return await self._store.source(name, version)

    @property
    def is_gated(self) -> bool:
        """Whether a changed prompt has to pass its tests first."""
        return self._gate is not None

    def names(self) -> tuple[str, ...]:
        """The prompts that lines of this host speak with."""
        return self._folder.names()

    # what operators see

    async def prompts(self) -> PromptPage:
        """Each prompt that a line speaks with: what is live, and what is wrong with its file."""
        names = self._folder.names()
        live, candidates = await self._store.live(names), await self._candidates(names)
        views = [await self._show(name, live.get(name), candidates.get(name)) for name in names]
        return PromptPage(tuple(sorted(views, key=lambda view: view.name)))

    async def prompt(self, name: str) -> PromptView:
        """One of them."""
        if name not in self._folder.names():
            raise NotFound("no line speaks with such a prompt")
        live, candidates = await self._store.live([name]), await self._candidates([name])
        return await self._show(name, live.get(name), candidates.get(name))

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
                    one.gate,
                )
                for one in past
            )
        )

    async def text(self, name: str, named: str = LIVE) -> TextView:
        """A version's text; `named` is its beginning, `live`, `file` or `candidate`.

        Raises NotFound; Refused when several versions begin so, or the file is invalid.
        """
        if named == FILE:
            return await self._text_of_file(name)
        if named == CANDIDATE:
            return await self._text_of_candidate(_possible(name))
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
    ) -> Outcome | Proposed:
        """Make a text live that was made out of the version `base`, and write it to the file.

        With a gate it goes live once its tests have passed.
        """
        edition = await self._checked(name, source)
        if isinstance(edition, Invalid):
            return edition
        if self._gate is not None and base is not None and edition.version != base:
            live = await self._store.propose(edition, bringer, base)
            if live != base:
                return Outdated(live)
            log.info("prompt.proposed", prompt=name, version=edition.version)
            return Proposed(name, edition.version)
        return await self._bring(edition, base, bringer, writes_file=writes_file)

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

        It needs no tests: it has spoken before.

        `needs_file`: nothing happens where it can't be written. Raises NotFound, Refused.
        """
        text = await self.text(name, named)
        fault = await asyncio.to_thread(self._folder.why_not_writable, name, text.source)
        if fault is not None and writes_file and needs_file:
            raise Refused(fault)
        live = (await self._store.live_versions([name])).get(name)
        edition = await self._checked(name, text.source)
        if isinstance(edition, Invalid):
            return edition
        return await self._bring(edition, live, bringer, writes_file=writes_file)

    async def publish_anyway(
        self, name: str, version: str, bringer: Bringer, *, writes_file: bool = True
    ) -> Published:
        """Make a candidate live whatever its tests say. Raises NotFound when it is gone."""
        edition = None if self._gate is None else await self._gate.edition(_possible(name))
        live = None
        if self._gate is not None and edition is not None and edition.version == version:
            live = await self._gate.publish_anyway(name, version, bringer)
        if edition is None or live != version:
            raise NotFound("there is no such candidate any more")
        log.warning("prompt.published_anyway", prompt=name, version=version)
        return await self._write(edition, changed=True, writes_file=writes_file)

    async def test_again(self, name: str, version: str) -> None:
        """Let the tests of a candidate that has failed run once more. Raises NotFound."""
        if self._gate is None or not await self._gate.test_again(_possible(name), version):
            raise NotFound("there is no such candidate that has failed")

    async def let_live(self, candidate: Candidate, gate: Gate) -> bool:
        """A candidate has passed the gate; False: it was overtaken, and nothing has changed."""
        edition = candidate.edition
        live = None if self._gate is None else await self._gate.go_live(candidate, gate)
        if live != edition.version:
            return False
        reach(CrashPoint.PROMPT_PUBLISHED)
        if candidate.bringer.origin is not Origin.FILE:
            await self._write(edition, changed=True, writes_file=True)
        return True

    # how

    async def _checked(self, name: str, source: str) -> Edition | Invalid:
        source = source.removeprefix(_BOM)  # as where it is read from a file
        checked = await asyncio.to_thread(self._folder.check, name, source)
        if checked.version is None:
            return _invalid(checked)
        return Edition(name, checked.version, checked.source)

    async def _bring(
        self, edition: Edition, base: str | None, bringer: Bringer, *, writes_file: bool
    ) -> Published | Outdated:
        live = await self._store.publish(edition, bringer, base)
        if live != edition.version:
            return Outdated(live)
        changed, origin = live != base, bringer.origin.value
        if changed:
            log.info("prompt.published", prompt=edition.name, version=live, origin=origin)
        reach(CrashPoint.PROMPT_PUBLISHED)
        return await self._write(edition, changed=changed, writes_file=writes_file)

    async def _candidates(self, names: Sequence[str]) -> Mapping[str, CandidateView]:
        return {} if self._gate is None else await self._gate.of(names)

    async def _text_of_candidate(self, name: str) -> TextView:
        edition = None if self._gate is None else await self._gate.edition(name)
        if edition is None:
            raise NotFound("the prompt has no candidate")
        return TextView(name, edition.version, edition.source)

    async def _show(
        self, name: str, live: LivePrompt | None, candidate: CandidateView | None
    ) -> PromptView:
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
            state=await self._state(name, look, live, candidate),
            file_version=look.version,
            faults=tuple(show_fault(fault, look.file) for fault in look.faults),
            gate=None if live is None else live.gate,
            candidate=candidate,
        )

    async def _state(
        self, name: str, look: FileLook, live: LivePrompt | None, candidate: CandidateView | None
    ) -> FileState:
        if look.version is None:
            return "invalid"
        if candidate is not None and candidate.version == look.version:
            return "candidate"
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
