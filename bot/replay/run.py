"""Past turns with a candidate: read from the database, answered anew, shown beside what was said.

Nothing is sent, and nothing is stored but the model's answers, so that they need not be paid twice.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from bot import bootstrap, outside
from bot.adapters.db.past_turns import PastTurn, PastTurns
from bot.again import Cast, take_again
from bot.answering import ContactBook
from bot.config import Settings
from bot.domain.comparison import Pair, answer_of
from bot.domain.outcome import Ended, Outcome
from bot.errors import BotError, StoreUnavailable
from bot.evals.asking import RETRY_AFTER_S, Meter, Model, Player, Purse
from bot.evals.run import open_cache
from bot.ports import Gallery, Llm, Prompts
from bot.replay.results import Comparison

_SAMPLE = "replay"

_log = structlog.get_logger()

Progress = Callable[[int, int], None]
"""Is told how many turns are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Options:
    """How turns are taken again."""

    jobs: int = 4
    max_cost: float | None = None
    """In the currency of `llm.prices`; once it is spent nothing more is begun."""
    cache: bool = True
    retry_after_s: Sequence[float] = RETRY_AFTER_S


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the turns."""

    turns: PastTurns
    contacts: ContactBook
    gallery: Gallery


@dataclass(frozen=True, slots=True)
class Candidate:
    """What they are taken again with."""

    prompts: Prompts
    name: str
    version: str


@dataclass(slots=True)
class Replay:
    """A replay whose results can be had at any moment, also when it was ended early."""

    settings: Settings
    llm: Llm
    past: Past
    candidate: Candidate
    turn_ids: Sequence[str]
    options: Options = field(default_factory=Options)
    _pairs: list[Pair] = field(default_factory=list)
    _purse: Purse = field(init=False)
    _model: Model = field(init=False)
    _done: int = 0
    _stopped: str = ""

    def __post_init__(self) -> None:
        self._purse = Purse(self.options.max_cost)
        cache = open_cache(self.settings) if self.options.cache else None
        price = outside.Prices(self.settings)
        self._model = Model(self.llm, price, self._purse, cache, self.options.retry_after_s)

    async def run(self, progress: Progress | None = None) -> None:
        """Take them all, as far as the money goes."""
        to_do = iter(self.turn_ids)
        async with asyncio.TaskGroup() as group:
            for _ in range(self.options.jobs):
                group.create_task(self._work(to_do, progress))

    def results(self) -> Comparison:
        """What is known now."""
        missing = len(self.turn_ids) - self._done
        return Comparison(
            prompt=self.candidate.name,
            version=self.candidate.version,
            pairs=tuple(self._pairs),
            spent=None if self._purse.unpriced else self._purse.spent,
            not_begun=missing,
            stopped=(self._stopped or "interrupted") if missing else "",
        )

    async def _work(self, to_do: Iterator[str], progress: Progress | None) -> None:
        for turn_id in to_do:
            self._stopped = self._stopped or self._purse.closed
            if self._stopped:
                return
            try:
                past = await self.past.turns.turn(turn_id)
            except StoreUnavailable as error:
                self._stopped = str(error)
                return
            if past is not None:
                self._pairs.append(await self._pair(past))
            self._done += 1
            if progress is not None:
                progress(self._done, len(self.turn_ids))

    async def _pair(self, past: PastTurn) -> Pair:
        meter = Meter()
        try:
            outcome = await take_again(past.turn, self._cast(meter), past.at)
            trouble = _trouble(outcome, meter)
        except BotError as error:
            outcome, trouble = None, str(error)
        except Exception as error:  # noqa: BLE001 - one turn must not stop the others
            _log.exception("replay.broke", error=type(error).__name__)
            outcome, trouble = None, f"internal error: {type(error).__name__}"
        turn = past.turn
        new = None if outcome is None or trouble else answer_of(outcome)
        return Pair(
            turn.id,
            turn.conversation_id,
            turn.line_id,
            past.at,
            past.asked,
            past.answer,
            new,
            trouble,
        )

    def _cast(self, meter: Meter) -> Cast:
        player = Player(self._model, _SAMPLE, meter)
        style = bootstrap.make_style(self.settings)
        return Cast(self.candidate.prompts, player, self.past.gallery, self.past.contacts, style)


def _trouble(outcome: Outcome, meter: Meter) -> str:
    """Why there is no answer to compare; a model that answers nonsense is one."""
    if outcome.ended is Ended.AWAY:
        return outcome.reason
    if outcome.ended is Ended.FAILED and meter.trouble is not None:
        return str(meter.trouble)
    return ""
