"""Named moments at which tests end the process hard, to see what the next start makes of it.

Off unless the process was started with `BOT_CRASH_AT=<name>` or `<name>:<n>` in its environment:
then it ends the n-th time that it reaches the point, and cleans up nothing. No settings file, and
no `.env`, can turn it on.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

VARIABLE = "BOT_CRASH_AT"
EXIT_CODE = 137
"""As after SIGKILL."""


class CrashPoint(StrEnum):
    """What has just happened, and what has not happened yet."""

    EVENT_STORED = "event-stored"
    """Committed; no worker is woken."""
    WORKER_POKED = "worker-poked"
    """A worker is being woken; the provider has no answer."""
    TURN_CLAIMED = "turn-claimed"
    """Committed; nothing is made of it."""
    FILE_DOWNLOADED = "file-downloaded"
    """The bytes are on this disk, not in the media store."""
    FILE_STORED = "file-stored"
    """The bytes are in the media store; the database does not know."""
    FILE_READ = "file-read"
    """What a file says, a paid transcript perhaps, is here; the database does not know."""
    MODEL_ANSWERED = "model-answered"
    """The answer is here and paid for; the database does not know."""
    REPLY_TAKEN = "reply-taken"
    """A message is `sending`; no byte of it has left."""
    REPLY_LEFT = "reply-left"
    """The line has a message; its answer is not read."""
    SEND_ANSWERED = "send-answered"
    """The line's answer is read; the database does not know."""
    PAUSE_COMMITTED = "pause-committed"
    """Whoever paused has no answer."""
    HANDED_OFF = "handed-off"
    """Pause, parting words and notices are committed; none of them has left."""
    NOTICE_CLAIMED = "notice-claimed"
    """Nothing of it has left for the operators' webhook."""
    NOTICE_POSTED = "notice-posted"
    """The operators' webhook has it; the database does not know."""
    EVENT_APPLIED = "event-applied"
    """An operator's command, or what a line told, is carried out; no answer to it has left."""
    PROMPT_PUBLISHED = "prompt-published"
    """A prompt's text is live; its file holds the one before."""
    PROMPT_WRITTEN = "prompt-written"
    """The file holds it too; that this host has seen it is not noted."""
    CANDIDATE_CLAIMED = "candidate-claimed"
    """A changed prompt is in hand to be tested; none of its tests has begun."""
    MIGRATING = "migrating"
    """One statement of a migration has run; the migration is not committed."""
    TRANSITION_RUN = "transition-run"
    """A transition has written what it writes; it, and what shares its commit, is uncommitted."""


@dataclass(slots=True)
class _Armed:
    point: CrashPoint
    left: int

    def count(self, point: CrashPoint) -> None:
        if point is self.point:
            self.left -= 1
            if self.left == 0:
                os._exit(EXIT_CODE)


_armed: _Armed | None = None


def reach(point: CrashPoint) -> None:
    """End the process here, if it was started to be ended here."""
    if _armed is not None:
        _armed.count(point)


def arm(environ: Mapping[str, str]) -> None:
    """Called once, by a process that goes on running, before it opens anything."""
    global _armed  # noqa: PLW0603 - a process is armed once, for good
    _armed = _read(environ.get(VARIABLE, ""))


def warning(environ: Mapping[str, str]) -> str | None:
    """What an operator is told when the variable is set; None: it is not."""
    given = environ.get(VARIABLE, "")
    if not given:
        return None
    armed = _read(given)
    if armed is None:
        return f"no such point, so it has no effect; known: {', '.join(CrashPoint)}"
    return f"for tests alone: the bot ends hard at {armed.point}; unset it"


def _read(given: str) -> _Armed | None:
    """None: unset, or nothing that can be reached."""
    name, _, times = given.partition(":")
    count = times or "1"
    if name not in set(CrashPoint) or not (count.isdecimal() and int(count)):
        return None
    return _Armed(CrashPoint(name), int(count))
