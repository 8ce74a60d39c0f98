"""Which addresses media may be fetched from. Nothing in here looks a name up or connects.

An address is taken apart by a strict pattern, and the request that is made of it goes to the host
as the list spells it: how other programs would have read the address doesn't matter.
"""

import ipaddress
import re
import string
from collections.abc import Sequence
from urllib.parse import quote

from yarl import URL

from bot.domain.media import Problem
from bot.domain.untrusted import clean_line
from bot.errors import BadMedia, Fault, SettingsError

_ADDRESS = re.compile(
    r"(?P<scheme>https?)://(?P<place>[^/?#\\]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?:#.*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_PLACE = re.compile(
    r"(?P<host>\[[0-9a-f:.]+\]|[^\x00-\x20\x7f:/?#@%\\\[\]]+)(?::(?P<port>[1-9][0-9]{0,4}))?",
    re.ASCII | re.IGNORECASE,
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_DEFAULT_PORTS = {"https": 443, "http": 80}
_PRIVATE_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")
)
"""Inside of what counts as global by Python's tables, which differ between its versions."""

_Place = tuple[str, int | None]
"""A host in ASCII and lower case, IPv6 in brackets; None: the scheme's own port."""


class AllowedHosts:
    """The hosts of `media.allowed_hosts`, as `host` or `host:port`."""

    def __init__(self, entries: Sequence[str]) -> None:
        """Raises SettingsError for an entry that could never be matched."""
        self._places = frozenset(_listed(entry) for entry in entries)

    def admit(self, address: str) -> URL:
        """What to ask for, its path and query as they were given. Raises BadMedia (forbidden)."""
        parts = _ADDRESS.fullmatch(address)
        if parts is None:
            raise _forbidden("its address is none of https")
        place = _place(parts["place"])
        if place is None:
            raise _forbidden("its address names no plain host, or holds a user name")
        scheme = parts["scheme"].lower()
        host, port = place
        if not self._lists(host, port, scheme):
            named = host if port is None else f"{host}:{port}"
            raise _forbidden(f"{shown(named)} is not in media.allowed_hosts")
        if scheme == "http" and not may_be_private(host):
            raise _forbidden(f"{shown(host)} is public and was named without https")
        return _url(scheme, host, port, parts["path"], parts["query"])

    def _lists(self, host: str, port: int | None, scheme: str) -> bool:
        default = _DEFAULT_PORTS[scheme]
        port = default if port is None else port
        return (host, port) in self._places or (port == default and (host, None) in self._places)


def is_public(address: str) -> bool:
    """Whether an IP address is reachable from the whole net and leads nowhere else."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if ip.version == 6 and ip not in _UNICAST_V6:
        return False  # IPv4 in IPv6's clothes among them: mapped, or behind a NAT64
    return ip.is_global and not ip.is_multicast and not any(ip in net for net in _SPECIAL)


def may_be_private(host: str) -> bool:
    """Whether a listed host, by its spelling, is meant to be on this machine or this network."""
    try:
        return not is_public(str(ipaddress.ip_address(host.strip("[]"))))
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_ENDINGS)


def shown(host: str | None) -> str:
    """A host's name, fit for an error's text."""
    return clean_line("" if host is None else host, 100)


def _listed(entry: str) -> _Place:
    place = _place(entry)
    host = None if place is None else _canonical(place[0])
    if place is None or host is None:
        what = f"{clean_line(entry, 100)} is no host: write `host` or `host:port`"
        raise SettingsError((Fault(what, "media.allowed_hosts"),))
    return host, place[1]


def _canonical(host: str) -> str | None:
    """None: a spelling of an IP address that programs read in different ways."""
    if host.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1])}]"
        except ValueError:
            return None
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return host
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError:
        return None


def _place(text: str) -> _Place | None:
    parts = _PLACE.fullmatch(text)
    if parts is None:
        return None
    host, port = _ascii(parts["host"].split(".")), parts["port"]
    if host is None or (port is not None and int(port) > 65_535):
        return None
    return host, None if port is None else int(port)


def _ascii(labels: list[str]) -> str | None:
    """The name as it is looked up; None when a label is none, or only dressed up as ASCII."""
    coded = []
    for label in labels:
        if label.isascii():
            coded.append(label.lower())
            continue
        try:
            code = URL.build(scheme="https", host=label).raw_host
        except ValueError:
            return None
        if code is None or not code.startswith("xn--"):
            return None
        coded.append(code)
    return ".".join(coded)


def _url(scheme: str, host: str, port: int | None, path: str | None, query: str | None) -> URL:
    try:
        return URL.build(
            scheme=scheme,
            host=host,
            port=port,
            path="/" if path is None else _sendable(path),
            query_string="" if query is None else _sendable(query),
            encoded=True,
        )
    except ValueError:  # half a character
        raise _forbidden("its address is not Unicode") from None


def _sendable(part: str) -> str:
    """Byte for byte as it was given, since it is signed; only what no request line may hold
    (spaces, line ends, letters beyond ASCII) is escaped."""
    return quote(part, safe=string.punctuation)


def _forbidden(why: str) -> BadMedia:
    return BadMedia(Problem.FORBIDDEN, f"media was not fetched: {why}")
