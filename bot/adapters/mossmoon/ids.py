"""Ids and addresses as the provider writes them."""

from hashlib import sha256

ID_LIMIT = 255


def stable_id(value: object) -> str | None:
    """A provider's id that fits every database; None when it is not a non-empty string.

    An id that is too long or holds what can't be stored is stood for by its hash: the same id
    always gives the same, so that redeliveries and delivery notices still find each other.
    """
    if not isinstance(value, str) or not value:
        return None
    if len(value) <= ID_LIMIT and value.isprintable():
        return value
    return f"sha256_{sha256(value.encode('utf-8', 'surrogatepass')).hexdigest()}"


def address(value: object) -> str | None:
    """A line or a contact, exactly as received; None when it can't be written to."""
    if not isinstance(value, str) or not value.strip() or len(value) > ID_LIMIT:
        return None
    return value if value.isprintable() else None
