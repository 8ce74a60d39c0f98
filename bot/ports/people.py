"""What people decide: who answers, and what becomes of a contact."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from bot.domain.conversation import Pause
from bot.domain.people import (
    Decision,
    NotePage,
    NoteView,
    Place,
    Profile,
    Record,
    Removed,
    Standing,
)
from bot.domain.work import (
    InFlight,
)


class Switch(Protocol):
    """Who answers: the operators' transitions. All raise NotFound."""

    async def pause(self, conversation_id: str, pause: Pause, now: datetime) -> None:
        """The bot is silent from the commit of this on; its queued replies become drafts."""
        ...

    async def pause_scope(self, line_id: str | None, pause: Pause, now: datetime) -> None:
        """The same for a line, or (None) for everything."""
        ...

    async def in_flight(self, conversation_id: str | None, line_id: str | None) -> list[InFlight]:
        """The bot's messages that are still on their way, of a conversation, a line, or all."""
        ...

    async def resume(
        self,
        conversation_id: str,
        by: str,
        now: datetime,
        *,
        answer: bool = False,
        brief: str | None = None,
    ) -> None:
        """The bot answers again; `answer`: also what the customer wrote last, if nobody has.

        `brief`: what the model is told of the person's promises; None: what they wrote last.
        """
        ...

    async def resume_scope(
        self, line_id: str | None, by: str, now: datetime, *, answer: bool = False
    ) -> frozenset[str]:
        """The same for a line, or (None) for everything; the conversations to answer."""
        ...

    async def attend(self, conversation_id: str, by: str, now: datetime) -> None:
        """Somebody looked after it: no longer in need of attention."""
        ...

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
        """Queue a person's message; the id of its first part. The same key: the same id.

        `keep_bot`: the bot is not paused if it has the conversation. Raises Refused when the key
        was used in another conversation, or the customer has opted out.
        """
        ...

    async def replay(self, event_id: str, by: str, now: datetime) -> str | None:
        """Put a dead or skipped event back; the conversation to wake, None for other events.

        Raises Refused for an event in any other state.
        """
        ...

    async def drop_event(self, event_id: str, by: str, now: datetime) -> None:
        """Put a dead letter away. Raises Refused for an event in any other state."""
        ...

    async def drop_draft(self, message_id: str, by: str, now: datetime) -> None:
        """Put a draft of the bot's away. Raises Refused for any other message."""
        ...


class ContactStore(Protocol):
    """Contacts as people. Raises NotFound for what is not there."""

    async def places(self, address: str, line_id: str | None) -> tuple[Place, ...]:
        """Where a contact is known, however the number is spelt; with a line, there."""
        ...

    async def kept(self, address: str, line_id: str | None) -> tuple[Place, ...]:
        """Where anything at all is kept of a contact."""
        ...

    async def place_of(self, conversation_id: str) -> Place:
        """Whose conversation it is."""
        ...

    async def profile(self, conversation_id: str) -> Profile:
        """What is known of a contact."""
        ...

    async def standing(self, place: Place) -> Standing:
        """Blocked, opted out, or neither."""
        ...

    async def decide(
        self, place: Place, decision: Decision, by: str, reason: str | None, now: datetime
    ) -> None:
        """From the commit on it is so."""
        ...

    async def notes(self, conversation_id: str) -> NotePage:
        """In order of time."""
        ...

    async def add_note(self, conversation_id: str, text: str, by: str, now: datetime) -> NoteView:
        """Raises Refused when there are too many."""
        ...

    async def edit_note(
        self, conversation_id: str, note_id: str, text: str, by: str, now: datetime
    ) -> NoteView:
        """Who wrote it first stays its author."""
        ...

    async def remove_note(self, conversation_id: str, note_id: str) -> None:
        """Gone for good."""
        ...

    async def begin_erasing(self, place: Place, by: str, now: datetime) -> None:
        """Nothing is claimed or sent there from the commit on."""
        ...

    async def on_its_way(self, place: Place, now: datetime) -> int:
        """Messages to them that a living worker has in hand."""
        ...

    async def erase(self, place: Place, by: str, now: datetime) -> Removed:
        """All of it, in one transaction; files are left to be deleted."""
        ...

    async def has_chores(self, now: datetime) -> bool:
        """Whether an erasure has left anything to be done now."""
        ...

    async def unfinished(self, now: datetime) -> list[tuple[Place, str]]:
        """Erasures that were begun and not ended, and by whom."""
        ...

    async def forget_old(self, now: datetime) -> None:
        """Of those erased so long ago that nothing late can come about them."""
        ...

    async def leftovers(self, now: datetime) -> list[str]:
        """Files, by sha256, that may be deleted now."""
        ...

    async def begin_file(self, sha256: str) -> bool:
        """Whether a file may be deleted: no message has it, and none takes it from now on."""
        ...

    async def end_file(self, sha256: str, now: datetime) -> None:
        """It is deleted."""
        ...

    async def files_left(self, now: datetime) -> int:
        """Files that could not be deleted yet."""
        ...

    async def copies(self) -> tuple[str, ...]:
        """Names of the copies that were made of the database before it was upgraded."""
        ...


class Records(Protocol):
    """All that is kept of a contact, row by row."""

    async def conversation(self, place: Place) -> Record | None:
        """The conversation itself; None: there is none."""
        ...

    def pages(self, place: Place, section: str) -> AsyncIterator[list[dict[str, object]]]:
        """All rows of a section, some at a time."""
        ...

    async def note_export(self, place: Place, by: str, now: datetime) -> None:
        """It is recorded who got it."""
        ...
