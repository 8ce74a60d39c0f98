"""Candidates of prompts: brought by a file or a person, in one hand at a time, judged once."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from bot.adapters.db.candidates import LEASE, Candidates
from bot.adapters.db.prompt_archive import PromptArchive
from bot.adapters.db.schema import notices
from bot.adapters.prompt_files import PromptFiles, PromptFolder
from bot.domain.candidate import Candidate, Failure, Gate, Judgement, Report, Ruling, Said
from bot.domain.conversation import Policy
from bot.domain.notice import Roster
from bot.domain.prompt import Business
from bot.domain.prompt_shown import Outdated, Proposed, Published
from bot.domain.prompt_version import Bringer, Origin
from bot.gating import Gatekeeper
from bot.publish import Publisher
from tests.transitions.scene import Scene

ONE = "instructions: |\n  One.\n"
TWO = "instructions: |\n  Two.\n"
THREE = "instructions: |\n  Three.\n"
ROSA = Bringer(Origin.CONSOLE, "rosa")
LINES = {"default": "prompts/default.yaml"}
FAILED = Judgement(
    Ruling.FAIL,
    "the-tests",
    Report(failed=1, failures=(Failure("t", "t.yaml", 1, ("why",), (Said("bot", "no"),)),)),
)


class House:
    """One host with a gate."""

    def __init__(self, scene: Scene, folder: Path, *, gated: bool = True) -> None:
        self.scene = scene
        self.folder = folder
        self.path = folder / "prompts" / "default.yaml"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        policy = Policy(roster=Roster(webhook=True))
        self.candidates = Candidates(scene.database, lambda: scene.now, policy)
        self.publisher = Publisher(
            PromptArchive(scene.database, lambda: scene.now),
            PromptFolder(folder, LINES, Business(), host="a-host"),
            self.candidates if gated else None,
        )
        self.files = PromptFiles(folder, LINES, Business(), self.publisher, host="a-host")

    async def start(self, text: str) -> "House":
        self.path.write_text(text)
        await self.files.load()
        return self

    async def edit(self, text: str) -> None:
        self.path.write_text(text)
        await self.files.look()
        await self.files.look()

    def serves(self) -> str:
        return self.files.render("default", contact_name=None, now=self.scene.now).system

    async def take(self) -> Candidate | None:
        return await self.candidates.claim(["default"])

    async def taken(self) -> Candidate:
        candidate = await self.take()
        assert candidate is not None
        return candidate

    async def state(self) -> str | None:
        view = (await self.publisher.prompt("default")).candidate
        return None if view is None else view.state.value


async def _told(scene: Scene) -> int:
    count = select(func.count()).select_from(notices)
    return int(await scene.database.read(lambda tx: tx.execute(count).scalar_one()))


async def test_one_of_many_takes_it(scene: Scene, tmp_path: Path) -> None:
    house = await House(scene, tmp_path).start(ONE)
    await house.edit(TWO)
    assert house.serves() == "One."
    taken = await asyncio.gather(*(house.take() for _ in range(5)))
    assert sum(one is not None for one in taken) == 1
    assert await house.state() == "testing"


async def test_it_is_taken_over_when_nobody_says_that_it_is_tested(
    scene: Scene, tmp_path: Path
) -> None:
    house = await House(scene, tmp_path).start(ONE)
    await house.edit(TWO)
    first = await house.taken()
    scene.now += LEASE * 0.8
    assert await house.candidates.beat(first)
    scene.now += LEASE * 0.8
    assert await house.take() is None
    scene.now += LEASE
    second = await house.taken()
    # Whatever the first still writes is refused.
    assert not await house.candidates.beat(first)
    assert not await house.candidates.fail(first, FAILED)
    assert not await house.candidates.put_off(first, "away")
    assert not await house.publisher.let_live(first, Gate.PASSED)
    assert await house.state() == "testing"
    assert await house.publisher.let_live(second, Gate.PASSED)
    await house.files.look()
    assert (house.serves(), await house.state()) == ("Two.", None)
    assert await _told(scene) == 0


async def test_a_clock_that_is_set_back_holds_nothing_up(scene: Scene, tmp_path: Path) -> None:
    house = await House(scene, tmp_path).start(ONE)
    await house.edit(TWO)
    await house.taken()
    scene.now -= timedelta(hours=1)
    assert await house.take() is not None


async def test_a_failure_is_told_once_and_tested_no_more(scene: Scene, tmp_path: Path) -> None:
    house = await House(scene, tmp_path).start(ONE)
    await house.edit(TWO)
    assert await house.candidates.fail(await house.taken(), FAILED)
    assert await house.take() is None
    await house.edit(TWO)
    again = await House(scene, tmp_path).start(TWO)  # a restart
    assert (again.serves(), await again.state()) == ("One.", "failed")
    assert await again.take() is None
    query = select(notices.c.kind, notices.c.body)
    rows = await scene.database.read(lambda tx: tx.execute(query).all())
    assert [row.kind for row in rows] == ["candidate"]
    assert "why" in json.loads(rows[0].body)["text"]


async def test_a_newer_edit_takes_its_place(scene: Scene, tmp_path: Path) -> None:
    house = await House(scene, tmp_path).start(ONE)
    await house.edit(TWO)
    of_two = await house.taken()
    await house.edit(THREE)
    assert not await house.publisher.let_live(of_two, Gate.PASSED)
    of_three = await house.taken()
    assert of_three.edition.source == THREE
    await house.edit(ONE)  # taken back
    assert await house.state() is None
    assert not await house.publisher.let_live(of_three, Gate.PASSED)
    assert house.serves() == "One."


async def test_it_is_overtaken_by_whatever_goes_live(scene: Scene, tmp_path: Path) -> None:
    house = await House(scene, tmp_path).start(ONE)
    await house.edit(TWO)
    assert await house.publisher.let_live(await house.taken(), Gate.PASSED)
    first = (await house.publisher.history("default")).items[1].version
    await house.edit(THREE)
    candidate = await house.taken()
    back = Bringer(Origin.CONSOLE, "rosa", is_rollback=True)
    assert isinstance(await house.publisher.rollback("default", first, back), Published)
    assert await house.state() is None
    assert not await house.publisher.let_live(candidate, Gate.PASSED)
    await house.files.look()
    assert (house.serves(), await house.state()) == ("One.", None)


async def test_what_a_person_writes_reaches_the_file_when_it_is_live(
    scene: Scene, tmp_path: Path
) -> None:
    house = await House(scene, tmp_path).start(ONE)
    live = (await house.publisher.prompt("default")).version
    assert isinstance(await house.publisher.publish("default", TWO, "0" * 12, ROSA), Outdated)
    assert await house.state() is None
    assert isinstance(await house.publisher.publish("default", TWO, live, ROSA), Proposed)
    assert house.path.read_text() == ONE
    await house.publisher.let_live(await house.taken(), Gate.PASSED)
    assert house.path.read_text() == TWO
    newest = (await house.publisher.history("default")).items[0]
    assert (newest.origin, newest.actor, newest.gate) == ("console", "rosa", "passed")


async def test_without_a_gate_what_waited_is_an_edit(scene: Scene, tmp_path: Path) -> None:
    house = await House(scene, tmp_path).start(ONE)
    await house.edit(TWO)
    ungated = await House(scene, tmp_path, gated=False).start(TWO)
    assert ungated.serves() == "Two."


async def test_tests_that_two_hosts_see_differently_come_to_an_end(
    scene: Scene, tmp_path: Path
) -> None:
    """Each puts it back once: nobody pays for ever."""
    house = await House(scene, tmp_path).start(ONE)
    await house.edit(TWO)

    class _Sees:
        def __init__(self, digest: str) -> None:
            self._digest = digest
            self.runs = 0

        async def digest(self, name: str) -> str:
            del name
            return self._digest

        async def judge(self, candidate: Candidate) -> Judgement:
            del candidate
            self.runs += 1
            return Judgement(Ruling.FAIL, self._digest, FAILED.report)

    hosts = [_Sees("a"), _Sees("b")]
    keepers = [Gatekeeper(house.candidates, house.publisher, host, ["default"]) for host in hosts]
    for _ in range(12):
        for keeper in keepers:
            await keeper.look(asyncio.Event())
    assert await house.state() == "failed"
    assert sum(host.runs for host in hosts) <= 3
