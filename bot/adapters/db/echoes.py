"""Which of our own sends the line speaks of, when it says that something was written or delivered.

The order is the one of the provider's description: by id; a send to that contact that is on its way
or unknown; the oldest that left without an id. What is none of these somebody else has written. So
has what the line told of before the send began.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from bot.adapters.db.rows import AnyRow, lock, open_sends
from bot.adapters.db.schema import SENT_WITH_ID, SENT_WITHOUT_ID, Instant, messages
from bot.domain.conversation import conversation_id, operator_chat_id
from bot.domain.event import Delivered, Received

ContactKey = Callable[[str], str]

_SENT_CONFIRMED_WITHIN = timedelta(hours=24)
"""A phone may be off for a day. A later notice without a known id is a person's."""
_DOUBT_CONFIRMED_WITHIN = timedelta(hours=1)
"""Of what may never have left a late notice is rather a person's."""
_CLOCKS_APART = timedelta(seconds=2)
"""Of two hosts, at most; less than anybody waits to see whose a notice was."""
_LEFT = ("sending", "unknown")
_OURS = select(messages).where(SENT_WITH_ID, messages.c.provider_id == bindparam("provider_id"))
_tried_at = func.coalesce(messages.c.first_tried_at, messages.c.created_at, type_=Instant)
_UNCONFIRMED = (
    select(messages)
    .where(
        messages.c.conversation_id == bindparam("conversation"),
        SENT_WITHOUT_ID,
        or_(
            and_(messages.c.status == "sent", _tried_at >= bindparam("sent_after", type_=Instant)),
            _tried_at >= bindparam("doubted_after", type_=Instant),
        ),
        _tried_at <= bindparam("before", type_=Instant),
    )
    .order_by(messages.c.seq)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Told:
    """When something was delivered or written, and when the line told of it."""

    of: datetime
    at: datetime


def told(of: datetime | None, at: datetime) -> Told:
    """`of` as the provider says: left out, or later than it told, it is taken for that moment."""
    return Told(at if of is None else min(of, at), at)


def of_notice(
    tx: Connection, line_id: str, delivered: Delivered, contact_key: ContactKey, when: Told
) -> AnyRow | None:
    """The send that was delivered; None: somebody else's message was.

    Without an id of ours it is a guess.
    """
    ours = _by_provider_id(tx, delivered.provider_id)
    if ours is not None or delivered.recipient is None:
        return ours
    for key in _conversations_with(tx, line_id, contact_key(delivered.recipient)):
        without_id = _without_id(tx, key, when)
        if without_id:
            return without_id[0]
    return None


def of_words(
    tx: Connection, line_id: str, written: Received, contact_key: ContactKey, when: Told
) -> tuple[AnyRow | None, list[AnyRow]]:
    """The send that these words are, if any; else those of which they may be a changed copy."""
    ours = _by_provider_id(tx, written.provider_id)
    if ours is not None or written.recipient is None:
        return ours, []
    keys = _conversations_with(tx, line_id, contact_key(written.recipient))
    possible = [send for key in keys for send in _without_id(tx, key, when)]
    return _same_words(possible, written), possible


def _by_provider_id(tx: Connection, provider_id: str | None) -> AnyRow | None:
    if provider_id is None:
        return None
    return tx.execute(_OURS, {"provider_id": provider_id}).first()


def _conversations_with(tx: Connection, line_id: str, contact: str) -> tuple[str, str]:
    """Theirs as a customer, locked, and as an operator."""
    key = conversation_id(line_id, contact)
    lock(tx, key)
    return key, operator_chat_id(line_id, contact)


def _without_id(tx: Connection, conversation: str, when: Told) -> list[AnyRow]:
    """What may be seen from outside before its id is known here, the likeliest first."""
    before = when.at + _CLOCKS_APART
    bounds = {
        "before": before,
        "sent_after": when.of - _SENT_CONFIRMED_WITHIN,
        "doubted_after": when.of - _DOUBT_CONFIRMED_WITHIN,
    }
    left = [send for send in open_sends(tx, conversation) if send.status in _LEFT]
    begun = [send for send in left if send.first_tried_at <= before]
    unconfirmed = tx.execute(_UNCONFIRMED, {"conversation": conversation, **bounds}).first()
    return begun if unconfirmed is None else [*begun, unconfirmed]


def _same_words(sends: Sequence[AnyRow], written: Received) -> AnyRow | None:
    """Ours are words: a file without any, such as a voice note, is a person's."""
    said = written.text.strip()
    return next((send for send in sends if said and send.text.strip() == said), None)
