"""One conversation, held once: the customer's side is spoken, the bot's is the real turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from bot.errors import BotError, Refused, Unavailable
from bot.evals.asking import Meter, Model, Player
from bot.evals.customer import next_words
from bot.evals.expectations import Heard, Seen, problem_of
from bot.evals.judge import judge
from bot.evals.results import Check, Playing, Status, Talk
from bot.evals.script import Conversation, Criterion, Expectation, Message, Simulated, Suite
from bot.rehearsal import Ended, Outcome, Said, Stage, voice_note

_BETWEEN_TURNS = timedelta(minutes=1)
"""Nobody who answers at the same instant is taken for a person."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a file's conversations are held with one prompt."""

    suite: Suite
    prompt: str
    """Its name."""
    stage: Stage
    begins: datetime


class _NotHeld(Exception):
    """The conversation could not be held; the text says why."""


async def play(scene: Scene, conversation: Conversation, model: Model, sample: str) -> Playing:
    """Never raises for what goes wrong in it; `sample` tells repetitions apart."""
    return await _Play(scene, conversation, model, sample).held()


class _Play:
    def __init__(self, scene: Scene, conversation: Conversation, model: Model, sample: str) -> None:
        self._scene = scene
        self._conversation = conversation
        self._meter = Meter()
        self._model = Player(model, sample, self._meter)
        self._judge = Player(model, sample, self._meter, scene.suite.judge_model)
        self._now = scene.begins
        self._rehearsal = scene.stage.rehearse(
            self._model,
            line_id=scene.suite.line_id,
            contact_name=conversation.contact,
            clock=lambda: self._now,
            hands_over=True,
        )
        self._talk: list[Talk] = []
        self._heard: list[Heard] = []
        self._checks: list[Check] = []
        self._version: str | None = None

    async def held(self) -> Playing:
        trouble = ""
        try:
            await self._hold()
        except (_NotHeld, BotError) as error:
            trouble = str(error)
        except Exception as error:  # noqa: BLE001 - one test must not stop the others
            _log.exception("eval.broke", error=type(error).__name__)
            trouble = f"internal error: {type(error).__name__}"
        return Playing(
            status=self._status(trouble),
            talk=tuple(self._talk),
            checks=tuple(self._checks),
            trouble=trouble,
            cost=self._meter.cost,
            tokens=self._meter.tokens,
            calls=self._meter.calls,
            remembered=self._meter.remembered,
            prompt_version=self._version,
        )

    def _status(self, trouble: str) -> Status:
        """What was wrong before the model went away is wrong all the same."""
        if not all(check.passed for check in self._checks):
            return Status.FAILED
        return Status.NOT_RUN if trouble else Status.PASSED

    async def _hold(self) -> None:
        match self._conversation.customer:
            case Simulated() as customer:
                await self._improvise(customer)
            case steps:
                for number, step in enumerate(steps, 1):
                    self._now += step.wait
                    said = [await self._said(message) for message in step.messages]
                    await self._turn(said, step.expectations, number)
        seen = Seen(tuple(self._heard), self._rehearsal.opted_out)
        await self._check(self._conversation.expectations, seen, None)

    async def _improvise(self, customer: Simulated) -> None:
        """Until the customer has finished, a person takes over, or it goes on for too long."""
        for number in range(1, customer.max_turns + 1):
            words = await next_words(self._model, customer, self._talk)
            if not words:
                self._note("the customer has finished")
                return
            self._talk.append(Talk("customer", words))
            outcome = await self._turn([Said(words)], (), number)
            if outcome.hand_off is not None or self._rehearsal.opted_out:
                return
        self._note(f"ended after {customer.max_turns} turns")

    async def _said(self, message: Message) -> Said:
        match message.kind:
            case "text":
                self._talk.append(Talk("customer", message.text))
                return Said(message.text)
            case "voice":
                self._talk.append(Talk("customer", f"[voice note] {message.text}".strip()))
                return voice_note(message.text)
            case "image":
                self._talk.append(Talk("customer", f"[{message.file}] {message.text}".strip()))
                return await self._picture(message)

    async def _picture(self, message: Message) -> Said:
        try:
            media = await self._scene.stage.attach(Path(self._scene.suite.folder) / message.file)
        except OSError as error:
            raise _NotHeld(f"{message.file}: {error.strerror}") from None
        if not (media.media_type or "").startswith("image/") or media.reading.problem is not None:
            raise _NotHeld(f"{message.file} is no picture that can be read: {media.media_type}")
        return Said(message.text, "image", media)

    async def _turn(
        self, said: Sequence[Said], expectations: Sequence[Expectation], number: int
    ) -> Outcome:
        self._meter.trouble = None
        outcome = await self._rehearsal.answer(*said)
        is_cut = outcome.ended in (Ended.AWAY, Ended.FAILED)
        if is_cut and (self._meter.trouble is not None or outcome.ended is Ended.AWAY):
            raise _NotHeld(str(self._meter.trouble or outcome.reason))
        heard = self._listen(outcome)
        self._heard.append(heard)
        self._version = outcome.made_by.prompt_version or self._version
        if outcome.ended is Ended.FAILED:
            reason = f"{outcome.reason}; the customer gets the fallback"
            self._checks.append(Check("an answer", False, reason, number))
        await self._check(expectations, Seen((heard,), self._rehearsal.opted_out), number)
        self._now += _BETWEEN_TURNS
        return outcome

    def _listen(self, outcome: Outcome) -> Heard:
        if outcome.text:
            self._talk.append(Talk("bot", outcome.text))
        else:
            self._note(f"nothing is said: {outcome.reason}")
        if outcome.hand_off is not None:
            self._note(f"handed over to a person: {outcome.hand_off.reason}")
        if outcome.opting is not None:
            self._note(f"the customer has {outcome.opting}")
        made_by = outcome.made_by
        return Heard(
            text=outcome.text,
            answer=self._without_disclosure(outcome.text),
            hand_off=None if outcome.hand_off is None else outcome.hand_off.reason,
            cost=0.0 if made_by.model is None else made_by.cost,
            model=made_by.model,
            reason=outcome.reason,
        )

    def _without_disclosure(self, text: str) -> str:
        suite = self._scene.suite
        prompt = self._scene.stage.render(self._now, suite.line_id, self._conversation.contact)
        opening = prompt.disclosure.strip()
        return text.removeprefix(opening).strip() if opening else text

    async def _check(
        self, expectations: Sequence[Expectation], seen: Seen, turn: int | None
    ) -> None:
        """What costs nothing first: it stands even when the judge can't be asked."""
        judged = [one for one in expectations if isinstance(one.wanted, Criterion)]
        for one in expectations:
            if one not in judged:
                problem = problem_of(one, seen)
                self._checks.append(Check(one.text, not problem, problem, turn, one.line))
        for one in judged:
            if isinstance(one.wanted, Criterion):
                await self._ask_judge(one, one.wanted, turn)

    async def _ask_judge(
        self, expectation: Expectation, criterion: Criterion, turn: int | None
    ) -> None:
        try:
            self._checks.append(await judge(self._judge, expectation, criterion, self._talk, turn))
        except (Unavailable, Refused) as error:
            raise _NotHeld(f"could not be judged: {error}") from None

    def _note(self, text: str) -> None:
        self._talk.append(Talk("note", text))
