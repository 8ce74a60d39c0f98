"""`bot prompts new` and `bot prompts schema`: a first prompt file, and what editors check it by."""

import json
import os
import re
import sys
import unicodedata
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bot.adapters.prompt_files import prompt_schema, ready_prompt
from bot.cli.terminal import complain, say
from bot.config import examine
from bot.domain.languages import language_named
from bot.domain.new_prompt import Answers, new_prompt
from bot.domain.prompt import Business
from bot.domain.untrusted import clean_line

FAILED, WRONG_USAGE = 1, 2

_QUESTIONS: Final = {
    "business": "What is your business called?",
    "about": "What does it do? One sentence, as you would tell a neighbour.",
    "hours": "When is it open? In your own words.",
    "person": "Who takes over when a customer needs a person? A first name is enough.",
    "language": "Which language do you speak with customers? Such as English, or Español.",
}
_LONGEST = 500
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")


def run(arguments: Namespace) -> int:
    """0: written (or printed); 2: something is missing, or there is such a file already."""
    if arguments.action == "schema":
        say(json.dumps(prompt_schema(), indent=2, ensure_ascii=False))
        return 0
    if arguments.name is not None and not _NAME.fullmatch(arguments.name):
        complain("bot prompts new: NAME has letters, digits, `-` and `_` only, such as `bakery`")
        return WRONG_USAGE
    try:
        answers = _answers(arguments)
    except ValueError as error:
        complain(f"bot prompts new: {error}")
        return WRONG_USAGE
    name = _slug(answers.business) if arguments.name is None else arguments.name
    return _write(
        examine(arguments.config, os.environ).path.parent, f"prompts/{name}.yaml", answers
    )


def _answers(arguments: Namespace) -> Answers:
    """From the options, and for the rest from whoever sits there. Raises ValueError."""
    given = {key: getattr(arguments, key) for key in _QUESTIONS}
    missing = [key for key, answer in given.items() if answer is None]
    if missing and not sys.stdin.isatty():
        options = " ".join(f'--{key} "…"' for key in missing)
        raise ValueError(f"nobody is there to be asked: run it in a terminal, or add {options}")
    for key in missing:
        given[key] = _ask(key)
    cleaned = {key: clean_line(answer, _LONGEST) for key, answer in given.items()}
    empty = next((key for key, answer in cleaned.items() if not answer), None)
    if empty is not None:
        raise ValueError(f"--{empty} is empty: say something, if only a guess")
    return Answers(**cleaned | {"language": language_named(cleaned["language"])})


def _ask(key: str) -> str:
    """Until there is an answer that can be used."""
    for answer in _typed(_QUESTIONS[key]):
        if not clean_line(answer, _LONGEST):
            continue
        try:
            return language_named(answer) if key == "language" else answer
        except ValueError as error:
            complain(str(error))
    raise ValueError("the answers ended before the questions did: nothing was written")


def _typed(question: str) -> Iterator[str]:
    while True:
        try:
            yield input(f"{question}\n> ")
        except EOFError:
            return


def _slug(business: str) -> str:
    plain = unicodedata.normalize("NFKD", business).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", plain))[:60].strip("-") or "new"


def _write(folder: Path, file: str, answers: Answers) -> int:
    text = new_prompt(answers)
    ready_prompt(text, file, Business())  # whatever was answered, the file is valid
    path = folder / file
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        complain(f"{path} is there already and stays as it is: give another NAME")
        return WRONG_USAGE
    except OSError as error:
        complain(f"{path} can't be written: {error.strerror}")
        return FAILED
    say(f"{path} is written. Open it, read it once, and add what customers ask.")
    say(f"To speak with it: `prompt: {file}` under lines: default: in config.yaml, then restart.")
    say("To try it: bot chat. What is wrong with it, if anything: bot check.")
    return 0
