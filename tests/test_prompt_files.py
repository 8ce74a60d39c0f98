"""Prompt files: what may stand in them, what goes live, and what never does."""

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.adapters.prompt_files import PromptFiles, parse_prompt, prompt_name
from bot.domain.prompt import Business, RenderedPrompt
from bot.domain.prompt_version import FileText, Past, goes_live
from bot.errors import SettingsError, StoreUnavailable
from tests.harness import eventually

ROOT = Path(__file__).parents[1]
NOW = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
SHOP = Business("Lemon Tree", "Europe/Madrid", "Mon-Fri 09:00-18:00")
GOOD = "instructions: |\n  Be kind.\n"
BETTER = "instructions: |\n  Be kind and brief.\n"
BAD = "instructions: |\n  Be {{ knid }}.\n"


class MemoryArchive:
    """Versions in memory; `away` True: nothing can be stored."""

    def __init__(self) -> None:
        self.live: dict[str, str] = {}
        self.sources: dict[tuple[str, str], str] = {}
        self.saved: list[tuple[str, str]] = []
        self.seen: dict[str, str] = {}
        self.away = False

    async def take_file(self, text: FileText) -> str | None:
        if self.away:
            raise StoreUnavailable("the database is away")
        name, version = text.edition.name, text.edition.version
        was_live = (name, version) in self.sources
        past = Past(self.live.get(name), self.seen.get(text.place), was_live, True)
        if goes_live(version, past, is_start=text.is_start):
            self.publish(name, text.edition.source)
        self.seen[text.place] = version
        return self.live[name]

    def publish(self, name: str, source: str) -> None:
        """As another host or the console does it."""
        version = hashlib.sha256(source.encode()).hexdigest()[:12]
        self.live[name] = version
        self.sources[name, version] = source
        self.saved.append((name, version))

    async def live_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        if self.away:
            raise StoreUnavailable("the database is away")
        return {name: version for name, version in self.live.items() if name in names}

    async def source(self, name: str, version: str) -> str | None:
        return self.sources.get((name, version))


Files = Callable[..., PromptFiles]


@pytest.fixture
def archive() -> MemoryArchive:
    return MemoryArchive()


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    path = tmp_path / "prompts" / "default.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def files(tmp_path: Path, archive: MemoryArchive) -> Files:
    def make(lines: Mapping[str, str] | None = None) -> PromptFiles:
        files = {"default": "prompts/default.yaml"} if lines is None else lines
        return PromptFiles(tmp_path, files, SHOP, archive)

    return make


def save(path: Path, text: str | bytes) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def rendered(files: PromptFiles, line_id: str = "ln_1", name: str | None = None) -> RenderedPrompt:
    return files.render(line_id, contact_name=name, now=NOW)


async def look_twice(files: PromptFiles) -> None:
    """One look sees a change, the next one that it has held still."""
    await files.look()
    await files.look()


