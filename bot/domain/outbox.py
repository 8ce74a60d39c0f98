"""Outbound messages: their states, and what can come of one attempt to send."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class SendStatus(StrEnum):
    """The life of an outbound message."""

    QUEUED = "queued"
    """Stored, to be sent at `next_at`."""
    HELD = "held"
    """Waits for its line or the account; probed now and then."""
    SENDING = "sending"
    """A worker has it in hand; when that worker dies it becomes unknown."""
    UNKNOWN = "unknown"
    """Left, got no answer; shown to the outside as `sending`. Waits for its delivery notice."""
    SENT = "sent"
    """The line took it."""
    DELIVERED = "delivered"
    """It is on the customer's phone."""
    FAILED = "failed"
    """The line rejected it for good."""
    UNCERTAIN = "uncertain"
    """Nobody knows whether it arrived; a person decides."""
    CANCELLED = "cancelled"
    """Never left: a person took over (then it is a draft), or a newer answer replaced it."""


_S = SendStatus
SEND_MOVES: dict[SendStatus, frozenset[SendStatus]] = {
    _S.QUEUED: frozenset({_S.SENDING, _S.HELD, _S.CANCELLED}),
    _S.HELD: frozenset({_S.SENDING, _S.QUEUED, _S.CANCELLED}),
    _S.SENDING: frozenset({_S.SENT, _S.DELIVERED, _S.QUEUED, _S.HELD, _S.FAILED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({_S.SENT, _S.DELIVERED, _S.SENDING, _S.UNCERTAIN, _S.CANCELLED}),
    _S.SENT: frozenset({_S.DELIVERED}),
    _S.DELIVERED: frozenset(),
    _S.FAILED: frozenset(),
    _S.UNCERTAIN: frozenset({_S.DELIVERED}),
    _S.CANCELLED: frozenset(),
}


def reply_id(turn_id: str, part: int = 0) -> str:
    """The id of a part of the reply that a turn makes."""
    return f"re{turn_id[2:]}_{part}"


_REPLY = re.compile(r"\bre_[0-9a-f]+_\d+")


def reply_named(reason: str | None) -> str | None:
    """The reply that an event's reason names."""
    found = _REPLY.search(reason or "")
    return None if found is None else found[0]


TAKEN_OVER = "a person took over"
"""Why a message of the bot's is kept as a draft."""
OPTED_OUT = "the customer has opted out"
BLOCKED = "the contact is blocked"
_REPLACED = "replaced by an answer that has seen newer messages"


def replaced(by: str) -> str:
    """Why a reply that had not left yet is cancelled; `by`: the id of the one in its place."""
    return f"{_REPLACED}: {by}"


def replaced_by(error: str | None) -> str | None:
    """The id of the reply that took a cancelled one's place; None: it was not replaced."""
    what, _, by = (error or "").partition(": ")
    return by if what == _REPLACED and by else None


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message to send: `id` is its idempotency key, the same on every attempt."""

    id: str
    conversation_id: str
    line_id: str
    to: str = field(repr=False)
    text: str = field(repr=False)
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """2xx; a line may answer without an id."""

    provider_id: str | None


@dataclass(frozen=True, slots=True)
class NotSent:
    """The line never had it (no connection), or asked us to come again (5xx): same key, later.

    `maybe_repeated` is True after a 5xx: the provider promises that a retry is safe, and we count.
    """

    error: str
    maybe_repeated: bool = False


@dataclass(frozen=True, slots=True)
class LineHeld:
    """409 (line not ready) or 429 (cap reached): nothing more goes out on this line for now."""

    code: str
    error: str
    retry_after: timedelta | None = None
    capped: bool = False
    """429: the line is fine, it has sent enough; False: it is not ready."""


@dataclass(frozen=True, slots=True)
class AccountHeld:
    """401 (key) or 402 (balance): nothing goes out on any line until an operator acts."""

    code: str
    error: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """400, 404, 422 and other 4xx: this message will never be accepted."""

    code: str
    error: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request left and no answer came: the message may be on its way."""

    error: str


SendOutcome = Sent | NotSent | LineHeld | AccountHeld | Rejected | Unanswered
