"""The words of the pages, one file for each language; what a file lacks is said in English."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ruamel.yaml import YAML

FALLBACK = "en"
LANGUAGES = ("en", "es", "pt")


@dataclass(frozen=True, slots=True)
class Words:
    """What a page says, by key."""

    language: str
    _own: Mapping[str, str]
    _english: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        return self._own.get(key) or self._english[key]

    def named(self, what: str, value: str) -> str:
        """A value of a set of values in words: a `kind`, an `action`, a `step`; else as it is."""
        key = f"{what}_{value}".replace(" ", "_")
        return self[key] if key in self._english else value

    def say(self, key: str, **values: object) -> str:
        """With values in its places: `{count} messages`."""
        return self[key].format_map(values)


def choose(accept_language: str) -> Words:
    """The language that a browser likes best among ours."""
    for wanted in accept_language.split(","):
        language = wanted.partition(";")[0].strip().partition("-")[0].lower()
        if language in LANGUAGES:
            return words(language)
    return words(FALLBACK)


@cache
def words(language: str) -> Words:
    """The words of a language of `LANGUAGES`."""
    return Words(language, _read(language), _read(FALLBACK))


def _read(language: str) -> Mapping[str, str]:
    text = (resources.files("bot.console") / "languages" / f"{language}.yaml").read_text("utf-8")
    return {str(key): str(value) for key, value in YAML(typ="safe", pure=True).load(text).items()}
