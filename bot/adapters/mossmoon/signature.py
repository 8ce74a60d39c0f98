"""Whether a webhook call comes from the provider: HMAC-SHA256 of the raw body, as hex."""

import hmac
from collections.abc import Sequence

_HEX_DIGITS = 64


def verify(body: bytes, header_values: Sequence[bytes], secrets: Sequence[bytes]) -> bool:
    """Whether the one `X-Mossmoon-Signature` was made over `body` with one of `secrets`.

    Upper-case hex and spaces around it pass; several headers, prefixes and everything else that
    is not the signature do not. Never raises. An empty secret signs nothing.
    """
    if len(header_values) != 1:
        return False
    given = header_values[0].strip(b" \t").lower()
    if len(given) != _HEX_DIGITS:
        return False
    return any(
        hmac.compare_digest(hmac.digest(secret, body, "sha256").hex().encode(), given)
        for secret in secrets
        if secret
    )
