"""The operator's work: taking conversations over, giving them back, writing in the bot's place."""

import asyncio
import math
import time
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.crash_points import CrashPoint, reach
from bot.domain.brief import BRIEF_MAX
from bot.domain.conversation import Pause, Policy
from bot.domain.lengths import LENGTH_MAX, Length
from bot.domain.untrusted import clean_line, clean_text
from bot.domain.whatsapp import split_text
from bot.domain.work import InFlight
from bot.errors import Refused
from bot.ports import Clock, Queue, Switch

log = structlog.get_logger()

TEXT_MAX = 20_000
"""Code points in one message of an operator's, before it is split."""

_REASON_MAX = 200
_KEY_MAX = 255
_POLL_FIRST_S = 0.025
_POLL_LAST_S = 0.25


class HandOff:
    """What operators do, whichever way they come. `by` names who did it."""

    def __init__(self, switch: Switch, queue: Queue, clock: Clock, policy: Policy) -> None:
        self._switch = switch
        self._queue = queue
        self._clock = clock
        self._policy = policy

    async def pause(
        self, conversation_id: str, by: str, length: Length = "default", reason: str | None = None
    ) -> tuple[InFlight, ...]:
        """Silence the bot in a conversation.

        Returns once its sends in flight have their answers, at most a send's time-out later, with
        those that are still open. Raises NotFound, Refused.
        """
        now = self._clock()
        await self._switch.pause(conversation_id, self._pause(by, length, reason, now), now)
        reach(CrashPoint.PAUSE_COMMITTED)
        log.info("operator.paused", conversation=conversation_id, by=by)
        return await self._settled(conversation_id, None)

    async def pause_scope(
        self,
        line_id: str | None,
        by: str,
        length: Length = "default",
        reason: str | None = None,
    ) -> tuple[InFlight, ...]:
        """The same for a line, or (None) for everything."""
        now = self._clock()
        await self._switch.pause_scope(line_id, self._pause(by, length, reason, now), now)
        reach(CrashPoint.PAUSE_COMMITTED)
        log.info("operator.paused", line=line_id, everything=line_id is None, by=by)
        return await self._settled(None, line_id)

    async def resume(
        self, conversation_id: str, by: str, *, answer: bool = False, brief: str | None = None
    ) -> None:
        """Give a conversation back; `answer`: the bot answers what has waited. Raises NotFound.

        `brief`: what the bot is to know of what was promised; None: the person's own last words.
        """
        told = None if brief is None else clean_text(brief, BRIEF_MAX).strip()
        await self._switch.resume(conversation_id, by, self._clock(), answer=answer, brief=told)
        log.info("operator.resumed", conversation=conversation_id, by=by)
        self._queue.poke((conversation_id,))

    async def resume_scope(self, line_id: str | None, by: str, *, answer: bool = False) -> None:
        """The same for a line, or (None) for everything; paused conversations stay paused."""
        wake = await self._switch.resume_scope(line_id, by, self._clock(), answer=answer)
        log.info("operator.resumed", line=line_id, everything=line_id is None, by=by)
        self._queue.poke(wake)

    async def attend(self, conversation_id: str, by: str) -> None:
        """Somebody has looked after a conversation. Raises NotFound."""
        await self._switch.attend(conversation_id, by, self._clock())
        log.info("operator.attended", conversation=conversation_id, by=by)

    async def send(
        self,
        conversation_id: str,
        text: str,
        by: str,
        *,
        keep_bot: bool = False,
        request_key: str | None = None,
    ) -> str:
        """Send a person's words as they are typed; the id of the message (of its first part).

        The bot is paused as long as the settings say, but for `keep_bot`. The same `request_key`
        again sends nothing and returns the first one's id. Raises NotFound, Refused.
        """
        parts = _parts(text)
        now = self._clock()
        pause = replace(self._pause(by, "default", "a person has replied", now), prolongs=True)
        message_id = await self._switch.write(
            conversation_id,
            parts,
            pause,
            now,
            request_key=_checked_key(request_key),
            keep_bot=keep_bot,
        )
        log.info("operator.wrote", conversation=conversation_id, message=message_id, by=by)
        self._queue.poke((conversation_id,))
        return message_id

    async def replay(self, event_id: str, by: str) -> None:
        """Give a dead or skipped event another try. Raises NotFound, Refused."""
        conversation_id = await self._switch.replay(event_id, by, self._clock())
        log.info("operator.replayed", event_id=event_id, by=by)
        if conversation_id is None:
            self._queue.ring_events()
        else:
            self._queue.poke((conversation_id,))

    async def drop_event(self, event_id: str, by: str) -> None:
        """Put a dead letter away, looked after. Raises NotFound, Refused."""
        await self._switch.drop_event(event_id, by, self._clock())
        log.info("operator.dropped", event_id=event_id, by=by)

    async def drop_draft(self, message_id: str, by: str) -> None:
        """Put away what the bot had written and a pause stopped. Raises NotFound, Refused."""
        await self._switch.drop_draft(message_id, by, self._clock())
        log.info("operator.dropped", message=message_id, by=by)

    def _pause(self, by: str, length: Length, reason: str | None, now: datetime) -> Pause:
        if length == "default":
            length = self._policy.auto_resume_after
        until = None if length is None else now + pause_length(length.total_seconds())
        why = None if reason is None else clean_line(reason, _REASON_MAX)
        return Pause(by, until, why if why else None)

    async def _settled(
        self, conversation_id: str | None, line_id: str | None
    ) -> tuple[InFlight, ...]:
        """Wait for the answers to what had left when the pause began."""
        deadline = time.monotonic() + self._policy.send_timeout.total_seconds()
        wait_s = _POLL_FIRST_S
        while True:
            open_sends = await self._switch.in_flight(conversation_id, line_id)
            left_s = deadline - time.monotonic()
            if not open_sends or left_s <= 0:
                return tuple(open_sends)
            await asyncio.sleep(min(wait_s, left_s))
            wait_s = min(wait_s * 2, _POLL_LAST_S)


def pause_length(seconds: float) -> timedelta:
    """A length given as a number. Raises Refused when no pause can last so long."""
    if not math.isfinite(seconds) or not 0 < seconds <= LENGTH_MAX.total_seconds():
        raise Refused("a pause lasts longer than nothing and at most ten years", 422)
    return timedelta(seconds=seconds)


def _parts(text: str) -> tuple[str, ...]:
    if len(text) > TEXT_MAX:
        raise Refused(f"the text is longer than {TEXT_MAX} characters: send it in pieces", 422)
    parts = split_text(clean_text(text, TEXT_MAX))
    if not parts:
        raise Refused("the text is empty", 422)
    return parts


def _checked_key(key: str | None) -> str | None:
    if key is not None and not (0 < len(key) <= _KEY_MAX and key.isprintable()):
        raise Refused(f"an Idempotency-Key is 1 to {_KEY_MAX} printable characters", 422)
    return key
