"""Trying a prompt's text on its page: the real turn, nothing sent, nothing stored but its cost.

The conversation is kept in the page's own form, and checked when it comes back: whoever forges it
deceives nobody but themselves.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bot.config import Settings
from bot.console.allowance import Allowance
from bot.domain.chat import Usage
from bot.domain.turn import Opting
from bot.errors import Refused
from bot.evals.gate import prompt_file, tests_about
from bot.evals.results import Results
from bot.evals.run import Options, Run
from bot.ports import Clock, Llm
from bot.rehearsal import Ended, Exchange, Outcome, Overheard, Overhearing, PromptText, Said, Stage

TURNS_MAX = 30
TALK_MAX_BYTES = 60_000
SAID_MAX = 4_000
_PART_MAX = 8_000
_TESTS_WEIGHT = 3
_TESTS_MAX = 300
"""Conversations, repetitions counted."""
_TESTS_WITHIN_S = 120
_AT_ONCE = 4

Short = Annotated[str, Field(max_length=2_000)]


class Tried(BaseModel):
    """One turn as the page shows it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    said: Annotated[str, Field(max_length=SAID_MAX)]
    at: AwareDatetime
    ended: Ended
    parts: Annotated[tuple[Annotated[str, Field(max_length=_PART_MAX)], ...], Field(max_length=50)]
    reason: Short = ""
    version: Short = ""
    model: Short = ""
    """Empty: a rule has answered."""
    tokens: int = 0
    cost: float | None = None
    notes: Annotated[tuple[Short, ...], Field(max_length=100)] = ()
    withheld: Annotated[str, Field(max_length=_PART_MAX)] = ""
    hand_off: Short | None = None
    opting: Literal["opted out", "opted in"] | None = None

    def exchange(self) -> Exchange:
        """As the next turn has to know it."""
        return Exchange(
            self.said,
            self.at,
            self.parts,
            handed_over=self.hand_off is not None,
            opting=None if self.opting is None else Opting(self.opting),
            is_away=self.ended is Ended.OFF_DUTY,
        )


_TALK = TypeAdapter(Annotated[tuple[Tried, ...], Field(max_length=TURNS_MAX)])


class Tries:
    """For one process's console."""

    def __init__(
        self,
        settings: Settings,
        llm: Llm,
        price: Callable[[Usage], float | None],
        allowance: Allowance,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._llm = llm
        self._price = price
        self._allowance = allowance
        self._clock = clock
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._testing = asyncio.Lock()

    async def answer(
        self, name: str, source: str, line_id: str, talk: Sequence[Tried], said: str, operator: str
    ) -> tuple[Tried, ...]:
        """The conversation with one more turn. Raises SettingsError, Refused, StoreUnavailable."""
        if len(talk) >= TURNS_MAX:
            raise Refused(f"after {TURNS_MAX} messages: begin anew", 422)
        text = PromptText(source, prompt_file(self._settings, name))
        prompts = await asyncio.to_thread(text.prompts, self._settings)
        await self._allowance.begin(operator)
        model = Overhearing(self._llm, self._price)
        past = [one.exchange() for one in talk]
        now = self._clock()
        try:
            async with self._at_once:
                stage = Stage(self._settings, prompts)
                rehearsal = stage.rehearse(model, line_id=line_id, hands_over=True, past=past)
                outcome = await rehearsal.answer(Said(said[:SAID_MAX]))
        finally:
            await self._pay(model.heard)
        return (*talk, _tried(said[:SAID_MAX], now, outcome, model.heard, prompts.prompt.version))

    async def test(self, name: str, source: str, operator: str) -> Results | None:
        """The tests about this prompt with this text; None: there are none.

        Raises SettingsError, Refused, StoreUnavailable.
        """
        if self._testing.locked():
            raise Refused("tests are running already: wait until they are done", 429)
        async with self._testing:
            file = prompt_file(self._settings, name)
            suites = await asyncio.to_thread(tests_about, self._settings, file)
            if not suites:
                return None
            left = await self._allowance.begin(operator, _TESTS_WEIGHT)
            has_price = self._price(Usage(self._settings.llm.model, 0, 0)) is not None
            options = Options(max_cost=left if has_price else None, retry_after_s=())
            model = Overhearing(self._llm, self._price)
            run = Run(self._settings, model, suites, PromptText(source, file), options)
            if run.size > _TESTS_MAX:
                raise Refused(f"{run.size} conversations are too many for a page: `bot eval`", 422)
            try:
                async with asyncio.timeout(_TESTS_WITHIN_S):
                    await run.play()
            except TimeoutError:
                pass  # what was done by then is shown
            finally:
                await self._pay(model.heard)
            return run.results()

    async def _pay(self, heard: Sequence[Overheard]) -> None:
        known = [one.cost for one in heard if one.cost is not None]
        await self._allowance.took(sum(known), len(heard) - len(known))


def read_talk(kept: str) -> tuple[Tried, ...]:
    """What a page has kept. Raises Refused."""
    if len(kept.encode(errors="replace")) > TALK_MAX_BYTES:
        raise Refused("that conversation is too long: begin anew", 413)
    try:
        return _TALK.validate_json(kept) if kept else ()
    except ValidationError:
        raise Refused("that conversation can't be read: begin anew", 400) from None


def write_talk(talk: Sequence[Tried]) -> str:
    """For the page to keep; empty: nothing was said."""
    return _TALK.dump_json(tuple(talk), exclude_defaults=True).decode() if talk else ""


def _tried(
    said: str, at: datetime, outcome: Outcome, heard: Sequence[Overheard], version: str
) -> Tried:
    reply, costs = outcome.reply, [one.cost for one in heard]
    withheld = () if reply is None or reply.withheld is None else reply.withheld.parts
    known = [cost for cost in costs if cost is not None]
    return Tried(
        said=said,
        at=at,
        ended=outcome.ended,
        parts=() if reply is None else tuple(part[:_PART_MAX] for part in reply.parts[:50]),
        reason=outcome.reason[:500],
        version=outcome.made_by.prompt_version or version,
        model=heard[-1].completion.usage.model[:200] if heard else "",
        tokens=sum(one.tokens for one in heard),
        cost=sum(known) if len(known) == len(costs) else None,
        notes=tuple(str(note)[:200] for note in outcome.made_by.notes[:100]),
        withheld="\n\n".join(withheld)[:_PART_MAX],
        hand_off=None if outcome.hand_off is None else outcome.hand_off.reason[:1000],
        opting=None if outcome.opting is None else outcome.opting.value,
    )
