"""The outbox's way to the line: claim, one attempt, settle; in order, one at a time."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from bot.domain.outbox import NotSent, Outbound, SendOutcome, Sent, Unanswered
from bot.domain.work import SendLater, ToSend
from bot.errors import LostClaim, StoreUnavailable
from bot.metrics import MAYBE_REPEATED, SENDS
from bot.ports import Clock, Line, Outbox

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
    ) -> None:
        self._outbox = outbox
        self._line = line
        self._clock = clock
        self._lease_holds = lease_holds
        self._in_hand = in_hand

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
            outcome = await self._attempt(message)
            _count(message, outcome)
            return await self._settle(message, outcome)
        except LostClaim:
            log.warning("send.lost", message=message.id, conversation=message.conversation_id)
            return True
        finally:
            self._in_hand.discard(message.id)

    async def _settle(self, message: Outbound, outcome: SendOutcome) -> bool:
        """Kept until the database takes it: an answer forgotten here would be a second send."""
        while True:
            try:
                return await self._outbox.settle_reply(message, outcome, self._clock())
            except StoreUnavailable:
                log.warning("send.not_settled_yet", message=message.id)
                # Others may have it by now; but that it was taken, only this process knows.
                if not (self._lease_holds() or isinstance(outcome, Sent)):
                    raise
                await asyncio.sleep(_SETTLE_AGAIN_S)

    async def _attempt(self, message: Outbound) -> SendOutcome:
        # A worker that was stopped for a while must not send what others may have sent since.
        if not self._lease_holds():
            return NotSent("this worker's lease was over")
        return await self._line.send(message)


def _count(message: Outbound, outcome: SendOutcome) -> None:
    name = type(outcome).__name__.lower()
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
