"""What a process needs for itself before it starts: its data directory and its address."""

import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Iterator

from bot import bootstrap
from bot.config import Settings
from bot.errors import Unavailable


@contextlib.contextmanager
def own_data(settings: Settings, *, alone: bool) -> Iterator[bool]:
    """Lock the data directory; True when no other process can be working on this database.

    Raises Unavailable.
    """
    folder = settings.secrets.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / "bot.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unavailable(
            f"{folder}: {error.strerror}: set BOT_DATA_DIR to a folder of the bot's"
        ) from error
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Unavailable(f"{folder}: another bot runs on this folder: stop it first") from None
    try:
        yield alone and bootstrap.database_url(settings).startswith("sqlite")
    finally:
        os.close(handle)


@contextlib.contextmanager
def listen(host: str, port: int, keys: str = "") -> Iterator[socket.socket]:
    """A socket that calls arrive at, by `server.host` and `server.port`; with `keys` `metrics_`
    by `server.metrics_port` and so on. Raises Unavailable.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        listener.close()
        raise Unavailable(f"{host}:{port}: {listen_remedy(error, keys)}") from error
    try:
        yield listener
    finally:
        listener.close()


def listen_remedy(error: OSError | UnicodeError, keys: str = "") -> str:
    """What is wrong, and what to write instead."""
    host = f"server.{keys}host"
    port = f"server.{keys}port or BOT__SERVER__{keys.upper()}PORT"
    if isinstance(error, UnicodeError):
        return f"not the name of a host: correct {host}"
    match error.errno:
        case errno.EADDRINUSE:
            remedy = f"choose another port with {port}"
        case errno.EACCES:
            remedy = f"choose a port over 1024 with {port}"
        case _:
            remedy = f"correct {host}: an address of this machine, such as 127.0.0.1"
    return f"{error.strerror}: {remedy}"
