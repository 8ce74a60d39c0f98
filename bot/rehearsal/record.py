"""What was said in a rehearsal, as a store of turns, and what came of the last one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.entry import Entry
from bot.domain.media import Attachment, MediaState, Reading
from bot.domain.outcome import Ended, Outcome
from bot.domain.turn import (
    Answered,
    Claim,
    Claimed,
    Listening,
    Nothing,
    Opting,
    Reply,
    Standing,
    Turn,
)

CONVERSATION = "chat"

_PAST_ENTRIES = 200
_SPOKEN_PER_S = 15
"""Characters, for the length of a voice note that nobody spoke."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the customer's."""

    text: str = field(default="", repr=False)
    kind: str = "text"
    media: Attachment | None = None


def voice_note(transcript: str) -> Said:
    """A voice note in which these words were understood; none when it is blank."""
    seconds = max(1.0, len(transcript) / _SPOKEN_PER_S)
    reading = Reading(text=transcript, service="rehearsal", duration_s=seconds)
    return Said("", "voice", Attachment(MediaState.READY, reading, "audio/ogg"))


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was said in one turn of a rehearsal that goes on elsewhere."""

    said: str
    at: datetime
    parts: tuple[str, ...] = ()
    handed_over: bool = False
    opting: Opting | None = None
    is_away: bool = False
    """The answer was the prompt's `away`."""


_NOTHING = Outcome(Ended.SILENT, "nothing waits")


class Record:
    """Fits the port `TurnStore` for one conversation."""

    def __init__(
        self, line_id: str, contact_name: str | None = None, *, hands_over: bool = False
    ) -> None:
        """`hands_over`: after a hand-off a person has the conversation, and the bot is silent."""
        self._line_id = line_id
        self._contact_name = contact_name
        self._hands_over = hands_over
        self._past: list[Entry] = []
        self._waiting: tuple[Entry, ...] = ()
        self._count = 0
        self._away_at: datetime | None = None
        self.handed_over = False
        self.opted_out = False
        self.last = _NOTHING

    def forget(self) -> None:
        """Begin anew."""
        self._past.clear()
        self._away_at = None
        self.handed_over = False
        self.opted_out = False

    def recall(self, past: Sequence[Exchange]) -> None:
        """Go on where another record has ended."""
        for one in past:
            self._past.append(Entry(self._new_id(), "customer", "text", one.said, one.at))
            self._past += [Entry(self._new_id(), "bot", "text", part, one.at) for part in one.parts]
            self.handed_over = self.handed_over or one.handed_over
            if one.opting is not None:
                self.opted_out = one.opting is Opting.OUT
            if one.is_away and one.parts:
                self._away_at = one.at

    def say(self, said: tuple[Said, ...], now: datetime) -> None:
        """The customer writes, perhaps several messages in a row."""
        self.last = _NOTHING
        self._waiting = tuple(
            Entry(self._new_id(), "customer", one.kind, one.text, now, media=one.media)
            for one in said
        )

    async def claim_turn(self, conversation_id: str, now: datetime) -> Claim:
        """What was said last."""
        waiting, self._waiting = self._waiting, ()
        if not waiting:
            return Nothing("nothing waits")
        if self.handed_over and self._hands_over:
            self._past += waiting
            self.last = Outcome(Ended.PERSON, "a person has the conversation")
            return Listening(
                conversation_id, self._line_id, self._contact_name, waiting, self.opted_out
            )
        turn = Turn(
            id=self._new_id(),
            conversation_id=conversation_id,
            line_id=self._line_id,
            contact_name=self._contact_name,
            epoch=0,
            first_message_at=now,
            waiting=waiting,
            attempts=0,
            past=tuple(self._past[-_PAST_ENTRIES:]),
            standing=Standing(opted_out=self.opted_out, away_at=self._away_at),
        )
        return Claimed(turn)

    async def is_of_others(self, conversation_id: str, numbers: Sequence[str]) -> bool:
        """There is nobody else."""
        del conversation_id, numbers
        return False

    async def answer_turn(self, turn: Turn, reply: Reply, now: datetime) -> tuple[Answered, None]:
        """The bot has answered."""
        self._take(turn, reply, now)
        if reply.opting is not None:
            self.opted_out = reply.opting is Opting.OUT
        self.handed_over = self.handed_over or reply.hand_off is not None
        self.last = Outcome(Ended.ANSWERED, reply=reply)
        return Answered.STORED, None

    async def skip_turn(self, turn: Turn, reason: str, now: datetime) -> Answered:
        """Nothing needs to be said."""
        self._take(turn, None, now)
        self.last = Outcome(Ended.SILENT, reason)
        return Answered.SKIPPED

    async def decline_turn(self, turn: Turn, reason: str, now: datetime) -> None:
        """A rule stands in the way."""
        self._take(turn, None, now)
        self.last = Outcome(Ended.DECLINED, reason)

    async def defer_turn(
        self, turn: Turn, until: datetime, away: Reply | None, now: datetime
    ) -> None:
        """The bot is off duty."""
        self._take(turn, away, now)
        self._away_at = self._away_at if away is None else now
        self.last = Outcome(Ended.OFF_DUTY, f"off duty until {until:%Y-%m-%d %H:%M} UTC", away)

    async def hear_opting(
        self, conversation_id: str, opting: Opting, message_ids: tuple[str, ...], now: datetime
    ) -> bool:
        """A customer opts out (or in) while a person has the conversation."""
        del conversation_id, message_ids, now
        self.opted_out = opting is Opting.OUT
        return True

    async def release_turn(
        self, turn: Turn, error: str, now: datetime, retry_after: timedelta | None = None
    ) -> None:
        """The model is away."""
        del turn, now, retry_after
        self.last = Outcome(Ended.AWAY, error)

    async def fail_turn(
        self, turn: Turn, error: str, fallback: Reply, now: datetime, *, final: bool = False
    ) -> bool:
        """No answer could be made."""
        del turn, now, final
        self.last = Outcome(Ended.FAILED, error, fallback)
        return True

    def _take(self, turn: Turn, reply: Reply | None, now: datetime) -> None:
        parts = () if reply is None else reply.parts
        said = (Entry(self._new_id(), "bot", "text", part, now) for part in parts)
        self._past += [*turn.waiting, *said]

    def _new_id(self) -> str:
        self._count += 1
        return f"{CONVERSATION}_{self._count}"
