"""The embedded Redis with real servers, real processes and real kills."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.adapters import embedded_redis
from bot.adapters.embedded_redis import EmbeddedRedis
from bot.errors import Unavailable

OWNER = """
import asyncio, sys
from pathlib import Path
from bot.adapters.embedded_redis import EmbeddedRedis

async def main():
    server = EmbeddedRedis(Path(sys.argv[1]))
    print("url", await server.start(), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()

asyncio.run(main())
"""


class Owner:
    """Another process that runs `EmbeddedRedis` until its stdin closes."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        assert self.process.stdout is not None
        lines = iter(self.process.stdout.readline, "")
        self.url = next(line.split()[1] for line in lines if line.startswith("url "))

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def close(self) -> None:
        self.process.communicate("", timeout=10)


@pytest.fixture
def own() -> Iterator[Callable[..., Owner]]:
    owners: list[Owner] = []

    def start(data_dir: Path, **environment: str) -> Owner:
        owners.append(Owner(data_dir, **environment))
        return owners[-1]

    yield start
    for owner in owners:
        if owner.process.returncode is None:
            owner.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path)
    yield server
    await server.stop()


async def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)


async def server_pid(url: str, within_s: float = 10) -> int:
    """The process id of the server that answers at this URL, once one does."""
    async with asyncio.timeout(within_s), Redis.from_url(url) as redis:
        while True:
            with contextlib.suppress(RedisError, OSError):
                return int((await redis.info("server"))["process_id"])
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def is_gone(pid: int) -> bool:
    # It may end between two looks, or in the middle of one.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return not is_running(pid)
    return True


def run_untied_server(socket: Path) -> subprocess.Popen[bytes]:
    command = [embedded_redis._binary(), "--port", "0", "--unixsocket", str(socket)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=socket.parent)


def socket_of(url: str) -> Path:
    return Path(url.removeprefix("unix://").removesuffix("?db=0"))


async def test_a_stopped_server_leaves_no_process_and_no_socket(server: EmbeddedRedis) -> None:
    url = await server.start()
    pid = await server_pid(url)
    assert server.is_holder
    await server.stop()
    assert is_gone(pid)
    assert not socket_of(url).exists()


async def test_only_the_owner_of_the_directory_can_reach_the_server(server: EmbeddedRedis) -> None:
    path = socket_of(await server.start())
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_second_process_attaches(
    server: EmbeddedRedis, own: Callable[..., Owner], tmp_path: Path
) -> None:
    owner = own(tmp_path)
    url = await server.start()
    assert url == owner.url
    assert not server.is_holder
    pid = await server_pid(url)
    await server.stop()
    assert await server_pid(url) == pid


async def test_a_server_dies_with_its_killed_owner(
    own: Callable[..., Owner], tmp_path: Path
) -> None:
    owner = own(tmp_path)
    pid = await server_pid(owner.url)
    owner.kill()
    await until(lambda: is_gone(pid))


async def test_a_frozen_server_dies_with_its_killed_owner(
    own: Callable[..., Owner], tmp_path: Path
) -> None:
    owner = own(tmp_path)
    pid = await server_pid(owner.url)
    os.kill(pid, signal.SIGSTOP)
    owner.kill()
    await until(lambda: is_gone(pid))


@pytest.mark.parametrize("end", [Owner.kill, Owner.close], ids=["killed", "stopped"])
async def test_an_attached_process_inherits_under_the_same_url(
    server: EmbeddedRedis, own: Callable[..., Owner], tmp_path: Path, end: Callable[[Owner], None]
) -> None:
    owner = own(tmp_path)
    url = await server.start()
    before = await server_pid(url)
    end(owner)
    await until(lambda: server.is_holder)
    await until(lambda: is_gone(before))
    assert await server_pid(url) != before


async def test_a_killed_server_is_started_again(server: EmbeddedRedis) -> None:
    url = await server.start()
    for _ in range(3):
        pid = await server_pid(url)
        os.kill(pid, signal.SIGKILL)
        await until(partial(is_gone, pid))
    assert await server_pid(url) != pid


async def test_a_frozen_server_is_ended_all_the_same(server: EmbeddedRedis) -> None:
    pid = await server_pid(await server.start())
    os.kill(pid, signal.SIGSTOP)
    async with asyncio.timeout(5):
        await server.stop()
    assert is_gone(pid)


async def test_files_of_a_dead_server_are_in_nobodys_way(
    server: EmbeddedRedis, own: Callable[..., Owner], tmp_path: Path
) -> None:
    owner = own(tmp_path)
    owner.kill()
    assert socket_of(owner.url).exists()
    (tmp_path / "redis" / "socket").write_text("\n/nowhere/else")
    url = await server.start()
    assert server.is_holder
    assert await server_pid(url)


def _listens(path: Path) -> bool:
    """The file is there a moment before anybody listens on it."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


async def test_a_server_that_outlived_its_owner_is_ended(
    server: EmbeddedRedis, tmp_path: Path
) -> None:
    home = tmp_path / "redis"
    home.mkdir()
    with run_untied_server(home / "redis.sock") as orphan:
        try:
            await until(lambda: _listens(home / "redis.sock"))
            url = await server.start()
            assert await asyncio.to_thread(orphan.wait, 10) == 0
            assert await server_pid(url) != orphan.pid
        finally:
            orphan.kill()


@pytest.mark.parametrize("name", ["long" * 30, "shop & café", "50%?#"])
async def test_a_path_that_makes_no_socket_gets_a_short_one(
    own: Callable[..., Owner], tmp_path: Path, name: str
) -> None:
    data_dir, elsewhere = tmp_path / name, tempfile.mkdtemp(prefix="t")
    owner = own(data_dir, TMPDIR=elsewhere)
    attached = EmbeddedRedis(data_dir)
    try:
        url = await attached.start()
        assert url == owner.url
        assert str(socket_of(url)).startswith(elsewhere)
        owner.kill()
        await until(lambda: attached.is_holder)
        assert await server_pid(url)
    finally:
        await attached.stop()
    os.rmdir(elsewhere)  # which says that nothing is left in it


async def test_a_link_in_the_place_of_the_short_directory_is_refused(tmp_path: Path) -> None:
    data_dir, trap = tmp_path / ("long" * 30), tmp_path / "trap"
    trap.mkdir()
    path = embedded_redis._socket_path(data_dir / "redis")
    path.parent.symlink_to(trap)
    try:
        with pytest.raises(Unavailable, match="belongs to somebody else"):
            await EmbeddedRedis(data_dir).start()
        assert not list(trap.iterdir())
    finally:
        path.parent.unlink()


async def test_a_data_directory_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(Unavailable, match=r"cannot use .*set REDIS_URL"):
        await EmbeddedRedis(tmp_path / "data").start()


async def test_ctrl_c_is_not_for_the_server(own: Callable[..., Owner], tmp_path: Path) -> None:
    owner = own(tmp_path)
    assert os.getpgid(await server_pid(owner.url)) != os.getpgid(owner.process.pid)
