"""Where a verified event goes: the decision that is stored with it, in one transaction."""

from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Literal

from bot.domain.event import (
    Deleted,
    Delivered,
    Edited,
    EndReason,
    EventState,
    Ignored,
    LineChanged,
    ProviderEvent,
    Received,
    Unread,
)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a line answers."""

    answer: Literal["all", "listed", "nobody"] = "all"
    only: Container[str] = frozenset()
    """Contact keys, with `listed`."""
    block: Container[str] = frozenset()
    """Contact keys that are never answered."""
    own: Container[str] = frozenset()
    """Contact keys of the business's own lines: two bots must not answer each other."""
    operators: Container[str] = frozenset()
    """Contact keys of those who command the bot here."""

    def includes(self, contact_key: str) -> bool:
        if contact_key in self.block:
            return False
        if self.answer == "listed":
            return contact_key in self.only
        return self.answer == "all"


@dataclass(frozen=True, slots=True)
class Filing:
    """One event, ready to be stored."""

    event: ProviderEvent
    state: EventState
    reason: str | None = None
    error: str | None = None
    message: Received | None = None
    """Set: it becomes a message of the contact's conversation."""
    contact_key: str = ""
    keep_raw: bool = True
    """False for people the line does not answer: nothing of what they wrote is kept."""

    @property
    def contact(self) -> str | None:
        """The other side's address, None for what concerns a whole line."""
        match self.event.content:
            case Received(from_me=True, recipient=recipient) | Delivered(recipient=recipient):
                return recipient
            case Received(sender=sender) | Edited(sender=sender) | Deleted(sender=sender):
                return sender
            case _:
                return None


ContactKey = Callable[[str], str]


def file_event(event: ProviderEvent, audience: Audience, contact_key: ContactKey) -> Filing:
    """Decide what an event is: a message to answer, one to record, or something to apply."""
    match event.content:
        case Received(from_me=False) as message:
            return _file_message(event, message, audience, contact_key(message.sender))
        # typed on the line's own phone, or our own echo
        case Received(is_group=True) | Delivered(is_group=True):
            return _file_group(event, audience)
        # or about an earlier message
        case Received(recipient=other) | Edited(sender=other) | Deleted(sender=other):
            return _file_change(event, other, audience, contact_key)
        case Delivered(recipient=other) if other is not None:
            return _file_change(event, other, audience, contact_key)
        case Delivered() | LineChanged():
            return Filing(event, EventState.PENDING)
        case Unread() | Ignored() as useless:
            return _file_useless(event, useless, audience, contact_key)


def _file_useless(
    event: ProviderEvent, content: Unread | Ignored, audience: Audience, contact_key: ContactKey
) -> Filing:
    if isinstance(content, Ignored):
        kept = audience.answer == "all"
        return Filing(event, EventState.SKIPPED, EndReason.NOT_ACTED_ON, keep_raw=kept)
    kept = audience.includes("" if content.sender is None else contact_key(content.sender))
    return Filing(event, EventState.DEAD, EndReason.UNREADABLE, content.error, keep_raw=kept)


def _file_change(
    event: ProviderEvent, other: str | None, audience: Audience, contact_key: ContactKey
) -> Filing:
    key = "" if other is None else contact_key(other)
    if key in audience.own:
        return Filing(event, EventState.SKIPPED, EndReason.OWN_NUMBER)
    if key in audience.operators or audience.includes(key):
        return Filing(event, EventState.PENDING)
    return Filing(event, EventState.SKIPPED, EndReason.EXCLUDED, keep_raw=False)


def _file_group(event: ProviderEvent, audience: Audience) -> Filing:
    """Whatever is written in a group concerns no customer's conversation."""
    return Filing(event, EventState.SKIPPED, EndReason.GROUP, keep_raw=audience.answer == "all")


def _file_message(event: ProviderEvent, message: Received, audience: Audience, key: str) -> Filing:
    if message.is_group:
        return _file_group(event, audience)
    if key in audience.own:
        return Filing(event, EventState.SKIPPED, EndReason.OWN_NUMBER)
    if key in audience.operators:  # a command: applied in order, like a line's own events
        return Filing(event, EventState.PENDING)
    if not audience.includes(key):
        return Filing(event, EventState.SKIPPED, EndReason.EXCLUDED, keep_raw=False)
    if message.kind == "reaction":
        reason = EndReason.REACTION
        return Filing(event, EventState.SKIPPED, reason, message=message, contact_key=key)
    return Filing(event, EventState.PENDING, message=message, contact_key=key)