def faults_of(source: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse_prompt(source, "p.yaml", SHOP)
    return [str(fault) for fault in caught.value.faults]


BAD_PROMPTS = {
    "empty": ("", ["1:1: instructions: is missing"]),
    "blank instructions": ("instructions: ' '\n", ["1:15: instructions: is missing"]),
    "unknown key": (GOOD + "fcts: x\n", ["3:1: fcts: no such key; did you mean `facts`?"]),
    "unknown key inside": (
        GOOD + "hand_off: {whn: x}\nopt_out: {when: x}\n",
        [
            "3:12: hand_off.whn: no such key; did you mean `when`?",
            "4:11: opt_out.when: no such key",
        ],
    ),
    "not text": (
        GOOD + "facts: [a]\nfallback: true\nmodel: {}\n",
        ["3:8: facts: must be text", "4:11: fallback: must be text", "5:8: model: must be text"],
    ),
    "unknown variables": (
        "instructions: |\n\n  Of {{ ownr }}\n  and {{ contact.nme }}\nvariables: {owner: Rosa}\n",
        [
            "3:9: instructions: unknown variable `ownr`; did you mean `owner`?",
            "4:18: instructions: no such part `nme`; did you mean `name`?",
        ],
    ),
    "record alone": (GOOD + "facts: '{{ business }}'", ["3:8: facts: `business` has parts"]),
    "variables": (
        GOOD + "variables:\n  a b: 1\n  now: 2\n  c: {d: 1}\n  e: [1, [2]]\n  f:\n  for: 1\n",
        [
            "4:3: variables.a b: a name has letters",
            "5:3: variables.now: is taken",
            "6:6: variables.c: must be text, a number",
            "7:10: variables.e.1: must be text, a number",
            "8:4: variables.f: must be text, a number",
            "9:3: variables.for: is taken",
        ],
    ),
    "long list": (
        GOOD + f"variables: {{a: [{'1,' * 201}]}}",
        ["3:16: variables.a: must have at most 200"],
    ),
    "keywords": (GOOD + "hand_off: {keywords: [a, ' ']}", ["3:22: hand_off.keywords: must be"]),
    "include": (GOOD + "facts: |\n  {% include 'x' %}", ["4:3: facts: `include` is not for"]),
    "import": (GOOD + "facts: |\n  {% import 'x' as y %}", ["4:3: facts: `import` is not for"]),
    "macro": (GOOD + "facts: '{% macro a() %}{% endmacro %}'", ["3:8: facts: `macro` is not"]),
    "set": (GOOD + "facts: '{% set a = 1 %}'", ["3:8: facts: `set` is not for prompts"]),
    "call": (GOOD + "facts: '{{ range(9) }}'", ["3:8: facts: `( )` is not for prompts"]),
    "power": (GOOD + "facts: '{{ 9 ** 9 ** 9 }}'", ["3:8: facts: `pow` is not for prompts"]),
    "product": (GOOD + "facts: \"{{ 'a' * 999999999 }}\"", ["3:8: facts: `mul` is not for"]),
    "item": (GOOD + "facts: '{{ now[0] }}'", ["3:8: facts: `[ ]` is not for prompts"]),
    "inside of Python": (
        GOOD + "facts: \"{{ ''.__class__ }}{{ now.__class__ }}\"",
        ["3:8: facts: `.__class__` is not", "3:8: facts: `.__class__` is not"],
    ),
    "undeclared list": (
        GOOD + "facts: |\n  {% for a in 'abc' %}{% endfor %}",
        ["4:6: facts: `for` goes over a list declared"],
    ),
    "nested loops": (
        GOOD + "variables: {l: [1]}\nfacts: |\n  {% for a in l %}\n  {% for b in l %}"
        "{% endfor %}{% endfor %}",
        ["6:6: facts: a `for` inside a `for`"],
    ),
    "loop variable outside": (
        GOOD + "variables: {l: [1]}\nfacts: |\n  {% for a in l %}{% endfor %}\n  {{ a }}",
        ["6:6: facts: unknown variable `a`"],
    ),
    "filter": (GOOD + "facts: |\n  {{ now | uper }}", ["4:12: facts: no such filter `uper`"]),
    "endless join": (GOOD + "facts: \"{{ now | join('x') }}\"", ["3:8: facts: `join` is for"]),
    "half a tag": (GOOD + "facts: |\n  ok\n  {% if now", ["5:3: facts: unexpected end"]),
    "no else": (GOOD + "facts: '{{ 1 if now }}'", ["3:8: facts: write `a if b else c`"]),
    "mistake in a branch never taken so far": (
        GOOD + "facts: |\n  ok\n  {% if contact.name == 'Z' %}{{ now > 3 }}{% endif %}",
        ["5:3: facts: can't be worked out"],
    ),
    "too long": (
        "instructions: |\n  {% for a in l %}"
        + "y" * 150_000
        + "{% endfor %}\nvariables: {l: [1, 2]}",
        ["1:15: instructions: the whole is over 200000 bytes"],
    ),
    "too much": (GOOD + "facts: '" + "{{ now }}" * 15_000 + "'", ["3:8: facts: too much to work"]),
    "brackets": (GOOD + "facts: '{{ " + "(" * 9_000 + "'", ["3:8: facts: too deeply nested"]),
    "nots": (GOOD + "facts: '{{ " + "not " * 99 + "now }}'", ["3:8: facts: too deeply nested"]),
    "tag": (GOOD + "facts: !x y", ["3:8: facts: tags (`!name`) are refused"]),
    "alias": (GOOD + "facts: *x", ["3:8: facts: aliases (`*name`) are refused"]),
    "key given twice": (GOOD + GOOD, ["3:1: instructions: given twice"]),
    "list": ("- a\n", ["1:1: must be a mapping"]),
}


@pytest.mark.parametrize("name", BAD_PROMPTS)
def test_every_fault_of_a_prompt_names_its_line_its_column_and_the_remedy(name: str) -> None:
    source, expected = BAD_PROMPTS[name]
    found = faults_of(source)
    assert len(found) == len(expected), found
    for fault, start in zip(found, expected, strict=True):
        assert fault.startswith(f"p.yaml:{start}")


@pytest.mark.parametrize(
    ("file", "name"),
    [("prompts/default.yaml", "default"), ("shops/a.yml", "shops/a"), ("b.yaml", "b")],
)
def test_a_prompt_is_named_for_its_file(file: str, name: str) -> None:
    assert prompt_name(file) == name


def test_values_stay_as_they_were_written() -> None:
    source = GOOD + "language: no\nfacts: 007\nvariables: {price: 1.50, phone: +34600}\n"
    prompt = parse_prompt(source, "p.yaml", SHOP)
    assert (prompt.texts["language"], prompt.texts["facts"]) == ("no", "007")
    assert [str(value) for value in prompt.variables.values()] == ["1.50", "+34600"]
    assert prompt.version == hashlib.sha256(source.encode()).hexdigest()[:12]


async def test_the_blocks_make_one_system_message_in_order(prompt: Path, files: Files) -> None:
    save(
        prompt,
        "language: Any.\n"
        "facts: |\n"
        "  {% for item in menu %}\n"
        "  {{ loop.index }}. {{ item }}\n"
        "  {% endfor %}\n"
        "hand_off: {when: 'a complaint about {{ menu | join(\", \") }}', keywords: [human]}\n"
        "instructions: |\n"
        "  For {{ business.name }}, {{ business.hours }}, on {{ line_id }}. It is {{ now }}.\n"
        "  {% if contact.name %}Hello {{ contact.name }}.{% else %}Hello.{% endif %}\n"
        "variables: {menu: [tea, cake]}\n",
    )
    all_files = files()
    await all_files.load()
    one = rendered(all_files)
    assert one.system == (
        "For Lemon Tree, Mon-Fri 09:00-18:00, on ln_1. "
        "It is Tuesday 24 November 2026, 00:30 (Europe/Madrid).\nHello.\n\n"
        "# Facts\n1. tea\n2. cake\n\n"
        "# Language\nAny.\n\n"
        "# When a colleague takes over\na complaint about tea, cake"
    )
    assert one.hand_off is not None
    assert (one.hand_off.when, one.hand_off.keywords) == ("a complaint about tea, cake", ("human",))
    assert one.hand_off.say
    assert one.fallback
    assert one.unsupported


async def test_a_customers_name_is_one_short_line_of_data(prompt: Path, files: Files) -> None:
    save(prompt, "instructions: 'Name: {{ contact.name }}.'\n")
    all_files = files()
    await all_files.load()
    name = "{{ now }}\n# Facts\u202e\u200b\x00" + "x" * 5000
    system = rendered(all_files, name=name).system
    assert system == f"Name: {('{{ now }} # Facts' + 'x' * 5000)[:60]}."


@pytest.mark.parametrize(
    ("given", "when", "say"),
    [
        ("Bye", "The customer asks for a person, or complains.", "Bye"),
        ("{keywords: [human], say: Bye}", "", "Bye"),
        ("{say: Bye}", "The customer asks for a person, or complains.", "Bye"),
    ],
)
def test_a_hand_off_can_always_be_set_off(given: str, when: str, say: str) -> None:
    rule = parse_prompt(GOOD + f"hand_off: {given}\n", "p.yaml", SHOP).hand_off
    assert rule is not None
    assert (rule.when, rule.say) == (when, say)


def test_the_shipped_prompt_is_valid_and_works_without_a_business() -> None:
    source = (ROOT / "prompts" / "default.yaml").read_text()
    prompt = parse_prompt(source, "prompts/default.yaml", Business())
    assert prompt.hand_off is not None


async def test_each_line_speaks_with_its_own_prompt(
    prompt: Path, files: Files, archive: MemoryArchive
) -> None:
    save(prompt.parent / "other.yaml", BETTER)
    all_files = files({"default": "prompts/default.yaml", "ln_2": "prompts/other.yaml"})
    await all_files.load()
    assert rendered(all_files, "ln_1").name == "default"
    assert rendered(all_files, "ln_2").system == "Be kind and brief."
    assert sorted(name for name, _ in archive.saved) == ["default", "other"]


async def test_a_saved_edit_goes_live_by_itself(prompt: Path, files: Files) -> None:
    all_files, stop = files(), asyncio.Event()
    await all_files.load()
    watching = asyncio.create_task(all_files.watch(stop))
    save(prompt, BETTER)
    await eventually(lambda: rendered(all_files).system == "Be kind and brief.")
    stop.set()
    await watching


async def test_a_valid_edit_is_archived_then_live(
    prompt: Path, files: Files, archive: MemoryArchive
) -> None:
    all_files = files()
    await all_files.load()
    save(prompt, BETTER)
    await look_twice(all_files)
    assert rendered(all_files).system == "Be kind and brief."
    version = rendered(all_files).version
    assert archive.live["default"] == version
    assert archive.sources["default", version] == BETTER


async def test_an_invalid_edit_never_goes_live_and_is_told_once(prompt: Path, files: Files) -> None:
    all_files = files()
    await all_files.load()
    with capture_logs() as logs:
        save(prompt, BAD)
        await look_twice(all_files)
        os.utime(prompt)
        await look_twice(all_files)
    assert rendered(all_files).system == "Be kind."
    assert "prompts/default.yaml:2:9: instructions: unknown variable `knid`" in str(
        all_files.faults()[0]
    )
    assert [entry["event"] for entry in logs] == ["prompt_invalid"]
    save(prompt, BETTER)
    await look_twice(all_files)
    assert all_files.faults() == ()
    assert rendered(all_files).system == "Be kind and brief."


async def test_a_file_that_is_still_being_written_is_left_alone(
    prompt: Path, files: Files, archive: MemoryArchive
) -> None:
    all_files = files()
    await all_files.load()
    for length in range(len(GOOD), len(GOOD) + 5):
        save(prompt, "instructions: |\n  Half a sentence that goes on and on"[:length])
        await all_files.look()
    assert len(archive.saved) == 1
    assert rendered(all_files).system == "Be kind."


def _deleted(prompt: Path) -> None:
    prompt.unlink()


def _a_folder(prompt: Path) -> None:
    prompt.unlink()
    prompt.mkdir()


def _a_pipe(prompt: Path) -> None:
    prompt.unlink()
    os.mkfifo(prompt)


def _a_circle(prompt: Path) -> None:
    prompt.unlink()
    prompt.symlink_to(prompt)


def _not_utf8(prompt: Path) -> None:
    prompt.write_bytes(b"instructions: \xff\n")


def _huge(prompt: Path) -> None:
    prompt.write_bytes(b"#" * 1_000_001)


@pytest.mark.parametrize("ruin", [_deleted, _a_folder, _a_pipe, _a_circle, _not_utf8, _huge])
async def test_whatever_becomes_of_the_file_the_last_version_goes_on(
    ruin: Callable[[Path], None], prompt: Path, files: Files, archive: MemoryArchive
) -> None:
    all_files = files()
    await all_files.load()
    ruin(prompt)
    await look_twice(all_files)
    assert rendered(all_files).system == "Be kind."
    assert str(all_files.faults()[0]).startswith("prompts/default.yaml:")

    after_restart = files()
    await after_restart.load()
    assert rendered(after_restart).system == "Be kind."
    assert len(archive.saved) == 1


def _link(prompt: Path, target: str) -> None:
    (prompt.parent / "new").symlink_to(target)
    (prompt.parent / "new").rename(prompt)


async def test_a_new_file_behind_a_link_is_noticed(prompt: Path, files: Files) -> None:
    save(prompt.parent / "one", GOOD)
    save(prompt.parent / "two", BETTER)
    _link(prompt, "one")
    all_files = files()
    await all_files.load()
    _link(prompt, "two")
    await look_twice(all_files)
    assert rendered(all_files).system == "Be kind and brief."


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode()]
)
async def test_byte_order_mark_and_windows_line_ends_do_not_matter(
    data: bytes, prompt: Path, files: Files
) -> None:
    save(prompt, data)
    all_files = files()
    await all_files.load()
    assert rendered(all_files).system == "Be kind."


