"""The examples, as their businesses' customers get them."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.adapters.prompt_files import PromptFiles
from bot.domain.opening_hours import OpeningHours
from bot.domain.prompt import Business, Customer, RenderedPrompt
from tests.test_prompt_files import MemoryArchive

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
