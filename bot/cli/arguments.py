"""What can be typed after `bot`. Light to import: no command's own module is loaded here."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from bot.domain.event import EventState
from bot.domain.lengths import Length, read_length

_PROCESSES: Final = {
    "dev": "the whole product on this machine, with a sandbox line and a phone in the browser",
    "run": "web and worker in one process, for one machine",
    "serve": "the web side alone: takes webhooks, shows the operator API",
    "worker": "the working side alone: answers and sends",
}
_USER: Final = re.compile(r"://\S*@")
"""User and password in an address: an error may quote what was typed."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and ends with 2."""

    def error(self, message: str) -> NoReturn:
        shown = _USER.sub("://***@", message)
        self.exit(2, f"{self.prog}: {shown} (see `{self.prog} --help`)\n")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command and its arguments; `module` is the one below `bot.cli` that runs it.

    Raises SystemExit: 0 for `--help`, 2 for wrong usage.
    """
    parser = _Parser(prog="bot", description="A bot that answers on WhatsApp lines.")
    _add_config(parser, default=None)
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=_Parser
    )
    for name, about in _PROCESSES.items():
        _add(commands, name, "processes", about)
    check = _add(commands, "check", "checking", "validate settings, prompts and environment")
    _add_json(check)
    chat = _add(commands, "chat", "chat", "talk to a prompt here; no line, no database")
    chat.add_argument("--line", metavar="ID", help="speak with this line's prompt")
    _add_operators_commands(commands)
    _add_prompts(commands)
    _add_contact_commands(commands)
    _add_copy_to(commands)
    _add_eval(commands)
    return parser.parse_args(arguments)


def _add_operators_commands(commands: Any) -> None:
    listing = _add(commands, "conversations", "operate", "the most recent conversations")
    listing.add_argument("--line", metavar="ID", help="on this line only")
    listing.add_argument("--state", choices=("bot", "human"), help="who answers")
    listing.add_argument("--search", metavar="TEXT", help="in name, number and last text")
    listing.add_argument("--limit", type=_count, default=50, metavar="N", help="at most so many")
    pause = _add(commands, "pause", "operate", "silence the bot: with a contact, or altogether")
    _add_whom(pause)
    pause.add_argument(
        "--for",
        dest="length",
        type=length,
        default="default",
        metavar="TIME",
        help="30s, 10m, 2h, 1d or `forever`; left out: as the settings say",
    )
    pause.add_argument("--reason", metavar="TEXT", help="shown to colleagues")
    resume = _add(commands, "resume", "operate", "give the conversation back to the bot")
    _add_whom(resume)
    resume.add_argument(
        "--answer", action="store_true", help="let the bot answer what was written meanwhile"
    )
    resume.add_argument(
        "--brief", metavar="TEXT", help="what was promised; left out: what you wrote last"
    )
    send = _add(commands, "send", "operate", "write to a contact as a person")
    send.add_argument("phone", metavar="PHONE")
    send.add_argument("text", metavar="TEXT")
    send.add_argument("--line", metavar="ID", help="the line, when several know the contact")
    send.add_argument("--keep-bot", action="store_true", help="don't pause the bot")
    events = _add(commands, "events", "operate", "stored webhook calls, the newest first")
    events.add_argument(
        "--state", type=_states, default=frozenset(), metavar="STATE", help=", ".join(EventState)
    )
    events.add_argument("--limit", type=_count, default=50, metavar="N", help="at most so many")
    replay = _add(commands, "replay", "operate", "give dead or skipped events another try")
    replay.add_argument("events", nargs="+", metavar="EVENT_ID")
    why = _add(commands, "why", "why", "the whole way of one event or message, step by step")
    why.add_argument("id", metavar="ID", help="ours or the provider's, of an event or a message")
    for command in (listing, pause, resume, send, events, replay, why):
        _add_json(command)


def _add_prompts(commands: Any) -> None:
    prompts = _add(commands, "prompts", "prompts", "what the bot speaks with: live, past, changed")
    prompts.set_defaults(action="list")
    _add_json(prompts)
    actions = prompts.add_subparsers(metavar="ACTION", parser_class=_Parser)
    about_version = "its first characters, `live`, `file` (what it says now) or `candidate`"
    log = _add_action(actions, "log", "prompts", "what was live when, and who brought it")
    show = _add_action(actions, "show", "prompts", "a version's text (left out: the live one)")
    diff = _add_action(actions, "diff", "prompts", "what changed (left out: by the live one)")
    back = _add_action(actions, "rollback", "prompts", "make an earlier version live, in the file")
    publish = _add_action(
        actions, "publish", "prompts", "a changed prompt that waits for its tests"
    )
    for action in (log, show, diff, back, publish):
        action.add_argument("name", metavar="NAME", help="of the prompt: `default`")
    show.add_argument("version", nargs="?", default="live", metavar="VERSION", help=about_version)
    diff.add_argument("before", nargs="?", metavar="A", help=about_version)
    diff.add_argument("after", nargs="?", metavar="B", help="left out: the live one")
    back.add_argument("version", metavar="VERSION", help=about_version)
    for action in (back, publish):
        action.add_argument("--live-only", action="store_true", help="leave the file as it is")
    publish.add_argument(
        "--anyway", action="store_true", help="make it live although its tests have not passed"
    )
    _add_tried(actions)
    new = _add(actions, "new", "prompts_new", "ask five questions and write a prompt file")
    new.add_argument("name", nargs="?", metavar="NAME", help="of the file, prompts/NAME.yaml")
    new.add_argument("--business", metavar="TEXT", help="what the business is called")
    new.add_argument("--about", metavar="TEXT", help="what it does, in a sentence")
    new.add_argument("--hours", metavar="TEXT", help="when it is open, in your own words")
    new.add_argument("--person", metavar="TEXT", help="who takes over from the bot")
    new.add_argument("--language", metavar="TEXT", help="that the business speaks, such as Spanish")
    schema = _add(actions, "schema", "prompts_new", "print the JSON Schema of prompt files")
    new.set_defaults(action="new")
    schema.set_defaults(action="schema")


def _add_tried(actions: Any) -> None:
    about = "past turns again with a candidate, beside what customers got; nothing is sent"
    replay = _add_action(actions, "replay", "prompts_tried", about)
    replay.add_argument("name", metavar="NAME", help="of the prompt: `default`")
    chosen = replay.add_mutually_exclusive_group()
    about = "with this text (left out: with the prompt's file as it is now)"
    chosen.add_argument("--candidate", type=Path, metavar="FILE", help=about)
    about = "with a version: its first characters, `live` or `file`"
    chosen.add_argument("--version", metavar="V", help=about)
    about = "turns of this line, whichever prompt answered them"
    replay.add_argument("--line", metavar="ID", help=about)
    about = "the newest so many turns (200)"
    replay.add_argument("--last", type=_count, default=200, metavar="N", help=about)
    _add_spending(replay)
    about = "what the shadow of a line would have said, beside what customers got"
    shadow = _add_action(actions, "shadow", "prompts_tried", about)
    shadow.add_argument("line", metavar="LINE")
    about = "the newest so many turns (200)"
    shadow.add_argument("--last", type=_count, default=200, metavar="N", help=about)
    for action in (replay, shadow):
        action.add_argument("--html", type=Path, metavar="FILE", help="write a page to read")
    about = "both sides of a line's split in figures"
    split = _add_action(actions, "split", "prompts_tried", about)
    split.add_argument("line", metavar="LINE")
    split.add_argument("--days", type=_count, default=30, metavar="N", help="so many (30)")


def _add_spending(command: argparse.ArgumentParser) -> None:
    """How much is asked of the model."""
    command.add_argument("--jobs", type=_jobs, default=4, metavar="N", help="so many at a time")
    command.add_argument(
        "--max-cost", type=_amount, metavar="X", help="begin nothing more once this is spent"
    )
    command.add_argument(
        "--no-cache", dest="cache", action="store_false", help="ask the model anew for everything"
    )


def _add_action(actions: Any, name: str, module: str, about: str) -> argparse.ArgumentParser:
    """One of `bot prompts …`."""
    action = _add(actions, name, module, about)
    action.set_defaults(action=name)
    action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    return action


def _add_contact_commands(commands: Any) -> None:
    export = _add(commands, "export", "contacts", "all of a customer's data, as one ZIP")
    export.add_argument(
        "--out", type=Path, metavar="FILE", help="where to; left out: contact-<time>.zip here"
    )
    erase = _add(commands, "erase", "contacts", "remove all of a customer's data, files too")
    erase.add_argument("--yes", action="store_true", help="don't ask for the number to be typed")
    block = _add(commands, "block", "contacts", "never answer a contact, and send them nothing")
    unblock = _add(commands, "unblock", "contacts", "let the bot answer a contact again")
    for command in (block, unblock):
        command.add_argument("--reason", metavar="TEXT", help="recorded, for colleagues")
    for command in (export, erase, block, unblock):
        command.add_argument("phone", metavar="PHONE")
        lines = command.add_mutually_exclusive_group()
        lines.add_argument("--line", metavar="ID", help="the line, when several know the contact")
        lines.add_argument("--all-lines", action="store_true", help="on every line that does")
        _add_json(command)


def _add_copy_to(commands: Any) -> None:
    about = "move to another, empty database: everything is copied, and then compared"
    command = _add(commands, "copy-to", "copying", about)
    command.epilog = (
        "Stop the bot first, on every machine. The database in use is only read. When anything "
        "goes wrong, the other one is as empty as before. Afterwards it says what to set."
    )
    command.add_argument(
        "url",
        metavar="URL",
        help="postgresql://user:password@host/name or sqlite:////path/to/file.db; a password may "
        "also be in PGPASSWORD or ~/.pgpass",
    )
    _add_json(command)


def _add_eval(commands: Any) -> None:
    about = "run the conversation tests kept beside the prompts"
    command = _add(commands, "eval", "evaluate", about)
    command.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="test files, or folders of them"
    )
    command.add_argument("--prompt", metavar="NAME", help="only what tests this prompt")
    command.add_argument(
        "--candidate", type=Path, metavar="FILE", help="test this text instead of the prompts"
    )
    _add_spending(command)
    command.add_argument(
        "--repeat", type=_jobs, metavar="N", help="hold each so often, whatever the files say"
    )
    command.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    command.add_argument("--html", type=Path, metavar="FILE", help="write a page to read")
    _add_json(command)


def _add(commands: Any, name: str, module: str, about: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    command.set_defaults(module=module)
    # Suppressed: the default of a command would replace what stands before the command.
    _add_config(command, default=argparse.SUPPRESS)
    return command


def _add_config(parser: argparse.ArgumentParser, default: str | None) -> None:
    about = "settings file (BOT_CONFIG, config.yaml)"
    parser.add_argument("--config", type=Path, metavar="FILE", default=default, help=about)


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON")


def _add_whom(command: argparse.ArgumentParser) -> None:
    whom = command.add_mutually_exclusive_group(required=True)
    whom.add_argument("phone", nargs="?", metavar="PHONE")
    whom.add_argument("--all", action="store_true", help="everybody (with --line: on that line)")
    command.add_argument("--line", metavar="ID", help="the line, when several know the contact")


def length(given: str) -> Length:
    """`90s`, `10m`, `2h`, `1d`, `1h30m`; None: `forever`; `default`: as the settings say."""
    if given == "default":
        return "default"
    try:
        return read_length(given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(given: str) -> int:
    if not (given.isascii() and given.isdecimal() and 0 < int(given) <= 10_000):
        raise argparse.ArgumentTypeError("give a number from 1 on")
    return int(given)


def _jobs(given: str) -> int:
    if not (given.isascii() and given.isdecimal() and 0 < int(given) <= 100):
        raise argparse.ArgumentTypeError("give a number from 1 to 100")
    return int(given)


def _amount(given: str) -> float:
    try:
        amount = float(given)
    except ValueError:
        amount = -1
    if not 0 < amount < 1e9:
        raise argparse.ArgumentTypeError("give an amount in the currency of llm.prices, as in 0.50")
    return amount


def _states(given: str) -> frozenset[str]:
    named = frozenset(name.strip() for name in given.split(",") if name.strip())
    if not named or not named <= frozenset(EventState):
        raise argparse.ArgumentTypeError(f"any of {', '.join(EventState)}, comma-separated")
    return named
