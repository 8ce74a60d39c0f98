"""What the model is asked in a rehearsal, and what it takes: listened to on the way."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.domain.chat import ChatRequest, Completion, Usage
from bot.ports import Llm


@dataclass(frozen=True, slots=True)
class Overheard:
    """One answer of the model's, and what it answered to."""

    request: ChatRequest = field(repr=False)
    completion: Completion = field(repr=False)
    cost: float | None
    """None: the model has no price, or nothing was counted."""

    @property
    def tokens(self) -> int:
        """Input and output together; what was not counted is none."""
        usage = self.completion.usage
        return (usage.tokens_in or 0) + (usage.tokens_out or 0)


class Overhearing:
    """Fits the port `Llm`; whoever opened the model closes it."""

    def __init__(self, llm: Llm, price: Callable[[Usage], float | None]) -> None:
        self._llm = llm
        self._price = price
        self.heard: list[Overheard] = []

    async def complete(self, request: ChatRequest) -> Completion:
        """One completion. Raises what the model raises."""
        completion = await self._llm.complete(request)
        self.heard.append(Overheard(request, completion, self._price(completion.usage)))
        return completion

    async def close(self) -> None:
        """The model is another's."""
