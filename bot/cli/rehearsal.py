"""A conversation that only this process knows, for the very code that answers customers."""

from collections.abc import Callable
from datetime import datetime, timedelta

from bot.domain.entry import Entry
from bot.domain.media import Attachment
from bot.domain.turn import Answered, Claim, Claimed, Nothing, Reply, Turn

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

    def forget(self) -> None:
        """Begin anew."""
        self._past.clear()

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
        )
        return Claimed(turn)

    async def answer_turn(self, turn: Turn, reply: Reply, now: datetime) -> tuple[Answered, None]:
        """The bot has answered."""
        said = (Entry(self._new_id(), "bot", "text", part, now) for part in reply.parts)
        self._past += [*turn.waiting, *said]
        self._on_reply(reply)
        return Answered.STORED, None

    async def skip_turn(self, turn: Turn, reason: str, now: datetime) -> Answered:
        """Nothing needs to be said."""
        del now
        self._past += turn.waiting
        self._on_failure(reason)
        return Answered.SKIPPED

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
