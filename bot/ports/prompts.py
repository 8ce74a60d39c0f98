"""Prompts: rendered, kept in versions, tested, listened to."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.domain.candidate import Candidate, CandidateView, Gate, Judgement
from bot.domain.comparison import Answer, Spent
from bot.domain.prompt import Customer, RenderedPrompt
from bot.domain.prompt_shown import Checked, FileLook
from bot.domain.prompt_version import Bringer, Edition, FileText, LivePrompt, PastVersion
from bot.domain.turn import Reply, Turn


class Prompts(Protocol):
    """The prompt a line speaks with, at its latest valid version."""

    def render(
        self,
        line_id: str,
        *,
        contact_name: str | None,
        now: datetime,
        customer: Customer = Customer(),  # noqa: B008 - frozen
        file: str | None = None,
    ) -> RenderedPrompt:
        """Fill in the variables; `file`: not of the line's own prompt but of this file's."""
        ...


class Understudy(Protocol):
    """Makes another answer to a turn that has ended, for operators to look at."""

    def offer(self, turn: Turn, reply: Reply) -> None:
        """The turn, and what the customer gets. Returns at once, never raises."""
        ...


class ShadowStore(Protocol):
    """What shadows would have said. Everything raises StoreUnavailable."""

    async def add(self, turn: Turn, answer: Answer, at: datetime) -> None:
        """Keep an answer, unless its turn is gone; the same again changes nothing."""
        ...

    async def spent_since(self, at: datetime) -> Spent:
        """What shadows have cost since then."""
        ...


class PromptStore(Protocol):
    """Every version that ever was live, and which one is. Everything raises StoreUnavailable."""

    async def take_file(self, text: FileText, *, gated: bool = False) -> str | None:
        """Publish a file's text if it is an edit; the live version, None: ask again soon.

        `gated`: an edit becomes a candidate.
        """
        ...

    async def propose(self, edition: Edition, bringer: Bringer, base: str | None) -> str | None:
        """Make it the candidate for the place of `base`; the live version: another, if it is not.

        What is live is no candidate.
        """
        ...

    async def publish(self, edition: Edition, bringer: Bringer, base: str | None) -> str | None:
        """Make it live in place of `base`; the live version then: another, if `base` was not."""
        ...

    async def note_file(self, name: str, place: str, version: str) -> None:
        """What a host's file holds now, by our own hand."""
        ...

    async def live_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """Of these prompts; one that never was live is left out."""
        ...

    async def live(self, names: Sequence[str]) -> Mapping[str, LivePrompt]:
        """The same, with who and when."""
        ...

    async def source(self, name: str, version: str) -> str | None:
        """A version's text, byte by byte; None: no such version."""
        ...

    async def history(self, name: str) -> tuple[PastVersion, ...]:
        """What was live when, the newest first."""
        ...

    async def versions_like(self, name: str, beginning: str, limit: int) -> tuple[str, ...]:
        """The versions of a prompt that begin so."""
        ...


class CandidateStore(Protocol):
    """Changed prompts that are not live yet, one for each. Everything raises StoreUnavailable."""

    async def of(self, names: Sequence[str]) -> Mapping[str, CandidateView]:
        """Of these prompts; one that has none is left out."""
        ...

    async def edition(self, name: str) -> Edition | None:
        """A prompt's candidate; None: it has none."""
        ...

    async def failed(self, names: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """Version and digest of the tests of those that have failed."""
        ...

    async def claim(self, names: Sequence[str]) -> Candidate | None:
        """Take one in hand whose tests nobody runs; None: there is none."""
        ...

    async def beat(self, candidate: Candidate) -> bool:
        """Still in hand here; False: it is another's, or gone."""
        ...

    async def go_live(self, candidate: Candidate, gate: Gate) -> str | None:
        """Make it live; the live version then: another, if it was overtaken."""
        ...

    async def fail(self, candidate: Candidate, judgement: Judgement) -> bool:
        """Keep why, and tell operators once; False: it is another's, or gone."""
        ...

    async def put_off(self, candidate: Candidate, trouble: str) -> bool:
        """Its tests could not be run: again later; False: it is another's, or gone."""
        ...

    async def let_go(self, candidate: Candidate) -> None:
        """Whoever had it in hand ends: another may take it at once."""
        ...

    async def test_again(self, name: str, version: str) -> bool:
        """One that has failed waits again; False: there is no such one."""
        ...

    async def publish_anyway(self, name: str, version: str, bringer: Bringer) -> str | None:
        """Make it live whatever its tests say; the live version then, None: no such candidate."""
        ...


class PromptTests(Protocol):
    """The tests beside the prompts."""

    async def digest(self, name: str) -> str:
        """Changes whenever they do."""
        ...

    async def judge(self, candidate: Candidate) -> Judgement:
        """Run those about a candidate. Never raises for what goes wrong in them."""
        ...


class PromptFolder(Protocol):
    """The prompt files of this host. A prompt that no line speaks with raises NotFound."""

    def names(self) -> tuple[str, ...]:
        """The prompts that lines speak with."""
        ...

    def lines(self, name: str) -> tuple[str, ...]:
        """The lines that speak with it."""
        ...

    def check(self, name: str, source: str) -> Checked:
        """A text as if it were in the prompt's file."""
        ...

    def look(self, name: str) -> FileLook:
        """What the file says right now."""
        ...

    def own_text(self, source: str) -> str:
        """A version's text without the parts that it includes."""
        ...

    def why_not_writable(self, name: str, source: str) -> str | None:
        """What keeps us from writing this text; None: nothing does."""
        ...

    def write(self, name: str, source: str) -> None:
        """The whole text at once, or nothing. Raises Refused."""
        ...

    def set_aside(self, name: str) -> str | None:
        """Keep a copy of what the file holds; where, None: there is no file. Raises Refused."""
        ...