async def test_the_last_valid_version_serves_after_a_restart(
    prompt: Path, files: Files, archive: MemoryArchive
) -> None:
    await files().load()
    save(prompt, BAD)
    after_restart = files()
    await after_restart.load()
    assert rendered(after_restart).system == "Be kind."
    assert archive.saved == [("default", rendered(after_restart).version)]
    assert "knid" in str(after_restart.faults()[0])


async def test_without_any_valid_version_the_bot_does_not_start(prompt: Path, files: Files) -> None:
    save(prompt, BAD)
    with pytest.raises(SettingsError, match=r"prompts/default\.yaml:2:9: instructions: unknown"):
        await files().load()
    _deleted(prompt)
    with pytest.raises(SettingsError, match=r"prompts/default\.yaml: No such file|no such file"):
        await files().load()


async def test_an_edit_waits_while_the_archive_is_away(
    prompt: Path, files: Files, archive: MemoryArchive
) -> None:
    all_files = files()
    await all_files.load()
    archive.away = True
    save(prompt, BETTER)
    with capture_logs() as logs:
        await look_twice(all_files)
        await look_twice(all_files)
    assert rendered(all_files).system == "Be kind."
    assert [entry["event"] for entry in logs] == ["prompts_not_followed", "prompt_waits"]
    archive.away = False
    await all_files.look()
    assert rendered(all_files).system == "Be kind and brief."


