"""A turn taken once more by the very code that answers customers; nothing of it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.answering import ContactBook
from bot.asking import Style
from bot.domain.outcome import Ended, Outcome
from bot.domain.turn import Answered, Claim, Claimed, Opting, Reply, Turn
from bot.ports import Gallery, Llm, Prompts
from bot.respond import Responder


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what takes part in a turn, beside the customer."""

    prompts: Prompts
    llm: Llm
    gallery: Gallery
    contacts: ContactBook
    style: Style


async def take_again(turn: Turn, cast: Cast, now: datetime) -> Outcome:
    """What this cast would say at that moment. Raises StoreUnavailable."""
    store = _OneTurn(replace(turn, for_show=True), cast.contacts)
    responder = Responder(
        store, cast.llm, cast.prompts, cast.gallery, lambda: now, cast.style, set()
    )
    await responder.take_turn(turn.conversation_id)
    return store.outcome


class _OneTurn:
    """Fits the port `TurnStore`."""

    def __init__(self, turn: Turn, contacts: ContactBook) -> None:
        self._turn = turn
        self._contacts = contacts
        self.outcome = Outcome(Ended.SILENT, "nothing waits")

    async def claim_turn(self, conversation_id: str, now: datetime) -> Claim:
        """The turn."""
        del conversation_id, now
        return Claimed(self._turn)

    async def is_of_others(self, conversation_id: str, numbers: Sequence[str]) -> bool:
        """Whose numbers these are, in the customers' own database."""
        return await self._contacts.is_of_others(conversation_id, numbers)

    async def answer_turn(self, turn: Turn, reply: Reply, now: datetime) -> tuple[Answered, None]:
        """An answer."""
        del turn, now
        self.outcome = Outcome(Ended.ANSWERED, reply=reply)
        return Answered.STORED, None

    async def skip_turn(self, turn: Turn, reason: str, now: datetime) -> Answered:
        """Nothing needs to be said."""
        del turn, now
        self.outcome = Outcome(Ended.SILENT, reason)
        return Answered.SKIPPED

    async def decline_turn(self, turn: Turn, reason: str, now: datetime) -> None:
        """A rule stands in the way."""
        del turn, now
        self.outcome = Outcome(Ended.DECLINED, reason)

    async def defer_turn(
        self, turn: Turn, until: datetime, away: Reply | None, now: datetime
    ) -> None:
        """The bot is off duty."""
        del turn, now
        self.outcome = Outcome(Ended.OFF_DUTY, f"off duty until {until:%Y-%m-%d %H:%M} UTC", away)

    async def hear_opting(
        self, conversation_id: str, opting: Opting, message_ids: tuple[str, ...], now: datetime
    ) -> bool:
        """Never asked: a person's conversation has no turns."""
        del conversation_id, opting, message_ids, now
        return False

    async def release_turn(
        self, turn: Turn, error: str, now: datetime, retry_after: timedelta | None = None
    ) -> None:
        """The model is away."""
        del turn, now, retry_after
        self.outcome = Outcome(Ended.AWAY, error)

    async def fail_turn(
        self, turn: Turn, error: str, fallback: Reply, now: datetime, *, final: bool = False
    ) -> bool:
        """No answer could be made."""
        del turn, now, final
        self.outcome = Outcome(Ended.FAILED, error, fallback)
        return True
