"""Nobody can make the bot speak while a person does: thousands of random races, and a referee.

Many conversations live at the same time, round after round. In each round every one of them starts
a few random steps together, among workers, upkeep, and pauses of whole lines. A count that they
share is read right before a call starts and right after it has returned. So the referee knows what
was surely over before something else began, and judges nothing that overlapped.
"""

import asyncio
import itertools
import json
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, select, update

from bot.adapters.db.engine import Database, sqlite_url
from bot.adapters.db.foreign import TAKEN_OVER
from bot.adapters.db.migrate import migrate
from bot.adapters.db.schema import (
    OPEN_EVENT,
    OPEN_SEND,
    conversations,
    events,
    lines,
    messages,
    turns,
)
from bot.adapters.db.store import Store
from bot.adapters.mossmoon import parse
from bot.domain.chat import HandOffCall
from bot.domain.contact import contact_key
from bot.domain.conversation import Pause
from bot.domain.inbox import Audience, Filing, file_event
from bot.domain.notice import Roster
from bot.domain.outbox import (
    LineHeld,
    NotSent,
    Outbound,
    Rejected,
    SendOutcome,
    Sent,
    Unanswered,
    replaced_by,
)
from bot.domain.turn import Answered, Claimed, Listening, MadeBy, Opting, Reply, Turn
from bot.domain.work import ToSend
from bot.errors import LostClaim, Refused
from tests.transitions.scene import Scene, thread

T = TypeVar("T")

SEED = 20_260_301
OPERATOR = "+15559990001"
EVERYTHING = "*"
ON_A_LINE = 10
ROUNDS = 6
SHARDS = 2
PEOPLE = ("pause", "prolong", "write", "phone", "command", "hand-off")
WIDER = ("line", "everything")
NEVER = datetime.max.replace(tzinfo=UTC)
FOUR_HOURS = timedelta(hours=4)

_number = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Span:
    """A call: the moments before it started and after it returned."""

    start: int
    end: int

    def before(self, other: "Span") -> bool:
        return self.end < other.start

    def meets(self, other: "Span") -> bool:
        return not (self.before(other) or other.before(self))


@dataclass(frozen=True, slots=True)
class Silence:
    """Somebody took over, and was told so at the end of `span`."""

    how: str
    span: Span
    until: datetime = NEVER
    shortens: bool = False
    """An earlier pause may end sooner by it."""
    turn: str = ""
    """Its own last words are the exception."""


@dataclass(frozen=True, slots=True)
class Lapse:
    """A look for pauses whose time is up."""

    span: Span
    now: datetime


@dataclass(slots=True)
class HandOut:
    """A message given to a worker to be sent; this is what must not happen in a silence."""

    message_id: str
    span: Span
    outcome: SendOutcome | None = None
    settled: Span | None = None

    @property
    def turn(self) -> str:
        """Whose reply it is; empty: not the bot's."""
        is_bots = self.message_id.startswith("re")
        return f"tn{self.message_id[2:].rpartition('_')[0]}" if is_bots else ""

    @property
    def left(self) -> bool:
        return not isinstance(self.outcome, NotSent | LineHeld | Rejected)


@dataclass(slots=True)
class Watched:
    """An event of which it is still to be seen what came of it."""

    chat: "Chat"
    how: str
    since: int
    """It had not been applied before."""
    text: str = ""
    """A person's words, by which their message is known."""


@dataclass(slots=True)
class Worker:
    """A process that works."""

    store: Store
    in_hand: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Writing:
    """A turn whose model has not answered yet."""

    worker: Worker
    turn: Turn
    claimed: Span


@dataclass(slots=True)
class Sending:
    """A message whose line has not answered yet."""

    worker: Worker
    message: Outbound
    hand_out: HandOut
    provider_id: str


class Referee:
    """Everything that was acknowledged and handed out, in its real order."""

    def __init__(self) -> None:
        self.ticks = itertools.count(1)
        self.silences: dict[str, list[Silence]] = defaultdict(list)
        """By conversation, line or `*`; with `out ` before it: by a STOP."""
        self.ends: dict[str, list[Span]] = defaultdict(list)
        self.lapses: list[Lapse] = []
        self.seen: Counter[str] = Counter()
        """How often each kind of race really happened."""

    def silence(self, key: str, at: Span, turn: str = "") -> Silence | None:
        """What was surely silent all through a call; for a `turn`'s words: by something else."""
        for silence in self.silences[key]:
            are_last_words = silence.turn != "" and silence.turn == turn
            if are_last_words or not silence.span.before(at):
                continue
            if not self._may_have_ended(key, silence, at):
                return silence
        return None

    def _may_have_ended(self, key: str, silence: Silence, at: Span) -> bool:
        def between(span: Span) -> bool:
            return span.end > silence.span.start and span.start < at.end

        if any(between(end) for end in self.ends[key]):
            return True
        later = [each for each in self.silences[key] if each.shortens and between(each.span)]
        until = min(each.until for each in (silence, *later))
        return any(between(lapse.span) and lapse.now >= until for lapse in self.lapses)

    def outdated(self, keys: Sequence[str], since: Span, at: Span) -> Silence | None:
        """The take-over that began and was acknowledged between two calls, resumed or not."""
        for key in keys:
            for silence in self.silences[key]:
                if since.before(silence.span) and silence.span.before(at):
                    return silence
        return None


