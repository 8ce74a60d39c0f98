"""Prompts broken in every way while the bot runs: it answers on, and says what is wrong where."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.adapters.prompt_files import PromptFiles
from bot.domain.prompt import Business, Customer, LineVoice
from bot.errors import SettingsError
from tests.test_prompt_files import BAD_PROMPTS, MemoryArchive

MAIN, PART = "prompts/default.yaml", "prompts/shared/style.yaml"
GOOD = {
    MAIN: "include: [shared/style.yaml]\ninstructions: |\n  Be kind. {{ style }}\n",
    PART: "variables:\n  style: Brief.\nfacts: |\n  Open at nine.\n",
}
SERVES = "Be kind. Brief.\n\n# Facts\nOpen at nine."
NOW = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
SPANISH = Customer(language="es")

Way = Callable[[Path], object]
"""Does something to the settings' folder."""


def text(file: str, content: str | bytes) -> Way:
    """The file is saved with this in it."""

    def save(root: Path) -> None:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        (root / file).write_bytes(data)

    return save


def instead(file: str, put: Callable[[Path], object]) -> Way:
    """Something that is no file takes its place."""

    def replace(root: Path) -> None:
        (root / file).unlink()
        put(root / file)

    return replace


def all_of(*ways: Way) -> Way:
    return lambda root: [way(root) for way in ways]


def gone(root: Path) -> None:
    (root / PART).unlink()


def folder_gone(root: Path) -> None:
    (root / PART).unlink()
    (root / PART).parent.rmdir()


def link_out(path: Path) -> None:
    outside = path.parents[2] / "outside.yaml"
    outside.write_text("facts: |\n  Not yours.\n")
    path.symlink_to(outside)


def linked_folder(root: Path) -> None:
    (root / "elsewhere").mkdir()
    (root / PART).rename(root / "elsewhere" / "style.yaml")
    (root / PART).parent.rmdir()
    (root / PART).parent.symlink_to(root / "elsewhere")


def unreadable_name(item: str) -> Way:
    return text(MAIN, f"include: {item}\ninstructions: |\n  x\n")


def chain(length: int) -> Way:
    """A part that includes one that includes one…"""
    names = [PART, *(f"prompts/p{number}.yaml" for number in range(length))]
    ways = [
        text(
            name,
            f"include: {Path(names[at + 1]).relative_to('prompts')}\n" if names[at + 1 :] else "",
        )
        for at, name in enumerate(names)
    ]
    return all_of(*ways)


LONG = "#" * 950_000
ALIASES = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nfacts: *c\n"

