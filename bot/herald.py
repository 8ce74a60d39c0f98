"""Notices on their way to the operators' webhook. Whatever it does, nobody else waits for it."""

import structlog

from bot.crash_points import CrashPoint, reach
from bot.domain.work import NoticePost
from bot.errors import Refused, StoreUnavailable, Unavailable
from bot.metrics import NOTICES
from bot.ports import Clock, NoticeStore, Notifier

log = structlog.get_logger()


class Herald:
    """Posts what waits, one at a time: operators read notices in their order."""

    def __init__(self, store: NoticeStore, notifier: Notifier | None, clock: Clock) -> None:
        """`notifier` None: no webhook is configured, and what an earlier one left waits."""
        self._store = store
        self._notifier = notifier
        self._clock = clock
        self._is_telling = False

    async def tell(self) -> None:
        """Post all that is due; returns at once while another call of this does."""
        if self._is_telling or self._notifier is None:
            return
        self._is_telling = True
        try:
            while (notice := await self._store.claim_notice(self._clock())) is not None:
                await self._post(self._notifier, notice)
        except StoreUnavailable:
            log.warning("notice.store_unavailable")
        finally:
            self._is_telling = False

    async def _post(self, notifier: Notifier, notice: NoticePost) -> None:
        reach(CrashPoint.NOTICE_CLAIMED)
        try:
            await notifier.post(notice.id, notice.body)
            reach(CrashPoint.NOTICE_POSTED)
        except Unavailable as error:
            outcome = "unavailable"
            await self._fail(notice, error)
        except Refused as error:
            outcome = "refused"
            await self._fail(notice, error)
        else:
            outcome = "told"
            await self._store.notice_told(notice)
            log.info("notice.told", notice=notice.id, attempt=notice.attempt)
        NOTICES.labels(outcome).inc()

    async def _fail(self, notice: NoticePost, error: Unavailable | Refused) -> None:
        log.warning("notice.failed", notice=notice.id, attempt=notice.attempt, error=str(error))
        retry_after = error.retry_after if isinstance(error, Unavailable) else None
        gave_up = await self._store.notice_failed(
            notice,
            str(error),
            self._clock(),
            retry_after=retry_after,
            final=isinstance(error, Refused),
        )
        if gave_up:
            log.error("notice.given_up", notice=notice.id)
