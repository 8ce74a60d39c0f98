"""A contact as a person: blocked, opted out, noted on by hand; and erased with all that is kept."""

import asyncio
import contextlib
import time
from datetime import timedelta

import structlog

from bot.domain.media import media_key, picture_key
from bot.domain.people import (
    NOTE_MAX,
    Decision,
    Erased,
    NotePage,
    NoteView,
    Place,
    Profile,
    Removed,
    StandingPage,
)
from bot.domain.untrusted import clean_line, clean_text
from bot.errors import BotError, NotFound, Refused, Unavailable
from bot.ports import Clock, ContactStore, Deletable

log = structlog.get_logger()

LOOK_S = 5.0
_REASON_MAX = 200
_PICTURES_MADE_MAX = 8
"""More than are ever made of one file."""
_POLL_FIRST_S = 0.01
_POLL_LAST_S = 0.25
_STALLED = timedelta(seconds=10)
"""A worker that has stood still for longer sends nothing of what it has in hand."""


class Contacts:
    """What operators do with a contact, whichever way they come. `by` names who did it."""

    def __init__(
        self, store: ContactStore, blobs: Deletable, clock: Clock, send_timeout: timedelta
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._patience = send_timeout + _STALLED

    # how it stands

    async def places(self, phone: str, line_id: str | None = None) -> tuple[Place, ...]:
        """Where a contact is known, however the number is spelt; with a line, there.

        Raises NotFound.
        """
        return await self._store.places(phone, line_id)

    async def kept(self, phone: str, line_id: str | None = None) -> tuple[Place, ...]:
        """Where anything at all is kept of a contact. Raises NotFound."""
        return await self._store.kept(phone, line_id)

    async def place_of(self, conversation_id: str) -> Place:
        """Whose conversation it is. Raises NotFound."""
        return await self._store.place_of(conversation_id)

    async def profile(self, conversation_id: str) -> Profile:
        """What is known of a contact. Raises NotFound."""
        return await self._store.profile(conversation_id)

    async def standing(self, places: tuple[Place, ...]) -> StandingPage:
        """Blocked, opted out, or neither, on each of these lines."""
        return StandingPage(tuple([await self._store.standing(one) for one in places]))

    async def decide(
        self, places: tuple[Place, ...], decision: Decision, by: str, reason: str | None = None
    ) -> StandingPage:
        """On each of these lines, from then on."""
        why = clean_line(reason, _REASON_MAX) if reason else None
        for place in places:
            await self._store.decide(place, decision, by, why or None, self._clock())
            about = {"conversation": place.conversation_id, "by": by}
            log.info("operator.decided", decision=decision.value, **about)
        return await self.standing(places)

    # notes

    async def notes(self, conversation_id: str) -> NotePage:
        """In order of time. Raises NotFound."""
        return await self._store.notes(conversation_id)

    async def add_note(self, conversation_id: str, text: str, by: str) -> NoteView:
        """For colleagues alone. Raises NotFound, Refused."""
        return await self._store.add_note(conversation_id, _noted(text), by, self._clock())

    async def edit_note(self, conversation_id: str, note_id: str, text: str, by: str) -> NoteView:
        """Raises NotFound, Refused."""
        edited = _noted(text)
        return await self._store.edit_note(conversation_id, note_id, edited, by, self._clock())

    async def remove_note(self, conversation_id: str, note_id: str) -> None:
        """Raises NotFound."""
        await self._store.remove_note(conversation_id, note_id)

    # erasure

    async def erase(self, places: tuple[Place, ...], by: str) -> Erased:
        """All of it, on each of these lines. Once this returns nothing of it can leave any more.

        Raises NotFound when nothing is kept.
        """
        for place in places:
            await self._store.begin_erasing(place, by, self._clock())
        removed = [await self._finish(place, by) for place in places]
        await self.clean()
        return Erased(
            tuple(removed), await self._store.files_left(self._clock()), await self._store.copies()
        )

    async def _finish(self, place: Place, by: str) -> Removed:
        await self._settled(place)
        removed = await self._store.erase(place, by, self._clock())
        log.info("contact.erased", line=place.line_id, by=by)
        return removed

    async def _settled(self, place: Place) -> None:
        """Wait until what is on its way has left, or never will."""
        deadline = time.monotonic() + self._patience.total_seconds()
        wait_s = _POLL_FIRST_S
        while await self._store.on_its_way(place, self._clock()):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _POLL_LAST_S)

    async def clean(self) -> None:
        """Delete the files, and what else is left of erasures outside the tables."""
        for sha256 in await self._store.leftovers(self._clock()):
            if not await self._store.begin_file(sha256):
                continue
            try:
                await self._delete(sha256)
            except Unavailable as error:
                log.warning("file.not_deleted", error=str(error))
                return
            await self._store.end_file(sha256, self._clock())

    async def _delete(self, sha256: str) -> None:
        for number in range(1, _PICTURES_MADE_MAX + 1):
            await self._blobs.delete(picture_key(sha256, number))
        await self._blobs.delete(media_key(sha256))

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`: bring to its end what a process that ended has left."""
        while not stop.is_set():
            try:
                await self.tidy()
            except BotError as error:
                log.warning("erasure.not_finished", error=str(error))
            except Exception as error:
                log.exception("erasure.broke", error=type(error).__name__)
            try:
                async with asyncio.timeout(LOOK_S):
                    await stop.wait()
            except TimeoutError:
                continue

    async def tidy(self) -> None:
        """Bring to its end what was begun, forget what need not be known any more."""
        if not await self._store.has_chores(self._clock()):
            return
        for place, by in await self._store.unfinished(self._clock()):
            with contextlib.suppress(NotFound):  # whoever began it has just done it
                await self._finish(place, by)
        await self._store.forget_old(self._clock())
        await self.clean()


def _noted(text: str) -> str:
    """Raises Refused."""
    if len(text) > NOTE_MAX:
        raise Refused(f"a note has at most {NOTE_MAX} characters", 422)
    cleaned = clean_text(text, NOTE_MAX).strip()
    if not cleaned:
        raise Refused("the note is empty", 422)
    return cleaned