class Chat:
    """One conversation, and what those who take part in it know."""

    def __init__(self, race: "Race", number: int, line: str) -> None:
        self.race, self.line = race, line
        self.rng = _seeded(f"{race.seed}/{number}")
        self.contact = f"+1777{number:07}"
        self.id = thread(self.contact, line)
        self.number = number % ON_A_LINE + 1
        self.writing: list[Writing] = []
        self.sending: list[Sending] = []
        self.claims: dict[str, Span] = {}
        self.stored: dict[str, Span] = {}
        self.last_words: set[str] = set()
        self.drafted: set[str] = set()
        self.replies: dict[str, tuple[Turn, bool]] = {}
        """With whether it answers all of the turn's messages, or only those that died."""
        self.handed: list[HandOut] = []
        self.concluded: list[tuple[Span, Span]] = []
        self.without_id = self.written = 0
        self.has_notices = self.is_taken_over = self.may_send = False
        self.ended: dict[str, tuple[str, str | None]] = {}
        self.told: list[str] = []

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.id, self.line, EVERYTHING, f"out {self.id}")

    async def call(self, what: str, work: Awaitable[T]) -> tuple[T, Span]:
        result, span = await self.race.call(work)
        self.told.append(f"{span.start}-{span.end} {what}: {_brief(result)}")
        return result, span

    def silence(self, how: str, span: Span, **more: Any) -> None:
        key = f"out {self.id}" if how == "opt-out" else self.id
        self.is_taken_over = True
        self.race.referee.silences[key].append(Silence(how, span, **more))
        self.told.append(f"{span.start}-{span.end} silent: {how} {more.get('until', '')}")

    # the customer

    async def write(self) -> None:
        text = self.rng.choices(("hi", "human", "STOP", "START"), (8, 1.5, 1, 1.5))[0]
        filing = _event(
            "message.received", self.line, message=_message(text, **{"from": self.contact})
        )
        self.written += 1
        await self.call(f"writes {text}", self.race.accept(filing))

    async def write_and_wake(self) -> None:
        await self.write()
        await self.take_turn()

    # the workers

    async def take_turn(self) -> None:
        worker = self.race.a_worker(self.rng)
        claim, span = await self.call("claims", worker.store.claim_turn(self.id, self.race.now))
        match claim:
            case Claimed(turn):
                worker.in_hand.add(turn.id)
                self.claims[turn.id] = span
                writing = Writing(worker, turn, span)
                if self.race.draining or self.rng.random() < 0.5:
                    await self.end_turn(writing)
                else:  # the model takes its time
                    self.writing.append(writing)
            case Listening() as heard:
                wanted = _opting([entry.text for entry in heard.waiting], out=heard.opted_out)
                if wanted is not None:
                    ids = tuple(entry.id for entry in heard.waiting)
                    hear = worker.store.hear_opting(self.id, wanted, ids, self.race.now)
                    heard_now, span = await self.call(f"hears {wanted}", hear)
                    if heard_now:
                        self._opted(wanted, span)

    async def end_some_turn(self) -> None:
        ready = [each for each in self.writing if each.worker is not self.race.stopped]
        if ready:
            writing = self.rng.choice(ready)
            self.writing.remove(writing)
            await self.end_turn(writing)

    async def end_turn(self, writing: Writing) -> None:
        is_lost = writing.turn.id in self.race.lost
        try:
            await self._conclude(writing)
        except LostClaim:
            self.race.referee.seen["a turn that was taken away is refused"] += 1
        else:
            assert not is_lost, self.story(f"{writing.turn.id} was taken away, and yet it counted")
        finally:
            writing.worker.in_hand.discard(writing.turn.id)

    async def _conclude(self, writing: Writing) -> None:
        said = [entry.text for entry in writing.turn.waiting]
        opting = _opting(said, out=writing.turn.standing.opted_out)
        ends = (self._end_silently, self._fail, self._defer)
        if opting is not None:
            await self._answer(writing, Reply((opting.value,), MadeBy(), opting=opting))
        elif self.race.draining or self.rng.random() < 0.75:
            await self._answer(writing, self._reply(said))
        else:
            await self.rng.choice(ends)(writing)

    async def _end_silently(self, writing: Writing) -> None:
        turn, store, now = writing.turn, writing.worker.store, self.race.now
        match self.rng.choice(("skip", "release", "decline")):
            case "skip":
                await self.call(f"skips {turn.id}", store.skip_turn(turn, "nothing to say", now))
            case "release":
                await self.call(f"releases {turn.id}", store.release_turn(turn, "away", now))
            case "decline":
                await self.call(f"declines {turn.id}", store.decline_turn(turn, "a flood", now))

    async def _defer(self, writing: Writing) -> None:
        turn, now = writing.turn, self.race.now
        away = Reply(("we are closed",), MadeBy())
        defer = writing.worker.store.defer_turn(turn, now + timedelta(minutes=30), away, now)
        first, span = await self.call(f"defers {turn.id}", defer)
        self.stored[turn.id] = span
        await self._take(writing.worker, first, span)

    async def _fail(self, writing: Writing) -> None:
        turn, sorry = writing.turn, Reply(("sorry",), MadeBy())
        is_final = self.rng.random() < 0.4
        fail = writing.worker.store.fail_turn(turn, "broken", sorry, self.race.now, final=is_final)
        died, span = await self.call(f"fails {turn.id}", fail)
        if died:
            self.stored[turn.id] = span
            self.replies[turn.id] = (turn, False)

    def _reply(self, said: list[str]) -> Reply:
        if "human" in said and not self.race.draining:
            return Reply(("one moment", "please"), MadeBy(), HandOffCall("asks for a person", ""))
        parts = ("one", "two") if self.rng.random() < 0.3 else ("an answer",)
        return Reply(parts, MadeBy(), has_seen_all=self.rng.random() < 0.8)

    async def _answer(self, writing: Writing, reply: Reply) -> None:
        turn, race = writing.turn, self.race
        answer = writing.worker.store.answer_turn(turn, reply, race.now)
        (answered, first), span = await self.call(f"answers {turn.id}", answer)
        self.concluded.append((writing.claimed, span))
        race.referee.seen[f"an answer is {answered}"] += 1
        if reply.opting is not None:
            self._opted(reply.opting, span, turn.id)
        else:
            late = race.referee.outdated(self.keys, writing.claimed, span)
            is_draft = answered is Answered.DRAFTED
            assert late is None or is_draft, self.story(f"{turn.id} {answered} in spite of {late}")
        if answered is Answered.DRAFTED:
            self.drafted.add(turn.id)
        elif answered is Answered.STORED:
            self.stored[turn.id] = span
            self.replies[turn.id] = (turn, True)
            if reply.is_parting:
                self.may_send = True
                self.last_words.add(turn.id)
            if reply.hand_off is not None:
                self.silence("hand-off", span, until=race.now + FOUR_HOURS, turn=turn.id)
        await self._take(writing.worker, first, span)

    def _opted(self, opting: Opting, span: Span, turn_id: str = "") -> None:
        if opting is Opting.OUT:
            self.silence("opt-out", span, turn=turn_id)
        else:
            self.race.referee.ends[f"out {self.id}"].append(span)

    async def send(self, *, probe: bool = False) -> None:
        for _ in range(3):
            worker = self.race.a_worker(self.rng)
            claim = worker.store.claim_reply(self.id, self.race.now, probe=probe)
            taken, span = await self.call("takes a message", claim)
            if not isinstance(taken, ToSend):
                self.may_send = self.may_send and taken.at is not None
                return
            await self._take(worker, taken.message, span)

    async def _take(self, worker: Worker, message: Outbound | None, span: Span) -> None:
        if message is None:
            return
        worker.in_hand.add(message.id)
        hand_out = HandOut(message.id, span)
        self.handed.append(hand_out)
        sending = Sending(worker, message, hand_out, f"p{next(_number)}")
        self.sending.append(sending)
        if self.race.draining or self.rng.random() < 0.5:
            await self.settle(sending)

    async def settle_some(self) -> None:
        ready = [each for each in self.sending if each.worker is not self.race.stopped]
        if ready:
            await self.settle(self.rng.choice(ready))

    async def settle(self, sending: Sending) -> None:
        if sending not in self.sending:
            return
        self.sending.remove(sending)
        outcome = sending.hand_out.outcome = self._outcome(sending)
        what = f"settles {sending.message.id} {outcome}"
        settle = sending.worker.store.settle_reply(sending.message, outcome, self.race.now)
        try:
            self.may_send, sending.hand_out.settled = await self.call(what, settle)
        except LostClaim:
            self.race.referee.seen["the answer to a send that was taken away is refused"] += 1
        finally:
            sending.worker.in_hand.discard(sending.message.id)
        self.without_id += outcome == Sent(None)

    def _outcome(self, sending: Sending) -> SendOutcome:
        if self.race.draining:
            return Sent(sending.provider_id)
        outcomes: tuple[SendOutcome, ...] = (
            Sent(sending.provider_id),
            Sent(None),
            NotSent("503", maybe_repeated=True),
            Unanswered("it hangs"),
            Rejected("invalid", "no"),
            LineHeld("line_not_ready", "scan the code again"),
        )
        return self.rng.choices(outcomes, (50, 14, 14, 16, 3, 1.5))[0]

    async def forget(self) -> None:
        """A worker's task is gone, and nobody has written what came of it."""
        for each in (self.writing or self.sending)[:1]:
            item = each.turn.id if isinstance(each, Writing) else each.message.id
            each.worker.in_hand.discard(item)
            self.told.append(f"{next(self.race.referee.ticks)} forgets {item}")
        (self.writing or self.sending)[:1] = []

    # people

    async def pause(self) -> None:
        length = self.rng.choice((timedelta(seconds=60), timedelta(hours=1), FOUR_HOURS, None))
        until = None if length is None else self.race.now + length
        prolongs = self.rng.random() < 0.3
        pause = Pause("olga", until, prolongs=prolongs)
        work = self.race.a_store(self.rng).pause(self.id, pause, self.race.now)
        _, span = await self.call("a person pauses", work)
        how = "prolong" if prolongs else "pause"
        self.silence(how, span, until=until or NEVER, shortens=not prolongs)

    async def person_writes(self) -> None:
        until = self.race.now + FOUR_HOURS
        pause = Pause("olga", until, prolongs=True)
        words = (f"a person's {next(_number)}",)
        store = self.race.a_store(self.rng)
        try:
            _, span = await self.call(
                "a person writes", store.write(self.id, words, pause, self.race.now)
            )
        except Refused:
            self.race.referee.seen["a person's words to somebody who has opted out"] += 1
        else:
            self.silence("write", span, until=until)

    async def resume(self) -> None:
        answer = self.race.draining or self.rng.random() < 0.6
        store = self.race.a_store(self.rng)
        work = store.resume(self.id, "olga", self.race.now, answer=answer)
        _, span = await self.call(f"a person resumes, answer={answer}", work)
        self.is_taken_over = False
        self.race.referee.ends[self.id].append(span)

    async def phone_writes(self) -> None:
        """`message.sent` with the words, or a delivery notice of a message that is not ours."""
        own_id = f"own_{next(_number)}"
        if self.rng.random() < 0.6:
            message = _message(f"from the phone {own_id}", id=own_id, to=self.contact)
            await self._watch("phone", _event("message.sent", self.line, message=message))
        else:
            notice = {"id": own_id, "to": self.contact}
            filing = _event("message.delivered", self.line, message=notice)
            await self._watch("maybe the phone", filing)

    async def command(self) -> None:
        whom = self.rng.choice((f"#{self.number}", f"#{self.contact}"))
        words = f"an operator's {next(_number)}"
        how = self.rng.choices(("write", "pause", "resume"), (4, 3, 3))[0]
        text = f"{whom} {words}" if how == "write" else f"#{how} {whom[1:]}"
        if how == "resume" and self.rng.random() < 0.5:
            text += " answer"
        message = _message(text, **{"from": OPERATOR})
        await self._watch(how, _event("message.received", self.line, message=message), words)

    async def _watch(self, how: str, filing: Filing, text: str = "") -> None:
        self.has_notices = self.has_notices or how == "maybe the phone"
        since = next(self.race.referee.ticks)
        self.race.watched[filing.event.id] = Watched(self, how, since, text)
        await self.call(f"arrives: {how} ({filing.event.id})", self.race.accept(filing))

    def applied(self, seen: Watched, reason: str, at: Span, *, has_written: bool) -> bool:
        """An event has been applied; whether that was the last of it."""
        is_taken = reason == TAKEN_OVER
        match seen.how:
            case "phone":
                assert is_taken, self.story(f"a person wrote on the phone, and: {reason}")
                self.silence("phone", at, until=self.race.now + FOUR_HOURS)
            case "maybe the phone" if is_taken:
                self.silence("phone", at, until=self.race.now + FOUR_HOURS)
            case "maybe the phone":  # taken for ours, until the line's answer says otherwise
                return False
            case "write" if has_written:
                self.silence("command", at, until=self.race.now + FOUR_HOURS)
            case "pause":
                self.silence("command", at, until=self.race.now + FOUR_HOURS, shortens=True)
            case "resume":
                self.race.referee.ends[self.id].append(at)
        return True

    # the line

    async def notice(self) -> None:
        """Our own message, seen from outside: before the answer, or after one without an id."""
        if self.sending:
            sending = self.rng.choice(self.sending)
            self.race.referee.seen["a notice overtakes the line's answer"] += 1
            if self.rng.random() < 0.4:
                message = _message(sending.message.text, id=sending.provider_id, to=self.contact)
                filing = _event("message.sent", self.line, message=message)
            else:
                notice = {"id": sending.provider_id, "to": self.contact}
                filing = _event("message.delivered", self.line, message=notice)
        elif self.without_id:
            self.without_id -= 1
            notice = {"id": f"p{next(_number)}", "to": self.contact}
            filing = _event("message.delivered", self.line, message=notice)
        else:
            return
        await self._watch("maybe the phone", filing)

    # a round

    STEPS = (
        (write, 30),
        (take_turn, 20),
        (send, 12),
        (resume, 20),
        (notice, 12),
        (settle_some, 4),
        (forget, 2),
    )
    COMING_IN = (pause, pause, person_writes, phone_writes, command, resume, write, write, notice)

    def steps(self) -> list[Awaitable[None]]:
        """Just as the bot is about to go on, somebody comes in; and something else happens."""
        coming_in = (*self.COMING_IN, *[Chat.resume] * (6 if self.is_taken_over else 0))
        kinds, weights = zip(*self.STEPS, strict=True)
        chosen: list[Any] = self.rng.choices(kinds, weights, k=1)
        chosen += [self._next_of_the_bots(), self.rng.choice(coming_in)]
        self.rng.shuffle(chosen)
        return [self._step(kind) for kind in chosen]

    def _next_of_the_bots(self) -> Any:
        if self.writing:
            return Chat.end_some_turn
        if self.sending:
            return Chat.settle_some
        return Chat.send if self.may_send else Chat.write_and_wake

    async def _step(self, kind: Any) -> None:
        for _ in range(self.rng.randint(0, 2)):  # so that it may meet any of another's calls
            async with self.race.slots:
                await asyncio.sleep(0)
        await kind(self)

    # what the referee asks

    def story(self, fault: str) -> str:
        life = sorted(self.told, key=lambda line: int(line.split("-")[0].split()[0]))
        wide = [
            f"{key} {silence}"
            for key in (self.line, EVERYTHING)
            for silence in self.race.referee.silences[key]
        ]
        ends = [f"{key} {self.race.referee.ends[key]}" for key in self.keys]
        story = "\n".join([*life, *wide, *ends])
        return f"seed {self.race.seed}, {self.contact} {self.id}: {fault}\n{story}"

    def judge_hand_outs(self, order: dict[str, int]) -> None:
        """In a silence nothing of the bot's began, and nothing made before it has left since."""
        for handed in self.handed:
            if handed.turn:
                self._judge(handed)
        for turn_id, claimed in self.claims.items():
            for key in (self.id, self.line, EVERYTHING):
                broken = self.race.referee.silence(key, claimed)
                assert broken is None, self.story(f"{turn_id} was begun in {broken}")
        begun: set[str] = set()
        for earlier, later in itertools.combinations(sorted(self.handed, key=_start), 2):
            # A notice that was taken for that of a message on its way lets the next one leave;
            # when the line then refuses the first, that one is tried again behind the second.
            if earlier.span.before(later.span) and later.message_id not in begun:
                in_order = order[earlier.message_id] <= order[later.message_id]
                assert in_order, self.story(f"{later} comes after {earlier}")
            if self.has_notices:
                begun.add(earlier.message_id)

    def _judge(self, handed: HandOut) -> None:
        for key in self.keys:
            broken = self.race.referee.silence(key, handed.span, handed.turn)
            assert broken is None, self.story(f"{handed} breaks {broken}")
        is_last_word = handed.turn in self.last_words
        made = self.stored[handed.turn] if is_last_word else self.claims[handed.turn]
        broken = self.race.referee.outdated(self.keys, made, handed.span)
        assert broken is None, self.story(f"{handed} was made before {broken}")

    def judge_repeats(self) -> None:
        """What the line took is not given out again, and no message gets two answers."""
        for handed in self.handed:
            if isinstance(handed.outcome, Sent) and handed.settled is not None:
                again = [
                    each
                    for each in self.handed
                    if each.message_id == handed.message_id and handed.settled.before(each.span)
                ]
                assert not again, self.story(f"{handed} had left, and is sent again: {again}")
        left = {each.turn for each in self.handed if each.left}
        answers: Counter[str] = Counter()
        for turn_id in left & set(self.replies):
            turn, answers_all = self.replies[turn_id]
            answers.update(
                entry.id
                for entry in turn.waiting
                if answers_all or self.ended[entry.id][0] == "dead"
            )
        twice = [message_id for message_id, times in answers.items() if times > 1]
        assert not twice, self.story(f"answered twice: {twice}")

    def judge_ends(self, replies: dict[str, tuple[str, bool]]) -> None:
        """Each message has come to its end, and every draft has stayed one."""
        states = Counter(state for state, _ in self.ended.values())
        is_over = set(states) <= {"done", "skipped", "dead"}
        assert is_over, self.story(f"still open: {self.ended}")
        assert len(self.ended) == self.written, self.story(f"{self.written} written: {self.ended}")
        for message_id, (status, draft) in replies.items():
            turn_id = f"tn{message_id[2:].rpartition('_')[0]}"
            if turn_id in self.drafted:
                is_draft = (status, draft) == ("cancelled", True)
                assert is_draft, self.story(f"{message_id} was made too late, and is {status}")
                was_sent = [each for each in self.handed if each.message_id == message_id]
                assert not was_sent, self.story(f"a draft was sent: {was_sent}")

    def count(self) -> None:
        """What a person's taking over met: calls at the same moment, and work in hand."""
        bots = [each for each in self.handed if each.turn]
        calls = [
            *((answered, "as the answer is stored") for _, answered in self.concluded),
            *((each.span, "as a message is taken") for each in bots),
        ]
        in_hand = [
            *((claimed, end, "while the model writes") for claimed, end in self.concluded),
            *((each.span, each.settled, "while a message is on its way") for each in bots),
        ]
        for silence in (each for key in self.keys for each in self.race.referee.silences[key]):
            met = [what for span, what in calls if silence.span.meets(span)]
            met += [
                what
                for begin, end, what in in_hand
                if end is not None and begin.before(silence.span) and silence.span.before(end)
            ]
            self.race.referee.seen.update(f"{silence.how} {what}" for what in met)


