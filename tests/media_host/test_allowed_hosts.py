"""Nothing is fetched from anywhere but the allowed hosts."""

import itertools
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.adapters.media_host import MediaHosts
from bot.adapters.media_host.addresses import AllowedHosts, is_public, may_be_private
from bot.domain.media import Announced
from bot.errors import BadMedia, MediaMissing, SettingsError
from tests.harness import Answer, ScriptedMediaHost
from tests.media_host.scene import PATIENT, announced, failure, fetch, hosts_of

NO_HOSTS = """
127.1 2130706433 0x7f.1 0x7f000001 010.0.0.1 １２７.0.0.1 [::g] [1.2.3.4] [::1
a:0 a:65536 a:b a/b u@a https://a
"""
NOT_PUBLIC = """
127.0.0.1 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1
192.0.0.8 192.0.0.170 192.0.2.1 192.88.99.1 198.18.0.1 203.0.113.1 224.0.0.1
240.0.0.1 255.255.255.255 :: ::1 fe80::1 fe80::1%lo fc00::1 fd00:ec2::254 fec0::1
ff02::1 100::1 5f00::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::8.8.8.8 64:ff9b::808:808
64:ff9b::a00:1 64:ff9b:1::1 2001::1 2001:2::1 2001:20::1 2001:db8::1 2002:808:808::1
2002:7f00:1:: 3fff::1 4000::1 127.1 2130706433 media.example
"""


def _hostile(allowed: int, other: int) -> list[str]:
    """Addresses that must not be asked; `other` is a port where somebody listens."""
    spellings = [
        *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1"),
        *("017700000001", "127.0.0.01", "0", "localhost", "LOCALHOST", "127.0.0.1."),
        *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::1]", "[::]", "[64:ff9b::7f00:1]"),
        *("[::127.0.0.1]", "[0:0:0:0:0:ffff:7f00:0001]", "[::ffff:127.0.0.1%25lo]"),
        *("１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1", "127%2E0%2E0%2E1", "%3127.0.0.1"),
        *("localhost.localdomain", "ip6-localhost", socket.gethostname(), "127.0.0.1\u200b"),
        "0.0.0.0",  # noqa: S104 - to be refused
    ]
    mine, theirs = f"127.0.0.1:{allowed}", f"127.0.0.1:{other}"
    tricks = [
        *(f"{mine}@{theirs}", f"{mine}%40{theirs}", f"user:word@{theirs}", f"{theirs}#@{mine}"),
        *(f"{theirs}\\@{mine}", f"{mine}\\@{theirs}", f"{theirs}?@{mine}", f"@{theirs}"),
        *(f"{mine}@{theirs}@{mine}", f"{theirs};{mine}", f"{theirs},{mine}", f"{theirs}:{allowed}"),
        *(f"{mine}\t@{theirs}", f"{mine}\r\nHost: {theirs}", f"{theirs}\x00.{mine}"),
        *(f"127.0.0.1:0{other}", f"127.0.0.1:{other + 65_536}", f" {theirs}", f"/{theirs}"),
    ]
    places = [f"{spelling}:{other}" for spelling in spellings] + tricks
    return [
        *(f"http://{place}/x?sig=secret" for place in places),
        *(f"https://{place}/x?sig=secret" for place in places),
        *(f"{scheme}://{theirs}/x" for scheme in ("ftp", "ws", "gopher", "file", "HTTP", "hTTps")),
        *(f"//{theirs}/x", theirs, f"http:{theirs}/x", f"http:/{theirs}/x", f"http:\\\\{theirs}"),
        *(f"\nhttp://{theirs}", f"http\t://{theirs}", f"view-source:http://{theirs}", ""),
        *(
            "file:///etc/passwd",
            "data:text/plain,x",
            "javascript:1",
            "http://",
            "https://[",
            "x" * 9,
        ),
        *("http://169.254.169.254/latest", "http://[fd00:ec2::254]/", "http://[fe80::1]/"),
        *("https://media.mossmoon.app.evil.example/", "https://evil.example/media.mossmoon.app"),
        *("https://media.mossmoon.app@evil.example/", "https://notmedia.mossmoon.app/"),
        *("https://mossmoon.app/", "https://a.media.mossmoon.app/", "https://media.mossmoon.app./"),
        *(
            "https://media.mossmoon.app:8443/",
            "https://media.mossmoon.app:/",
            "http://media.mossmoon.app/",
        ),
        *(
            "https://ｍedia.mossmoon.app/",
            "https://mediа.mossmoon.app/",
            "https://media.mossmoon.app:80/",
        ),
        *(
            "https://media。mossmoon.app/",
            "https://media.mossmoon.app%00/",
            "https://u@media.mossmoon.app/",
        ),
        *(
            "https://:x@media.mossmoon.app/",
            "https://@media.mossmoon.app/",
            "https://media.mossmoon.app\\/",
        ),
    ]


