"""The store: each method is one transaction and one transition of a state machine."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.adapters.db import (
    catch_up,
    clock_back,
    contacts,
    dropping,
    holds,
    inbox,
    lapses,
    leftovers,
    lifecycle,
    media,
    notice_post,
    outbox,
    settling,
    switch,
    traffic,
    turn_claim,
    turn_ends,
    turns,
    upkeep,
)
from bot.adapters.db import opting as opting_db
from bot.adapters.db.engine import Database
from bot.adapters.db.ids import new_id
from bot.adapters.db.rows import AnyRow
from bot.crash_points import CrashPoint, reach
from bot.domain.conversation import Pause, Policy
from bot.domain.event import ProviderEvent
from bot.domain.inbox import Filing
from bot.domain.media import Fetched, MediaWork, Problem, Reading
from bot.domain.outbox import Outbound, SendOutcome
from bot.domain.turn import Answered, Claim, Opting, Reply, Turn
from bot.domain.work import (
    Accepted,
    Applied,
    InFlight,
    MediaClaim,
    MediaEnded,
    MediaLater,
    NoticePost,
    SendLater,
    ToSend,
    Traffic,
    Work,
)
from bot.errors import StoreUnavailable, Unavailable

log = structlog.get_logger()

_MILLISECOND = timedelta(milliseconds=1)


class Store:
    """All transitions, on behalf of one worker (a process that is no worker never claims)."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        parse: Callable[[bytes], ProviderEvent],
        contact_key: Callable[[str], str],
    ) -> None:
        self._db = database
        self._policy = policy
        self._parse = parse
        self._contact_key = contact_key
        self.worker_id = new_id("wk")

    # the inbox

    async def accept(self, filings: Sequence[Filing], now: datetime) -> Accepted:
        """Store a batch of events."""
        return await self._db.write(lambda tx: inbox.accept(tx, filings, now, self._policy))

    async def bury(self, raw: bytes, error: str, now: datetime) -> None:
        """Keep an unreadable body as a dead letter."""
        await self._db.write(lambda tx: inbox.bury(tx, raw, error, now))

    # turns

    async def claim_turn(self, conversation_id: str, now: datetime) -> Claim:
        """Take what waits in a conversation."""
        return await self._db.write(
            lambda tx: turn_claim.claim(tx, conversation_id, self.worker_id, now, self._policy)
        )

    async def is_of_others(self, conversation_id: str, numbers: Sequence[str]) -> bool:
        """Whether one of these numbers (digits) is another customer's."""
        return await self._db.read(lambda tx: contacts.is_of_others(tx, conversation_id, numbers))

    async def answer_turn(
        self, turn: Turn, reply: Reply, now: datetime
    ) -> tuple[Answered, Outbound | None]:
        """Reply in the outbox, end of the turn; its first part, if it may leave now."""
        return await self._db.write(
            lambda tx: turns.answer(tx, turn, reply, self.worker_id, now, self._policy)
        )

    async def release_turn(
        self, turn: Turn, error: str, now: datetime, retry_after: timedelta | None = None
    ) -> None:
        """An outage: the messages wait."""
        await self._db.write(
            lambda tx: turn_ends.release(
                tx, turn, error, self.worker_id, now, self._policy, retry_after
            )
        )

    async def fail_turn(
        self, turn: Turn, error: str, fallback: Reply, now: datetime, *, final: bool = False
    ) -> bool:
        """A failure that counts."""
        return await self._db.write(
            lambda tx: turn_ends.fail(
                tx, turn, error, fallback, self.worker_id, now, self._policy, final=final
            )
        )

    async def skip_turn(self, turn: Turn, reason: str, now: datetime) -> Answered:
        """Nothing needs to be said."""
        return await self._db.write(
            lambda tx: turn_ends.skip(tx, turn, reason, self.worker_id, now, self._policy)
        )

    async def decline_turn(self, turn: Turn, reason: str, now: datetime) -> None:
        """Nothing is said, and people are told."""
        await self._db.write(
            lambda tx: turn_ends.decline(tx, turn, reason, self.worker_id, now, self._policy)
        )

    async def defer_turn(
        self, turn: Turn, until: datetime, away: Reply | None, now: datetime
    ) -> Outbound | None:
        """The messages wait for the bot's hours."""
        return await self._db.write(
            lambda tx: turn_ends.defer(tx, turn, until, away, self.worker_id, now, self._policy)
        )

    async def hear_opting(
        self, conversation_id: str, opting: Opting, message_ids: tuple[str, ...], now: datetime
    ) -> bool:
        """A customer opts out while a person has the conversation."""
        return await self._db.write(
            lambda tx: opting_db.hear(tx, conversation_id, opting, message_ids, now, self._policy)
        )

    # media

    async def claim_media(self, media_id: str, now: datetime) -> MediaClaim:
        """Take an attachment to fetch or to read it."""
        return await self._db.write(
            lambda tx: media.claim(tx, media_id, self.worker_id, now, self._policy)
        )

    async def keep_media(
        self, work: MediaWork, fetched: Fetched, media_type: str, took: timedelta, now: datetime
    ) -> None:
        """Its bytes are ours."""
        fetch_ms = took // _MILLISECOND
        keep = partial(media.keep, work=work, fetched=fetched, media_type=media_type)
        if not await self._db.write(
            lambda tx: keep(tx, fetch_ms=fetch_ms, worker_id=self.worker_id, now=now)
        ):
            raise Unavailable("the very same file was being deleted for somebody else")

    async def forsake_file(self, media_id: str, sha256: str, now: datetime) -> None:
        """Bytes of an attachment that was lost."""
        await self._db.write(lambda tx: leftovers.forsake(tx, media_id, sha256, now))

    async def finish_media(
        self, work: MediaWork, reading: Reading, took: timedelta, now: datetime
    ) -> MediaEnded:
        """What it says is known, or why it can't be had."""
        read_ms = took // _MILLISECOND
        return await self._db.write(
            lambda tx: media.finish(tx, work, reading, read_ms, self.worker_id, now, self._policy)
        )

    async def release_media(
        self,
        work: MediaWork,
        error: str,
        now: datetime,
        *,
        counted: Problem | None = None,
        retry_after: timedelta | None = None,
    ) -> MediaLater | MediaEnded:
        """Another try, later."""
        return await self._db.write(
            lambda tx: media.release(
                tx,
                work,
                error,
                self.worker_id,
                now,
                self._policy,
                counted=counted,
                retry_after=retry_after,
            )
        )

    # the outbox

    async def claim_reply(
        self, conversation_id: str, now: datetime, *, probe: bool = False
    ) -> ToSend | SendLater:
        """Take the next message to send."""
        return await self._db.write(
            lambda tx: outbox.claim(
                tx, conversation_id, self.worker_id, now, self._policy, probe=probe
            )
        )

    async def settle_reply(self, message: Outbound, outcome: SendOutcome, now: datetime) -> bool:
        """What came of an attempt; whether the conversation has more to send."""
        return await self._db.write(
            lambda tx: settling.settle(tx, message, outcome, self.worker_id, now, self._policy)
        )

    # notices

    async def claim_notice(self, now: datetime) -> NoticePost | None:
        """Take a notice for the webhook."""
        return await self._db.write(lambda tx: notice_post.claim(tx, now))

    async def notice_told(self, notice: NoticePost) -> None:
        """It has arrived."""
        await self._db.write(lambda tx: notice_post.told(tx, notice))

    async def notice_failed(
        self,
        notice: NoticePost,
        error: str,
        now: datetime,
        *,
        retry_after: timedelta | None = None,
        final: bool = False,
    ) -> bool:
        """Again later, or never."""
        return await self._db.write(
            lambda tx: notice_post.fail(
                tx, notice, error, now, self._policy, retry_after, final=final
            )
        )

    # upkeep

    async def register(self, now: datetime, *, sole: bool) -> None:
        """This process begins to work, under a new fencing id."""
        self.worker_id = new_id("wk")
        await self._db.write(lambda tx: upkeep.register(tx, self.worker_id, now, sole=sole))

    async def beat(self, now: datetime) -> bool:
        """Prolong the lease."""
        return await self._db.write(lambda tx: upkeep.beat(tx, self.worker_id, now))

    async def sign_off(self) -> None:
        """This process works no more."""
        await self._db.write(lambda tx: upkeep.sign_off(tx, self.worker_id))

    async def sweep(self, now: datetime, overdue: timedelta) -> Work:
        """What is due."""
        return await self._db.write(lambda tx: upkeep.find_work(tx, now, overdue))

    async def mend(self, now: datetime, in_hand: frozenset[str]) -> frozenset[str]:
        """Take back what nobody works on any more."""
        orphans = await self._db.write(
            lambda tx: upkeep.find_orphans(tx, self.worker_id, in_hand, now, self._policy)
        )
        if not (orphans.turns or orphans.sends or orphans.media or orphans.dead_workers):
            return frozenset()
        return await self._db.write(
            lambda tx: upkeep.take_back(tx, orphans, self.worker_id, now, self._policy)
        )

    async def apply_events(self, now: datetime) -> Applied:
        """Apply waiting line and delivery events, each in a transaction of its own."""
        applied = Applied()
        for row in await self._db.write(lambda tx: lifecycle.due(tx, now)):
            applied += await self._apply(row, now)
        return applied

    async def _apply(self, row: AnyRow, now: datetime) -> Applied:
        """One event; what cannot be applied becomes a dead letter and blocks nothing behind it."""
        try:
            apply = partial(
                lifecycle.apply,
                row=row,
                content=self._parse(row.raw),
                contact_key=self._contact_key,
                now=now,
                policy=self._policy,
            )
            applied = await self._db.write(apply)
        except StoreUnavailable:
            raise
        except Exception as broken:
            error = type(broken).__name__
            log.exception("event.broke", event_id=row.id, error=error)
            await self._db.write(lambda tx: lifecycle.give_up(tx, row, error, now))
            return Applied()
        reach(CrashPoint.EVENT_APPLIED)
        return applied

    async def lapse_pauses(self, now: datetime) -> frozenset[str]:
        """End pauses whose time is up, each in a transaction of its own."""
        threads, scopes = await self._db.write(lambda tx: lapses.due_lapses(tx, now))
        woken: set[str] = set()
        for thread in threads:
            policy = self._policy
            end = partial(lapses.lapse, conversation_id=thread, now=now, policy=policy)
            if await self._db.write(end):
                woken.add(thread)
        for scope in scopes:
            policy = self._policy
            woken |= await self._db.write(
                partial(lapses.lapse_scope, scope=scope, now=now, policy=policy)
            )
        return frozenset(woken)

    async def traffic(self, after: int | None) -> Traffic:
        """What was written since a message."""
        return await self._db.read(lambda tx: traffic.since(tx, after))

    async def stop_line(self, line_id: str, now: datetime) -> bool:
        """Silence a runaway."""
        return await self._db.write(lambda tx: traffic.stop(tx, line_id, now, self._policy))

    async def clock_went_back(self, by: timedelta, now: datetime) -> bool:
        """Bring forward what waits."""
        return await self._db.write(lambda tx: clock_back.shift(tx, by, now))

    async def summarise(self, now: datetime) -> None:
        """Tell people once what an outage has left."""
        await self._db.write(lambda tx: catch_up.tell(tx, now, self._policy))

    async def installation_id(self) -> str:
        """What tells this bot's queue from that of others on the same Redis."""
        return await self._db.write(upkeep.installation_id)

    async def know_lines(self, line_ids: Sequence[str], now: datetime) -> None:
        """Configured lines can be seen and paused before anything has happened on them."""
        for line_id in line_ids:
            await self._db.write(partial(holds.ensure_line, line_id=line_id, now=now))

    async def write_probe(self, now: datetime) -> None:
        """Write something small, durably."""
        await self._db.write(lambda tx: upkeep.write_probe(tx, now))

    async def live_workers(self, now: datetime) -> int:
        """How many workers have a running lease."""
        return await self._db.read(lambda tx: upkeep.live_workers(tx, now))

    # the switch

    async def pause(self, conversation_id: str, pause: Pause, now: datetime) -> None:
        """A person takes a conversation."""
        await self._db.write(lambda tx: switch.pause(tx, conversation_id, pause, now))

    async def pause_scope(self, line_id: str | None, pause: Pause, now: datetime) -> None:
        """A person takes a line, or everything."""
        await self._db.write(lambda tx: switch.pause_scope(tx, line_id, pause, now))

    async def in_flight(self, conversation_id: str | None, line_id: str | None) -> list[InFlight]:
        """The bot's messages still on their way."""
        return await self._db.read(lambda tx: switch.in_flight(tx, conversation_id, line_id))

    async def resume(
        self,
        conversation_id: str,
        by: str,
        now: datetime,
        *,
        answer: bool = False,
        brief: str | None = None,
    ) -> None:
        """The bot has a conversation again."""
        await self._db.write(
            lambda tx: switch.resume(tx, conversation_id, by, now, answer=answer, brief=brief)
        )

    async def resume_scope(
        self, line_id: str | None, by: str, now: datetime, *, answer: bool = False
    ) -> frozenset[str]:
        """The bot has a line, or everything, again."""
        return await self._db.write(
            lambda tx: switch.resume_scope(tx, line_id, by, now, self._policy, answer=answer)
        )

    async def attend(self, conversation_id: str, by: str, now: datetime) -> None:
        """Somebody has looked after a conversation."""
        await self._db.write(lambda tx: switch.attend(tx, conversation_id, by, now))

    async def write(
        self,
        conversation_id: str,
        parts: tuple[str, ...],
        pause: Pause,
        now: datetime,
        *,
        request_key: str | None = None,
        keep_bot: bool = False,
    ) -> str:
        """Queue a person's message."""
        write = partial(switch.write, request_key=request_key, keep_bot=keep_bot)
        return await self._db.write(lambda tx: write(tx, conversation_id, parts, pause, now))

    async def replay(self, event_id: str, by: str, now: datetime) -> str | None:
        """Put a dead or skipped event back."""
        return await self._db.write(lambda tx: switch.replay(tx, event_id, by, now))

    async def drop_event(self, event_id: str, by: str, now: datetime) -> None:
        """Put a dead letter away."""
        await self._db.write(lambda tx: dropping.drop_event(tx, event_id, by, now))

    async def drop_draft(self, message_id: str, by: str, now: datetime) -> None:
        """Put a draft away."""
        await self._db.write(lambda tx: dropping.drop_draft(tx, message_id, by, now))