async def test_an_edit_that_was_taken_back_meanwhile_does_not_go_live(
    prompt: Path, files: Files, archive: MemoryArchive
) -> None:
    all_files = files()
    await all_files.load()
    archive.away = True
    save(prompt, BETTER)
    await look_twice(all_files)
    save(prompt, BAD)
    await look_twice(all_files)
    archive.away = False
    await look_twice(all_files)
    assert rendered(all_files).system == "Be kind."
    assert len(archive.saved) == 1


async def test_what_is_published_elsewhere_is_served_and_the_file_left_alone(
    prompt: Path, files: Files, archive: MemoryArchive
) -> None:
    all_files = files()
    await all_files.load()
    archive.publish("default", BETTER)
    await all_files.look()
    assert rendered(all_files).system == "Be kind and brief."
    os.utime(prompt)
    await look_twice(all_files)
    assert rendered(all_files).system == "Be kind and brief."
    assert prompt.read_bytes() == GOOD.encode()  # noqa: ASYNC240 - as everywhere in tests
    assert all_files.faults() == ()


async def test_a_live_version_that_this_host_cannot_use_is_told_and_the_last_one_goes_on(
    prompt: Path, files: Files, archive: MemoryArchive
) -> None:
    del prompt
    all_files = files()
    await all_files.load()
    archive.publish("default", BAD)  # as a newer bot, with more variables, might
    with capture_logs() as logs:
        await all_files.look()
        await all_files.look()
    assert rendered(all_files).system == "Be kind."
    assert [entry["event"] for entry in logs] == ["prompt_unusable"]
    assert "can't be used here: unknown variable `knid`" in str(all_files.faults()[0])
    archive.publish("default", BETTER)
    await all_files.look()
    assert rendered(all_files).system == "Be kind and brief."
    assert all_files.faults() == ()


async def test_an_edit_that_waited_is_not_offered_once_the_file_says_something_else(
    prompt: Path, files: Files, archive: MemoryArchive
) -> None:
    all_files = files()
    await all_files.load()
    archive.away = True
    save(prompt, BETTER)
    await look_twice(all_files)
    archive.away = False
    save(prompt, BAD)
    await look_twice(all_files)
    assert rendered(all_files).system == "Be kind."
    assert len(archive.saved) == 1
