"""One database, several hosts with files of their own: who publishes, and what all serve."""

import asyncio
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.adapters.db.prompt_archive import PromptArchive
from bot.adapters.prompt_files import PromptFiles, PromptFolder
from bot.domain.prompt import Business
from bot.domain.prompt_shown import Invalid, Outdated, Published
from bot.domain.prompt_version import Bringer, Edition, FileText, Origin
from bot.errors import NotFound, Refused
from bot.publish import Publisher
from tests.transitions.scene import Scene

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE = "# The first.\ninstructions: |\n  One.\n"
TWO = "# The second.\ninstructions: |\n  Two.\n"
THREE = "instructions: |\n  Three.\n"
BAD = "instructions: |\n  Be {{ knid }}.\n"
ROSA = Bringer(Origin.CONSOLE, "rosa")
BACK = Bringer(Origin.SHELL, "olga", "a-shell", is_rollback=True)
LINES = {"default": "prompts/default.yaml"}


class Host:
    """A machine with a file of its own; `files` is its running process, `publisher` its console."""

    def __init__(self, scene: Scene, folder: Path, name: str) -> None:
        self.name = name
        self.folder = folder / name
        self.path = self.folder / "prompts" / "default.yaml"
        self.path.parent.mkdir(parents=True)
        self.archive = PromptArchive(scene.database, lambda: scene.now)
        self.publisher = Publisher(
            self.archive, PromptFolder(self.folder, LINES, Business(), host=name)
        )
        self.files = self._process()

    def _process(self) -> PromptFiles:
        return PromptFiles(self.folder, LINES, Business(), self.publisher, host=self.name)

    def save(self, text: str) -> None:
        self.path.write_bytes(text.encode())

    async def start(self, text: str | None = None) -> "Host":
        """A new process, with this in the file."""
        if text is not None:
            self.save(text)
        self.files = self._process()
        await self.files.load()
        return self

    async def look(self) -> None:
        await self.files.look()
        await self.files.look()

    async def edit(self, text: str) -> None:
        self.save(text)
        await self.look()

    async def serves(self) -> str:
        """What its customers get, after a look."""
        await self.files.look()
        from_file = self.files.render("default", contact_name=None, now=NOW)
        return from_file.system

    async def live(self) -> str:
        return (await self.publisher.text("default")).source

    async def came_by(self) -> list[str]:
        """Who brought what is live, and what was, the newest first."""
        page = await self.publisher.history("default")
        return [f"{one.origin} {one.actor or one.host}" for one in page.items]

    async def state(self) -> str:
        return (await self.publisher.prompt("default")).state

    async def publish(self, text: str, bringer: Bringer = ROSA) -> object:
        base = (await self.publisher.prompt("default")).version
        return await self.publisher.publish("default", text, base, bringer)


NewHost = Callable[[str], Host]


@pytest.fixture
def host(scene: Scene, tmp_path: Path) -> NewHost:
    return lambda name: Host(scene, tmp_path, name)


async def test_one_publishes_and_all_serve_it(host: NewHost) -> None:
    a, b = await host("a").start(ONE), await host("b").start(ONE)
    await a.edit(TWO)
    assert [await a.serves(), await b.serves()] == ["Two.", "Two."]
    assert b.path.read_text() == ONE
    assert [await a.state(), await b.state()] == ["valid", "older"]
    assert await a.came_by() == ["file a", "file a"]


async def test_an_old_file_is_not_published_over_a_newer_one_nor_at_a_restart(
    host: NewHost,
) -> None:
    a, b = await host("a").start(ONE), await host("b").start(ONE)
    await a.edit(TWO)
    os.utime(b.path)
    await b.look()
    await b.start()
    late = await host("c").start(ONE)
    assert {await one.serves() for one in (a, b, late)} == {"Two."}
    await b.edit(TWO)  # deployed at last
    assert await b.state() == "valid"
    assert len(await b.came_by()) == 2


async def test_a_pull_and_restart_publishes_what_is_new(host: NewHost) -> None:
    a, b = await host("a").start(ONE), await host("b").start(ONE)
    await a.start(TWO)
    assert await b.serves() == "Two."
    await b.start(TWO)
    assert await a.came_by() == ["file a", "file a"]
    fresh = await host("container-2").start(THREE)
    assert [await one.serves() for one in (a, b, fresh)] == ["Three."] * 3


