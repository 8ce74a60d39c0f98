"""In any order of steps there is, every message comes to one end, and nobody is answered twice."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.adapters.db.engine import Database, sqlite_url
from bot.adapters.db.migrate import migrate
from bot.domain.outbox import (
    AccountHeld,
    LineHeld,
    NotSent,
    Rejected,
    SendOutcome,
    Sent,
    Unanswered,
)
from bot.errors import NotFound
from tests.transitions.play import ANSWERS, CHATS, OTHER_ENDS, OWN_ID, PEOPLE, TOLD, Play, Worker
from tests.transitions.record import Record

T = TypeVar("T")

KEEP = ("the model has not answered yet",) * 10
chats = st.sampled_from((*CHATS, *CHATS, next(iter(CHATS))))
sides = st.sampled_from((0, 1))
picks = st.integers(0, 5)
jumps_s = st.sampled_from((1, 3, 6, 11, 16, 30, 120, 700, 4000, -2, -20, -600))
outcomes = st.sampled_from(
    (
        None,
        None,
        None,
        None,
        OWN_ID,
        OWN_ID,
        Sent(None),
        Unanswered("it hangs"),
        NotSent("no connection"),
        NotSent("come again", maybe_repeated=True),
        LineHeld("line_not_ready", "scan the code again"),
        LineHeld("cap_reached", "enough", timedelta(seconds=30), capped=True),
        AccountHeld("balance", "empty"),
        Rejected("invalid", "no such recipient"),
        Unanswered("it hangs"),
    )
)


class World:
    """One loop and one database, for many machines one after the other."""

    def __init__(self, path: Path) -> None:
        self._runner = asyncio.Runner()
        url = sqlite_url(path)
        self.run(migrate(url))
        self.database = self.run(_open(url))
        self.record = Record(self.database)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self.record.close()
        self.run(self.database.close())
        self._runner.close()


async def _open(url: str) -> Database:
    return Database(url)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "bot.db")
    yield world
    world.close()


class Machine(RuleBasedStateMachine):
    """What may happen next."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.run = world.run
        self.play = Play(world.database, world.record)

    @initialize()
    def begin(self) -> None:
        self.run(self.play.begin())

    @invariant()
    def all_is_as_it_must_be(self) -> None:
        if self.play.workers:
            self.play.check()

    def teardown(self) -> None:
        if self.play.workers:
            self.run(self.play.drains())

    def _order(self, first: int) -> tuple[Worker, Worker]:
        workers = self.play.workers
        return workers[first], workers[1 - first]

    # customers

    @rule(chat=chats)
    def writes(self, chat: str) -> None:
        self.run(self.play.writes(chat))

    @precondition(lambda self: self.play.filings)
    @rule(pick=picks, other_event=st.booleans())
    def comes_again(self, pick: int, other_event: bool) -> None:
        filing = self.play.filings[-1 - pick % len(self.play.filings)]
        self.run(self.play.comes_again(filing, other_event=other_event))

    # workers

    @rule(
        chat=chats,
        burst=st.sampled_from((1, 2, 0)),
        first=sides,
        how=st.sampled_from((*ANSWERS, *ANSWERS, *OTHER_ENDS, *KEEP)),
        outcome=outcomes,
    )
    def takes_a_turn(
        self, chat: str, burst: int, first: int, how: str, outcome: SendOutcome | None
    ) -> None:
        for _ in range(burst):
            self.run(self.play.writes(chat))
        self.run(self.play.both_claim(self._order(first), chat))
        if how not in KEEP and self._has_turns():
            self._ends_a_turn(first, -1, how, outcome)

    @precondition(lambda self: self._has_turns())
    @rule(side=sides, pick=picks, how=st.sampled_from((*ANSWERS, *OTHER_ENDS)), outcome=outcomes)
    def model_answers(self, side: int, pick: int, how: str, outcome: SendOutcome | None) -> None:
        self._ends_a_turn(side, pick, how, outcome)

    def _has_turns(self) -> bool:
        return any(worker.turns for worker in self.play.workers)

    def _ends_a_turn(self, side: int, pick: int, how: str, outcome: SendOutcome | None) -> None:
        worker = next(one for one in self._order(side) if one.turns)
        turn, in_hand = worker.turns.pop(pick % len(worker.turns)), len(worker.sends)
        self.run(self.play.ends(worker, turn, how))
        if len(worker.sends) > in_hand:
            self._settles(worker, -1, outcome)

    @rule(chat=chats, first=sides, probe=st.sampled_from((False, False, True)), outcome=outcomes)
    def sends(self, chat: str, first: int, probe: bool, outcome: SendOutcome | None) -> None:
        in_hand = [len(worker.sends) for worker in self.play.workers]
        self.run(self.play.both_send(self._order(first), chat, probe=probe))
        for worker, before in zip(self.play.workers, in_hand, strict=True):
            if len(worker.sends) > before:
                self._settles(worker, -1, outcome)

    @precondition(lambda self: any(one.sends for one in self.play.workers))
    @rule(side=sides, pick=picks, outcome=outcomes, taken=st.booleans())
    def line_answers(self, side: int, pick: int, outcome: SendOutcome | None, taken: bool) -> None:
        worker = next(one for one in self._order(side) if one.sends)
        self._settles(worker, pick % len(worker.sends), outcome, taken=taken)

    def _settles(
        self, worker: Worker, number: int, outcome: SendOutcome | None, *, taken: bool = True
    ) -> None:
        """`outcome` None: the line has not answered yet."""
        if outcome is not None:
            posted = worker.sends.pop(number)
            self.run(self.play.line_answers(worker, posted, outcome, taken=taken))

    @rule(side=sides, seconds=st.sampled_from((30, 12, 0)))
    def crashes(self, side: int, seconds: int) -> None:
        """So much later the other one looks for what it has left."""
        self.run(self.play.crashes(side))
        self._passes(seconds, side)

    @rule(seconds=jumps_s, stopped=st.sampled_from((None, None, 0, 1)))
    def time_passes(self, seconds: int, stopped: int | None) -> None:
        """`stopped`: the worker that does not notice."""
        self._passes(seconds, stopped)

    def _passes(self, seconds: int, stopped: int | None) -> None:
        self.play.scene.pass_time(seconds)
        for side in sorted({0, 1} - {stopped}):
            self.run(self.play.keeps_up(self.play.workers[side]))

    # the line and people

    @rule(pick=picks, what=st.sampled_from(TOLD), at_once=st.booleans())
    def line_tells(self, pick: int, what: str, at_once: bool) -> None:
        left = list(self.play.left)
        about = left[-1 - pick % len(left)] if left else None
        self.run(self.play.line_tells(what, about))
        if at_once:
            self.run(self.play.workers[0].store.apply_events(self.play.now))

    @precondition(lambda self: self.play.filings)
    @rule(chat=chats, what=st.sampled_from(PEOPLE))
    def people(self, chat: str, what: str) -> None:
        with suppress(NotFound):  # nobody has written in this chat yet
            self.run(self.play.people(chat, what))


def test_some_orders_of_steps_the_same_every_time(world: World) -> None:
    run_state_machine_as_test(
        _machine_in(world),
        settings=_profile(max_examples=8, stateful_step_count=30, derandomize=True),
    )


@pytest.mark.slow
def test_many_orders_of_steps_other_ones_every_time(world: World) -> None:
    run_state_machine_as_test(
        _machine_in(world), settings=_profile(max_examples=150, stateful_step_count=60)
    )


def _machine_in(world: World) -> type[Machine]:
    class Here(Machine):
        def __init__(self) -> None:
            super().__init__(world)

    return Here


def _profile(**given: Any) -> settings:
    return settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), **given)
