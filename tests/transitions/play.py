"""Two workers, two customers and a line that does as it likes: each thing that may happen, once.

A worker posts what it is given at once, if its lease still runs: what comes of that is settled
later, and by then others may have its work.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Select, select

from bot.adapters.db.engine import Database
from bot.adapters.db.schema import events, messages
from bot.adapters.db.store import Store
from bot.domain.chat import HandOffCall
from bot.domain.conversation import Pause
from bot.domain.inbox import Filing
from bot.domain.outbox import NotSent, Outbound, SendOutcome, Sent, Unanswered
from bot.domain.turn import Answered, Claimed, MadeBy, Reply, Turn
from bot.domain.work import ToSend
from bot.errors import LostClaim
from tests.transitions.record import Record
from tests.transitions.scene import ANNA, BEN, LINE, Scene, message, thread

T = TypeVar("T")

CHATS = {thread(contact): contact for contact in (ANNA, BEN)}
LEASE = timedelta(seconds=10)
OWN_ID = Sent("the id of this message")
"""What the line answers when it gives ids."""
ANSWERS = ("answer", "two parts", "fixed", "hand off")
OTHER_ENDS = ("fail", "give up", "release", "skip", "decline", "defer", "away")
TOLD = ("notice", "notice", "another's notice", "echo", "ready", "disconnected")
PEOPLE = (
    *("pause", "pause shortly", "resume", "resume", "resume and answer", "resume and answer"),
    *("write", "write on", "write on the phone"),
    *("pause line", "pause all", "resume line", "resume line", "resume all", "resume all"),
)
_ROUNDS = 200
_ROUND_S = 240


@dataclass(frozen=True, slots=True)
class Posted:
    """A message that a worker was given to send."""

    message: Outbound
    left: bool
    """False: the worker's lease was over, so it did not send it."""


@dataclass(slots=True)
class Worker:
    """A process that works, and what it has in its hands."""

    store: Store
    lease_until: datetime
    turns: list[Turn] = field(default_factory=list)
    sends: list[Posted] = field(default_factory=list)

    @property
    def in_hand(self) -> frozenset[str]:
        ids = [turn.id for turn in self.turns]
        return frozenset([*ids, *(send.message.id for send in self.sends)])


