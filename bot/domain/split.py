"""Which contacts another prompt speaks to: a share of them, each for good."""

from collections.abc import Mapping
from hashlib import blake2b

_WHOLE = 100.0
_STEPS = 1_000_000


def side_of(split: Mapping[str, float], conversation_id: str) -> str | None:
    """The prompt file for this contact, of those with a percentage; None: the line's own.

    Only the id counts, which is made of line and contact: neither time nor a restart moves anybody.
    A larger percentage of the last file takes contacts from the line's own side only.
    """
    if not split:
        return None
    place, end = _place(conversation_id), 0.0
    for file, percent in split.items():
        end += percent
        if place < end:
            return file
    return None


def _place(conversation_id: str) -> float:
    """From 0 to 100, evenly, and independent of whatever else the id decides."""
    digest = blake2b(conversation_id.encode(), digest_size=8, person=b"split").digest()
    return int.from_bytes(digest) % _STEPS * _WHOLE / _STEPS