async def test_an_old_text_at_a_restart_turns_nobody_back_unless_the_host_is_alone(
    scene: Scene, host: NewHost
) -> None:
    a, b = await host("a").start(ONE), await host("b").start(ONE)
    await a.edit(TWO)
    await b.edit(TWO)
    await b.start(ONE)
    assert await b.serves() == "Two."
    scene.pass_time(timedelta(days=1, seconds=1).total_seconds())
    await b.start(TWO)
    await b.start(ONE)  # the other has not been there for a day
    assert await b.serves() == "One."


async def test_taking_an_edit_back_in_the_file_is_an_edit(host: NewHost) -> None:
    a, b = await host("a").start(ONE), await host("b").start(ONE)
    await a.edit(TWO)
    await a.edit(ONE)
    assert [await a.serves(), await b.serves()] == ["One.", "One."]
    assert await a.came_by() == ["file a"] * 3


async def test_an_invalid_file_changes_nothing_on_any_host(host: NewHost) -> None:
    a, b = await host("a").start(ONE), await host("b").start(ONE)
    await a.edit(BAD)
    assert [await a.serves(), await b.serves()] == ["One.", "One."]
    assert await a.state() == "invalid"
    (fault,) = (await a.publisher.prompt("default")).faults
    assert (fault.line, fault.key) == (2, "instructions")
    await b.edit(TWO)
    await a.start()
    assert await a.serves() == "Two."


async def test_two_hosts_that_save_at_once_end_up_with_one_version(host: NewHost) -> None:
    a, b = await host("a").start(ONE), await host("b").start(ONE)
    a.save(TWO)
    b.save(THREE)
    for _ in range(3):
        await asyncio.gather(a.files.look(), b.files.look())
    assert await a.serves() == await b.serves()
    history = (await a.publisher.history("default")).items
    assert [one.until is None for one in history] == [True] + [False] * (len(history) - 1)


async def test_many_who_publish_the_same_base_are_one_winner_and_conflicts(host: NewHost) -> None:
    a = await host("a").start(ONE)
    base = (await a.publisher.prompt("default")).version
    texts = [f"instructions: |\n  Number {number}.\n" for number in range(6)]
    outcomes = await asyncio.gather(
        *(a.publisher.publish("default", text, base, ROSA) for text in texts)
    )
    won = [one for one in outcomes if isinstance(one, Published)]
    assert len(won) == 1
    lost = [one for one in outcomes if isinstance(one, Outdated)]
    assert {one.live for one in lost} == {won[0].version}
    assert len(await a.came_by()) == 2


async def test_processes_of_one_host_that_see_an_edit_publish_it_once(host: NewHost) -> None:
    a = await host("a").start(ONE)
    others = [a._process() for _ in range(3)]
    for other in others:
        await other.load()
    a.save(TWO)
    for _ in range(3):
        await asyncio.gather(*(other.look() for other in [a.files, *others]))
    assert await a.came_by() == ["file a", "file a"]


# the console, the API and the shell


async def test_what_the_console_publishes_is_live_everywhere_and_in_its_own_file(
    host: NewHost,
) -> None:
    a, b = await host("a").start(ONE), await host("b").start(ONE)
    a.path.chmod(0o640)
    assert isinstance(await a.publish(TWO), Published)
    assert a.path.read_text() == TWO
    assert stat.S_IMODE(a.path.stat().st_mode) == 0o640
    assert [await a.serves(), await b.serves()] == ["Two.", "Two."]
    await a.look()
    await a.start()
    assert await a.came_by() == ["console rosa", "file a"]
    assert os.listdir(a.path.parent) == ["default.yaml"]


async def test_an_invalid_text_is_not_published(host: NewHost) -> None:
    a = await host("a").start(ONE)
    outcome = await a.publish(BAD)
    assert isinstance(outcome, Invalid)
    assert outcome.faults[0].line == 2
    assert isinstance(await a.publish("instructions: \ud800\n"), Invalid)
    assert isinstance(await a.publish("instructions: \0\n"), Invalid)
    assert isinstance(await a.publish("#" * 1_000_001), Invalid)
    assert (await a.live(), a.path.read_text()) == (ONE, ONE)


