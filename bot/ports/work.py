"""The transitions of the bot's own work: what comes in, its turns, its files, what goes out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.alert import Told
from bot.domain.census import Census
from bot.domain.inbox import Filing
from bot.domain.media import (
    Fetched,
    MediaWork,
    Problem,
    Reading,
)
from bot.domain.outbox import Outbound, SendOutcome
from bot.domain.silence import Heard
from bot.domain.trace import Journey
from bot.domain.turn import Answered, Claim, Opting, Reply, Turn
from bot.domain.watchdog import Limits, Sighting, Verdict
from bot.domain.work import (
    Accepted,
    Applied,
    MediaClaim,
    MediaEnded,
    MediaLater,
    NoticePost,
    SendLater,
    ToSend,
    Traffic,
    Work,
)


class Inbox(Protocol):
    """Durable storage of what the provider posts. Everything raises StoreUnavailable."""

    async def accept(self, filings: Sequence[Filing], now: datetime) -> Accepted:
        """Store a batch in one durable transaction; an id that is known counts for nothing."""
        ...

    async def bury(self, raw: bytes, error: str, now: datetime) -> None:
        """Keep a rightly signed body that cannot be read, as a dead letter."""
        ...


class TurnStore(Protocol):
    """The transitions of a turn, one transaction each."""

    async def claim_turn(self, conversation_id: str, now: datetime) -> Claim:
        """Take everything that waits in a conversation, if it is due and nobody works on it."""
        ...

    async def is_of_others(self, conversation_id: str, numbers: Sequence[str]) -> bool:
        """Whether one of these numbers (digits) is that of another customer."""
        ...

    async def answer_turn(
        self, turn: Turn, reply: Reply, now: datetime
    ) -> tuple[Answered, Outbound | None]:
        """Put the reply in the outbox and end the turn; its first part, if it may leave now.

        Raises LostClaim.
        """
        ...

    async def release_turn(
        self, turn: Turn, error: str, now: datetime, retry_after: timedelta | None = None
    ) -> None:
        """An outside part is away: the messages wait for another try. Raises LostClaim."""
        ...

    async def fail_turn(
        self, turn: Turn, error: str, fallback: Reply, now: datetime, *, final: bool = False
    ) -> bool:
        """Count a failure; True when the messages were given up and the fallback is queued.

        Raises LostClaim.
        """
        ...

    async def skip_turn(self, turn: Turn, reason: str, now: datetime) -> Answered:
        """End the turn without a word. Raises LostClaim."""
        ...

    async def decline_turn(self, turn: Turn, reason: str, now: datetime) -> None:
        """End the turn without a word, and tell people. Raises LostClaim."""
        ...

    async def defer_turn(
        self, turn: Turn, until: datetime, away: Reply | None, now: datetime
    ) -> Outbound | None:
        """The messages wait until then; the first part of `away`, if it may leave now.

        Raises LostClaim.
        """
        ...

    async def hear_opting(
        self, conversation_id: str, opting: Opting, message_ids: tuple[str, ...], now: datetime
    ) -> bool:
        """A customer opts out (or in) in a conversation that a person has; False: it was so."""
        ...


class Attachments(Protocol):
    """The transitions of an attachment, one transaction each."""

    async def claim_media(self, media_id: str, now: datetime) -> MediaClaim:
        """Take it to fetch or to read it."""
        ...

    async def keep_media(
        self, work: MediaWork, fetched: Fetched, media_type: str, took: timedelta, now: datetime
    ) -> None:
        """Its bytes are in our store, to be read next.

        Raises LostClaim, and Unavailable when they were deleted again meanwhile.
        """
        ...

    async def forsake_file(self, media_id: str, sha256: str, now: datetime) -> None:
        """Whoever stored these bytes has lost the attachment: if it is gone, so are they soon."""
        ...

    async def finish_media(
        self, work: MediaWork, reading: Reading, took: timedelta, now: datetime
    ) -> MediaEnded:
        """What it says is known, or why it can't be had. Raises LostClaim."""
        ...

    async def release_media(
        self,
        work: MediaWork,
        error: str,
        now: datetime,
        *,
        counted: Problem | None = None,
        retry_after: timedelta | None = None,
    ) -> MediaLater | MediaEnded:
        """Another try later; `counted` ones are limited, and end with this problem.

        Raises LostClaim.
        """
        ...


