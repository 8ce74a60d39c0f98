"""Secrets and addresses from the environment. No value of theirs ever appears in a fault."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from bot.config.addresses import redis_problem, with_driver
from bot.config.variables import Variables

PLACEHOLDERS = frozenset({"replace-me-with-your-webhook-secret", "mm_live_replace_me"})
"""What `.env.example` holds: a copied file that nobody filled in must not start."""

_OF_BUCKETS = ("AWS_", "GOOGLE_", "AZURE_")
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class OperatorToken:
    """Who signs in with it is recorded by this name."""

    name: str
    token: SecretStr


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the environment says; None: not set."""

    webhook_secrets: tuple[SecretStr, ...]
    """Several while one is rotated; empty in `bot dev` only."""
    mossmoon_api_key: SecretStr | None
    mossmoon_base_url: str
    openai_api_key: SecretStr | None
    openai_base_url: str | None
    deepgram_api_key: SecretStr | None
    deepgram_base_url: str | None
    database_url: SecretStr | None
    """A SQLAlchemy URL with its async driver; None: SQLite in the data directory."""
    redis_url: SecretStr | None
    """None: the embedded one."""
    data_dir: Path
    operator_tokens: tuple[OperatorToken, ...]
    bucket: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the environment says of the media store's bucket: `AWS_…`, `GOOGLE_…`, `AZURE_…`."""


def read_secrets(variables: Variables, folder: Path, *, dev: bool) -> Secrets:
    """Everything of the environment; what is wrong is added to the variables' faults."""
    base_url = _url(variables, "MOSSMOON_BASE_URL")
    data_dir = Path(variables.get("BOT_DATA_DIR") or "data").expanduser()
    return Secrets(
        webhook_secrets=_webhook_secrets(variables, dev=dev),
        mossmoon_api_key=_line_key(variables, dev=dev),
        mossmoon_base_url="https://mossmoon.app/api/v1" if base_url is None else base_url,
        openai_api_key=_header_secret(variables, "OPENAI_API_KEY"),
        openai_base_url=_openai_url(variables),
        deepgram_api_key=_header_secret(variables, "DEEPGRAM_API_KEY"),
        deepgram_base_url=_url(variables, "DEEPGRAM_BASE_URL", path_allowed=False),
        database_url=_database_url(variables),
        redis_url=_redis_url(variables),
        data_dir=(folder / data_dir).absolute(),
        operator_tokens=_operator_tokens(variables),
        bucket={
            name: value for name, value in variables.values.items() if name.startswith(_OF_BUCKETS)
        },
    )


def _webhook_secrets(variables: Variables, *, dev: bool) -> tuple[SecretStr, ...]:
    name = "MOSSMOON_WEBHOOK_SECRET"
    given = variables.values.get(name)
    parts = [] if given is None else [part.strip() for part in given.split(",")]
    wrong = _secret_problem(parts)
    if wrong is None:
        return tuple(SecretStr(part) for part in parts)
    if not dev:
        variables.fault(name, f"{wrong}: write the webhook secret of your Mossmoon workspace")
    elif given is not None:
        variables.warn(name, f"{wrong}: not used")
    return ()


def _line_key(variables: Variables, *, dev: bool) -> SecretStr | None:
    """The sandbox line of `bot dev` takes no key, so there a wrong one is no fault."""
    name = "MOSSMOON_API_KEY"
    given = variables.values.get(name)
    wrong = _secret_problem([] if given is None else [given.strip()])
    if wrong is not None:
        if not dev:
            variables.fault(name, f"{wrong}: write the key of your Mossmoon workspace, `mm_live_…`")
        return None
    return None if dev else _header_secret(variables, name)


def _secret_problem(parts: list[str]) -> str | None:
    if not parts:
        return "not set"
    if not all(parts):
        return "empty, or empty between two commas" if len(parts) > 1 else "empty"
    if PLACEHOLDERS & set(parts):
        return "still the value of `.env.example`"
    return None


def _header_secret(variables: Variables, name: str) -> SecretStr | None:
    """A secret that travels in a header: printable ASCII without blanks."""
    value = variables.get(name)
    if value is None:
        return None
    if not _TOKEN.fullmatch(value):
        variables.fault(name, "holds a blank or a letter that no key has: copy it again")
        return None
    return SecretStr(value)


def _url(variables: Variables, name: str, *, path_allowed: bool = True) -> str | None:
    value = variables.get(name)
    if value is None:
        return None
    value = value.rstrip("/")
    parts = _split(value)
    wrong = "not an address" if parts is None else _url_problem(parts, path_allowed=path_allowed)
    if wrong is not None:
        example = "https://host/v1" if path_allowed else "https://host"
        variables.fault(name, f"{wrong}: write it like `{example}`")
        return None
    return value


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if url.isascii() and url.isprintable() and " " not in url else None


def _url_problem(parts: SplitResult, *, path_allowed: bool) -> str | None:
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "must begin with https:// or http:// and a host"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user or a password"
    if parts.query or parts.fragment:
        return "must not hold a `?` or a `#`"
    return "must not have a path" if parts.path and not path_allowed else None


def _openai_url(variables: Variables) -> str | None:
    url = _url(variables, "OPENAI_BASE_URL")
    if url is not None and not url.endswith("/v1"):
        variables.warn("OPENAI_BASE_URL", "does not end in /v1: most servers answer 404 then")
    return url


def _database_url(variables: Variables) -> SecretStr | None:
    value = variables.get("DATABASE_URL")
    if value is None:
        return None
    try:
        return SecretStr(with_driver(value))
    except ValueError as wrong:
        remedy = "`postgresql+asyncpg://user:password@host/name`, or leave it unset for SQLite"
        variables.fault("DATABASE_URL", f"{wrong}: write {remedy}")
        return None


def _redis_url(variables: Variables) -> SecretStr | None:
    value = variables.get("REDIS_URL")
    wrong = None if value is None else redis_problem(value)
    if wrong is not None:
        remedy = "`redis://host:6379/0`, or leave it unset for the embedded one"
        variables.fault("REDIS_URL", f"{wrong}: write {remedy}")
        return None
    return None if value is None else SecretStr(value)


def _operator_tokens(variables: Variables) -> tuple[OperatorToken, ...]:
    value = variables.get("OPERATOR_TOKEN")
    if value is None:
        return ()
    parts = [part.strip() for part in value.split(",")]
    pairs = [_named_token(part, alone=len(parts) == 1) for part in parts]
    wrong = _tokens_problem(pairs)
    if wrong is not None:
        variables.fault("OPERATOR_TOKEN", f"{wrong}: write one token, or name:token,name:token")
        return ()
    if any(len(token) < 16 for _, token in pairs):
        variables.warn("OPERATOR_TOKEN", "shorter than 16 characters: take a longer, random one")
    return tuple(OperatorToken(name, SecretStr(token)) for name, token in pairs)


def _named_token(part: str, *, alone: bool) -> tuple[str, str]:
    name, colon, token = (piece.strip() for piece in part.partition(":"))
    if colon:
        return name, token
    return ("operator" if alone else ""), part


def _tokens_problem(pairs: list[tuple[str, str]]) -> str | None:
    names, tokens = zip(*pairs, strict=True)
    if not all(tokens) or not all(names):
        return "a name or a token is empty"
    if not all(_TOKEN.fullmatch(token) for token in tokens):
        return "a token holds a blank or a letter outside ASCII"
    if not all(name.isprintable() and len(name) <= 60 for name in names):
        return "a name is over 60 characters or holds a control character"
    if len(set(names)) < len(names) or len(set(tokens)) < len(tokens):
        return "a name or a token is given twice"
    return None
