"""Our own secrets in others' texts: looked up where they are kept, kept nowhere else."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import SecretStr

from bot.config.secrets import Secrets

REMOVED = "[secret]"
_SHORTEST = 8
"""A shorter one could be a word."""
_PIECE = 16
_STEP = 8
"""Whoever gives away 24 characters in a row gives away a whole piece."""
_SPACED = re.compile(r"[\s*_~`]+")


def without_secrets(secrets: Secrets, text: str) -> str:
    """The text with every secret, and every longer piece of one, taken out; usually as it was.

    A secret that is spread out with blanks takes the whole text with it.
    """
    closed_up = _SPACED.sub("", text)
    for secret in _values(secrets):
        for piece in _pieces(secret):
            text = text.replace(piece, REMOVED)
        if _SPACED.sub("", secret) in closed_up and REMOVED not in text:
            return REMOVED
    return text


def _pieces(secret: str) -> Iterator[str]:
    yield secret
    if len(secret) >= _PIECE + _STEP:
        for start in range(0, len(secret) - _PIECE + 1, _STEP):
            yield secret[start : start + _PIECE]


def _values(secrets: Secrets) -> Iterator[str]:
    given: tuple[SecretStr | None, ...] = (
        *secrets.webhook_secrets,
        secrets.mossmoon_api_key,
        secrets.openai_api_key,
        secrets.deepgram_api_key,
        *(operator.token for operator in secrets.operator_tokens),
    )
    plain = [secret.get_secret_value() for secret in given if secret is not None]
    plain += [value for name, value in secrets.bucket.items() if "SECRET" in name or "KEY" in name]
    for address in (secrets.database_url, secrets.redis_url):
        if address is not None:
            plain.append(urlsplit(address.get_secret_value()).password or "")
    return (secret for secret in plain if len(secret) >= _SHORTEST)