async def test_a_rollback_brings_every_byte_back(host: NewHost) -> None:
    old = "# Ünïcode, and a comment  \r\ninstructions: |\r\n  Öne.\r\n\r\n# the end"
    a = await host("a").start(old)
    first = (await a.publisher.prompt("default")).version
    assert first is not None
    await a.edit(TWO)
    outcome = await a.publisher.rollback("default", first[:5], BACK, needs_file=True)
    assert isinstance(outcome, Published)
    assert outcome.changed
    assert a.path.read_bytes() == old.encode()
    assert await a.serves() == "Öne."
    assert await a.came_by() == ["shell olga", "file a", "file a"]
    await a.look()
    await a.start()
    assert len(await a.came_by()) == 3


async def test_what_is_in_no_version_is_set_aside_before_it_is_overwritten(host: NewHost) -> None:
    a = await host("a").start(ONE)
    await a.edit(BAD)
    outcome = await a.publish(TWO)
    assert isinstance(outcome, Published)
    assert outcome.set_aside is not None
    assert (a.folder / outcome.set_aside).read_text() == BAD
    assert a.path.read_text() == TWO


def _a_link(path: Path) -> None:
    path.rename(path.with_name("behind"))
    path.symlink_to("behind")


def _read_only(path: Path) -> None:
    path.chmod(0o444)


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("ruin", "word"), [(_a_link, "link"), (_read_only, "read-only"), (_a_folder, "no file")]
)
async def test_a_file_that_cannot_be_written_is_told_and_left_as_it_is(
    ruin: Callable[[Path], None], word: str, host: NewHost
) -> None:
    a, b = await host("a").start(ONE), await host("b").start(ONE)
    await b.edit(TWO)
    ruin(a.path)
    first = (await a.publisher.history("default")).items[-1].version
    with pytest.raises(Refused, match=word):
        await a.publisher.rollback("default", first, BACK, needs_file=True)
    assert await a.live() == TWO
    outcome = await a.publish(THREE)
    assert isinstance(outcome, Published)
    assert word in (outcome.file_fault or "")
    assert await a.serves() == "Three."
    await a.start()
    assert [await a.serves(), await b.serves()] == ["Three.", "Three."]


async def test_what_was_published_here_but_not_written_stays_live_after_a_kill(
    scene: Scene, host: NewHost
) -> None:
    a = await host("a").start(ONE)
    two = a.publisher._folder.check("default", TWO).version
    base = (await a.publisher.prompt("default")).version
    assert two is not None
    # Killed between the database and the file, and started again.
    await a.archive.publish(Edition("default", two, TWO), ROSA, base)
    scene.pass_time(60)
    await a.start()
    assert (await a.serves(), await a.state()) == ("Two.", "older")
    # The way out of it: what is live, once more.
    await a.publisher.rollback("default", "live", BACK, needs_file=True)
    assert (a.path.read_text(), await a.state()) == (TWO, "valid")
    assert len(await a.came_by()) == 2


async def test_a_file_that_was_saved_just_before_a_kill_goes_live_at_the_start(
    host: NewHost,
) -> None:
    a = await host("a").start(ONE)
    await a.edit(TWO)
    a.save(ONE)  # taken back, and killed before anybody looked
    await a.start()
    assert await a.serves() == "One."


async def test_a_host_that_wrote_its_file_and_was_killed_takes_it_for_no_edit(
    scene: Scene, host: NewHost
) -> None:
    a = await host("a").start(ONE)
    await a.edit(TWO)
    first = (await a.publisher.history("default")).items[-1].version
    # Rolled back and written; killed before it was noted that the file was seen.
    await a.archive.publish(Edition("default", first, ONE), BACK, await _live_version(a))
    a.save(ONE)
    scene.pass_time(60)
    await a.start()
    assert await a.came_by() == ["shell olga", "file a", "file a"]
    await a.edit(TWO)
    assert await a.serves() == "Two."


async def test_an_edit_after_a_rollback_is_one_though_nobody_was_there_to_see_either(
    host: NewHost,
) -> None:
    a = await host("a").start(ONE)
    await a.edit(TWO)
    first = (await a.publisher.history("default")).items[-1].version
    await a.publisher.rollback("default", first, BACK, needs_file=True)  # the bot is stopped
    a.save(TWO)
    await a.start()
    assert await a.serves() == "Two."


async def _live_version(host: Host) -> str | None:
    return (await host.publisher.prompt("default")).version


