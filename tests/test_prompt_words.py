"""What prompts say to whom: included parts, variables from everywhere, words by language."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.adapters.prompt_files import PromptFiles, gather, ready_prompt, spread, unbundle
from bot.domain.contact import contact_key
from bot.domain.entry import Entry
from bot.domain.languages import language_named, language_of
from bot.domain.media import Attachment, MediaState, Reading
from bot.domain.opening_hours import OpeningHours
from bot.domain.prompt import Business, Customer, LineVoice, RenderedPrompt
from bot.errors import SettingsError
from tests.test_prompt_files import MemoryArchive

OPEN = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
"""A Tuesday, half past nine in Madrid."""
CLOSED = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
"""Half past midnight there, the same Tuesday."""
HOURS = OpeningHours(
    {"tue": ("08:00-13:00", "16:00-20:00"), "wed": ()}, (), ZoneInfo("Europe/Madrid")
)
SHOP = Business("Lemon Tree", "Europe/Madrid", "never told", HOURS)
BOB = "+34600111222"

Files = Mapping[str, str]


def write(root: Path, files: Files) -> None:
    for name, text in files.items():
        path = root / "prompts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


async def load(
    root: Path,
    files: Files,
    lines: Mapping[str, str] | None = None,
    voices: Mapping[str, LineVoice] | None = None,
) -> PromptFiles:
    write(root, files)
    used = {"default": "prompts/default.yaml"} if lines is None else lines
    prompts = PromptFiles(root, used, SHOP, MemoryArchive(), voices or {})
    await prompts.load()
    return prompts


async def spoken(root: Path, text: str, now: datetime = OPEN, **customer: Any) -> RenderedPrompt:
    prompts = await load(root, {"default.yaml": text})
    return prompts.render("ln_1", contact_name="Ana", now=now, customer=Customer(**customer))


def said(text: str) -> str:
    return f"instructions: |\n  {text}\n"


# Included parts.

MERGED = {
    "this file wins": (
        {
            "default.yaml": "include: a.yaml\ninstructions: mine\n",
            "a.yaml": "instructions: theirs\n",
        },
        "mine",
    ),
    "what is missing comes from there": (
        {"default.yaml": "include: [a.yaml]\n", "a.yaml": "instructions: theirs\n"},
        "theirs",
    ),
    "a key with nothing behind it says nothing": (
        {"default.yaml": "include: a.yaml\ninstructions:\n", "a.yaml": "instructions: theirs\n"},
        "theirs",
    ),
    "an empty text takes one away": (
        {
            "default.yaml": "include: a.yaml\ninstructions: x\nfacts: ''\n",
            "a.yaml": "facts: theirs\n",
        },
        "x",
    ),
    "the later file wins": (
        {
            "default.yaml": "include: [a.yaml, b.yaml]\n",
            "a.yaml": "instructions: a\nfacts: of a\n",
            "b.yaml": "instructions: b\n",
        },
        "b\n\n# Facts\nof a",
    ),
    "variables are put together name by name": (
        {
            "default.yaml": "include: a.yaml\ninstructions: '{{ one }} {{ two }}'\n"
            "variables: {two: mine}\n",
            "a.yaml": "variables: {one: theirs, two: theirs}\n",
        },
        "theirs mine",
    ),
    "a list is one value": (
        {
            "default.yaml": "include: a.yaml\ninstructions: '{{ menu | join }}'\n"
            "variables: {menu: [x]}\n",
            "a.yaml": "variables: {menu: [a, b, c]}\n",
        },
        "x",
    ),
    "a group is put together part by part": (
        {
            "default.yaml": "include: a.yaml\ninstructions: x\nhand_off: {say: Bye}\n",
            "a.yaml": "hand_off: {when: it rains, say: theirs}\n",
        },
        "x\n\n# When a colleague takes over\nit rains",
    ),
    "a part includes parts, and one file may come twice": (
        {
            "default.yaml": "include: [deep/a.yaml, deep/b.yaml]\n",
            "deep/a.yaml": "include: c.yaml\nfacts: a\n",
            "deep/b.yaml": "include: c.yaml\n",
            "c.yaml": "instructions: c\nfacts: c\n",
        },
        # As if b stood there with all of its parts, after a.
        "c\n\n# Facts\nc",
    ),
}


@pytest.mark.parametrize("rule", MERGED)
async def test_parts_are_put_together_by_rule(rule: str, tmp_path: Path) -> None:
    files, expected = MERGED[rule]
    prompts = await load(tmp_path, files)
    assert prompts.render("ln_1", contact_name=None, now=OPEN).system == expected


async def test_a_version_is_the_digest_of_all_that_went_in_and_needs_no_other_file(
    tmp_path: Path,
) -> None:
    write(
        tmp_path,
        {
            "default.yaml": "include: [a.yaml]\n# mine",
            "a.yaml": "include: b.yaml\n",
            "b.yaml": said("Be kind."),
        },
    )
    source = gather(tmp_path, "prompts/default.yaml").source
    prompt = ready_prompt(source, "prompts/default.yaml", SHOP).prompt
    assert prompt.version == hashlib.sha256(source.encode()).hexdigest()[:12]
    assert prompt.texts["instructions"] == "Be kind.\n"
    text, parts = unbundle(source)
    assert text == "include: [a.yaml]\n# mine\n"
    assert parts == {"prompts/a.yaml": "include: b.yaml\n", "prompts/b.yaml": said("Be kind.")}
    write(tmp_path, {"b.yaml": said("Be brief.")})
    changed = gather(tmp_path, "prompts/default.yaml").source
    assert ready_prompt(changed, "prompts/default.yaml", SHOP).prompt.version != prompt.version


def test_a_draft_is_checked_with_the_parts_that_are_there(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "variables: {style: Brief.}\n"})
    gathered = gather(tmp_path, "prompts/new.yaml", text="include: a.yaml\ninstructions: x\n")
    assert gathered.faults == ()
    prompt = ready_prompt(gathered.source, "prompts/new.yaml", SHOP).prompt
    assert prompt.variables == {"style": "Brief."}
    missing = gather(tmp_path, "prompts/new.yaml", text="include: aa.yaml\n").faults
    assert "did you mean `a.yaml`?" in str(missing[0])


def test_a_kept_version_can_be_written_back_to_its_files(tmp_path: Path) -> None:
    files = {"default.yaml": "include: deep/a.yaml\n", "deep/a.yaml": said("Be kind.")}
    write(tmp_path, files)
    source = gather(tmp_path, "prompts/default.yaml").source
    folder = tmp_path / "prompts"
    back = spread(tmp_path, "prompts/default.yaml", source)
    assert back == {folder / name: text for name, text in files.items()}
    (folder / "deep").rename(tmp_path / "elsewhere")
    (folder / "deep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(
        SettingsError, match=r"prompts/deep/a\.yaml leads out of the prompts' folder"
    ):
        spread(tmp_path, "prompts/default.yaml", source)


@pytest.mark.parametrize(
    "name", ["config.yaml", "../../etc/x.yaml", "prompts/b.yaml", "prompts/.env"]
)
def test_what_nothing_includes_is_never_written(name: str, tmp_path: Path) -> None:
    source = (
        f"include: a.yaml\n--- # included: prompts/a.yaml\n{said('x')}--- # included: {name}\nx"
    )
    for use in (
        lambda: spread(tmp_path, "prompts/default.yaml", source),
        lambda: ready_prompt(source, "prompts/default.yaml", SHOP),
    ):
        with pytest.raises(SettingsError, match=f"nothing includes {re.escape(name)}: take"):
            use()


async def test_a_prompt_without_parts_is_kept_as_it_is_in_its_file(tmp_path: Path) -> None:
    text = "# I don't include anything\r\n" + said("Be kind.").removesuffix("\n")
    (tmp_path / "a.yaml").write_bytes(text.encode())
    assert gather(tmp_path, "a.yaml").source == text


async def test_a_prompt_kept_elsewhere_has_its_parts_beside_it(tmp_path: Path) -> None:
    write(tmp_path, {"../shops/a.yaml": "include: b.yaml\n", "../shops/b.yaml": said("Yes.")})
    prompts = await load(tmp_path, {}, {"default": "shops/a.yaml"})
    assert prompts.render("ln_1", contact_name=None, now=OPEN).system == "Yes."


# Variables.


@pytest.mark.parametrize(
    ("text", "now", "expected"),
    [
        ("{{ now }}", OPEN, "Tuesday 24 November 2026, 09:30 (Europe/Madrid)"),
        ("{{ today }}|{{ weekday }}|{{ time }}", OPEN, "Tuesday 24 November 2026|Tuesday|09:30"),
        ("{{ part_of_day }}", OPEN, "morning"),
        ("{{ part_of_day }}", CLOSED, "night"),
        ("{{ business.hours }}", OPEN, "Tue 08:00-13:00 and 16:00-20:00; Wed closed"),
        ("{% if business.is_open %}open{% else %}closed{% endif %}", OPEN, "open"),
        ("{% if business.is_open %}open{% else %}closed{% endif %}", CLOSED, "closed"),
        ("until {{ business.closes_at }}{{ business.opens_at }}", OPEN, "until 13:00"),
        (
            "on {{ business.opens_on }} at {{ business.opens_at }}{{ business.closes_at }}",
            CLOSED,
            "on Tuesday at 08:00",
        ),
        ("{{ line.id }} {{ line_id }}", OPEN, "ln_1 ln_1"),
        ("{{ contact.name }} {{ contact.language }}", OPEN, "Ana pt"),
        ("{% if contact.is_new %}new{% else %}known{% endif %}", OPEN, "known"),
    ],
)
async def test_templates_know_clock_hours_line_and_contact(
    text: str, now: datetime, expected: str, tmp_path: Path
) -> None:
    prompt = await spoken(tmp_path, said(text), now, language="pt", is_new=False)
    assert prompt.system == expected


async def test_without_hours_a_business_is_open_and_never_closes(tmp_path: Path) -> None:
    write(tmp_path, {"default.yaml": said("{{ business.is_open }}{{ business.closes_at }}")})
    files = {"default": "prompts/default.yaml"}
    prompts = PromptFiles(tmp_path, files, Business(), MemoryArchive())
    await prompts.load()
    assert prompts.render("ln_1", contact_name=None, now=OPEN).system == "True"


async def test_days_and_hours_are_told_in_the_files_own_language(tmp_path: Path) -> None:
    text = said("{{ today }}; {{ business.opens_on }}; {{ business.hours }}")
    prompt = await spoken(tmp_path, "own_language: es\n" + text, CLOSED)
    assert prompt.system == (
        "martes, 24 de noviembre de 2026; martes; mar 08:00-13:00 y 16:00-20:00; mié cerrado"
    )


async def test_a_line_has_its_own_values_and_only_for_what_the_prompt_declares(
    tmp_path: Path,
) -> None:
    files = {"default.yaml": said("{{ owner }} {{ days }}") + "variables: {owner: Rosa, days: 2}\n"}
    voices = {
        "default": LineVoice({"days": 3}),
        "ln_1": LineVoice({"owner": "Ana", "now": "never", "unknown": "x"}),
    }
    prompts = await load(tmp_path, files, voices=voices)
    assert prompts.render("ln_1", contact_name=None, now=OPEN).system == "Ana 2"
    assert prompts.render("ln_2", contact_name=None, now=OPEN).system == "Rosa 3"


async def test_a_contact_can_have_a_prompt_of_their_own(tmp_path: Path) -> None:
    files = {"default.yaml": said("For all."), "regulars.yaml": said("For Bob.")}
    voices = {"default": LineVoice(contacts={BOB: "prompts/regulars.yaml"}), "ln_2": LineVoice()}
    prompts = await load(tmp_path, files, voices=voices)

    def system(line_id: str, key: str) -> str:
        customer = Customer(key)
        return prompts.render(line_id, contact_name=None, now=OPEN, customer=customer).system

    assert system("ln_1", contact_key("0034 600-111-222")) == "For Bob."
    assert system("ln_1", "+34600111223") == "For all."
    assert system("ln_2", BOB) == "For all."


# Words by language.

POLYGLOT = """\
instructions: Be kind.
own_language: en
fallback: Sorry, {{ weekday }}.
away: Closed.
hand_off: One moment.
languages:
  es:
    fallback: |
      Perdone, {{ weekday }}.
    hand_off: |
      Un momento.
    opt_out: Adiós.
