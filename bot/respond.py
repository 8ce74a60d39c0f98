"""Waiting messages become a turn, a turn becomes a reply in the outbox."""

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
from bot.domain.decide import Duty, decide, opting_of
from bot.domain.history import View, build_messages, strip_markers
from bot.domain.languages import language_of
from bot.domain.outbox import Outbound, reply_id
from bot.domain.prompt import Customer, RenderedPrompt
from bot.domain.spoken import LAST_WORDS, first_words, opened, parting_words, spoken
from bot.domain.turn import (
    Answered,
    AskModel,
    Attended,
    Claimed,
    Decline,
    Defer,
    Listening,
    MadeBy,
    NotYet,
    Reply,
    Say,
    Skip,
    Turn,
)
from bot.domain.whatsapp import split_text
from bot.errors import LostClaim, NotFound, Refused, StoreUnavailable, Unavailable
from bot.metrics import LLM_SECONDS, TURN_STEP_SECONDS
from bot.ports import Clock, Gallery, Llm, Prompts, TurnStore

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


class Responder:
    """Takes turns."""

    def __init__(
        self,
        store: TurnStore,
        llm: Llm,
        prompts: Prompts,
        gallery: Gallery,
        clock: Clock,
        style: Style,
        in_hand: set[str],
    ) -> None:
        self._store = store
        self._llm = llm
        self._prompts = prompts
        self._gallery = gallery
        self._clock = clock
        self._style = style
        self._in_hand = in_hand
        self._rendered: dict[str, RenderedPrompt] = {}
        """By turn: a prompt that changes meanwhile is for the next one."""
        self._refused: set[str] = set()
        """Pictures that the model would not take: they are not offered again."""
        self._seeing = asyncio.Semaphore(_SEEING_AT_ONCE)

    async def take_turn(self, conversation_id: str) -> Attended:
        """Answer what waits in a conversation, if it is due. Raises StoreUnavailable.

        Whoever gets a message `to_send` has to see to it that it is sent.
        """
        match await self._store.claim_turn(conversation_id, self._clock()):
            case NotYet(due_at):
                return Attended(look_again_at=due_at)
            case Listening() as heard:
                await self._take_note(heard)
            case Claimed(turn):
                reach(CrashPoint.TURN_CLAIMED)
                turn_notes.claimed(turn, self._clock())
                self._in_hand.add(turn.id)
                try:
                    return await self._work(turn)
                finally:
                    self._in_hand.discard(turn.id)
                    self._rendered.pop(turn.id, None)
        return Attended()

    async def _take_note(self, heard: Listening) -> None:
        """A person has the conversation: all that counts is whether the customer opts out."""
        prompt = self._prompts.render(
            heard.line_id,
            contact_name=heard.contact_name,
            now=self._clock(),
            customer=Customer(heard.contact, language_of(reversed(heard.waiting), heard.contact)),
        )
        opting = opting_of(heard.waiting, prompt, opted_out=heard.opted_out)
        if opting is not None:
            ids = tuple(entry.id for entry in heard.waiting)
            await self._store.hear_opting(heard.conversation_id, opting, ids, self._clock())

    async def _work(self, turn: Turn) -> Attended:
        to_send = None
        try:
            end, to_send = await self._attempt(turn)
        except LostClaim:
            end = "lost"
        if to_send is not None:
            self._in_hand.add(to_send.id)
        has_words = end in (Answered.STORED, Answered.DRAFTED, "dead")
        turn_notes.ended(turn, end, reply_id(turn.id) if has_words else None)
        return Attended(to_send=to_send)

    async def _attempt(self, turn: Turn) -> tuple[str, Outbound | None]:
        try:
            made = await self._make_reply(turn)
        except StoreUnavailable:
            raise
        except Unavailable as error:
            turn_notes.failed(turn, error)
            await self._store.release_turn(turn, str(error), self._clock(), error.retry_after)
            return "released", None
        except Refused as error:
            turn_notes.failed(turn, error)
            return await self._fail(turn, str(error)), None
        except Exception as error:  # one message must not stop those behind it
            log.exception("turn.broke", **turn_notes.ids(turn), error=type(error).__name__)
            return await self._fail(turn, f"internal error: {type(error).__name__}"), None
        return await self._end(turn, made)

    async def _end(
        self, turn: Turn, made: Reply | Skip | Decline | Defer
    ) -> tuple[str, Outbound | None]:
        now = self._clock()
        match made:
            case Skip(reason):
                return (await self._store.skip_turn(turn, reason, now)).value, None
            case Decline(reason):
                await self._store.decline_turn(turn, reason, now)
                return "declined", None
            case Defer(until, away):
                said = self._away(turn, away) if away else None
                return "deferred", await self._store.defer_turn(turn, until, said, now)
            case Reply() as reply:
                with TURN_STEP_SECONDS.labels("store").time():
                    answered, to_send = await self._store.answer_turn(turn, reply, now)
                if reply.hand_off is not None:
                    reach(CrashPoint.HANDED_OFF)
                return answered.value, to_send

    def _away(self, turn: Turn, words: str) -> Reply:
        prompt = self._render(turn)
        return Reply(first_words(turn, prompt, spoken(words)), MadeBy(prompt.version))

    async def _fail(self, turn: Turn, error: str) -> str:
        gave_up = await self._store.fail_turn(turn, error, self._fallback(turn), self._clock())
        return "dead" if gave_up else "failed"

    def _fallback(self, turn: Turn) -> Reply:
        try:
            prompt = self._render(turn)
        except Exception as error:  # perhaps the prompt is what broke the turn
            log.exception("prompt.broke", **turn_notes.ids(turn), error=type(error).__name__)
            return Reply((LAST_WORDS,), MadeBy())
        parts = first_words(turn, prompt, spoken(prompt.fallback))
        return Reply(parts, MadeBy(prompt_version=prompt.version))

    async def _make_reply(self, turn: Turn) -> Reply | Skip | Decline | Defer:
        prompt = self._render(turn)
        match decide(turn, prompt, self._style.duty, self._clock()):
            case Say(text, opting=None) as said:
                words = text if said.hand_off is None else parting_words(prompt, text)
                reply = Reply(spoken(words), MadeBy(prompt.version), said.hand_off)
                return opened(turn, prompt, reply)
            case Say(text, opting=opting):
                return Reply(spoken(text), MadeBy(prompt.version), opting=opting)
            case AskModel():
                completion = await self._ask(turn, prompt)
                turn_notes.answered(turn, completion.usage, self._style.price(completion.usage))
                return opened(turn, prompt, self._reply(completion, prompt))
            case other:
                return other

    async def _ask(self, turn: Turn, prompt: RenderedPrompt) -> Completion:
        view = replace(self._style.view, hidden=self._refused)
        request = self._request(turn, prompt, view)
        if not request.pictures:
            return await self._complete(request)
        async with self._seeing:
            try:
                return await self._complete(await self._with_pictures(request))
            except Refused as error:
                if error.status not in _REFUSES_PICTURES:
                    raise
                log.warning("model.refuses_pictures", **turn_notes.ids(turn), error=str(error))
        completion = await self._complete(self._request(turn, prompt, replace(view, pictures=0)))
        self._remember_refused(request)  # it did without them: they were what it minded
        return completion

    def _remember_refused(self, request: ChatRequest) -> None:
        if len(self._refused) > _REMEMBERED_MAX:
            self._refused.clear()
        self._refused.update(request.pictures)

    def _request(self, turn: Turn, prompt: RenderedPrompt, view: View) -> ChatRequest:
        messages = build_messages(
            with_brief(prompt.system, turn.standing.brief),
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

    def _reply(self, completion: Completion, prompt: RenderedPrompt) -> Reply:
        made_by = self._made_by(completion.usage, prompt)
        text = self._style.format(strip_markers(completion.text))
        if completion.hand_off is not None:
            words = parting_words(prompt, text)
            return Reply(spoken(words), made_by, completion.hand_off)
        parts = split_text(text)
        if not parts:
            raise Refused("the model's answer was empty")
        return Reply(parts, made_by, has_seen_all=True)

    def _made_by(self, usage: Usage, prompt: RenderedPrompt) -> MadeBy:
        return MadeBy(
            prompt_version=prompt.version,
            model=usage.model,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            cost=self._style.price(usage),
            llm_ms=usage.took_ms,
        )

    def _render(self, turn: Turn) -> RenderedPrompt:
        rendered = self._rendered.get(turn.id)
        if rendered is None:
            rendered = self._prompts.render(
                turn.line_id,
                contact_name=turn.contact_name,
                now=self._clock(),
                customer=_customer(turn),
            )
            self._rendered[turn.id] = rendered
        return rendered


def _customer(turn: Turn) -> Customer:
    newest_first = (*reversed(turn.to_answer), *reversed(turn.past))
    language = language_of(newest_first, turn.contact)
    return Customer(turn.contact, language, all(it.author == "customer" for it in turn.past))


def _offer(prompt: RenderedPrompt) -> str | None:
    """When the model may call a person; None: there is nobody to hand over to."""
    return None if prompt.hand_off is None or not prompt.hand_off.when else prompt.hand_off.when