async def test_nothing_beside_the_allowed_hosts_is_looked_up_or_connected_to(
    host: ScriptedMediaHost, bystander: ScriptedMediaHost, into: Path
) -> None:
    looked_up: list[str] = []

    async def look_up(name: str) -> Sequence[str]:
        looked_up.append(name)
        return ["127.0.0.1"]

    addresses = _hostile(host.port, bystander.port)
    async with hosts_of(host.allowed, "media.mossmoon.app", look_up=look_up) as hosts:
        for address in addresses:
            with pytest.raises(BadMedia) as raised:
                await hosts.fetch(Announced(address), into)
            assert raised.value.problem == "forbidden", address
            assert "secret" not in str(raised.value)

    assert len(addresses) >= 100
    assert looked_up == []
    assert (host.connections, bystander.connections) == (0, 0)


async def test_a_redirect_leads_nowhere_but_to_allowed_hosts(
    host: ScriptedMediaHost, bystander: ScriptedMediaHost, into: Path
) -> None:
    there = f"127.0.0.1:{bystander.port}"
    locations = [
        *(f"http://{there}/x", f"//{there}/x", f"https://{there}/x", f"HTTP://{there}"),
        *(f"http://{host.allowed}@{there}/", f"http://127.1:{bystander.port}/", f"//x@{there}"),
        *(f"http://{host.allowed}\\@{there}/", f"ht\ttp://{there}/", f"\\\\{there}\\x"),
        *("file:///etc/passwd", "https://evil.example/", "http://169.254.169.254/latest"),
        *(
            "data:text/plain,x",
            f"ftp://{host.allowed}/x",
            f"http://[::ffff:127.0.0.1]:{there[10:]}",
        ),
    ]
    for status, location in itertools.product((301, 302, 303, 307, 308), locations):
        host.plan(Answer(status, b"", {"location": location}))
        asked = len(host.requests)
        error = await failure(host, f"{host.url}/a?sig=secret", into)

        # A backslash is part of a relative address's path, as the standard has it.
        if location.startswith("\\"):
            assert isinstance(error, MediaMissing)
        else:
            assert isinstance(error, BadMedia), location
            assert error.problem == "forbidden"
            assert len(host.requests) == asked + 1
        assert "secret" not in str(error)


async def test_the_surroundings_name_no_proxy(
    host: ScriptedMediaHost,
    bystander: ScriptedMediaHost,
    into: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, bystander.url)
    monkeypatch.delenv("no_proxy", raising=False)
    media = host.serve(b"x", media_type="text/plain")

    await fetch(host, announced(media), into)

    assert host.fetches(media) == 1


