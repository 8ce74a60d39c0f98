"""The model is asked for the answer to a turn, with the pictures that belong to it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import tzinfo

import structlog

from bot import turn_notes
from bot.crash_points import CrashPoint, reach
from bot.domain.brief import with_brief
from bot.domain.chat import ChatRequest, Completion, Picture, Usage
from bot.domain.decide import Duty
from bot.domain.guards.examine import Watch
from bot.domain.history import View, build_messages
from bot.domain.prompt import RenderedPrompt
from bot.domain.turn import Turn
from bot.errors import NotFound, Refused, Unavailable
from bot.metrics import LLM_SECONDS, TURN_STEP_SECONDS
from bot.ports import Gallery, Llm

log = structlog.get_logger()

_REFUSES_PICTURES = frozenset({400, 404, 415, 422})
_REMEMBERED_MAX = 10_000
_SEEING_AT_ONCE = 16
"""Requests whose pictures, up to 6 MB of them, are in memory while the model looks."""
_NO_PICTURE = "[the picture can't be shown now]"


@dataclass(frozen=True, slots=True)
class Style:
    """How a reply is made, beyond its prompt."""

    timezone: tzinfo
    history_tokens: int
    view: View
    """How much of what was attached the model gets."""
    format: Callable[[str], str]
    """The model's Markdown as the line's own formatting."""
    price: Callable[[Usage], float | None]
    """What a completion costs; None when its model has no price."""
    duty: Duty = field(default_factory=Duty)
    """When the bot answers at all."""
    watch: Watch = field(default_factory=Watch)
    """What the model must not let out."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the model was asked, without the pictures' bytes, and what it answered."""

    request: ChatRequest
    completion: Completion


class Asking:
    """Asks the model."""

    def __init__(self, llm: Llm, gallery: Gallery, style: Style) -> None:
        self._llm = llm
        self._gallery = gallery
        self._style = style
        self._refused: set[str] = set()
        """Pictures that the model would not take: they are not offered again."""
        self._seeing = asyncio.Semaphore(_SEEING_AT_ONCE)

    async def ask(self, turn: Turn, prompt: RenderedPrompt, advice: str = "") -> Asked:
        """One completion; `advice` is told behind the prompt. Raises Unavailable or Refused."""
        view = replace(self._style.view, hidden=self._refused)
        request = self._request(turn, prompt, view, advice)
        if not request.pictures:
            return Asked(request, await self._complete(request))
        async with self._seeing:
            try:
                return Asked(request, await self._complete(await self._with_pictures(request)))
            except Refused as error:
                if error.status not in _REFUSES_PICTURES:
                    raise
                log.warning("model.refuses_pictures", **turn_notes.ids(turn), error=str(error))
        without = self._request(turn, prompt, replace(view, pictures=0), advice)
        completion = await self._complete(without)
        self._remember_refused(request)  # it did without them: they were what it minded
        return Asked(without, completion)

    def _remember_refused(self, request: ChatRequest) -> None:
        if len(self._refused) > _REMEMBERED_MAX:
            self._refused.clear()
        self._refused.update(request.pictures)

    def _request(self, turn: Turn, prompt: RenderedPrompt, view: View, advice: str) -> ChatRequest:
        system = with_brief(prompt.system, turn.standing.brief)
        messages = build_messages(
            f"{system}\n\n{advice}" if advice else system,
            turn.past,
            turn.to_answer,
            budget_tokens=self._style.history_tokens,
            timezone=self._style.timezone,
            view=view,
        )
        return ChatRequest(messages, model=prompt.model, hand_off_when=_offer(prompt))

    async def _complete(self, request: ChatRequest) -> Completion:
        begun_s = time.monotonic()
        try:
            with LLM_SECONDS.time(), TURN_STEP_SECONDS.labels("model").time():
                completion = await self._llm.complete(request)
        except (Unavailable, Refused) as error:
            turn_notes.not_completed(error)
            raise
        reach(CrashPoint.MODEL_ANSWERED)
        took_ms = round((time.monotonic() - begun_s) * 1000)
        return replace(completion, usage=replace(completion.usage, took_ms=took_ms))

    async def _with_pictures(self, request: ChatRequest) -> ChatRequest:
        messages = []
        for message in request.messages:
            if not isinstance(message.content, str):
                parts = [await self._load(part) for part in message.content]
                message = replace(message, content=tuple(parts))  # noqa: PLW2901
            messages.append(message)
        return replace(request, messages=tuple(messages))

    async def _load(self, part: str | Picture) -> str | Picture:
        """A picture that is gone, or can't be had now, holds up no answer."""
        if isinstance(part, str):
            return part
        try:
            return replace(part, data=await self._gallery.get(part.key))
        except (NotFound, Unavailable) as error:
            log.warning("picture.not_loaded", error=str(error))
            return _NO_PICTURE


def _offer(prompt: RenderedPrompt) -> str | None:
    """When the model may call a person; None: there is nobody to hand over to."""
    return None if prompt.hand_off is None or not prompt.hand_off.when else prompt.hand_off.when
