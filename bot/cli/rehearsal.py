"""A conversation that only this process knows, for the very code that answers customers."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.domain.entry import Entry
from bot.domain.media import Attachment
from bot.domain.turn import Answered, Claim, Claimed, Nothing, Opting, Reply, Standing, Turn

CONVERSATION = "chat"

_PAST_ENTRIES = 200


class Rehearsal:
    """What was said, as a store of turns; `on_reply` and `on_failure` hear what came of one."""

    def __init__(
        self,
        line_id: str,
        on_reply: Callable[[Reply], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._line_id = line_id
        self._on_reply = on_reply
        self._on_failure = on_failure
        self._past: list[Entry] = []
        self._waiting: tuple[Entry, ...] = ()
        self._count = 0
        self._opted_out = False

    def forget(self) -> None:
        """Begin anew."""
        self._past.clear()
        self._opted_out = False

    def say(
        self, text: str, now: datetime, *, kind: str = "text", media: Attachment | None = None
    ) -> None:
        """The customer writes, or sends a file."""
        self._waiting = (Entry(self._new_id(), "customer", kind, text, now, media=media),)

    async def claim_turn(self, conversation_id: str, now: datetime) -> Claim:
        """What was said last."""
        waiting, self._waiting = self._waiting, ()
        if not waiting:
            return Nothing("nothing waits")
        turn = Turn(
            id=self._new_id(),
            conversation_id=conversation_id,
            line_id=self._line_id,
            contact_name=None,
            epoch=0,
            first_message_at=now,
            waiting=waiting,
            attempts=0,
            past=tuple(self._past[-_PAST_ENTRIES:]),
            standing=Standing(opted_out=self._opted_out),
        )
        return Claimed(turn)

    async def is_of_others(self, conversation_id: str, numbers: Sequence[str]) -> bool:
        """There is nobody else."""
        del conversation_id, numbers
        return False

    async def answer_turn(self, turn: Turn, reply: Reply, now: datetime) -> tuple[Answered, None]:
        """The bot has answered."""
        said = (Entry(self._new_id(), "bot", "text", part, now) for part in reply.parts)
        self._past += [*turn.waiting, *said]
        if reply.opting is not None:
            self._opted_out = reply.opting is Opting.OUT
        self._on_reply(reply)
        return Answered.STORED, None

    async def skip_turn(self, turn: Turn, reason: str, now: datetime) -> Answered:
        """Nothing needs to be said."""
        del now
        self._past += turn.waiting
        self._on_failure(reason)
        return Answered.SKIPPED

    async def decline_turn(self, turn: Turn, reason: str, now: datetime) -> None:
        """A rule stands in the way."""
        del now
        self._past += turn.waiting
        self._on_failure(reason)

    async def defer_turn(
        self, turn: Turn, until: datetime, away: Reply | None, now: datetime
    ) -> None:
        """The bot is off duty."""
        if away is None:
            await self.decline_turn(turn, f"off duty until {until:%Y-%m-%d %H:%M} UTC", now)
        else:
            await self.answer_turn(turn, away, now)

    async def hear_opting(
        self, conversation_id: str, opting: Opting, message_ids: tuple[str, ...], now: datetime
    ) -> bool:
        """No person ever has this conversation."""
        del conversation_id, opting, message_ids, now
        return False

    async def release_turn(
        self, turn: Turn, error: str, now: datetime, retry_after: timedelta | None = None
    ) -> None:
        """The model is away."""
        del turn, now, retry_after
        self._on_failure(error)

    async def fail_turn(
        self, turn: Turn, error: str, fallback: Reply, now: datetime, *, final: bool = False
    ) -> bool:
        """No answer could be made: a customer would get the fallback after some more tries."""
        del turn, now, fallback, final
        self._on_failure(error)
        return True

    def _new_id(self) -> str:
        self._count += 1
        return f"{CONVERSATION}_{self._count}"
