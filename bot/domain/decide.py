"""What to do about a customer's messages before any model is asked: the rules, in their order.

First what the customer has a right to (STOP), then what protects both sides (loops, limits, hours),
then fixed words; whatever is left is for the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.domain.chat import HandOffCall
from bot.domain.entry import Entry
from bot.domain.event import EndReason
from bot.domain.keywords import bare, is_keyword
from bot.domain.loops import suspect
from bot.domain.opening_hours import BotAnswers, OpeningHours, off_duty
from bot.domain.prompt import HandOffRule, RenderedPrompt
from bot.domain.turn import AskModel, Decision, Decline, Defer, Opting, Say, Skip, Turn

ASKED_FOR_PERSON = "asks for a person"

_TOLD = frozenset({"text", "location", "contact"})
"""Types whose words are all there is to them."""
_FILES = frozenset({"image", "video", "document", "sticker"})
_SAID_LATELY = timedelta(hours=24)
_LONGEST_CLOSING = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Duty:
    """When the bot answers at all, and how much of one contact it puts up with."""

    answers: BotAnswers = "always"
    hours: OpeningHours = field(default_factory=OpeningHours)
    messages_per_10_minutes: int = 60
    """0: no limit."""
    watches_loops: bool = True
    """Whether a contact that seems to be a machine gets no answer."""


def decide(turn: Turn, prompt: RenderedPrompt, duty: Duty, now: datetime) -> Decision:
    """What becomes of the turn's messages."""
    standing = turn.standing
    if standing.excluded:
        return Skip(EndReason.EXCLUDED.value)
    opting = opting_of(turn.waiting, prompt, opted_out=standing.opted_out)
    if opting is not None:
        return _confirm(opting, prompt)
    if standing.opted_out:
        return Skip(EndReason.OPTED_OUT.value)
    refusal = _refusal(turn, duty, now)
    if refusal is not None:
        return Decline(refusal)
    if off_duty(duty.answers, duty.hours, now):
        return _wait(turn, prompt, duty, now)
    return _fixed_words(turn.waiting, turn.past, prompt)


def opting_of(
    waiting: Sequence[Entry], prompt: RenderedPrompt, *, opted_out: bool
) -> Opting | None:
    """The customer's last word on whether they want to be written to; None: it stays as it is."""
    for entry in reversed(waiting):
        if is_keyword(entry.words, prompt.opt_out.keywords):
            return None if opted_out else Opting.OUT
        if is_keyword(entry.words, prompt.opt_in.keywords):
            return Opting.IN if opted_out else None
    return None


def _confirm(opting: Opting, prompt: RenderedPrompt) -> Say:
    rule = prompt.opt_out if opting is Opting.OUT else prompt.opt_in
    return Say(rule.say, opting=opting)


def _refusal(turn: Turn, duty: Duty, now: datetime) -> str | None:
    if not duty.watches_loops:
        return turn.standing.refusal
    suspicion = suspect(turn.past, turn.waiting, now, duty.messages_per_10_minutes)
    return turn.standing.refusal if suspicion is None else suspicion


def _wait(turn: Turn, prompt: RenderedPrompt, duty: Duty, now: datetime) -> Defer:
    """Until the bot's hours begin; the customer is told once in each closing that all are out."""
    changes = duty.hours.changes_at(now)
    until = now + _LONGEST_CLOSING if changes is None else changes
    if duty.answers != "in_hours":
        return Defer(until)
    since = duty.hours.changed_at(now)
    said = turn.standing.away_at
    is_told = said is not None and (since is None or said >= since)
    return Defer(until, "" if is_told else prompt.away)


def _fixed_words(
    waiting: Sequence[Entry], past: Sequence[Entry], prompt: RenderedPrompt
) -> Decision:
    if not any(_means_something(entry) for entry in waiting):
        if any(entry.kind == "voice" for entry in waiting):
            return Say(prompt.unheard or prompt.unsupported)
        return _say_unsupported(waiting, past, prompt)
    if prompt.hand_off is not None and any(
        _asks_for_person(entry.words, prompt.hand_off) for entry in waiting
    ):
        return Say(prompt.hand_off.say, HandOffCall(ASKED_FOR_PERSON, waiting[-1].words))
    return AskModel()


def _means_something(entry: Entry) -> bool:
    """Whether the model can make anything of it, if only that a photo could not be opened."""
    if entry.kind in _TOLD:
        return True
    if entry.kind == "voice":
        return entry.media is not None and bool(entry.media.reading.text.strip())
    return entry.kind in _FILES and (entry.media is not None or bool(entry.text.strip()))


def _say_unsupported(
    waiting: Sequence[Entry], past: Sequence[Entry], prompt: RenderedPrompt
) -> Say | Skip:
    """Once is enough: somebody who sends ten such messages does not get ten such answers."""
    since = waiting[0].at - _SAID_LATELY
    known = bare(prompt.unsupported)
    if any(
        entry.author == "bot" and entry.at > since and known in bare(entry.text) for entry in past
    ):
        return Skip(EndReason.UNSUPPORTED.value)
    return Say(prompt.unsupported)


def _asks_for_person(text: str, rule: HandOffRule) -> bool:
    return is_keyword(text, rule.keywords)
