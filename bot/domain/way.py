"""The whole way of one event or message, step by step: what is read first when somebody complains.

It tells ids, times, states and reasons; never what anybody wrote.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

from bot.domain.shown import EventView
from bot.domain.untrusted import clean_line, without_numbers

_DETAIL_MAX = 400
_OUR_ID = re.compile(r"((?:ev|ms|re|op|no|tn|cv)_[0-9a-f]{20,}\w*)")
_MILLISECOND = timedelta(milliseconds=1)


class Step(StrEnum):
    """What a step is called; its `detail` says more."""

    RECEIVED = "received"
    """A webhook call came: its type, and the provider's id of it."""
    STORED = "stored"
    """Its signature was right, and it was stored, in one commit, before it was acknowledged."""
    CHANGED = "changed"
    """The customer has changed the message."""
    DELETED = "deleted"
    """The customer has taken it back."""
    WAITED = "waited"
    """From its arrival to its first turn: for the rest of the burst, files, hours, people."""
    FETCHED = "fetched"
    """A file was downloaded, or could not be had."""
    READ = "read"
    """A file was transcribed, looked at or read, or nothing could be made of it."""

    CLAIMED = "claimed"
    """A turn took it, with everything else that waited."""
    MODEL = "model"
    """The model answered."""
    GUARD = "guard"
    """A guard has found something in what the model wrote: which, what kind, what was done."""
    PROMPT = "prompt"
    """The prompt's own words were taken: no model was asked."""
    ANSWERED = "answered"
    """The turn's reply was stored to be sent."""
    SUPERSEDED = "superseded"
    """Newer messages came before the reply was stored: it was dropped."""
    DRAFTED = "drafted"
    """A person took over before the reply was stored: it is kept as a draft."""
    RELEASED = "released"
    """Something outside was away: the messages waited for another try."""
    FAILED = "failed"
    """No reply could be made; that counts against the messages."""
    SKIPPED = "skipped"
    """Nothing had to be said."""
    DECLINED = "declined"
    """It was for a person, who was told."""
    DEFERRED = "deferred"
    """The bot was off duty: the messages waited for its hours."""
    LOST = "lost"
    """The worker that had the turn was gone."""
    REPEATED = "repeated"
    """More turns ended in the same way; this is when the last of them did."""

    QUEUED = "queued"
    """A message was stored to be sent."""
    HELD = "held"
    """It began to wait for its line or for the account."""
    TRIED = "tried"
    """The first try to send it began."""
    SENT = "sent"
    """The line took it."""
    DELIVERED = "delivered"
    """It was on the other side's phone."""
    CANCELLED = "cancelled"
    """It was never sent."""
    REJECTED = "rejected"
    """The line will never take it."""
    UNCERTAIN = "uncertain"
    """It left and got no answer: nobody knows whether it arrived."""

    PAUSED = "paused"
    """A person, or the bot for one, silenced the bot."""
    RESUMED = "resumed"
    """The bot was given the conversation back."""
    WROTE = "wrote"
    """A person wrote to the customer, which silences the bot."""
    ATTENTION = "attention"
    """A person was called."""
    REMINDED = "reminded"
    """The pause was over, the customer waited, and people were told again."""
    ATTENDED = "attended"
    """Somebody has looked after it."""
    OPTED_OUT = "opted out"
    OPTED_IN = "opted in"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    REPLAYED = "replayed"
    """Somebody gave the event another try."""

    CARRIED_OUT = "carried out"
    """What an operator wrote was done and answered."""
    ENDED = "ended"
    """The event's end and its reason."""
    WAITING = "waiting"
    """It has not ended: what it waits for, and until when."""


@dataclass(frozen=True, slots=True)
class StepView:
    """One step. Steps come in order of time."""

    at: datetime | None
    """When it was over; None: not recorded."""
    step: Step
    detail: str
    ms: int | None
    """How long it took; where it took no time of its own, how long after the step before."""


@dataclass(frozen=True, slots=True)
class EndView:
    """How it ended: an event `done`, `skipped` or `dead`, a message sent as its status says."""

    state: str
    reason: str
    """Of an event: one of `domain.event.EndReason`, and what belongs to it."""


@dataclass(frozen=True, slots=True)
class WayView:
    """What happened to one event or message, from its arrival on."""

    id: str
    """Ours, whichever it was asked by."""
    kind: Literal["event", "message"]
    line_id: str
    contact: str | None = field(repr=False)
    conversation_id: str | None
    event: EventView | None
    """What brought it; None: it went the other way."""
    end: EndView | None
    """None: it is not at its end."""
    steps: tuple[StepView, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """A step before it has its place."""

    at: datetime | None
    step: Step
    detail: str
    ms: int | None = None
    """Set: it took so long itself."""
    after: datetime | None = None
    """Where it belongs when nobody noted its time."""


def in_order(noted: Iterable[Noted]) -> tuple[StepView, ...]:
    """Steps in order of time, those of the same moment as given; last what is waited for."""
    steps: list[StepView] = []
    before: datetime | None = None
    for one in sorted(noted, key=_place):
        at = _not_over(one, before) if one.step is Step.WAITING else one.at
        ms = one.ms if one.ms is not None else _since(before, one)
        steps.append(StepView(at, one.step, one.detail, ms))
        before = one.at or before
    return tuple(steps)


def _place(one: Noted) -> datetime:
    return _LAST if one.step is Step.WAITING else one.at or one.after or _LAST


_LAST = datetime.max.replace(tzinfo=UTC)


def _not_over(one: Noted, before: datetime | None) -> datetime | None:
    """Until when it waits; None also when that has come already."""
    return None if one.at is None or (before is not None and one.at < before) else one.at


def _since(before: datetime | None, one: Noted) -> int | None:
    if before is None or one.at is None or one.step is Step.WAITING:
        return None
    return (one.at - before) // _MILLISECOND


def between_ms(begun: datetime | None, ended: datetime | None) -> int | None:
    """How long something took; None: one of its ends is not known, or the clock was set back."""
    if begun is None or ended is None or ended < begun:
        return None
    return (ended - begun) // _MILLISECOND


def told(*parts: str | None) -> str:
    """The parts of a detail in one line; empty ones are left out."""
    return clean_line(", ".join(part for part in parts if part), _DETAIL_MAX)


def words_of(others: str | None) -> str:
    """An error or a reason in others' words: ids of ours stay, what may be a phone number goes."""
    pieces = _OUR_ID.split(others or "")  # every second one is an id
    return "".join(
        piece if number % 2 else without_numbers(piece) for number, piece in enumerate(pieces)
    )
