"""Writing to the terminal. What customers wrote must not steer it."""

import json
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from bot.domain.untrusted import clean_line

_GAP = "  "


def say(line: str) -> None:
    """One line, or several, on stdout."""
    print(line, flush=True)  # noqa: T201 - what the command is for


def complain(line: str) -> None:
    """One line on stderr."""
    sys.stderr.write(" ".join(line.split()) + "\n")


def say_progress(line: str) -> None:
    """A line on stderr that the next one replaces; empty: none. Only where somebody looks on."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{line}\x1b[K")
        sys.stderr.flush()


def say_json(value: Any) -> None:
    """A view as the operator API gives it; ASCII, so that nothing in it acts on a terminal."""
    plain = TypeAdapter(type(value)).dump_python(value, mode="json")
    say(json.dumps(plain, indent=2))


def say_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the last one as it is."""
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        say(_GAP.join(padded).rstrip())


def cell(text: str | None, width: int = 40) -> str:
    """Somebody's words in one line."""
    line = clean_line("" if text is None else text, width + 1)
    return line if len(line) <= width else line[: width - 1] + "…"


def words(text: str) -> str:
    """Somebody's words in as many lines as they have, without what acts on a terminal."""
    return "".join(_shown(character) for character in text)


def moment(at: datetime) -> str:
    """A time on this machine's clock, to the minute."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M")


def instant(at: datetime) -> str:
    """A time on this machine's clock, to the millisecond."""
    return at.astimezone().isoformat(" ", "milliseconds")[:23]


def _shown(character: str) -> str:
    if character in "\n\t" or character.isprintable():
        return character
    return " " if unicodedata.category(character).startswith("Z") else ""
