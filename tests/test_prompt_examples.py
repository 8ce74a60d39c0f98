"""The shipped prompts, as customers get them and as the README has them changed."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.adapters.prompt_files import PromptFiles, parse_prompt
from bot.adapters.prompt_files.syntax import RECORDS, TEXTS
from bot.config import load
from bot.domain.opening_hours import OpeningHours
from bot.domain.prompt import Business, Customer, RenderedPrompt
from bot.errors import SettingsError
from tests.test_prompt_files import MemoryArchive
from tests.test_settings import SECRETS

ROOT = Path(__file__).parents[1]
NIGHT = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
HOURS = OpeningHours({"tue": ("08:30-17:30",)}, (), ZoneInfo("Europe/Madrid"))


async def rendered(example: str, language: str = "") -> RenderedPrompt:
    files = {"default": f"prompts/examples/{example}.yaml"}
    business = Business("", "Europe/Madrid", "", HOURS)
    prompts = PromptFiles(ROOT, files, business, MemoryArchive())
    await prompts.load()
    who = Customer(language=language)
    return prompts.render("ln_1", contact_name="Ana", now=NIGHT, customer=who)


@pytest.mark.parametrize(
    ("example", "known", "fallback", "foreign", "foreign_fallback"),
    [
        (
            "bakery-es",
            ["Panadería La Espiga", "martes, 24 de noviembre", "«Ana»", "- barra, 1,20 euros"],
            "Perdone, ahora mismo no puedo contestarle. Marta",
            "en",
            "Sorry, I can't answer that right now. Marta",
        ),
        (
            "dental-practice-en",
            ["Harbour Street Dental", "Tuesday 24 November", '"Ana"', "- cleaning: 95 dollars"],
            "Sorry, I can't answer that right now. Joan",
            "es",
            "Perdone, ahora no puedo contestarle. Joan",
        ),
        (
            "online-shop-pt",
            ["Casa do Linho", "terça-feira, 24 de novembro", "«Ana»", "- MB Way"],
            "Desculpe, agora não consigo responder. Inês",
            "es",
            "Perdone, ahora no puedo contestarle. Inês",
        ),
    ],
)
async def test_an_example_speaks_its_language_and_that_of_its_customers(
    example: str, known: list[str], fallback: str, foreign: str, foreign_fallback: str
) -> None:
    own = await rendered(example)
    assert [words for words in known if words not in own.system] == []
    assert "{" not in own.system
    assert own.fallback.startswith(fallback)
    other = await rendered(example, language=foreign)
    assert other.fallback.startswith(foreign_fallback)
    assert other.system == own.system


async def test_the_practice_says_when_it_opens() -> None:
    practice = await rendered("dental-practice-en")
    assert practice.away.startswith(
        "The practice is closed right now and opens on Tuesday at 08:30"
    )


def shown_in_the_readme(start: str) -> str:
    """The block of it that begins so."""
    blocks = (ROOT / "README.md").read_text().split("```")[1::2]
    texts = (block.partition("\n")[2] for block in blocks)
    return next(text for text in texts if text.startswith(start))


def test_the_sentence_that_the_readme_adds_and_its_neighbour_fit_the_shipped_prompt() -> None:
    _, neighbour, sentence = shown_in_the_readme("facts: |").splitlines()
    shipped = (ROOT / "prompts" / "default.yaml").read_text()
    assert f"{neighbour}\n" in shipped
    edited = shipped.replace(neighbour, f"{neighbour}\n{sentence}")
    prompt = parse_prompt(edited, "prompts/default.yaml", Business())
    assert sentence.strip() in prompt.texts["facts"]


def test_the_hours_that_the_readme_changes_are_in_the_shipped_settings(tmp_path: Path) -> None:
    _, closed, changed = shown_in_the_readme("  hours:").splitlines()
    shipped = (ROOT / "config.yaml").read_text()
    before = next(line for line in shipped.splitlines() if line.startswith("    sat:"))
    assert f"{closed}\n" in shipped
    (tmp_path / "config.yaml").write_text(shipped.replace(before, changed))
    hours = load(tmp_path / "config.yaml", SECRETS).business.for_prompts().hours
    assert "Sat 08:00-13:00 and 15:00-19:00" in hours


def test_the_fault_that_the_readme_shows_is_what_is_said() -> None:
    shown = shown_in_the_readme("prompts/default.yaml:").strip()
    shipped = (ROOT / "prompts" / "default.yaml").read_text()
    broken = shipped.replace("for {{ delivery }}", "for {{ delivry }}")
    with pytest.raises(SettingsError) as caught:
        parse_prompt(broken, "prompts/default.yaml", Business())
    assert str(caught.value) == shown


def test_every_part_that_texts_can_hold_is_told() -> None:
    told = (ROOT / "knowledge" / "prompts.md").read_text()
    parts = [f"{owner}.{part}" for owner, parts in RECORDS.items() for part in parts]
    known = [*parts, *(name for name in TEXTS if name != "line_id")]
    assert [name for name in known if f" {name} " not in told] == []
