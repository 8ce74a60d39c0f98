"""Started once by a test run: imports the bot, then forks a process for each command asked for.

What is forked is a process like any other: its own session, signals, exit code, folder and
environment. Only the imports, most of what a start costs, are done already. Linux alone.

Each message on the socket that is standard input is a command as JSON (`arguments`, `env`,
`folder`), with four descriptors: the command's stdin, stdout and stderr, and a socket on which
its pid is told, and then its exit code. The end of the socket ends everything.
"""

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any, TextIO, cast

MESSAGE_BYTES = 200_000
PR_SET_PDEATHSIG = 1
NOT_FOR_A_BOT = ("bot.__main__", "bot.adapters.media_reader.", "bot.adapters.db.migrations.")
_LIBC = ctypes.CDLL(None)


def _import_everything() -> None:
    import bot  # noqa: PLC0415 - `MESSAGE_BYTES` is for the test run, which needs no bot

    for module in pkgutil.walk_packages(bot.__path__, "bot."):
        if not module.name.startswith(NOT_FOR_A_BOT):
            importlib.import_module(module.name)
    with suppress(ImportError):
        importlib.import_module("uvloop")
    gc.collect()
    gc.freeze()


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _next_command(orders: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Returns in the process of a command; this one stays here until the test run has ended."""
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(orders, MESSAGE_BYTES, 4)
        _reap_keepers()
        if not message:
            os._exit(0)
        if os.fork() == 0:
            orders.close()
            _keep(descriptors)
            return json.loads(message), descriptors
        for one in descriptors:
            os.close(one)


def _reap_keepers() -> None:
    """Not left to the system: their commands' time belongs to what the test run has used."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _keep(descriptors: list[int]) -> None:
    """Returns in the command's process; its keeper tells the pid and the exit code, and ends."""
    _die_with_parent()
    pid = os.fork()
    if pid == 0:
        _die_with_parent()
        return
    *streams, told = descriptors
    for one in streams:
        os.close(one)
    with suppress(OSError):
        os.write(told, f"{pid}\n".encode())
    _pid, status = os.waitpid(pid, 0)
    with suppress(OSError):
        os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _stream(number: int, mode: str, errors: str, buffering: int = -1) -> TextIO:
    """As the interpreter opens it, anew: it must know what the descriptor is now."""
    file = open(number, mode, buffering, "utf-8", errors, closefd=False)  # noqa: SIM115 - kept open
    return cast("TextIO", file)


def _become(command: dict[str, Any], descriptors: list[int]) -> None:
    os.setsid()
    *streams, told = descriptors
    os.close(told)
    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    sys.stdin = _stream(0, "r", "surrogateescape")
    sys.stdout = _stream(1, "w", "surrogateescape")
    sys.stderr = _stream(2, "w", "backslashreplace", buffering=1)
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["env"])
    time.tzset()
    sys.argv = ["bot", *command["arguments"]]
    sys.path.insert(0, command["folder"])  # as `python -m` has it


def main() -> None:
    """Comes back only in the process of a command."""
    _die_with_parent()
    _import_everything()
    with socket.socket(fileno=os.dup(0)) as orders:
        command, descriptors = _next_command(orders)
    _become(command, descriptors)


if __name__ == "__main__":
    main()
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
