"""A shadow: another prompt answers the same turns, for operators to compare. Nobody gets a word.

It never stands in a customer's way. Turns are offered when they have ended; few wait, few are
answered at a time, and under load, after an outage of the model's, or over its own daily cost they
are let go. What is lost with the process is a shadow's answer, no more.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from bot.again import Cast, take_again
from bot.domain.comparison import answer_of
from bot.domain.outcome import Ended
from bot.domain.prompt import Customer, RenderedPrompt
from bot.domain.turn import Reply, Turn
from bot.errors import SettingsError, StoreUnavailable
from bot.metrics import SHADOWS
from bot.ports import Clock, Prompts, ShadowStore
from bot.respond import customer_of

log = structlog.get_logger()

AT_ONCE = 2
_WAITING_MAX = 20
_BUSY = 20
"""So many turns and sends of customers in hand: the shadow keeps quiet."""
_TOO_LATE = timedelta(minutes=2)
_REST = timedelta(minutes=1)
"""After the model was away: it is left to customers."""
_LONGEST_S = 120.0


@dataclass(frozen=True, slots=True)
class Part:
    """What a shadow may do."""

    files: Mapping[str, str | None]
    """The prompt file by line; a line that is not in it as `default`."""
    cost_per_day: float = 0.0
    """0: no limit."""

    def file_for(self, line_id: str) -> str | None:
        """None: the line has no shadow."""
        return self.files.get(line_id, self.files.get("default"))


@dataclass(frozen=True, slots=True)
class _Offer:
    turn: Turn = field(repr=False)
    file: str
    spoken_with: str | None
    """The name of the prompt that the customer was answered with."""
    at: datetime


class Shadow:
    """Fits the port `Understudy`."""

    def __init__(
        self, part: Part, cast: Cast, store: ShadowStore, clock: Clock, in_hand: Collection[str]
    ) -> None:
        """`in_hand`: what is being done for customers right now."""
        self._part = part
        self._cast = cast
        self._store = store
        self._clock = clock
        self._in_hand = in_hand
        self._waiting: deque[_Offer] = deque()
        self._wake = asyncio.Event()
        self._rests_until: datetime | None = None

    def offer(self, turn: Turn, reply: Reply) -> None:
        """A turn that has ended."""
        file = self._part.file_for(turn.line_id)
        if file is None:
            return
        if len(self._waiting) >= _WAITING_MAX or self._is_busy():
            SHADOWS.labels("dropped").inc()
            return
        self._waiting.append(_Offer(turn, file, reply.made_by.prompt_name, self._clock()))
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Answer what is offered, until `stop`: then whatever is in hand is let go at once."""
        work = [asyncio.create_task(self._work(), name="shadow") for _ in range(AT_ONCE)]
        try:
            await stop.wait()
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            while self._waiting:
                await self._attempt(self._waiting.popleft())
            self._wake.clear()
            await self._wake.wait()

    async def _attempt(self, offer: _Offer) -> None:
        """Whatever goes wrong with one is no reason to end."""
        try:
            async with asyncio.timeout(_LONGEST_S):
                end = await self._answer(offer)
        except (SettingsError, StoreUnavailable, TimeoutError) as error:
            end = "failed"
            log.warning("shadow.failed", turn=offer.turn.id, error=type(error).__name__)
        except Exception as error:
            end = "failed"
            log.exception("shadow.broke", turn=offer.turn.id, error=type(error).__name__)
        SHADOWS.labels(end).inc()

    async def _answer(self, offer: _Offer) -> str:
        now = self._clock()
        if now - offer.at > _TOO_LATE or self._is_busy():
            return "dropped"
        if self._name(offer) == offer.spoken_with:
            return "same_prompt"
        if await self._is_spent(now):
            return "over_cost"
        cast = Cast(
            _Only(self._cast.prompts, offer.file),
            self._cast.llm,
            self._cast.gallery,
            self._cast.contacts,
            self._cast.style,
        )
        outcome = await take_again(offer.turn, cast, offer.at)
        if outcome.ended is Ended.AWAY:
            self._rests_until = self._clock() + _REST
            return "dropped"
        await self._store.add(offer.turn, answer_of(outcome), offer.at)
        return outcome.ended.value.replace(" ", "_")

    def _name(self, offer: _Offer) -> str:
        """Of the prompt that would speak; a contact with a prompt of its own keeps that."""
        turn = offer.turn
        return self._cast.prompts.render(
            turn.line_id,
            contact_name=turn.contact_name,
            now=offer.at,
            customer=customer_of(turn),
            file=offer.file,
        ).name

    def _is_busy(self) -> bool:
        rests = self._rests_until is not None and self._clock() < self._rests_until
        return rests or len(self._in_hand) > _BUSY

    async def _is_spent(self, now: datetime) -> bool:
        """An answer without a price can't be limited, so it is the last of its day."""
        if not self._part.cost_per_day:
            return False
        local = now.astimezone(self._cast.style.timezone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        spent = await self._store.spent_since(midnight)
        return spent.unpriced > 0 or spent.cost >= self._part.cost_per_day


@dataclass(frozen=True, slots=True)
class _Only:
    """Fits the port `Prompts`, for one file."""

    prompts: Prompts
    file: str

    def render(
        self,
        line_id: str,
        *,
        contact_name: str | None,
        now: datetime,
        customer: Customer = Customer(),  # noqa: B008 - frozen
        file: str | None = None,
    ) -> RenderedPrompt:
        """The file's prompt."""
        del file
        return self.prompts.render(
            line_id, contact_name=contact_name, now=now, customer=customer, file=self.file
        )
