"""The model's words become a reply, once the guards have looked at them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot import turn_notes
from bot.asking import Asked, Asking, Style
from bot.domain.chat import HandOffCall, Picture, Usage
from bot.domain.guards.advice import advice_on, reason_of
from bot.domain.guards.examine import Draft, examine, strange_numbers
from bot.domain.guards.rules import Act, Done, Finding, Guard, Note
from bot.domain.guards.sources import Sources
from bot.domain.history import strip_markers
from bot.domain.prompt import RenderedPrompt
from bot.domain.spoken import parting_words, spoken
from bot.domain.turn import MadeBy, Reply, Turn, Withheld
from bot.domain.whatsapp import split_text
from bot.errors import Refused, Unavailable
from bot.ports import Clock


class ContactBook(Protocol):
    """Who else writes to the business."""

    async def is_of_others(self, conversation_id: str, numbers: Sequence[str]) -> bool:
        """Whether one of these numbers (digits) is another customer's. Raises StoreUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One answer of the model's."""

    asked: Asked
    text: str = field(repr=False)
    """In the line's own formatting."""
    made_by: MadeBy
    found: tuple[Finding, ...] = ()

    @property
    def call(self) -> HandOffCall | None:
        return self.asked.completion.hand_off


class Answering:
    """Asks the model, and once more if a guard of the prompt's wants it."""

    def __init__(self, asking: Asking, contacts: ContactBook, clock: Clock, style: Style) -> None:
        self._asking = asking
        self._contacts = contacts
        self._clock = clock
        self._style = style

    async def answer(self, turn: Turn, prompt: RenderedPrompt) -> Reply:
        """What the customer gets. Raises Unavailable, Refused or StoreUnavailable."""
        first = await self._attempt(turn, prompt)
        reply = self._reply(first, prompt)  # an empty answer is refused
        bad = _stopping(first.found, prompt)
        if not bad:
            return self._noted(turn, reply, _notes(first.found, Done.LOGGED))
        may_retry = all(prompt.guards.act(one.guard) is Act.REGENERATE for one in bad)
        if first.call is not None or not may_retry:
            return self._hold(turn, prompt, first)
        second = await self._second(turn, prompt, first)
        if _stopping(second.found, prompt):
            return self._hold(turn, prompt, second)
        notes = (*_notes(bad, Done.REGENERATED), *_notes(second.found, Done.LOGGED))
        return self._noted(turn, self._reply(second, prompt), notes)

    async def _second(self, turn: Turn, prompt: RenderedPrompt, first: _Attempt) -> _Attempt:
        """The model's second try; the first, where it gave none: nobody waits for it any longer."""
        try:
            second = await self._attempt(turn, prompt, advice_on(first.found))
        except (Unavailable, Refused) as error:
            turn_notes.failed(turn, error)
            return first
        made_by = _both(first.made_by, second.made_by)
        has_words = bool(second.text) or second.call is not None
        return replace(second if has_words else first, made_by=made_by)

    async def _attempt(self, turn: Turn, prompt: RenderedPrompt, advice: str = "") -> _Attempt:
        asked = await self._asking.ask(turn, prompt, advice)
        usage = asked.completion.usage
        turn_notes.answered(turn, usage, self._style.price(usage))
        text = self._style.format(strip_markers(asked.completion.text))
        attempt = _Attempt(asked, text, self._made_by(usage, prompt))
        return replace(attempt, found=await self._look(turn, prompt, attempt))

    async def _look(
        self, turn: Turn, prompt: RenderedPrompt, attempt: _Attempt
    ) -> tuple[Finding, ...]:
        """Only at what would be said."""
        call, rule = attempt.call, prompt.hand_off
        if not attempt.text or (call is not None and rule is not None and rule.say):
            return ()
        draft = Draft(
            attempt.text,
            prompt.instructions,
            self._sources(attempt.asked),
            hands_off=call is not None,
        )
        found = examine(draft, prompt.guards, self._style.watch)
        strange = strange_numbers(draft)
        if strange and await self._contacts.is_of_others(turn.conversation_id, strange):
            return (*found, Finding(Guard.OTHERS_DATA, "customer"))
        return found

    def _sources(self, asked: Asked) -> Sources:
        system, *said = [_words(message.content) for message in asked.request.messages]
        last = asked.request.messages[-1].content
        shown = not isinstance(last, str) and any(isinstance(part, Picture) for part in last)
        return Sources(system, said, self._clock().astimezone(self._style.timezone), shown)

    def _reply(self, attempt: _Attempt, prompt: RenderedPrompt) -> Reply:
        call = self._call(attempt)
        if call is not None:
            return Reply(spoken(parting_words(prompt, attempt.text)), attempt.made_by, call)
        parts = split_text(attempt.text)
        if not parts:
            raise Refused("the model's answer was empty")
        return Reply(parts, attempt.made_by, has_seen_all=True)

    def _call(self, attempt: _Attempt) -> HandOffCall | None:
        """The model's call for a person, with nothing secret in it."""
        call, clean = attempt.call, self._style.watch.clean
        return None if call is None else HandOffCall(clean(call.reason), clean(call.summary))

    def _hold(self, turn: Turn, prompt: RenderedPrompt, attempt: _Attempt) -> Reply:
        """The prompt's own words instead, and a person looks at what the model wrote."""
        bad = _stopping(attempt.found, prompt)
        reason = reason_of(bad)
        drafts = split_text(self._style.watch.clean(attempt.text))
        withheld = Withheld(drafts, reason) if drafts else None
        if prompt.hand_off is None:
            words, call, done = prompt.fallback, None, Done.FALLBACK
        else:
            words, done = parting_words(prompt, ""), Done.HANDED_OFF
            call = self._call(attempt) or HandOffCall(reason, turn.waiting[-1].words)
        reply = Reply(spoken(words), attempt.made_by, call, withheld=withheld)
        return self._noted(turn, reply, _notes(bad, done))

    def _noted(self, turn: Turn, reply: Reply, notes: tuple[Note, ...]) -> Reply:
        if not notes:
            return reply
        turn_notes.guarded(turn, notes)
        return replace(reply, made_by=replace(reply.made_by, notes=notes))

    def _made_by(self, usage: Usage, prompt: RenderedPrompt) -> MadeBy:
        return MadeBy(
            prompt_version=prompt.version,
            prompt_name=prompt.name,
            model=usage.model,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            cost=self._style.price(usage),
            llm_ms=usage.took_ms,
        )


def _stopping(found: Iterable[Finding], prompt: RenderedPrompt) -> tuple[Finding, ...]:
    """What keeps an answer from being sent."""
    held = (Act.REGENERATE, Act.HAND_OFF)
    return tuple(one for one in found if prompt.guards.act(one.guard) in held)


def _notes(found: Iterable[Finding], done: Done) -> tuple[Note, ...]:
    """Each once."""
    return tuple(dict.fromkeys(Note(one.guard, one.kind, done) for one in found))


def _words(content: str | tuple[str | Picture, ...]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part for part in content if isinstance(part, str))


def _both(first: MadeBy, second: MadeBy) -> MadeBy:
    """Two completions made the reply: all of it is paid."""
    return replace(
        second,
        tokens_in=_sum(first.tokens_in, second.tokens_in),
        tokens_out=_sum(first.tokens_out, second.tokens_out),
        cost=None if first.cost is None or second.cost is None else first.cost + second.cost,
        llm_ms=_sum(first.llm_ms, second.llm_ms),
    )


def _sum(first: int | None, second: int | None) -> int | None:
    counted = [count for count in (first, second) if count is not None]
    return sum(counted) if counted else None