@pytest.mark.parametrize("name", ["../default", "no\0name", "none", "x" * 5000, "\u202e", ""])
async def test_a_prompt_that_nobody_knows_is_not_there(host: NewHost, name: str) -> None:
    a = await host("a").start(ONE)
    for ask in (
        a.publisher.history(name),
        a.publisher.prompt(name),
        a.publisher.text(name),
        a.publisher.publish(name, TWO, None, ROSA),
        a.publisher.rollback(name, "live", ROSA),
    ):
        with pytest.raises(NotFound):
            await ask
    assert await a.live() == ONE


@pytest.mark.parametrize("version", ["%", "_", "", "../..", "zz", "\0", "' OR 1=1"])
async def test_a_version_that_nobody_knows_is_not_there(host: NewHost, version: str) -> None:
    a = await host("a").start(ONE)
    with pytest.raises(NotFound):
        await a.publisher.text("default", version)


async def test_a_beginning_that_several_versions_share_is_refused(host: NewHost) -> None:
    a = await host("a").start(ONE)
    live = await _live_version(a)
    for version in ("ab12", "ab34"):
        await a.archive.publish(Edition("default", version, ONE), ROSA, live)
        live = version
    with pytest.raises(Refused, match="write more of it"):
        await a.publisher.text("default", "ab")
    assert (await a.publisher.text("default", "ab3")).version == "ab34"


async def test_two_prompts_do_not_mix(scene: Scene) -> None:
    archive = PromptArchive(scene.database, lambda: scene.now)
    for name in ("a", "b"):
        await archive.take_file(FileText(Edition(name, "v1", name), "h", f"h:{name}"))
    await archive.publish(Edition("a", "v2", "more"), ROSA, "v1")
    assert await archive.live_versions(["a", "b"]) == {"a": "v2", "b": "v1"}
    assert await archive.source("b", "v2") is None


async def test_a_version_that_is_no_longer_valid_is_not_rolled_back_to(host: NewHost) -> None:
    a = await host("a").start(ONE)
    live = await _live_version(a)
    await a.archive.publish(Edition("default", "bad1", BAD), ROSA, live)
    await a.archive.publish(Edition("default", live or "", ONE), ROSA, "bad1")
    outcome = await a.publisher.rollback("default", "bad1", BACK)
    assert isinstance(outcome, Invalid)
    assert await a.live() == ONE


async def test_a_host_goes_on_with_what_it_serves_while_the_database_is_away(
    host: NewHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = await host("a").start(ONE)

    async def away(_names: object) -> dict[str, str]:
        raise TimeoutError

    monkeypatch.setattr(a.publisher, "live_versions", away)
    with capture_logs() as logs:
        await a.look()
    monkeypatch.undo()
    assert [entry["event"] for entry in logs] == ["prompts_not_followed"]
    assert await a.serves() == "One."


async def test_a_version_is_kept_with_its_parts_and_a_rollback_writes_its_own_file_alone(
    host: NewHost,
) -> None:
    a = host("a")
    part = a.path.with_name("style.yaml")
    part.write_text("facts: |\n  Old.\n")
    including = "include: style.yaml\n" + ONE
    await a.start(including)
    first = await _live_version(a) or ""
    await a.edit(including.replace("One", "Two"))
    await a.publisher.rollback("default", first, BACK, needs_file=True)
    assert a.path.read_text() == including

    part.write_text("facts: |\n  New.\n")
    await a.look()
    assert "New." in await a.serves()
    with pytest.raises(Refused, match=r"has changed since: change prompts/style\.yaml"):
        await a.publisher.rollback("default", first, BACK, needs_file=True)
    outcome = await a.publisher.rollback("default", first, BACK)
    assert isinstance(outcome, Published)
    assert "has changed since" in (outcome.file_fault or "")
    await a.look()
    await a.start()
    assert "Old." in await a.serves()
    assert part.read_text() == "facts: |\n  New.\n"
    # What is edited is the file's own text; the parts come from where they are.
    own = a.publisher.own_text(await a.live())
    assert own == including
    assert isinstance(await a.publish(own.replace("One", "Three")), Published)
    assert (await a.serves()).startswith("Three.")
    assert "New." in await a.serves()


async def test_a_fault_in_a_part_names_the_part(host: NewHost) -> None:
    a = host("a")
    part = a.path.with_name("style.yaml")
    part.write_text("facts: |\n  Old.\n")
    await a.start("include: style.yaml\n" + ONE)
    part.write_text("facts: |\n  {{ knid }}\n")
    (fault,) = (await a.publisher.prompt("default")).faults
    assert fault.line == 0
    assert fault.message.startswith("prompts/style.yaml:2:")
