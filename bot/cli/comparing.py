"""Two prompts over the same turns, told in the terminal."""

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from bot import bootstrap
from bot.cli.terminal import cell, complain, moment, say, say_json, say_table, words
from bot.domain.comparison import Answer, Pair
from bot.errors import Refused
from bot.replay.page import html_page
from bot.replay.results import Comparison, as_data, rows_of

_WIDTH = 44
_SHOWN = 10
_LONGEST = 1000


def check_writable(path: Path | None) -> None:
    """Before money is spent on what could not be kept. Raises Refused."""
    if path is None:
        return
    try:
        path.touch()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}", 422) from None


def tell(comparison: Comparison, title: str, arguments: Namespace) -> None:
    """As a page, as data or as text."""
    if arguments.html is not None:
        page = html_page(comparison, title, bootstrap.utc_now())
        arguments.html.write_text(page, encoding="utf-8")
    if arguments.json:
        say_json(dict(as_data(comparison)))
        return
    in_order = comparison.in_order
    say_table(("CHANGED", "WHEN", "BEFORE", "NOW"), [_row(pair) for pair in in_order])
    changed = [pair for pair in in_order if pair.new is None or pair.difference > 0]
    for pair in changed[:_SHOWN]:
        say("")
        for line in _detail(pair):
            say(line)
    if len(changed) > _SHOWN:
        say("")
        say(f"… and {len(changed) - _SHOWN} more: --html FILE or --json shows all")
    say("")
    name = " ".join(part for part in (cell(comparison.prompt), comparison.version) if part)
    say_table(
        ("", "BEFORE", name), [tuple(cell(one, 60) for one in row) for row in rows_of(comparison)]
    )
    say("")
    say(_summary(comparison))
    if comparison.stopped:
        complain(f"stopped early: {comparison.stopped}")


def _summary(comparison: Comparison) -> str:
    compared = len(comparison.compared)
    parts = [f"{comparison.changed} of {compared} answers are other words"]
    if comparison.troubles:
        parts.append(f"{comparison.troubles} could not be made")
    if comparison.not_begun:
        parts.append(f"{comparison.not_begun} not begun")
    return ", ".join(parts)


def _row(pair: Pair) -> tuple[str, str, str, str]:
    old = cell(_told(pair.old), _WIDTH)
    if pair.new is None:
        return "?", moment(pair.at), old, cell(pair.trouble, _WIDTH)
    changed = f"{pair.difference:.0%}" if pair.difference else ""
    return changed, moment(pair.at), old, cell(_told(pair.new), _WIDTH)


def _told(answer: Answer) -> str:
    effect = "" if answer.effect is None else f"[{answer.effect}] "
    return effect + (answer.text or f"({answer.ended}: {answer.reason or 'nothing is said'})")


def _detail(pair: Pair) -> Iterator[str]:
    yield f"{pair.turn_id} on {cell(pair.line_id)}, {moment(pair.at)}"
    yield from _said("customer", pair.asked)
    yield from _said("before", _told(pair.old))
    if pair.new is None:
        yield from _said("--", f"could not be made: {pair.trouble}")
        return
    yield from _said("now", _told(pair.new))
    for guard in pair.new.guards:
        yield from _said("--", f"guard: {guard}")


def _said(who: str, text: str) -> Iterator[str]:
    first, *others = words(text[:_LONGEST]).splitlines() or [""]
    yield f"  {who:>8}  {first}"
    yield from (f"            {line}" for line in others)
