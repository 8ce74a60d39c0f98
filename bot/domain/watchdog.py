"""What is wrong with the bot as a whole: facts in, alerts out.

An alert has a key. It is told when it comes up and when it is over, and in between it is silent,
however often it is looked at, by however many processes. An alert that is not `ripe` is not told
yet, but keeps one that was told from being over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.alert import OF_ALL, Alert, AlertKind
from bot.domain.silence import LineHistory, is_silent, unusual_silence

SIGNATURES_WITHIN = timedelta(minutes=5)
SIGNATURES_MAX = 5
DEAD_WITHIN = timedelta(hours=1)
"""A dead letter is news for so long; those that nobody replays are no alert for ever."""
_LEAST_FREE = 0.05
_ERROR_MAX = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """When something is wrong for too long."""

    unanswered_after: timedelta = timedelta(minutes=10)
    line_down_after: timedelta = timedelta(minutes=5)
    look_every: timedelta = timedelta(seconds=30)

    @property
    def steady_after(self) -> timedelta:
        """What may be over at once, such as an edit or a restart, is left alone for so long."""
        return 2 * self.look_every


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Customers of a line who have waited too long."""

    line_id: str
    count: int
    since: datetime
    """The first of them."""
    conversation_id: str
    """Theirs."""
    number: int | None = None
    error: str | None = None
    """What kept the bot from answering them last."""


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A line, as far as it may be wrong."""

    line_id: str
    connected: bool = True
    since: datetime | None = None
    """Of the connection's state."""
    reason: str | None = None
    hold_code: str | None = None
    hold_reason: str | None = None
    hold_since: datetime | None = None
    history: LineHistory | None = None
    """None: it has never been heard."""


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """What could not be processed of late."""

    count: int
    error: str | None = None
    """Of the newest."""


@dataclass(frozen=True, slots=True)
class OfAll:
    """What the database tells."""

    now: datetime
    unanswered: tuple[Unanswered, ...] = ()
    lines: tuple[LineFacts, ...] = ()
    account: LineFacts | None = None
    """Set: it is held."""
    dead_letters: DeadLetters = field(default_factory=lambda: DeadLetters(0))
    watched_since: datetime | None = None
    """Silence before somebody listened is nobody's fault; None: it counts."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look at the database shows."""

    workers: int
    """Alive."""
    has_open: bool
    """Whether any alert is open, so that it may be over."""
    of_all: OfAll | None = None
    """None: another worker judges that."""