class Outbox(Protocol):
    """The transitions of an outbound message, one transaction each."""

    async def claim_reply(
        self, conversation_id: str, now: datetime, *, probe: bool = False
    ) -> ToSend | SendLater:
        """Take the conversation's oldest message that may leave now.

        `probe`: let one message try a line or an account that is held.
        """
        ...

    async def settle_reply(self, message: Outbound, outcome: SendOutcome, now: datetime) -> bool:
        """Store what came of the attempt; whether there is more to send. Raises LostClaim."""
        ...


class NoticeStore(Protocol):
    """The transitions of a notice for the webhook, one transaction each."""

    async def claim_notice(self, now: datetime) -> NoticePost | None:
        """Take one that is due; None: there is none."""
        ...

    async def notice_told(self, notice: NoticePost) -> None:
        """It has arrived."""
        ...

    async def notice_failed(
        self,
        notice: NoticePost,
        error: str,
        now: datetime,
        *,
        retry_after: timedelta | None = None,
        final: bool = False,
    ) -> bool:
        """Again later, for a day; True when it is given up."""
        ...


class TrafficStore(Protocol):
    """What the breaker counts by."""

    async def traffic(self, after: int | None) -> Traffic:
        """What was written since the message `after`; None: only where to count from."""
        ...

    async def stop_line(self, line_id: str, now: datetime) -> bool:
        """Silence a line until a person resumes it, and tell people; False: it is paused."""
        ...


class Journeys(Protocol):
    """What is known of a reply's way."""

    async def journey(self, message_id: str) -> Journey | None:
        """None: it is no turn's reply. Raises StoreUnavailable."""
        ...


class Upkeep(Protocol):
    """What keeps work from being lost with its worker. Everything raises StoreUnavailable."""

    async def register(self, now: datetime, *, sole: bool) -> None:
        """This process begins to work; `sole`: nobody else can be working on this data."""
        ...

    async def beat(self, now: datetime) -> bool:
        """Prolong this process's lease; False: it was over, all work in hand is lost."""
        ...

    async def sign_off(self) -> None:
        """This process works no more; what it still held is free at once."""
        ...

    async def sweep(self, now: datetime, overdue: timedelta) -> Work:
        """What is due since at least `overdue`."""
        ...

    async def mend(self, now: datetime, in_hand: frozenset[str]) -> frozenset[str]:
        """Take back what dead workers held, and what this one holds but no longer works on.

        The conversations to look at again.
        """
        ...

    async def apply_events(self, now: datetime) -> Applied:
        """Apply waiting line and delivery events in order."""
        ...

    async def clock_went_back(self, by: timedelta, now: datetime) -> bool:
        """Bring forward what waits for a time to come; False: nothing had to be done."""
        ...

    async def summarise(self, now: datetime) -> None:
        """Tell people once what an outage has left, when it is worked off."""
        ...

    async def lapse_pauses(self, now: datetime) -> frozenset[str]:
        """End pauses whose time is up; the conversations in which a customer waits."""
        ...


class Lookout(Protocol):
    """The bot as a whole, seen from the database. Everything raises StoreUnavailable."""

    async def count(self, now: datetime) -> Census:
        """How much there is of everything."""
        ...

    async def sight(self, now: datetime, limits: Limits, watched_since: datetime) -> Sighting:
        """What may be wrong; silence before `watched_since` is nobody's fault."""
        ...

    async def settle_alerts(self, verdict: Verdict, now: datetime) -> Told:
        """Tell what has come up and what is over, each once."""
        ...

    async def note_heard(self, lines: Mapping[str, Heard], now: datetime) -> None:
        """Add what lines have heard since the last time."""
        ...

    async def open_alert_kinds(self) -> tuple[str, ...]:
        """Of all alerts that are open, each once."""
        ...
