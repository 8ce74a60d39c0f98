"""Addresses of database and Redis, looked at closely enough that a start cannot fail on them."""

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
_POSTGRES_OPTIONS: Final = frozenset(
    {"host", "port", "ssl", "passfile", "target_session_attrs", "prepared_statement_cache_size"}
)
_TLS_OPTIONS: Final = frozenset(
    {"ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"}
)
_REDIS_OPTIONS: Final[dict[str, frozenset[str]]] = {
    "redis": frozenset({"db"}),
    "rediss": frozenset({"db"}) | _TLS_OPTIONS,
    "unix": frozenset({"db"}),
}
_NUMBER: Final = re.compile(r"[0-9]{1,4}")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?")


def with_driver(url: str) -> str:
    """A database's URL with the driver that this bot uses. Raises ValueError: what is wrong."""
    scheme, colon, rest = url.partition("://")
    driver = _DRIVERS.get(scheme)
    if driver is None or not colon:
        raise ValueError("not a database this bot knows")
    try:
        parsed = make_url(f"{driver}://{rest}")
    except (ArgumentError, ValueError):
        raise ValueError("not an address") from None
    wrong = _sqlite_problem(parsed) if driver.startswith("sqlite") else _postgres_problem(parsed)
    if wrong is not None:
        raise ValueError(wrong)
    return f"{driver}://{rest}"


def _sqlite_problem(url: URL) -> str | None:
    if url.host is not None or url.port is not None or url.username is not None:
        return "a SQLite file has three slashes before its path, four when that begins with one"
    if not url.database or url.database == ":memory:":
        return "names no file, and what is in memory is lost"
    return None


def _postgres_problem(url: URL) -> str | None:
    if "sslmode" in url.query:
        return "`sslmode=` is unknown to this driver, `ssl=` means the same"
    if not _POSTGRES_OPTIONS.issuperset(url.query):
        return "holds an option behind the `?` that this driver does not know"
    if url.host is not None and not _HOST.fullmatch(url.host):
        return "its host is not one: signs such as @ and / in a password are written as %40 and %2F"
    return None if _is_port(url.port) else "its port is not one"


def redis_problem(url: str) -> str | None:
    """What is wrong with it; None: nothing."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "not an address"
    known = _REDIS_OPTIONS.get(parts.scheme)
    if known is None:
        return "must begin with redis://, rediss:// or unix://"
    wrong = _socket_problem(parts) if parts.scheme == "unix" else _server_problem(parts, port)
    return _options_problem(parts.query, known) if wrong is None else wrong


def _socket_problem(parts: SplitResult) -> str | None:
    return None if parts.path else "names no socket"


def _server_problem(parts: SplitResult, port: int | None) -> str | None:
    if parts.hostname is None or not _HOST.fullmatch(parts.hostname):
        return "has no host"
    if not _is_port(port):
        return "its port is not one"
    number = parts.path.strip("/")
    return None if not number or _NUMBER.fullmatch(number) else "its database is not a number"


def _options_problem(query: str, known: frozenset[str]) -> str | None:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if not known.issuperset(options):
        return "holds an option behind the `?` that does not belong there"
    if not _NUMBER.fullmatch(options.get("db", "0")):
        return "its database is not a number"
    return None


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port < 65_536
