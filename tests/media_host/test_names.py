"""Whom a name leads to, and whether it is who it says: look-ups and certificates."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.media_host.resolver import GuardedResolver, NoPublicAddress
from bot.domain.media import Announced
from bot.errors import Unavailable
from tests.harness import Answer, ScriptedMediaHost
from tests.media_host.scene import (
    OK,
    content,
    exists,
    hosts_of,
)


def _saying(*addresses: str) -> Callable[[str], Any]:
    async def look_up(_name: str) -> Sequence[str]:
        return addresses

    return look_up


async def _resolved(name: str, *addresses: str) -> list[str]:
    resolver = GuardedResolver(_saying(*addresses))
    found = await resolver.resolve(name, 443)
    assert all(one["hostname"] == name for one in found)
    assert all(one["port"] == 443 for one in found)
    assert all(one["flags"] == socket.AI_NUMERICHOST for one in found)
    return [one["host"] for one in found]


async def test_of_a_public_name_only_public_addresses_are_used() -> None:
    mixed = ("10.0.0.1", "8.8.8.8", "::1", "::ffff:8.8.4.4", "2606:4700::1111", "64:ff9b::808:808")

    assert await _resolved("media.example", *mixed) == ["8.8.8.8", "2606:4700::1111"]
    assert await _resolved("media.internal", *mixed) == list(mixed)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1%lo", "64:ff9b::7f00:1"]
)
async def test_a_public_name_with_private_addresses_alone_has_none(address: str) -> None:
    with pytest.raises(NoPublicAddress):
        await _resolved("media.example", address)


async def test_a_name_without_addresses_is_an_error() -> None:
    with pytest.raises(OSError, match="no address"):
        await _resolved("media.internal")
    resolver = GuardedResolver(_saying("::1"))
    with pytest.raises(OSError, match="no address"):
        await resolver.resolve("media.internal", 443, socket.AF_INET)


async def test_a_public_name_that_leads_inside_is_never_connected_to(
    bystander: ScriptedMediaHost, into: Path
) -> None:
    place = f"media.example:{bystander.port}"
    async with hosts_of(place, look_up=_saying("127.0.0.1")) as hosts:
        with pytest.raises(Unavailable, match=r"media\.example .*private address"):
            await hosts.fetch(Announced(f"https://{place}/a?sig=secret"), into)


async def test_a_private_name_is_looked_up_once_and_connected_to_at_that_address(
    host: ScriptedMediaHost, into: Path
) -> None:
    answers = [["127.0.0.1"], ["192.0.2.1"]]

    async def look_up(_name: str) -> Sequence[str]:
        return answers.pop(0)

    host.plan(Answer(200, b"x"))
    place = f"media.internal:{host.port}"
    async with hosts_of(place, look_up=look_up) as hosts:
        await hosts.fetch(Announced(f"http://{place}/a"), into)

    assert len(answers) == 1
    assert host.requests[0].headers["host"] == place


async def test_a_name_that_is_not_found_is_an_outage(into: Path) -> None:
    async def look_up(_name: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with hosts_of("media.example", look_up=look_up) as hosts:
        with pytest.raises(Unavailable, match=r"media\.example"):
            await hosts.fetch(Announced("https://media.example/a?sig=secret"), into)
    assert not exists(into)


async def test_a_name_that_can_be_none_is_an_outage_too(into: Path) -> None:
    place = f"{'a' * 64}.internal"
    async with hosts_of(place) as hosts:
        with pytest.raises(Unavailable, match="UnicodeError"):
            await hosts.fetch(Announced(f"http://{place}/a"), into)


async def test_names_are_looked_up_by_the_system(host: ScriptedMediaHost, into: Path) -> None:
    host.plan(Answer(200, b"x"))
    async with hosts_of(f"localhost:{host.port}") as hosts:
        await hosts.fetch(Announced(f"http://localhost:{host.port}/a"), into)

    assert content(into) == b"x"


# TLS


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that signs itself, for 127.0.0.1 only; the key lies in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the program openssl to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    options = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    options += " -addext subjectAltName=IP:127.0.0.1 -keyout both.pem -out certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", *options.split()],
        cwd=path.parent,
        check=True,
        capture_output=True,
        timeout=30,
    )
    path.write_text(path.read_text() + (path.parent / "certificate.pem").read_text())
    return path


@asynccontextmanager
async def _over_tls(certificate: Path) -> AsyncIterator[tuple[int, list[bytes]]]:
    """The port of a server that answers everything with `x`, and the heads it was sent."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK + b"content-length: 1\r\nconnection: close\r\n\r\nx")
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listener:
        yield listener.sockets[0].getsockname()[1], heads


async def test_a_certificate_that_nobody_vouches_for_is_an_outage(
    certificate: Path, into: Path
) -> None:
    async with _over_tls(certificate) as (port, heads), hosts_of(f"127.0.0.1:{port}") as hosts:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1.*Certificate"):
            await hosts.fetch(Announced(f"https://127.0.0.1:{port}/a?sig=secret"), into)

    assert heads == []
    assert not exists(into)


async def test_a_certificate_holds_for_its_own_names_alone(
    certificate: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with _over_tls(certificate) as (port, heads):
        allowed = (f"127.0.0.1:{port}", f"localhost:{port}")
        async with hosts_of(*allowed, look_up=_saying("127.0.0.1")) as hosts:
            await hosts.fetch(Announced(f"https://127.0.0.1:{port}/a"), into)
            assert content(into) == b"x"
            with pytest.raises(Unavailable, match=r"localhost.*Certificate"):
                await hosts.fetch(Announced(f"https://localhost:{port}/a"), into)

    assert len(heads) == 1
    assert not exists(into)


async def test_a_host_that_speaks_no_tls_is_an_outage(into: Path) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"content-length: 1\r\n\r\nx")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        place = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        async with hosts_of(place) as hosts:
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1.*SSL"):
                await hosts.fetch(Announced(f"https://{place}/a?sig=secret"), into)
