"""Waiting messages become a turn, a turn becomes a reply in the outbox."""

import structlog

from bot import turn_notes
from bot.answering import Answering
from bot.asking import Asking, Style
from bot.crash_points import CrashPoint, reach
from bot.domain.decide import decide, opting_of
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
from bot.errors import LostClaim, Refused, StoreUnavailable, Unavailable
from bot.metrics import TURN_STEP_SECONDS
from bot.ports import Clock, Gallery, Llm, Prompts, TurnStore, Understudy

log = structlog.get_logger()

_SHOWN = frozenset({Answered.STORED, Answered.DRAFTED})


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
        understudy: Understudy | None = None,
    ) -> None:
        self._store = store
        self._answering = Answering(Asking(llm, gallery, style), store, clock, style)
        self._prompts = prompts
        self._clock = clock
        self._style = style
        self._in_hand = in_hand
        self._understudy = understudy
        self._rendered: dict[str, RenderedPrompt] = {}
        """By turn: a prompt that changes meanwhile is for the next one."""

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
                if self._understudy is not None and answered in _SHOWN:
                    self._understudy.offer(turn, reply)
                if reply.hand_off is not None:
                    reach(CrashPoint.HANDED_OFF)
                return answered.value, to_send

    def _away(self, turn: Turn, words: str) -> Reply:
        prompt = self._render(turn)
        return Reply(first_words(turn, prompt, spoken(words)), _fixed(prompt))

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
        return Reply(parts, _fixed(prompt))

    async def _make_reply(self, turn: Turn) -> Reply | Skip | Decline | Defer:
        prompt = self._render(turn)
        match decide(turn, prompt, self._style.duty, self._clock()):
            case Say(text, opting=None) as said:
                words = text if said.hand_off is None else parting_words(prompt, text)
                reply = Reply(spoken(words), _fixed(prompt), said.hand_off)
                return opened(turn, prompt, reply)
            case Say(text, opting=opting):
                return Reply(spoken(text), _fixed(prompt), opting=opting)
            case AskModel():
                return opened(turn, prompt, await self._answering.answer(turn, prompt))
            case other:
                return other

    def _render(self, turn: Turn) -> RenderedPrompt:
        rendered = self._rendered.get(turn.id)
        if rendered is None:
            rendered = self._prompts.render(
                turn.line_id,
                contact_name=turn.contact_name,
                now=self._clock(),
                customer=customer_of(turn),
            )
            self._rendered[turn.id] = rendered
        return rendered


def _fixed(prompt: RenderedPrompt) -> MadeBy:
    """No model was asked."""
    return MadeBy(prompt.version, prompt_name=prompt.name)


def customer_of(turn: Turn) -> Customer:
    """What prompts may know of the contact."""
    newest_first = (*reversed(turn.to_answer), *reversed(turn.past))
    language = language_of(newest_first, turn.contact)
    return Customer(turn.contact, language, all(it.author == "customer" for it in turn.past))