BREAKAGES: dict[str, tuple[Way, list[str]]] = {
    # The part that is included, as a file.
    "part deleted": (gone, [f"{MAIN}:1:11: include.0: no such file {PART}; write it, or take"]),
    "part's folder deleted": (folder_gone, [f"{MAIN}:1:11: include.0: no such file {PART}"]),
    "part a folder": (instead(PART, Path.mkdir), [f"{PART}: not a file: put a file there"]),
    "part a pipe": (instead(PART, os.mkfifo), [f"{PART}: not a file: put a file there"]),
    "part a link to itself": (
        instead(PART, lambda path: path.symlink_to(path)),
        [f"{MAIN}:1:11: include.0: no such file"],
    ),
    "part a link to nothing": (
        instead(PART, lambda path: path.symlink_to("nowhere")),
        [f"{MAIN}:1:11: include.0: no such file"],
    ),
    "part a link out of the folder": (
        instead(PART, link_out),
        [f"{MAIN}:1:11: include.0: {PART} is a link that leads out of the prompts' folder"],
    ),
    "part's folder a link out": (
        linked_folder,
        [f"{MAIN}:1:11: include.0: {PART} is a link that leads out of the prompts' folder"],
    ),
    "part a device": (
        instead(PART, lambda path: path.symlink_to("/dev/zero")),
        [f"{MAIN}:1:11: include.0: {PART} is a link that leads out"],
    ),
    "part of 10 MB": (text(PART, b"#" * 10_000_000), [f"{PART}: with this file"]),
    "main of 10 MB": (text(MAIN, b"#" * 10_000_000), [f"{MAIN}:1:1: the file is over 1000000"]),
    "too long together": (
        all_of(text(PART, LONG), text(MAIN, GOOD[MAIN] + "#" * 100_000)),
        [f"{PART}: with this file the prompt is over 1000000 bytes: make it smaller"],
    ),
    "part not UTF-8": (text(PART, b"facts: \xff\n"), [f"{PART}:1:8: not UTF-8: save the file as"]),
    "part in UTF-16": (text(PART, "facts: x".encode("utf-16")), [f"{PART}:1:1: not UTF-8"]),
    "part with a NUL": (text(PART, "facts: a\0b"), [f"{PART}:1:9: a control character: remove"]),
    # What is in it.
    "part half written": (
        text(PART, "variables:\n  sty"),
        [
            f"{MAIN}:3:15: instructions: unknown variable `style`",
            f"{PART}:2:3: variables: must be lines",
        ],
    ),
    "part indented by tabs": (
        text(PART, "variables:\n\tstyle: x\n"),
        [f"{PART}:2:1: a tab: indent with spaces"],
    ),
    "part with a key twice": (
        text(PART, "facts: a\nvariables: {style: x}\nfacts: b\n"),
        [f"{PART}:3:1: facts: given twice: it is already on line 1"],
    ),
    "part a bomb of aliases": (
        text(PART, ALIASES),
        [f"{PART}:1:4: a: anchors", f"{PART}:2:4: b: anchors", f"{PART}:2:8: b.0: aliases"],
    ),
    "part with a tag": (
        text(PART, "facts: !!python/object:os.system x"),
        [f"{PART}:1:8: facts: tags (`!name`) are refused: remove it"],
    ),
    "part of two documents": (
        text(PART, "facts: a\n---\nfacts: b\n"),
        [f"{PART}:2:1: a second document: keep everything above this `---`"],
    ),
    "part a list": (text(PART, "- a\n"), [f"{PART}:1:1: must be a mapping: lines of `key: value`"]),
    "part in an open quote": (text(PART, "facts: 'a"), [f"{PART}:1:10: the file ends inside"]),
    "part in an open bracket": (
        text(PART, "facts: [a"),
        [f"{PART}:2:1|{PART}:1:10: the file ends"],
    ),
    "part nested without end": (text(PART, "[" * 100), [f"{PART}:1:22: nested deeper than 20"]),
    "part with a wrong indent": (
        text(PART, "facts: |\n  a\n b: c\n"),
        [f"{PART}:3:2: "],
    ),
    "part with a colon in its text": (
        text(PART, "facts: open: yes\n"),
        [f"{PART}:1:12: a `:` that does not fit here: put the text in quotes"],
    ),
    "part with a misspelt key": (
        text(PART, "variables: {style: x}\nfallbak: |\n  a\n"),
        [f"{PART}:2:1: fallbak: no such key; did you mean `fallback`?"],
    ),
    "part with a misspelt key inside": (
        text(PART, "variables: {style: x}\nhand_off:\n  wen: x\n"),
        [f"{PART}:3:3: hand_off.wen: no such key; did you mean `when`?"],
    ),
    "part with a misspelt variable": (
        text(PART, "variables: {style: x}\nfacts: |\n  a\n  {{ stile }}\n"),
        [f"{PART}:4:6: facts: unknown variable `stile`; did you mean `style`? Or declare it"],
    ),
    "part with a misspelt part": (
        text(PART, "variables: {style: x}\nfacts: |\n  {{ business.opens }}\n"),
        [f"{PART}:3:15: facts: no such part `opens`; did you mean `opens_"],
    ),
    "part without a variable that main needs": (
        text(PART, "variables:\n  styl: Brief.\n"),
        [f"{MAIN}:3:15: instructions: unknown variable `style`; did you mean `styl`?"],
    ),
    "part with a variable of the wrong kind": (
        all_of(
            text(PART, "variables:\n  style: Brief.\n"),
            text(MAIN, GOOD[MAIN] + "facts: |\n  {% for a in style %}{% endfor %}\n"),
        ),
        [f"{MAIN}:5:6: facts: `for` goes over a list declared under `variables` only"],
    ),
    "part with a template that grows": (
        text(
            PART,
            "variables:\n  style: x\n  l: ["
            + "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy," * 200
            + "]\nfacts: |\n"
            + "  {{ l | join }}\n" * 40,
        ),
        [f"{MAIN}:2:15: instructions: the whole is over 200000 bytes: shorten it"],
    ),
    "part with a loop in a loop": (
        text(
            PART,
            "variables: {style: x, l: [1]}\nfacts: |\n  {% for a in l %}\n  {% for b in l %}"
            "{% endfor %}{% endfor %}\n",
        ),
        [f"{PART}:4:6: facts: a `for` inside a `for`: write them one after the other"],
    ),
    "part with a call": (
        text(PART, "variables: {style: x}\nfacts: |\n  {{ range(10 ** 9) }}\n"),
        [f"{PART}:3:3: facts: `( )` is not for prompts"],
    ),
    "part with half a tag": (
        text(PART, "variables: {style: x}\nfacts: |\n  {{ style\n"),
        [f"{PART}:3:3: facts: "],
    ),
    "part with a reserved variable": (
        text(PART, "variables:\n  style: x\n  today: Monday\n"),
        [f"{PART}:3:3: variables.today: is taken: call it something else"],
    ),
    # `include` itself.
    "include of itself": (
        unreadable_name("default.yaml"),
        [f"{MAIN}:1:10: include: a circle: {MAIN} -> {MAIN}: take one of these includes out"],
    ),
    "circle of two": (
        text(PART, "include: default.yaml\n"),
        [f"{PART}:1:10: include: a circle: {MAIN} -> {PART} -> {MAIN}: take one of these"],
    ),
    "circle further down": (
        all_of(
            text(PART, "include:\n  - a.yaml\n"),
            text("prompts/a.yaml", "include: shared/style.yaml"),
        ),
        [f"prompts/a.yaml:1:10: include: a circle: {MAIN} -> {PART} -> prompts/a.yaml -> {PART}"],
    ),
    "too many levels": (
        chain(4),
        ["prompts/p2.yaml:1:10: include: more than 4 files deep: include it in a file further up"],
    ),
    "too many files": (
        all_of(
            *(text(f"prompts/{number}.yaml", "") for number in range(21)),
            unreadable_name(f"[{', '.join(f'{number}.yaml' for number in range(21))}]"),
        ),
        [f"{MAIN}:1:11: include.0: over 20 files in all: put some together"],
    ),
    "include misspelt": (
        unreadable_name("[shared/stile.yaml]"),
        [f"{MAIN}:1:11: include.0: no such file prompts/shared/stile.yaml; did you mean `s"],
    ),
    "include by a way up": (
        unreadable_name("../config.yaml"),
        [f"{MAIN}:1:10: include: leads out of the prompts' folder: write one like `shared/"],
    ),
    "include by an absolute path": (
        unreadable_name("/etc/passwd.yaml"),
        [f"{MAIN}:1:10: include: leads out of the prompts' folder"],
    ),
    "include by a backslash": (
        unreadable_name("'..\\secrets.yaml'"),
        [f"{MAIN}:1:10: include: leads out of the prompts' folder"],
    ),
    "include of a drive": (unreadable_name("'C:/a.yaml'"), [f"{MAIN}:1:10: include: leads out"]),
    "include of no YAML": (
        unreadable_name("[.env]"),
        [f"{MAIN}:1:11: include.0: must end in .yaml"],
    ),
    "include of a number": (unreadable_name("[7]"), [f"{MAIN}:1:11: include.0: must be the name"]),
    "include of nothing": (unreadable_name("['']"), [f"{MAIN}:1:11: include.0: must be the name"]),
    "include of a group": (
        unreadable_name("{a: b.yaml}"),
        [f"{MAIN}:1:10: include: must be the name of a file"],
    ),
    "a line that looks like a seam": (
        text(MAIN, "--- # included: prompts/a.yaml\ninstructions: y\n"),
        [f"{MAIN}: a line begins with `--- # included:`: remove it"],
    ),
    # Languages.
    "language by its name": (
        text(MAIN, GOOD[MAIN] + "own_language: Spanish\n"),
        [f"{MAIN}:4:15: own_language: write `es` for it"],
    ),
    "no language": (
        text(MAIN, GOOD[MAIN] + "languages:\n  xx:\n    fallback: a\n"),
        [f"{MAIN}:5:3: languages.xx: no such language: write one like `es`"],
    ),
    "language with a region": (
        text(MAIN, GOOD[MAIN] + "languages: {pt-BR: {fallback: a}}\n"),
        [f"{MAIN}:4:13: languages.pt-BR: write `pt` for it"],
    ),
    "language with a key that has none": (
        text(MAIN, GOOD[MAIN] + "languages:\n  es:\n    facts: a\n"),
        [f"{MAIN}:6:5: languages.es.facts: no such key; "],
    ),
    "language with a group where words are": (
        text(MAIN, GOOD[MAIN] + "languages:\n  es:\n    hand_off: {say: a}\n"),
        [f"{MAIN}:6:15: languages.es.hand_off: must be text"],
    ),
    "language with a misspelt variable": (
        text(MAIN, GOOD[MAIN] + "languages:\n  es:\n    fallback: |\n      Hola {{ stlye }}\n"),
        [f"{MAIN}:7:15: languages.es.fallback: unknown variable `stlye`; did you mean `style`?"],
    ),
    "languages a list": (
        text(MAIN, GOOD[MAIN] + "languages: [es]\n"),
        [f"{MAIN}:4:12: languages: must be at most 30 languages: write `es:`, and indented"],
    ),
    # The file itself.
    "main deleted": (lambda root: (root / MAIN).unlink(), [f"{MAIN}: no such file: put a prompt"]),
    "main a folder": (instead(MAIN, Path.mkdir), [f"{MAIN}: not a file: put a prompt there"]),
    "main a link to itself": (
        instead(MAIN, lambda path: path.symlink_to(path)),
        [f"{MAIN}: Too many levels of symbolic links: put a prompt there"],
    ),
    "main a device": (
        instead(MAIN, lambda path: path.symlink_to("/dev/zero")),
        [f"{MAIN}: not a file: put a prompt there"],
    ),
    "main emptied": (text(MAIN, ""), [f"{MAIN}:1:1: instructions: is missing: write what the bot"]),
    "main cut off": (text(MAIN, GOOD[MAIN][:40]), [f"{MAIN}:2:11|{MAIN}:"]),
    "faults in both files": (
        all_of(text(MAIN, GOOD[MAIN] + "fcts: a\n"), text(PART, "variables: {style: x}\nawy: b\n")),
        [f"{MAIN}:4:1: fcts: no such key", f"{PART}:2:1: awy: no such key; did you mean `away`?"],
    ),
}


