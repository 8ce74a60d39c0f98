"""The way of one reply as spans, made afterwards from the times that the database has noted.

Every id is derived: a trace's from the turn's first event, a span's from what it is about. So no
process hands anything on to another, and what is told twice is the same span again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b


@dataclass(frozen=True, slots=True)
class FileTimes:
    """One file that the turn has waited for."""

    media_id: str
    arrived_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Journey:
    """What is known of a reply's part and of the turn that made it."""

    event_id: str
    """The first of those that the turn took."""
    conversation_id: str
    line_id: str
    turn_id: str
    message_id: str
    part: int
    received_at: datetime
    claimed_at: datetime
    ended_at: datetime
    """Of the turn; the reply was stored with it."""
    sent_at: datetime | None
    """None: the line has rejected it."""
    first_tried_at: datetime | None = None
    delivered_at: datetime | None = None
    llm_ms: int | None = None
    files: tuple[FileTimes, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """One step. Its attributes are ids of ours and nothing else."""

    name: str
    trace_id: int
    """128 bits."""
    span_id: int
    """64 bits."""
    parent_id: int | None
    begun_at: datetime
    ended_at: datetime
    attributes: Mapping[str, str] = field(default_factory=dict)
    failed: bool = False


def trace_id(event_id: str) -> int:
    """The trace that an event's reply belongs to."""
    return int.from_bytes(_digest(event_id, 16))


def _span_id(*about: str) -> int:
    return int.from_bytes(_digest("\n".join(about), 8))


def _digest(text: str, size: int) -> bytes:
    return blake2b(text.encode(), digest_size=size).digest()


def spans_when_sent(journey: Journey) -> tuple[Span, ...]:
    """All steps up to the line's answer; of a later part of the reply only its own."""
    return tuple(_Spans(journey).when_sent())


def spans_when_delivered(journey: Journey, *, was_unknown: bool) -> tuple[Span, ...]:
    """The last step. `was_unknown`: nobody could tell the others before."""
    spans = _Spans(journey)
    before = spans.when_sent() if was_unknown else ()
    return (*before, *spans.when_delivered())


class _Spans:
    def __init__(self, journey: Journey) -> None:
        self._of = journey
        self._trace_id = trace_id(journey.event_id)
        self._root_id = _span_id("reply", journey.turn_id)

    def when_sent(self) -> Iterator[Span]:
        if self._of.part == 0:
            yield from self._making()
        yield self._send()

    def when_delivered(self) -> Iterator[Span]:
        of = self._of
        if of.sent_at is not None and of.delivered_at is not None:
            yield self._span("delivered", of.message_id, of.sent_at, of.delivered_at)

    def _making(self) -> Iterator[Span]:
        of = self._of
        yield self._root()
        yield self._span("received", of.event_id, of.received_at, of.received_at)
        yield self._span("waited", of.turn_id, of.received_at, of.claimed_at)
        for file in of.files:
            yield self._span("media", file.media_id, file.arrived_at, file.ended_at)
        yield self._span("turn", of.turn_id, of.claimed_at, of.ended_at)
        if of.llm_ms is not None:
            begun_at = max(of.claimed_at, of.ended_at - timedelta(milliseconds=of.llm_ms))
            turn_id = _span_id("turn", of.turn_id)
            yield self._span("model", of.turn_id, begun_at, of.ended_at, parent_id=turn_id)
        yield self._span("stored", of.turn_id, of.ended_at, of.ended_at)

    def _root(self) -> Span:
        of = self._of
        ended_at = of.sent_at or of.first_tried_at or of.ended_at
        attributes = {
            "event_id": of.event_id,
            "conversation_id": of.conversation_id,
            "line_id": of.line_id,
            "turn_id": of.turn_id,
        }
        return Span(
            "reply", self._trace_id, self._root_id, None, of.received_at, ended_at, attributes
        )

    def _send(self) -> Span:
        of = self._of
        begun_at = of.ended_at if of.first_tried_at is None else of.first_tried_at
        ended_at = begun_at if of.sent_at is None else of.sent_at
        return self._span("send", of.message_id, begun_at, ended_at, failed=of.sent_at is None)

    def _span(
        self,
        name: str,
        about: str,
        begun_at: datetime,
        ended_at: datetime,
        *,
        parent_id: int | None = None,
        failed: bool = False,
    ) -> Span:
        return Span(
            name,
            self._trace_id,
            _span_id(name, about),
            self._root_id if parent_id is None else parent_id,
            begun_at,
            max(begun_at, ended_at),  # a clock that was set back
            {"conversation_id": self._of.conversation_id, f"{_ABOUT[name]}_id": about},
            failed,
        )


_ABOUT = {
    "received": "event",
    "waited": "turn",
    "media": "media",
    "turn": "turn",
    "model": "turn",
    "stored": "turn",
    "send": "message",
    "delivered": "message",
}