class Play:
    """Steps, and what customers have been told so far."""

    def __init__(self, database: Database, record: Record) -> None:
        self.scene = Scene(database)
        self._record = record
        self.workers: list[Worker] = []
        self.filings: list[Filing] = []
        self._notes: set[str] = set()
        """Turns whose words answer nothing: the bot is off duty."""
        self.left: dict[str, str] = {}
        """Messages that a worker has posted, and to whom."""
        self._answered_by: dict[str, set[str]] = defaultdict(set)
        self._taken: set[str] = set()
        """Messages that customers have read."""
        self._written = 0

    @property
    def now(self) -> datetime:
        return self.scene.now

    async def begin(self) -> None:
        await self._record.begin()
        await self.scene.store.know_lines([LINE], self.now)
        self.workers += [await self._new_worker(), await self._new_worker()]

    async def _new_worker(self) -> Worker:
        worker = Worker(self.scene.another_worker(), self.now + LEASE)
        await worker.store.register(self.now, sole=False)
        return worker

    def check(self) -> None:
        """All is as it must be."""
        self._record.check()
        known = self._record.texts(select(messages.c.text).where(messages.c.direction == "in"))
        assert sorted(known) == sorted(_text(filing) for filing in self.filings)
        twice = {text: by for text, by in self._answered_by.items() if len(by) > 1}
        assert not twice, twice
        never_left = select(messages.c.id).where(messages.c.status == "cancelled")
        assert not self._taken & set(self._record.texts(never_left))

    # customers

    async def writes(self, chat: str) -> None:
        self._written += 1
        filing = message(CHATS[chat], f"question {self._written}")
        self.filings.append(filing)
        await self.scene.store.accept([filing], self.now)

    async def comes_again(self, filing: Filing, *, other_event: bool) -> None:
        if other_event:
            self._written += 1
            filing = replace(filing, event=replace(filing.event, id=f"again {self._written}"))
        await self.scene.store.accept([filing], self.now)

    # turns

    async def both_claim(self, order: tuple[Worker, Worker], chat: str) -> None:
        claims = await asyncio.gather(*(one.store.claim_turn(chat, self.now) for one in order))
        claimed = [
            (worker, claim.turn)
            for worker, claim in zip(order, claims, strict=True)
            if isinstance(claim, Claimed)
        ]
        assert len(claimed) <= 1
        for worker, turn in claimed:
            worker.turns.append(turn)
            texts = [entry.text for entry in turn.waiting]
            assert texts == [_text(one) for one in self.filings if _text(one) in texts]

    async def ends(self, worker: Worker, turn: Turn, how: str) -> None:
        """One of ANSWERS or OTHER_ENDS."""
        store, now = worker.store, self.now
        words = Reply((f"{how} {turn.id}",), MadeBy(), has_seen_all=how == "answer")
        match how:
            case "fail" | "give up":
                await _kept(store.fail_turn(turn, "broke", words, now, final=how == "give up"))
            case "release":
                await _kept(store.release_turn(turn, "away", now, timedelta(seconds=20)))
            case "skip":
                await _kept(store.skip_turn(turn, "nothing to say", now))
            case "decline":
                await _kept(store.decline_turn(turn, "over limit", now))
            case "defer" | "away":
                self._notes.add(turn.id)
                said, until = (words if how == "away" else None), now + timedelta(minutes=5)
                self._hand_out(worker, await _kept(store.defer_turn(turn, until, said, now)))
            case _:
                await self._answers(worker, turn, how, words)

    async def _answers(self, worker: Worker, turn: Turn, how: str, words: Reply) -> None:
        if how == "two parts":
            words = replace(words, parts=(*words.parts, f"more of {turn.id}"))
        if how == "hand off":
            words = replace(words, hand_off=HandOffCall("a complaint", "wants a person"))
        outcome = await _kept(worker.store.answer_turn(turn, words, self.now))
        if outcome is not None and outcome[0] is Answered.STORED:
            if self.now < turn.first_message_at + self.scene.policy.max_wait:
                assert not self._record.texts(_waiting_in(turn.conversation_id))
            self._hand_out(worker, outcome[1])

    # sends

    async def both_send(self, order: tuple[Worker, Worker], chat: str, *, probe: bool) -> None:
        claims = (one.store.claim_reply(chat, self.now, probe=probe) for one in order)
        taken = await asyncio.gather(*claims)
        assert sum(isinstance(each, ToSend) for each in taken) <= 1
        for worker, each in zip(order, taken, strict=True):
            if isinstance(each, ToSend):
                self._hand_out(worker, each.message)

    def _hand_out(self, worker: Worker, given: Outbound | None) -> None:
        if given is None:
            return
        left = worker.lease_until > self.now
        worker.sends.append(Posted(given, left))
        if left:
            self.left[given.id] = CHATS[given.conversation_id]

    async def line_answers(
        self, worker: Worker, posted: Posted, outcome: SendOutcome, *, taken: bool = True
    ) -> None:
        """`taken`: an answer that never came was a yes."""
        if not posted.left:
            outcome = NotSent("this worker's lease was over")
        if isinstance(outcome, Sent) or (isinstance(outcome, Unanswered) and taken):
            self._line_takes(posted.message.id)
        if outcome == OWN_ID:
            outcome = Sent(_line_id(posted.message.id))
        await _kept(worker.store.settle_reply(posted.message, outcome, self.now))

    def _line_takes(self, message_id: str) -> None:
        """The customer reads it; it answers what has ended with its turn."""
        self._taken.add(message_id)
        turn_id = f"tn{message_id[2:].rpartition('_')[0]}"
        if not message_id.startswith("re") or turn_id in self._notes:
            return
        asked = messages.join(events, events.c.message_id == messages.c.id)
        query = select(messages.c.text).select_from(asked).where(events.c.turn_id == turn_id)
        for text in self._record.texts(query):
            self._answered_by[text].add(turn_id)

    # the line and people

    async def line_tells(self, what: str, about: str | None) -> None:
        """One of TOLD; `about`: one of those that have left, None when none has."""
        if what in ("ready", "disconnected"):
            await self.scene.arrives(f"line.{what}")
        elif about is not None and what == "another's notice":
            await self.scene.delivered(f"another's {self.now}", self.left[about])
        elif about is not None and what == "notice":
            await self.scene.delivered(_line_id(about), self.left[about])
        elif about is not None:
            words = self._record.texts(select(messages.c.text).where(messages.c.id == about))
            content = {"id": _line_id(about), "to": self.left[about], "text": words[0]}
            await self.scene.arrives("message.sent", message={**content, "type": "text"})

    async def people(self, chat: str, what: str) -> None:
        """One of PEOPLE. Raises NotFound."""
        store, now = self.scene.store, self.now
        in_an_hour = Pause("olga", now + timedelta(hours=1), prolongs=True)
        line_id = LINE if what.endswith("line") else None
        match what:
            case "pause" | "pause shortly":
                until = None if what == "pause" else now + timedelta(minutes=1)
                await store.pause(chat, Pause("olga", until), now)
            case "resume" | "resume and answer":
                await store.resume(chat, "olga", now, answer=what != "resume")
            case "write" | "write on":
                words = (f"a person at {now}",)
                await store.write(chat, words, in_an_hour, now, keep_bot=what != "write")
            case "write on the phone":
                await self.scene.phone_writes("from the phone", CHATS[chat])
            case "pause line" | "pause all":
                await store.pause_scope(line_id, Pause("olga", None), now)
            case _:
                await store.resume_scope(line_id, "olga", now, answer=True)

    # upkeep

    async def keeps_up(self, worker: Worker) -> None:
        """What a worker does every second or two."""
        if not await worker.store.beat(self.now):
            await worker.store.register(self.now, sole=False)
        worker.lease_until = self.now + LEASE
        await worker.store.mend(self.now, worker.in_hand)
        await worker.store.lapse_pauses(self.now)
        await worker.store.apply_events(self.now)

    async def crashes(self, side: int) -> None:
        """It forgets what it had in hand; another process begins in its place."""
        for posted in self.workers[side].sends:
            if posted.left:
                self._line_takes(posted.message.id)
        self.workers[side] = await self._new_worker()

    # the end

    async def drains(self) -> None:
        """The line is well, people give everything back, time passes: all comes to an end."""
        await self.scene.arrives("line.ready")
        for worker in self.workers:
            await self._empties_hands(worker)
        left = self._record.open_work()
        for _ in range(_ROUNDS):
            self.scene.pass_time(_ROUND_S)
            await self._people_give_back()
            await self._round()
            self.check()
            left = self._record.open_work()
            if not left:
                return
        raise AssertionError(left)

    async def _people_give_back(self) -> None:
        for line_id in (None, LINE):
            await self.scene.store.resume_scope(line_id, "olga", self.now, answer=True)
        for kind, chat, _state in self._record.open_work():
            if kind == "person":
                await self.scene.store.resume(chat, "olga", self.now, answer=True)

    async def _round(self) -> None:
        for worker in self.workers:
            await self.keeps_up(worker)
        worker = self.workers[0]
        work = await worker.store.sweep(self.now, timedelta(0))
        for chat in work.turns:
            await self.both_claim((worker, self.workers[1]), chat)
            await self._empties_hands(worker)
        for chat in (*work.turns, *work.replies, *work.probes):
            await self._sends_all(worker, chat, probe=chat in work.probes)

    async def _empties_hands(self, worker: Worker) -> None:
        while worker.turns:
            turn = worker.turns.pop()
            if turn.standing.refusal is None:
                await self.ends(worker, turn, "answer")
            else:
                await self.ends(worker, turn, "decline")
        while worker.sends:
            await self.line_answers(worker, worker.sends.pop(), OWN_ID)

    async def _sends_all(self, worker: Worker, chat: str, *, probe: bool) -> None:
        await self.both_send((worker, self.workers[1]), chat, probe=probe)
        while worker.sends:
            await self._empties_hands(worker)
            await self.both_send((worker, self.workers[1]), chat, probe=probe)


def _waiting_in(chat: str) -> Select[str]:
    waits = (events.c.conversation_id == chat, events.c.state == "pending")
    return select(events.c.id).where(*waits)


def _line_id(message_id: str) -> str:
    return f"p {message_id}"


def _text(filing: Filing) -> str:
    assert filing.message is not None
    return filing.message.text


async def _kept(work: Awaitable[T]) -> T | None:
    """None: somebody else has this work now, and nothing was written."""
    try:
        return await work
    except LostClaim:
        return None
