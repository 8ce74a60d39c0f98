"""The published schema and the parser: made of one table, and of one mind."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.adapters.prompt_files import gather, prompt_schema, ready_prompt
from bot.adapters.prompt_files.keys import PROMPT_KEYS
from bot.domain.prompt import Business
from bot.errors import SettingsError
from bot.yaml_reader import parse_yaml

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "prompts" / "prompt.schema.json"
PROMPTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("prompts", "prompts/examples")
    for path in (ROOT / folder).glob("*.yaml")
)
X = "instructions: x\n"

VALID = {
    "the least": X,
    "a number is text": "instructions: 7\nfacts: 1.50\nname: 3\n",
    "keys with nothing behind them": X
    + "".join(f"{key}:\n" for key in PROMPT_KEYS if key[0] != "i"),
    "a rule that is its words": X + "hand_off: a\nopt_out: b\nopt_in: 7\n",
    "a rule with parts": X + "hand_off: {when: a, keywords: [b, 7, true], say: c}\n",
    "one keyword": X + "opt_out: {keywords: stop}\n",
    "no keywords": X + "opt_out: {keywords: []}\nopt_in: {keywords: }\n",
    "variables": X + "variables: {a: x, b: 7, c: true, d: [x, 7, false], _E1: 0.5, f: []}\n",
    "languages": X
    + "own_language: en\nlanguages: {es: {fallback: a, hand_off: b}, pt: , fil: {}}\n",
    "blank texts": X + "facts: ' '\nlanguages: {es: {away: ''}}\n",
}
INVALID = {
    "empty": "",
    "no instructions": "facts: x\n",
    "instructions with nothing behind": "instructions:\n",
    "blank instructions": "instructions: ' '\n",
    "a list for instructions": "instructions: [x]\n",
    "a misspelt key": X + "fcts: x\n",
    "text that is a list": X + "facts: [x]\n",
    "text that is true": X + "fallback: true\n",
    "a label that is a group": X + "model: {}\n",
    "a long label": X + f"name: {'x' * 201}\n",
    "a rule that is a list": X + "hand_off: [x]\n",
    "a part of a rule that is none": X + "opt_out: {when: x}\n",
    "a misspelt part": X + "hand_off: {wen: x}\n",
    "a blank keyword": X + "hand_off: {keywords: [' ']}\n",
    "a long keyword": X + f"hand_off: {{keywords: [{'x' * 101}]}}\n",
    "a keyword that is a list": X + "hand_off: {keywords: [[x]]}\n",
    "too many keywords": X + f"hand_off: {{keywords: [{'x,' * 201}]}}\n",
    "variables in a list": X + "variables: [a]\n",
    "a variable with a blank in its name": X + "variables: {a b: 1}\n",
    "a variable by a name that is taken": X + "variables: {now: 1}\n",
    "a variable that is a record": X + "variables: {business: 1}\n",
    "a variable that is a group": X + "variables: {a: {b: 1}}\n",
    "a variable with nothing behind it": X + "variables: {a: }\n",
    "a list in a list": X + "variables: {a: [[1]]}\n",
    "a long list": X + f"variables: {{a: [{'1,' * 201}]}}\n",
    "a language by name": X + "own_language: Spanish\n",
    "no language": X + "languages: {xx: {fallback: a}}\n",
    "words that no language can have": X + "languages: {es: {facts: a}}\n",
    "a language that is text": X + "languages: {es: Hola}\n",
    "a list of languages": X + "languages: [es]\n",
    "an include that is no YAML": X + "include: a.txt\n",
    "an include that is a group": X + "include: {a: 1}\n",
    "an include of a number": X + "include: [7]\n",
}


def is_valid_by_schema(value: Any) -> bool:
    return not [*jsonschema.Draft7Validator(prompt_schema()).iter_errors(value)]


def is_valid_by_parser(text: str) -> bool:
    try:
        ready_prompt(text, "prompts/p.yaml", Business())
    except SettingsError:
        return False
    return True


def test_the_published_schema_is_the_one_that_is_made_from_the_keys() -> None:
    jsonschema.Draft7Validator.check_schema(prompt_schema())
    published = json.loads(PUBLISHED.read_text())
    assert published == prompt_schema(), "run: bot prompts schema > prompts/prompt.schema.json"


def test_every_key_is_described() -> None:
    assert all(it["description"] for it in prompt_schema()["properties"].values())


@pytest.mark.parametrize("name", VALID)
def test_what_is_valid_is_so_for_schema_and_parser(name: str) -> None:
    value = parse_yaml(VALID[name], "p.yaml").value
    assert is_valid_by_schema(value)
    assert is_valid_by_parser(VALID[name])


@pytest.mark.parametrize("name", INVALID)
def test_what_is_invalid_is_so_for_schema_and_parser(name: str) -> None:
    value = parse_yaml(INVALID[name], "p.yaml").value
    assert not is_valid_by_schema(value)
    assert not is_valid_by_parser(INVALID[name])


@pytest.mark.parametrize("file", PROMPTS)
def test_every_shipped_prompt_names_the_schema_and_is_valid_by_it(file: str) -> None:
    first, _, _ = (ROOT / file).read_text().partition("\n")
    _, _, schema = first.partition("# yaml-language-server: $schema=")
    assert ((ROOT / file).parent / schema).resolve() == PUBLISHED
    assert is_valid_by_schema(parse_yaml((ROOT / file).read_text(), file).value)


@pytest.mark.parametrize("file", PROMPTS)
def test_every_shipped_prompt_is_whole(file: str) -> None:
    gathered = gather(ROOT, file)
    assert gathered.faults == ()
    prompt = ready_prompt(gathered.source, file, Business()).prompt
    assert set(prompt.texts) == {
        *("instructions", "facts", "language", "fallback", "apology", "away", "unsupported"),
        *("unheard", "disclosure", "opt_out", "opt_in"),
    }
    assert prompt.hand_off is not None
