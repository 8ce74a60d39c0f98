"""Which contacts another prompt speaks to: a share of them, each for good."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

_WHOLE = 100.0
_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Splits:
    """By line the percentages of its contacts, by prompt file; what is left has the line's own."""

    by_line: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Holds `default` too: a line that is not in it is split as that one."""

    def file_for(self, line_id: str, conversation_id: str) -> str | None:
        """The prompt file for this contact; None: the line's own.

        Only the id counts, which is made of line and contact: so neither time nor a restart moves
        anybody. A larger percentage of the first file takes contacts from the line's own side only.
        """
        shares = self.by_line.get(line_id, self.by_line.get("default", {}))
        if not shares:
            return None
        place, end = _place(conversation_id), 0.0
        for file, percent in shares.items():
            end += percent
            if place < end:
                return file
        return None


def _place(conversation_id: str) -> float:
    """From 0 to 100, evenly, and independent of what else the id decides."""
    digest = blake2b(conversation_id.encode(), digest_size=8, person=b"split").digest()
    return int.from_bytes(digest) % _STEPS * _WHOLE / _STEPS
