"""The outbox's way to the line: claim, one attempt, settle; in order, one at a time."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from bot.crash_points import CrashPoint, reach
from bot.domain.outbox import NotSent, Outbound, Rejected, SendOutcome, Sent, Unanswered
from bot.domain.work import Delivery, SendLater, ToSend
from bot.errors import LostClaim, StoreUnavailable
from bot.metrics import MAYBE_REPEATED, SENDS, TURN_STEP_SECONDS
from bot.ports import Clock, Line, Outbox, Witness

log = structlog.get_logger()

_SETTLE_AGAIN_S = 0.5


class Deliverer:
    """Sends what a conversation's outbox holds."""

    def __init__(
        self,
        outbox: Outbox,
        line: Line,
        clock: Clock,
        lease_holds: Callable[[], bool],
        in_hand: set[str],
        witness: Witness | None = None,
    ) -> None:
        self._outbox = outbox
        self._line = line
        self._clock = clock
        self._lease_holds = lease_holds
        self._in_hand = in_hand
        self._witness = witness

    def note_delivery(self, delivery: Delivery) -> None:
        """One of our messages has arrived."""
        about = {"message": delivery.message_id, "conversation": delivery.conversation_id}
        log.info("message.delivered", **about)
        if self._witness is not None:
            self._witness.delivered(delivery)

    async def deliver(
        self, conversation_id: str, first: Outbound | None = None, *, probe: bool = False
    ) -> datetime | None:
        """Send all that may leave now, beginning with what is taken already.

        When to look again, None: nothing is left to send. Raises StoreUnavailable.
        """
        if first is not None and not await self._send(first):
            return None
        while True:
            match await self._outbox.claim_reply(conversation_id, self._clock(), probe=probe):
                case SendLater(at):
                    return at
                case ToSend(message):
                    if not await self._send(message):
                        return None

    async def _send(self, message: Outbound) -> bool:
        """One attempt; whether the conversation may have more to send."""
        self._in_hand.add(message.id)
        try:
            reach(CrashPoint.REPLY_TAKEN)
            outcome = await self._attempt(message)
            reach(CrashPoint.SEND_ANSWERED)
            _count(message, outcome)
            more = await self._settle(message, outcome)
            self._note_settled(message, outcome)
            return more
        except LostClaim:
            log.warning("send.lost", message=message.id, conversation=message.conversation_id)
            return True
        finally:
            self._in_hand.discard(message.id)

    def _note_settled(self, message: Outbound, outcome: SendOutcome) -> None:
        about = {"message": message.id, "conversation": message.conversation_id}
        log.info("send.settled", **about, outcome=_name(outcome))
        if self._witness is not None and isinstance(outcome, Sent | Rejected):
            self._witness.sent(message.id)

    async def _settle(self, message: Outbound, outcome: SendOutcome) -> bool:
        """Kept until the database takes it: an answer forgotten here would be a second send."""
        while True:
            try:
                return await self._outbox.settle_reply(message, outcome, self._clock())
            except StoreUnavailable:
                about = {"message": message.id, "conversation": message.conversation_id}
                log.warning("send.not_settled_yet", **about)
                # Others may have it by now; but that it was taken, only this process knows.
                if not (self._lease_holds() or isinstance(outcome, Sent)):
                    raise
                await asyncio.sleep(_SETTLE_AGAIN_S)

    async def _attempt(self, message: Outbound) -> SendOutcome:
        # A worker that was stopped for a while must not send what others may have sent since.
        if not self._lease_holds():
            return NotSent("this worker's lease was over")
        with TURN_STEP_SECONDS.labels("send").time():
            return await self._line.send(message)


def _name(outcome: SendOutcome) -> str:
    return type(outcome).__name__.lower()


def _count(message: Outbound, outcome: SendOutcome) -> None:
    name = _name(outcome)
    SENDS.labels(name).inc()
    repeated = isinstance(outcome, NotSent) and outcome.maybe_repeated
    if repeated or isinstance(outcome, Unanswered):
        MAYBE_REPEATED.inc()
    log.info(
        "send.attempted",
        message=message.id,
        conversation=message.conversation_id,
        attempt=message.attempt,
        outcome=name,
    )