"""


async def test_fixed_words_come_in_the_customers_language_where_the_prompt_has_them(
    tmp_path: Path,
) -> None:
    prompt = await spoken(tmp_path, POLYGLOT, language="es")
    assert prompt.hand_off is not None
    assert (prompt.fallback, prompt.hand_off.say) == ("Perdone, martes.", "Un momento.")
    assert (prompt.away, prompt.opt_out.say) == ("Closed.", "Adiós.")
    assert prompt.opt_out.keywords


@pytest.mark.parametrize("language", ["", "en", "fr"])
async def test_without_words_in_the_customers_language_the_files_own_are_said(
    language: str, tmp_path: Path
) -> None:
    prompt = await spoken(tmp_path, POLYGLOT, language=language)
    assert prompt.hand_off is not None
    assert (prompt.fallback, prompt.hand_off.say) == ("Sorry, Tuesday.", "One moment.")


def voice(language: str | None, text: str = "hola", author: str = "customer") -> Entry:
    media = Attachment(MediaState.READY, Reading(text=text, language=language))
    return Entry("m", author, "voice", "", OPEN, media=media)  # type: ignore[arg-type]  # a literal


WRITTEN = Entry("m", "customer", "text", "I would like some bread", OPEN)


@pytest.mark.parametrize(
    ("newest_first", "key", "language"),
    [
        ([WRITTEN, voice("es-419"), voice("en")], "+15550001111", "es"),
        ([voice("es", text=" "), voice(None), voice("multi")], "+351900000000", "pt"),
        ([voice("es", author="operator")], "+351900000000", "pt"),
        ([WRITTEN], "+34600111222", "es"),
        ([WRITTEN], "+5511900000000", "pt"),
        ([WRITTEN], "+15550001111", "en"),
        ([WRITTEN], "+18095550001", "es"),
        ([WRITTEN], "+79005550001", "ru"),
        ([WRITTEN], "+77005550001", ""),
        ([WRITTEN], "+41790000000", ""),
        ([WRITTEN], "+32470000000", ""),
        ([], "somebody@example", ""),
        ([], "", ""),
    ],
)
def test_a_language_is_known_by_ear_or_by_country_and_else_not(
    newest_first: list[Entry], key: str, language: str
) -> None:
    assert language_of(newest_first, key) == language


@pytest.mark.parametrize(
    ("text", "code"), [("es", "es"), ("pt-BR", "pt"), (" Spanish ", "es"), ("Español", "es")]
)
def test_languages_are_known_by_code_and_by_name(text: str, code: str) -> None:
    assert language_named(text) == code


@pytest.mark.parametrize(
    ("text", "remedy"), [("Spanisch", "write `es` for spanish"), ("Klingon", "write one like `es`")]
)
def test_an_unknown_language_gets_a_proposal(text: str, remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy):
        language_named(text)
