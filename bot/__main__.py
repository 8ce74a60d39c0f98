"""The command `bot`: finds the command's module, and turns every end into an exit code."""

import contextlib
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from bot.cli.arguments import parse
from bot.errors import Ambiguous, BotError, Refused, SettingsError

FAILED, WRONG_USAGE = 1, 2
_ENDED_BY_SIGNALS = frozenset({"dev", "run", "serve", "worker"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0: done, 1: failed, 2: wrong usage."""
    _never_fail_on_characters()
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except SystemExit as ended:  # argparse: help or wrong usage, already said
        return ended.code if isinstance(ended.code, int) else FAILED
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        _forget_stdout()
        return FAILED


def _run(arguments: Sequence[str]) -> int:
    parsed = parse(arguments)
    lasting = parsed.command in _ENDED_BY_SIGNALS
    if lasting:
        _leave_at_signals()
    try:
        # Late on purpose: `bot check` must not wait for the web server's modules.
        module = importlib.import_module(f"bot.cli.{parsed.module}")
        run: Callable[[Any], int] = module.run
        status = run(parsed)
        if lasting:
            _leave_at_signals()
        sys.stdout.flush()
    except BotError as error:
        return _report(error)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback for an operator
        if os.environ.get("BOT_DEBUG") == "1":
            traceback.print_exc()
        name = type(error).__name__
        _say(f"internal error: {name}; BOT_DEBUG=1 shows where")
        return FAILED
    return status


def _leave_at_signals() -> None:
    """Before the bot has begun, and once it has ended, a signal finds nothing to finish."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: os._exit(0))


def _report(error: BotError) -> int:
    if isinstance(error, SettingsError):
        for fault in error.faults:
            _say(str(fault))
        return FAILED
    _say(f"{error}; add --line" if isinstance(error, Ambiguous) else str(error))
    wrong_usage = isinstance(error, Ambiguous) or (
        isinstance(error, Refused) and error.status == 422
    )
    return WRONG_USAGE if wrong_usage else FAILED


def _say(line: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(" ".join(line.split()) + "\n")


def _never_fail_on_characters() -> None:
    """A terminal that cannot show a character gets an escape instead of a failed command."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError):  # replaced by something simpler
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # as above


def _forget_stdout() -> None:
    """Nobody reads on: the interpreter's last flush must not complain either."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