@dataclass
class Shop:
    """The prompt files of one line, in a folder."""

    root: Path
    archive: MemoryArchive = field(default_factory=MemoryArchive)
    voices: dict[str, LineVoice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for file, content in GOOD.items():
            text(file, content)(self.root)
        self.files = self.open()

    def open(self) -> PromptFiles:
        lines = {"default": MAIN}
        return PromptFiles(self.root, lines, Business(), self.archive, self.voices)

    async def look(self) -> list[str]:
        """Until a change has been seen and held still; the faults."""
        for _ in range(3):
            await self.files.look()
        return [str(fault) for fault in self.files.faults()]

    def says(self, files: PromptFiles | None = None, customer: Customer = SPANISH) -> str:
        speaking = self.files if files is None else files
        return speaking.render("ln_1", contact_name=None, now=NOW, customer=customer).system


@pytest.fixture
async def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    await shop.files.load()
    assert shop.says() == SERVES
    return shop


def assert_begin(found: list[str], expected: list[str]) -> None:
    """Each fault as expected; `|` parts beginnings that are equally good."""
    assert len(found) >= len(expected), found
    for fault, starts in zip(found, expected, strict=False):
        assert fault.startswith(tuple(starts.split("|"))), fault


@pytest.mark.parametrize("way", BREAKAGES)
async def test_whatever_breaks_the_last_version_answers_on_and_the_fault_is_named(
    way: str, shop: Shop
) -> None:
    ruin, expected = BREAKAGES[way]
    ruin(shop.root)
    assert_begin(await shop.look(), expected)
    assert shop.says() == SERVES
    after_restart = shop.open()
    await after_restart.load()
    assert shop.says(after_restart) == SERVES
    assert_begin([str(fault) for fault in after_restart.faults()], expected)
    assert len({version for _, version in shop.archive.saved}) == 1


# Where what is missing is missing from the whole, not from the part.
WHOLE = {"empty", "blank instructions", "too long", "too much"}


@pytest.mark.parametrize("name", [name for name in BAD_PROMPTS if name not in WHOLE])
async def test_a_fault_in_a_part_is_named_as_precisely_as_in_the_prompt_itself(
    name: str, shop: Shop
) -> None:
    source, expected = BAD_PROMPTS[name]
    text(MAIN, "include: shared/style.yaml\n")(shop.root)
    text(PART, source)(shop.root)
    found = await shop.look()
    assert len(found) == len(expected), found
    assert_begin(found, [f"{PART}:{start}" for start in expected])
    assert shop.says() == SERVES


def test_there_are_fifty_ways_and_more() -> None:
    assert len(BREAKAGES) >= 50


async def test_an_edit_of_a_part_is_live_by_itself(shop: Shop) -> None:
    text(PART, GOOD[PART].replace("nine", "ten"))(shop.root)
    assert await shop.look() == []
    assert shop.says() == SERVES.replace("nine", "ten")
    assert len({version for _, version in shop.archive.saved}) == 2


async def test_a_part_that_was_missing_is_found_when_it_comes_back(shop: Shop) -> None:
    gone(shop.root)
    assert await shop.look()
    text(PART, GOOD[PART].replace("nine", "ten"))(shop.root)
    assert await shop.look() == []
    assert shop.says() == SERVES.replace("nine", "ten")


async def test_a_part_of_a_part_is_watched_as_soon_as_it_is_included(shop: Shop) -> None:
    text("prompts/hours.yaml", "facts: Open at ten.\n")(shop.root)
    text(PART, "include: hours.yaml\nvariables: {style: Brief.}\n")(shop.root)
    assert await shop.look() == []
    assert shop.says() == SERVES.replace("nine", "ten")
    text("prompts/hours.yaml", "facts: Open at eleven.\n")(shop.root)
    assert await shop.look() == []
    assert shop.says() == SERVES.replace("nine", "eleven")


async def test_the_watch_takes_an_edited_part_over(shop: Shop) -> None:
    stop = asyncio.Event()
    watching = asyncio.create_task(shop.files.watch(stop))
    text(PART, GOOD[PART].replace("nine", "ten"))(shop.root)
    async with asyncio.timeout(10):
        while shop.says() == SERVES:
            await asyncio.sleep(0.05)
    stop.set()
    await watching


async def test_a_link_within_the_folder_is_followed(shop: Shop) -> None:
    (shop.root / PART).rename(shop.root / "prompts" / "real.yaml")
    (shop.root / PART).symlink_to("../real.yaml")
    assert await shop.look() == []
    text("prompts/real.yaml", GOOD[PART].replace("nine", "ten"))(shop.root)
    assert await shop.look() == []
    assert shop.says() == SERVES.replace("nine", "ten")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
async def test_windows_line_ends_and_a_byte_order_mark_in_a_part_do_not_matter(
    line_end: str, shop: Shop
) -> None:
    for file, content in GOOD.items():
        text(file, b"\xef\xbb\xbf" + content.replace("\n", line_end).encode())(shop.root)
    assert await shop.look() == []
    assert shop.says() == SERVES


async def test_a_line_whose_value_is_of_another_kind_keeps_an_edit_from_going_live(
    tmp_path: Path,
) -> None:
    shop = Shop(tmp_path, voices={"default": LineVoice(), "ln_1": LineVoice({"style": "Slow."})})
    await shop.files.load()
    assert shop.says() == SERVES.replace("Brief", "Slow")
    text(PART, "variables:\n  style: [a, b]\nfacts: Open.\n")(tmp_path)
    text(MAIN, "include: shared/style.yaml\ninstructions: '{{ style | join }}'\n")(tmp_path)
    expected = (
        f"{PART}:2:10: variables.style: is a list, and in lines.ln_1.variables in the settings"
    )
    assert_begin(await shop.look(), [expected])
    assert shop.says() == SERVES.replace("Brief", "Slow")


async def test_a_line_whose_value_can_not_be_worked_with_is_named(tmp_path: Path) -> None:
    text(MAIN, "instructions: '{% if days > 3 %}x{% endif %}'\nvariables: {days: 2}\n")(tmp_path)
    voices = {"default": LineVoice({"days": "two"})}
    files = PromptFiles(tmp_path, {"default": MAIN}, Business(), MemoryArchive(), voices)
    with pytest.raises(
        SettingsError, match=r"with lines\.default\.variables in the settings: can't"
    ):
        await files.load()