class Race:
    """A batch of conversations on their lines, two workers, and everybody else."""

    def __init__(self, scene: Scene, seed: str, first: int, size: int) -> None:
        self.scene, self.seed = scene, seed
        self.rng = _seeded(seed)
        self.referee = Referee()
        self.slots = asyncio.Semaphore(50 if scene.database.is_sqlite else 10)
        lines = [f"ln_{first}_{number}" for number in range(-(-size // ON_A_LINE))]
        self.lines = lines
        self.chats = {
            chat.id: chat
            for chat in (Chat(self, first + n, lines[n // ON_A_LINE]) for n in range(size))
        }
        self.watched: dict[str, Watched] = {}
        self.workers = [Worker(scene.store), Worker(scene.another_worker())]
        self.stopped: Worker | None = None
        self.lost: set[str] = set()
        self.draining = False

    @property
    def now(self) -> datetime:
        return self.scene.now

    def a_worker(self, rng: random.Random) -> Worker:
        """One of those that run."""
        return rng.choice([each for each in self.workers if each is not self.stopped])

    def a_store(self, rng: random.Random) -> Store:
        """People's calls come through any process."""
        return rng.choice(self.workers).store

    async def call(self, work: Awaitable[T]) -> tuple[T, Span]:
        async with self.slots:
            start = next(self.referee.ticks)
            result = await work
            return result, Span(start, next(self.referee.ticks))

    async def accept(self, filing: Filing) -> None:
        await self.scene.store.accept([filing], self.now)

    async def run(self) -> None:
        await self._open()
        for _ in range(ROUNDS):
            self._move_clock()
            await self._stop_or_start()
            groups = [chat.steps() for chat in self.chats.values()]
            groups += [[step] for step in self._upkeep()]
            self.rng.shuffle(groups)
            steps = [step for group in groups for step in group]
            await asyncio.gather(*steps)
            await self._look()
        await self._drain()
        await self._judge()

    async def _open(self) -> None:
        await self.workers[1].store.register(self.now, sole=False)
        hello = [
            _event("message.received", chat.line, message=_message("hi", **{"from": chat.contact}))
            for chat in self.chats.values()
        ]
        await self.scene.store.accept(hello, self.now)
        mute = _message("#mute", **{"from": OPERATOR})
        for line in self.lines:
            await self.accept(_event("message.received", line, message={**mute, "id": f"m{line}"}))
        for chat in self.chats.values():
            chat.written += 1

        def give_numbers(tx: Connection) -> None:
            for chat in self.chats.values():
                this = conversations.c.id == chat.id
                tx.execute(update(conversations).where(this).values(number=chat.number))

        await self.scene.database.write(give_numbers)

    def _move_clock(self) -> None:
        """Mostly seconds; now and then beyond a lease or a pause, or an hour back."""
        jumps = (0, 1, 6, 12, 40, 700, 2 * 3600, 5 * 3600, -3600)
        jump = self.rng.choices(jumps, (8, 10, 30, 12, 14, 6, 4, 3, 2))[0]
        self.referee.seen[f"the clock is set back: {jump < 0}"] += 1
        self.scene.pass_time(jump)

    async def _stop_or_start(self) -> None:
        """The second worker is stopped now and then, and comes back under a lost lease."""
        second = self.workers[1]
        if self.stopped is None and self.rng.random() < 0.3:
            self.stopped = second
            if not self.scene.database.is_sqlite:  # there the server's clock measures leases
                await second.store.sign_off()
        elif self.stopped is not None and self.rng.random() < 0.5:
            self.stopped = None
            self.referee.seen["a stopped worker comes back"] += 1
        for worker in self.workers:
            if worker is not self.stopped and not await worker.store.beat(self.now):
                await worker.store.register(self.now, sole=False)

    # what runs beside the conversations

    def _upkeep(self) -> list[Awaitable[None]]:
        steps: list[Awaitable[None]] = [self._apply(worker) for worker in self.workers]
        for chance, step in (
            (0.6, self._lapse),
            (0.5, self._mend),
            (0.8, self._sweep),
            (0.1, self._pause_everything),
            (0.6, self._resume_everything),
        ):
            if self.rng.random() < chance:
                steps.append(step())
        for line in self.lines:
            for chance, on_line in (
                (0.08, self._pause_line),
                (0.5, self._resume_line),
                (0.15, self._line_ready),
            ):
                if self.rng.random() < chance:
                    steps.append(on_line(line))
        return steps

    async def _apply(self, worker: Worker) -> None:
        for _ in range(3):
            await self.call(worker.store.apply_events(self.now))

    async def _lapse(self) -> None:
        now = self.now
        _, span = await self.call(self.a_store(self.rng).lapse_pauses(now))
        self.referee.lapses.append(Lapse(span, now))

    async def _mend(self) -> None:
        worker = self.a_worker(self.rng)
        woken, _ = await self.call(worker.store.mend(self.now, frozenset(worker.in_hand)))
        self.referee.seen["work is taken back"] += len(woken)

    async def _sweep(self) -> None:
        work, _ = await self.call(self.scene.store.sweep(self.now, timedelta(0)))
        for conversation in work.probes:
            self.referee.seen["a held line is probed"] += 1
            await self._probe(conversation)

    async def _probe(self, conversation: str) -> None:
        if conversation in self.chats:
            await self.chats[conversation].send(probe=True)
        else:
            await self._tell_operator(conversation, probe=True)

    async def _tell_operator(self, chat: str, *, probe: bool = False) -> None:
        """Notices leave in their own chat, whoever is paused."""
        store = self.scene.store
        while True:
            taken, _ = await self.call(store.claim_reply(chat, self.now, probe=probe))
            if not isinstance(taken, ToSend):
                return
            await self.call(store.settle_reply(taken.message, Sent(None), self.now))

    async def _pause_everything(self) -> None:
        await self._pause_scope(None)

    async def _pause_line(self, line: str) -> None:
        await self._pause_scope(line)

    async def _pause_scope(self, line: str | None) -> None:
        length = self.rng.choice((timedelta(minutes=5), FOUR_HOURS, None))
        until = None if length is None else self.now + length
        work = self.a_store(self.rng).pause_scope(line, Pause("olga", until), self.now)
        _, span = await self.call(work)
        how, key = ("everything", EVERYTHING) if line is None else ("line", line)
        self.referee.silences[key].append(Silence(how, span, until or NEVER, shortens=True))

    async def _resume_everything(self) -> None:
        await self._resume_line(None)

    async def _resume_line(self, line: str | None) -> None:
        answer = self.draining or self.rng.random() < 0.6
        work = self.a_store(self.rng).resume_scope(line, "olga", self.now, answer=answer)
        _, span = await self.call(work)
        self.referee.ends[EVERYTHING if line is None else line].append(span)

    async def _line_ready(self, line: str) -> None:
        await self.call(self.accept(_event("line.ready", line)))

    # what came of it

    async def _look(self) -> None:
        """Events that were applied, messages that were answered, turns that were taken away."""
        ids = list(self.watched)
        texts = [seen.text for seen in self.watched.values() if seen.text]
        since = next(self.referee.ticks)
        found = await self.scene.database.read(lambda tx: _look(tx, self.chats, ids, texts))
        at = next(self.referee.ticks)
        for row in found.applied:
            seen = self.watched[row.provider_event_id]
            if row.state == "pending":
                seen.since = since
                continue
            assert row.state == "done", seen.chat.story(f"{seen.how}: {row.state} {row.reason}")
            span, has_written = Span(seen.since, at), seen.text in found.written
            seen.chat.told.append(f"{seen.since}-{at} {seen.how} {row.reason}")
            if seen.chat.applied(seen, row.reason, span, has_written=has_written):
                del self.watched[row.provider_event_id]
            else:
                seen.since = since
        for row in found.inbox:
            self._note_end(row, found.drafts)
        for chat in self.chats.values():
            for each in chat.writing:
                if each.turn.id not in found.working:
                    self.lost.add(each.turn.id)

    def _note_end(self, row: Any, drafts: frozenset[str]) -> None:
        """A message ends once, with a reason that stays, unless its answer never left."""
        chat = self.chats[row.conversation_id]
        before, after = chat.ended.get(row.message_id), (row.state, row.reason)
        is_open = before is None or before[0] in ("pending", "working")
        answered_by = "" if before is None else str(before[1]).rpartition(" ")[2]
        is_open = is_open or answered_by in drafts
        assert is_open or before == after, chat.story(f"{before}, then {after}")
        chat.ended[row.message_id] = after

    async def _drain(self) -> None:
        """Everybody hands back, and the bot answers whatever has waited."""
        self.draining, self.stopped = True, None
        for jump in (61, 61, 400, 400, *[1900] * 40):
            await self._finish_in_hand()
            while (await self.scene.store.sweep(self.now, timedelta(0))).events:
                await self._apply(self.workers[0])
            await self._look()
            await self._resume_all()
            await self._work_off()
            if not await self.scene.database.read(self._open_chats):
                await self._look()
                return
            self.scene.pass_time(jump)
        left = await self.scene.database.read(self._open_chats)
        raise AssertionError(self.chats[min(left)].story(f"{len(left)} never come to an end"))

    async def _finish_in_hand(self) -> None:
        chats = self.chats.values()
        await asyncio.gather(*(chat.end_turn(each) for chat in chats for each in chat.writing))
        for chat in chats:
            chat.writing.clear()
        await asyncio.gather(*(chat.settle(each) for chat in chats for each in chat.sending))
        for worker in self.workers:
            await worker.store.beat(self.now)
            await worker.store.mend(self.now, frozenset())

    async def _resume_all(self) -> None:
        paused = select(lines.c.line_id).where(lines.c.paused_at.is_not(None))
        taken = select(conversations.c.id).where(
            conversations.c.id.in_(self.chats), conversations.c.state == "human"
        )
        paused_lines, taken_chats = await self.scene.database.read(
            lambda tx: (tx.execute(paused).scalars().all(), tx.execute(taken).scalars().all())
        )
        for line in paused_lines:
            await self._resume_line(None if line == EVERYTHING else line)
        await asyncio.gather(*(self.chats[each].resume() for each in taken_chats))

    async def _work_off(self) -> None:
        """Everything that sweeps find, and nothing else."""
        for _ in range(100):
            work = await self.scene.store.sweep(self.now, timedelta(0))
            if not (work.turns or work.replies or work.probes):
                return
            await asyncio.gather(*(self.chats[each].take_turn() for each in work.turns))
            await asyncio.gather(
                *(
                    self.chats[each].send() if each in self.chats else self._tell_operator(each)
                    for each in work.replies
                )
            )
            for conversation in work.probes:
                await self._probe(conversation)

    def _open_chats(self, tx: Connection) -> set[str]:
        """Where a message waits, or one of the bot's is to be sent."""
        waits = select(events.c.conversation_id).where(
            OPEN_EVENT, events.c.conversation_id.in_(self.chats)
        )
        sends = select(messages.c.conversation_id).where(
            OPEN_SEND, messages.c.conversation_id.in_(self.chats)
        )
        return {*tx.execute(waits).scalars(), *tx.execute(sends).scalars()}

    async def _judge(self) -> None:
        rows = await self.scene.database.read(
            lambda tx: tx.execute(
                select(
                    *(messages.c[name] for name in ("id", "conversation_id", "seq", "status")),
                    *(messages.c[name] for name in ("draft", "author", "error", "attempts")),
                ).where(messages.c.conversation_id.in_(self.chats), messages.c.direction == "out")
            ).all()
        )
        for row in rows:
            if row.author == "bot":
                tried = "after a try" if row.attempts else "untried"
                self.referee.seen[f"a reply ends {row.status}, {tried}, draft={row.draft}"] += 1
        by_chat: dict[str, list[Any]] = {key: [] for key in self.chats}
        for row in rows:
            by_chat[row.conversation_id].append(row)
        for key, chat in self.chats.items():
            chat.judge_hand_outs({row.id: row.seq for row in by_chat[key]})
            chat.judge_repeats()
            replies = [row for row in by_chat[key] if row.author == "bot"]
            chat.judge_ends({row.id: (row.status, row.draft) for row in replies})
            chat.count()
        own_calls = sum(len(chat.told) for chat in self.chats.values())
        self.referee.seen["calls"] += own_calls


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in the tables."""

    applied: Sequence[Any]
    inbox: Sequence[Any]
    written: frozenset[str]
    working: frozenset[str]
    drafts: frozenset[str]
    """Replies that answer nobody."""


def _look(tx: Connection, chats: dict[str, Chat], ids: list[str], texts: list[str]) -> Found:
    applied = select(events.c.provider_event_id, events.c.state, events.c.reason)
    inbox = select(*(events.c[n] for n in ("conversation_id", "message_id", "state", "reason")))
    said = messages.c.text.in_(texts) & messages.c.conversation_id.in_(chats)
    written = select(messages.c.text).where(said, messages.c.author == "operator")
    working = select(turns.c.id).where(turns.c.state == "working")
    return Found(
        tx.execute(applied.where(events.c.provider_event_id.in_(ids))).all(),
        tx.execute(inbox.where(events.c.conversation_id.in_(chats))).all(),
        frozenset(tx.execute(written).scalars()),
        frozenset(tx.execute(working).scalars()),
        _unsaid(tx),
    )


def _unsaid(tx: Connection) -> frozenset[str]:
    """Drafts, and whatever they had taken the place of before it left."""
    drafts = set(tx.execute(select(messages.c.id).where(messages.c.draft)).scalars())
    cancelled = select(messages.c.id, messages.c.error).where(messages.c.status == "cancelled")
    instead = {row.id: replaced_by(row.error) for row in tx.execute(cancelled)}
    while more := {one for one, by in instead.items() if by in drafts} - drafts:
        drafts |= more
    return frozenset(drafts)


def _event(kind: str, line: str, **fields: Any) -> Filing:
    body = {"event": kind, "id": f"race_{next(_number)}", "line_id": line, **fields}
    audience = Audience(operators=frozenset({OPERATOR}))
    return file_event(parse(json.dumps(body).encode()), audience, contact_key)


def _message(text: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"race_{next(_number)}", "type": "text", "text": text, **fields}


def _opting(said: Sequence[str], *, out: bool) -> Opting | None:
    """As the bot's rules read it: the last word counts."""
    for text in reversed(said):
        if text == "STOP":
            return None if out else Opting.OUT
        if text == "START":
            return Opting.IN if out else None
    return None


def _seeded(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - to be repeated, not to be secret


def _start(handed: HandOut) -> int:
    return handed.span.start


def _brief(result: object) -> str:
    return str(result)[:90]


async def _races(scene: Scene, first: int, size: int, at_once: int) -> Counter[str]:
    """So many conversations, in batches; how often each kind of race happened."""
    random.seed(SEED + first)  # the jitter of retries
    scene.settings(
        roster=Roster((OPERATOR,)),
        max_attempts=2,
        replies_per_hour=0,
        stale_after=timedelta(days=30),
    )
    seen: Counter[str] = Counter()
    for number in range(first, first + size, at_once):
        race = Race(scene, f"{SEED}-{number}", number, at_once)
        await race.run()
        seen += race.referee.seen
    return seen


SURE = (
    "an answer is stored",
    "an answer is drafted",
    "phone as the answer is stored",
    "hand-off as the answer is stored",
    "a reply ends cancelled, untried, draft=True",
)
"""What even a hundred conversations meet, whatever the machine is busy with."""
OFTEN = (
    *SURE,
    "an answer is superseded",
    "opt-out as the answer is stored",
    "pause while the model writes",
    "pause while a message is on its way",
    "a notice overtakes the line's answer",
    "work is taken back",
)
EXPECTED = (
    *OFTEN,
    "a reply ends cancelled, after a try, draft=True",
    "a reply ends uncertain, after a try, draft=False",
    "a reply ends delivered, after a try, draft=False",
    "a turn that was taken away is refused",
    *(
        f"{how} {met}"
        for how in (*PEOPLE, *WIDER, "opt-out")
        for met in ("as the answer is stored", "as a message is taken")
    ),
    *(
        f"{how} {met}"
        for how in (*PEOPLE[:5], *WIDER, "opt-out")
        for met in ("while the model writes", "while a message is on its way")
    ),
    "a stopped worker comes back",
    "the answer to a send that was taken away is refused",
    "a held line is probed",
    "the clock is set back: True",
    "a person's words to somebody who has opted out",
)
"""What ten thousand have."""


def _assert_all_happened(seen: Counter[str], kinds: Sequence[str], times: int) -> None:
    rare = {kind: seen[kind] for kind in kinds if seen[kind] < times}
    assert rare == {}, f"seed {SEED}: {sorted(seen.items())}"


async def test_the_bot_stays_silent_in_a_hundred_random_races(scene: Scene) -> None:
    seen = await _races(scene, 0, 120 if scene.database.is_sqlite else 60, 60)
    _tell(seen)
    _assert_all_happened(seen, SURE, 1)


@pytest.mark.slow
def test_the_bot_stays_silent_in_ten_thousand_random_races(tmp_path: Path) -> None:
    with ProcessPoolExecutor(SHARDS, get_context("spawn")) as processes:
        parts = processes.map(_shard, [tmp_path] * SHARDS, range(SHARDS))
        seen = sum(parts, Counter[str]())
    _tell(seen)
    _assert_all_happened(seen, OFTEN, 100)
    _assert_all_happened(seen, EXPECTED, 1)


def _tell(seen: Counter[str]) -> None:
    """With `pytest -rP`: how often each kind happened."""
    counts = "\n".join(f"{times:8} {kind}" for kind, times in sorted(seen.items()))
    print(counts)  # noqa: T201 - for whoever asks


def _shard(folder: Path, number: int) -> Counter[str]:
    """A part of the ten thousand, on a database of its own."""
    return asyncio.run(_race_apart(sqlite_url(folder / f"{number}.db"), number))


async def _race_apart(url: str, number: int) -> Counter[str]:
    await migrate(url)
    database = Database(url)
    scene = Scene(database)
    await scene.store.register(scene.now, sole=True)
    try:
        return await _races(scene, number * (10_000 // SHARDS), 10_000 // SHARDS, 250)
    finally:
        await database.close()