@pytest.mark.parametrize(
    ("allowed", "address", "asked"),
    [
        ("media.example", "https://media.example/x", "https://media.example/x"),
        ("media.example", "HTTPS://MEDIA.Example:443/X", "https://media.example/X"),
        ("media.example:443", "https://media.example/x", "https://media.example/x"),
        ("media.example:8443", "https://media.example:8443/", "https://media.example:8443/"),
        ("Media.Example", "https://media.example/", "https://media.example/"),
        ("xn--mdia-bpa.example", "https://MÉDIA.example/", "https://xn--mdia-bpa.example/"),
        ("média.example", "https://xn--mdia-bpa.example/", "https://xn--mdia-bpa.example/"),
        ("localhost", "http://localhost/", "http://localhost/"),
        ("localhost:8000", "http://localhost:8000/", "http://localhost:8000/"),
        ("localhost", "https://localhost/", "https://localhost/"),
        ("files.lan", "http://files.lan:80/", "http://files.lan/"),
        ("nas:9000", "http://nas:9000/", "http://nas:9000/"),
        ("10.1.2.3", "http://10.1.2.3/", "http://10.1.2.3/"),
        ("[::1]:80", "http://[::1]/", "http://[::1]/"),
        ("[0:0::1]", "http://[::1]/", "http://[::1]/"),
        ("8.8.8.8", "https://8.8.8.8/", "https://8.8.8.8/"),
    ],
)
def test_an_address_on_a_listed_host_is_admitted(allowed: str, address: str, asked: str) -> None:
    assert str(AllowedHosts([allowed]).admit(address)) == asked


@pytest.mark.parametrize(
    ("allowed", "address"),
    [
        ("media.example", "http://media.example/"),
        ("media.example:80", "http://media.example/"),
        ("media.example:443", "http://media.example:443/"),
        ("8.8.8.8", "http://8.8.8.8/"),
        ("[2606:4700::1]", "http://[2606:4700::1]/"),
        ("local.example", "http://local.example/"),
        ("mylocal.com", "http://mylocal.com/"),
        ("localhost", "http://localhost:8000/"),
        ("localhost:8000", "http://localhost/"),
        ("localhost", "https://localhost:80/"),
        ("localhost", "http://localhost:443/"),
        ("[::1]", "http://[0:0:0:0:0:0:0:1]/"),
        ("127.0.0.1", "http://１２７.0.0.1/"),
        ("kiosk.lan", "http://\u212aiosk.lan/"),
        ("straße.lan", "http://strasse.lan/"),
        ("media.example", "https://media.example/\ud800"),
        ("media.example", "https://media.example/?\ud800"),
        ("média.example", "https://m\ud800dia.example/"),
    ],
)
def test_an_address_that_only_looks_like_a_listed_one_is_refused(
    allowed: str, address: str
) -> None:
    with pytest.raises(BadMedia) as raised:
        AllowedHosts([allowed]).admit(address)
    assert raised.value.problem == "forbidden"


@pytest.mark.parametrize(
    "entry",
    [*NO_HOSTS.split(), "", "a b"],
)
def test_a_list_with_a_host_that_could_never_match_is_refused(entry: str) -> None:
    with pytest.raises(SettingsError, match=r"media\.allowed_hosts"):
        MediaHosts(["media.example", entry], 1, PATIENT)


def test_what_is_not_of_the_public_net_is_not_taken_for_it() -> None:
    assert [address for address in [*NOT_PUBLIC.split(), ""] if is_public(address)] == []


def test_public_addresses_are_known_as_such() -> None:
    public = ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "2001:4860::8888"]
    assert [address for address in public if not is_public(address)] == []


def test_private_hosts_are_told_by_their_spelling() -> None:
    private = ["localhost", "nas", "a.localhost", "a.local", "a.internal", "a.lan", "a.home.arpa"]
    private += ["127.0.0.1", "10.0.0.1", "[::1]", "[fd00::1]", "169.254.1.1", "100.64.0.1"]
    public = ["media.example", "local.example", "xlan", "a.xlan", "home.arpa", "8.8.8.8"]
    public += ["[2606:4700::1111]", "localhost.example"]

    assert [host for host in private if not may_be_private(host)] == []
    assert [host for host in public if may_be_private(host)] == ["xlan"]  # it has no dot
