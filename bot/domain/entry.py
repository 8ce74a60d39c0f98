"""One message of a conversation, whoever wrote it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from bot.domain.media import Attachment


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, as it stands now."""

    id: str
    author: Literal["customer", "bot", "operator"]
    kind: str
    text: str = field(repr=False)
    """The words or the caption; empty when there are none."""
    at: datetime
    quoted: str | None = field(default=None, repr=False)
    """What it replies or reacts to, None when nothing or unknown."""
    dead: bool = False
    """Given up: making a reply to it failed for good."""
    media: Attachment | None = None
    """The file it carries; None also when there was none to fetch."""
    edited: bool = False
    """Its author has changed its words since."""
    deleted: bool = False
    """Its author has taken it back: its words are no longer told."""
    quotes: str | None = None
    """The id of the entry that it replies or reacts to, None when nothing or unknown."""

    @property
    def words(self) -> str:
        """What its author said, in writing or aloud."""
        if self.kind == "voice" and self.media is not None:
            return self.media.reading.text
        return self.text
