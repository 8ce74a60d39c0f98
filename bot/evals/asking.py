"""Asking the model in tests: what is known is not asked again, what costs is counted."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.domain.chat import ChatRequest, Completion, Usage
from bot.errors import BotError, Refused, Unavailable
from bot.evals.cache import Cache
from bot.ports import Llm

RETRY_AFTER_S = (1.0, 3.0, 8.0)
_LONGEST_WAIT = timedelta(seconds=30)


@dataclass(slots=True)
class Purse:
    """What may be spent in a run, and what was."""

    most: float | None = None
    """None: no limit."""
    spent: float = 0.0
    unpriced: str = ""
    """A model whose price is not known; empty: all are."""

    @property
    def closed(self) -> str:
        """Why nothing more may be begun; empty: it may."""
        if self.most is None:
            return ""
        if self.unpriced:
            return f"llm.prices has no price for {self.unpriced}: what it costs can't be limited"
        if self.spent >= self.most:
            return f"{self.spent:.4f} of {self.most:.4f} is spent"
        return ""

    def pay(self, usage: Usage, cost: float | None) -> None:
        """Something was asked."""
        if cost is None:
            self.unpriced = usage.model
        else:
            self.spent += cost


@dataclass(slots=True)
class Meter:
    """What one playing took of the model."""

    cost: float | None = 0.0
    tokens: int = 0
    calls: int = 0
    remembered: int = 0
    trouble: BotError | None = None
    """The last time that the model could not be asked: an outage, a wrong key."""

    def count(self, usage: Usage, cost: float | None, *, remembered: bool) -> None:
        """One answer."""
        self.calls += 1
        self.remembered += remembered
        self.tokens += (usage.tokens_in or 0) + (usage.tokens_out or 0)
        self.cost = None if self.cost is None or cost is None else self.cost + cost


class Model:
    """The model of a whole run."""

    def __init__(
        self,
        llm: Llm,
        price: Callable[[Usage], float | None],
        purse: Purse,
        cache: Cache | None = None,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
    ) -> None:
        self._llm = llm
        self._price = price
        self._purse = purse
        self._cache = cache
        self._retry_after_s = retry_after_s

    async def ask(self, request: ChatRequest, sample: str, meter: Meter) -> Completion:
        """One completion, perhaps remembered. Raises Unavailable or Refused."""
        key = None if self._cache is None else self._cache.key(request, sample)
        known = None if self._cache is None or key is None else self._cache.get(key)
        if known is not None:
            meter.count(known.usage, self._price(known.usage), remembered=True)
            return known
        completion = await self._complete(request)
        cost = self._price(completion.usage)
        self._purse.pay(completion.usage, cost)
        meter.count(completion.usage, cost, remembered=False)
        if self._cache is not None and key is not None:
            self._cache.put(key, completion)
        return completion

    async def _complete(self, request: ChatRequest) -> Completion:
        for wait_s in self._retry_after_s:
            try:
                return await self._llm.complete(request)
            except Unavailable as error:
                asked = min(error.retry_after or timedelta(0), _LONGEST_WAIT)
                await asyncio.sleep(max(wait_s, asked.total_seconds()))
        try:
            return await self._llm.complete(request)
        except Unavailable:
            # It was away for long: nobody after this one waits as long again.
            self._retry_after_s = ()
            raise


@dataclass(slots=True)
class Player:
    """The model for one part in one playing; fits the port `Llm`."""

    model: Model
    sample: str
    meter: Meter = field(default_factory=Meter)
    asks: str | None = None
    """Another model than the request names."""

    async def complete(self, request: ChatRequest) -> Completion:
        """Notes why, when it can't be asked."""
        if self.asks is not None:
            request = replace(request, model=self.asks)
        try:
            return await self.model.ask(request, self.sample, self.meter)
        except Unavailable as error:
            self.meter.trouble = error
            raise
        except Refused as error:
            if error.status is not None:  # of the server, not of an answer that is unusable
                self.meter.trouble = error
            raise

    async def close(self) -> None:
        """The run closes it."""