@dataclass(frozen=True, slots=True)
class Here:
    """What only this process knows. None: not its to say."""

    without_worker: timedelta | None = None
    """How long no worker has been seen; zero: there is one."""
    bad_signatures: int | None = None
    """Within five minutes."""
    invalid_prompts: Mapping[str, tuple[str, timedelta]] | None = None
    """By file: its first fault, and for how long."""
    free_share: float | None = None
    """Of the disk with the data directory."""
    machine: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong, as far as it was looked at."""

    alerts: tuple[Alert, ...]
    judged: frozenset[AlertKind]
    """An open alert of these kinds that is not among them is over."""


def judge(of_all: OfAll | None, here: Here, limits: Limits) -> Verdict:
    """`of_all` None: another process judges that."""
    alerts = [*_judge_here(here, limits)]
    judged = set(_judged_here(here))
    if of_all is not None:
        alerts += _judge_all(of_all, limits)
        judged |= OF_ALL
    return Verdict(tuple(alerts), frozenset(judged))


def _judge_all(facts: OfAll, limits: Limits) -> Iterator[Alert]:
    for waiting in facts.unanswered:
        yield _unanswered(waiting, facts.now)
    if facts.account is not None:
        yield _account_held(facts.account, facts.now)
    for line in facts.lines:
        down_for = _down_for(line, facts.now)
        if down_for is not None:
            yield _line_down(line, down_for, ripe=down_for >= limits.line_down_after)
        elif facts.account is None:
            yield from _silent(line, facts)
    if facts.dead_letters.count:
        yield _dead_letters(facts.dead_letters)


def _unanswered(waiting: Unanswered, now: datetime) -> Alert:
    one = waiting.count == 1
    who = "a customer has" if one else f"{waiting.count} customers have"
    which = "" if waiting.number is None else f", #{waiting.number}"
    longest = which if one else f", the first{which} of them"
    waited = _long(now - waiting.since)
    text = f"Line {waiting.line_id}: {who} had no answer{longest} for {waited}"
    return Alert(
        AlertKind.UNANSWERED,
        f"{text}{_because(waiting.error)}",
        about=waiting.line_id,
        line_id=waiting.line_id,
        conversation_id=waiting.conversation_id,
    )


def _account_held(account: LineFacts, now: datetime) -> Alert:
    since = now if account.hold_since is None else account.hold_since
    why = _because(account.hold_reason or account.hold_code)
    text = f"The account is held: nothing has left on any line for {_long(now - since)}{why}"
    return Alert(AlertKind.ACCOUNT_HELD, text)


def _down_for(line: LineFacts, now: datetime) -> timedelta | None:
    """None: it is up."""
    since = [line.hold_since] if line.hold_code is not None else []
    since += [] if line.connected else [line.since]
    known = [at for at in since if at is not None]
    if not since:
        return None
    return now - min(known) if known else timedelta(0)


def _line_down(line: LineFacts, down_for: timedelta, *, ripe: bool) -> Alert:
    what = "held" if line.connected else "disconnected"
    why = _because(line.hold_reason or line.reason or line.hold_code)
    text = f"Line {line.line_id} has been {what} for {_long(down_for)}{why}"
    return Alert(AlertKind.LINE_DOWN, text, line.line_id, line.line_id, ripe=ripe)


def _silent(line: LineFacts, facts: OfAll) -> Iterator[Alert]:
    if line.history is None or not is_silent(line.history, facts.now):
        return
    unusual = unusual_silence(line.history, facts.watched_since, facts.now)
    text = f"Line {line.line_id} has heard nothing for {_long(facts.now - line.history.heard_at)}"
    if unusual is not None:
        text += f"; usually it hears about {unusual:.0f} messages in that time. Is its webhook set?"
    about = line.line_id
    yield Alert(AlertKind.LINE_SILENT, text, about, line.line_id, ripe=unusual is not None)


def _dead_letters(dead: DeadLetters) -> Alert:
    what = "1 webhook" if dead.count == 1 else f"{dead.count} webhooks"
    text = f"{what} of the last hour could not be processed{_because(dead.error)}"
    return Alert(AlertKind.DEAD_LETTERS, f"{text}. See: bot events --state dead")


def _judged_here(here: Here) -> Iterator[AlertKind]:
    if here.without_worker is not None:
        yield AlertKind.NO_WORKER
    if here.bad_signatures is not None:
        yield AlertKind.SIGNATURES
    if here.invalid_prompts is not None:
        yield AlertKind.PROMPT
    if here.free_share is not None:
        yield AlertKind.DISK


def _judge_here(here: Here, limits: Limits) -> Iterator[Alert]:
    if here.without_worker:
        text = "No worker is running: what customers write is kept, and nobody answers"
        yield Alert(AlertKind.NO_WORKER, text, ripe=here.without_worker >= limits.steady_after)
    if here.bad_signatures is not None and here.bad_signatures > SIGNATURES_MAX:
        yield Alert(AlertKind.SIGNATURES, _SIGNATURES)
    for file, (fault, lasts) in sorted((here.invalid_prompts or {}).items()):
        text = f"A prompt is not valid, so its last valid version goes on serving: {fault}"
        yield Alert(AlertKind.PROMPT, text, about=file, ripe=lasts >= limits.steady_after)
    if here.free_share is not None and here.free_share < _LEAST_FREE:
        left = f"{here.free_share * 100:.1f} % is free"
        text = f"The disk of {here.machine} is nearly full: {left}. Without room nothing is stored"
        yield Alert(AlertKind.DISK, text, about=here.machine)


_SIGNATURES = (
    f"More than {SIGNATURES_MAX} webhooks within five minutes had a wrong signature and were "
    "refused: is MOSSMOON_WEBHOOK_SECRET the one that the provider signs with?"
)


def _because(error: str | None) -> str:
    if not error:
        return ""
    line = " ".join(error.split())
    return f": {line if len(line) <= _ERROR_MAX else line[: _ERROR_MAX - 1] + '…'}"


def _long(length: timedelta) -> str:
    """`40 s`, `12 min`, `3 h`."""
    seconds = max(0, round(length.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
