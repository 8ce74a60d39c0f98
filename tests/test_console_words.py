"""The languages of the console: each says everything, with the same places for values."""

import re
from enum import StrEnum
from importlib import resources

import pytest
from ruamel.yaml import YAML

from bot.console.words import FALLBACK, LANGUAGES, words
from bot.domain.event import EventState
from bot.domain.handling import Action
from bot.domain.outbox import SendStatus
from bot.domain.way import Step

OTHERS = [language for language in LANGUAGES if language != FALLBACK]
PLACES = re.compile(r"\{(\w+)\}")


def _read(language: str) -> dict[str, object]:
    text = (resources.files("bot.console") / "languages" / f"{language}.yaml").read_text("utf-8")
    read: dict[str, object] = YAML(typ="safe", pure=True).load(text)
    return read


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_says_all_that_english_says(language: str) -> None:
    own, english = _read(language), _read(FALLBACK)
    assert set(own) == set(english)
    assert [key for key, value in own.items() if not isinstance(value, str) or not value] == []
    for key, value in own.items():
        places = sorted(PLACES.findall(str(value)))
        assert places == sorted(PLACES.findall(str(english[key]))), key
    same = {key for key in own if own[key] == english[key] and " " in str(own[key])}
    assert len(same) < 12, same


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("what", "values"), [("action", Action), ("event", EventState), ("step", Step)]
)
def test_every_value_of_a_set_has_its_words(
    language: str, what: str, values: type[StrEnum]
) -> None:
    named = {f"{what}_{value.value}".replace(" ", "_") for value in values}
    assert named - set(_read(language)) == set()


def test_every_state_of_a_send_is_said() -> None:
    shown = set(SendStatus) - {SendStatus.UNKNOWN}
    assert {f"status_{state.value}" for state in shown} <= set(_read(FALLBACK))


def test_what_has_no_words_is_said_as_it_is() -> None:
    assert words("es").named("kind", "poll") == "poll"
