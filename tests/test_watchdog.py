"""What the watchdog makes of what it sees: pure decisions, as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.alert import OF_ALL, AlertKind, kind_of
from bot.domain.silence import LineHistory, hour_of
from bot.domain.watchdog import (
    DeadLetters,
    Here,
    Limits,
    LineFacts,
    OfAll,
    Unanswered,
    judge,
)

NOW = datetime(2026, 3, 17, 15, 30, tzinfo=UTC)  # a Tuesday
LIMITS = Limits()
MINUTE = timedelta(minutes=1)
QUIET = OfAll(NOW)
LINE = "ln_1"


def ago(minutes: float) -> datetime:
    return NOW - minutes * MINUTE


def told(of_all: OfAll | None = QUIET, here: Here | None = None) -> dict[str, str]:
    """The alerts that are told, text by key."""
    alerts = judge(of_all, here if here is not None else Here(), LIMITS).alerts
    return {alert.key: alert.text for alert in alerts if alert.ripe}


def kept(of_all: OfAll | None = QUIET, here: Here | None = None) -> list[str]:
    """The keys of those that would go on, if they had been told."""
    return [alert.key for alert in judge(of_all, here or Here(), LIMITS).alerts]


def line(**facts: Any) -> OfAll:
    return replace(QUIET, lines=(LineFacts(LINE, **facts),))


WAITS = Unanswered(LINE, 1, ago(12), "cv_1")

OF_THE_DATABASE: dict[str, tuple[OfAll, dict[str, str]]] = {
    "all is well": (QUIET, {}),
    "a customer waits": (
        replace(QUIET, unanswered=(replace(WAITS, number=3),)),
        {"unanswered:ln_1": "Line ln_1: a customer has had no answer, #3 for 12 min"},
    ),
    "many wait, and why": (
        replace(QUIET, unanswered=(replace(WAITS, count=40, error="the model\nis away"),)),
        {
            "unanswered:ln_1": "Line ln_1: 40 customers have had no answer, the first of them "
            "for 12 min: the model is away"
        },
    ),
    "a line has just gone": (line(connected=False, since=ago(4)), {}),
    "a line is gone": (
        line(connected=False, since=ago(5), reason="logged out"),
        {"line_down:ln_1": "Line ln_1 has been disconnected for 5 min: logged out"},
    ),
    "a line is held": (
        line(hold_code="rate_limited", hold_reason="429: slow down", hold_since=ago(180)),
        {"line_down:ln_1": "Line ln_1 has been held for 3 h: 429: slow down"},
    ),
    "a line is held for a moment": (line(hold_code="not_ready", hold_since=ago(1)), {}),
    "the account is held, at once": (
        replace(QUIET, account=LineFacts("*", hold_code="bad_key", hold_since=ago(0.5))),
        {"account_held": "The account is held: nothing has left on any line for 30 s: bad_key"},
    ),
    "one dead letter": (
        replace(QUIET, dead_letters=DeadLetters(1, "it is corrupt")),
        {
            "dead_letters": "1 webhook of the last hour could not be processed: it is corrupt. "
            "See: bot events --state dead"
        },
    ),
}


@pytest.mark.parametrize("name", OF_THE_DATABASE)
def test_what_the_database_says(name: str) -> None:
    facts, expected = OF_THE_DATABASE[name]
    assert told(facts) == expected


HERE: dict[str, tuple[Here, set[str]]] = {
    "a worker": (Here(without_worker=timedelta(0)), set()),
    "a worker that is being restarted": (Here(without_worker=timedelta(seconds=59)), set()),
    "no worker": (Here(without_worker=MINUTE), {"no_worker"}),
    "five wrong signatures": (Here(bad_signatures=5), set()),
    "six wrong signatures": (Here(bad_signatures=6), {"signatures"}),
    "a prompt that is being edited": (
        Here(invalid_prompts={"prompts/a.yaml": ("a fault", timedelta(seconds=30))}),
        set(),
    ),
    "invalid prompts": (
        Here(invalid_prompts=dict.fromkeys(("b.yaml", "a.yaml"), ("a fault", MINUTE))),
        {"prompt:a.yaml", "prompt:b.yaml"},
    ),
    "room on the disk": (Here(free_share=0.05, machine="box"), set()),
    "a full disk": (Here(free_share=0.049, machine="box"), {"disk:box"}),
}


@pytest.mark.parametrize("name", HERE)
def test_what_a_process_sees_by_itself(name: str) -> None:
    here, expected = HERE[name]
    assert set(told(here=here)) == expected


def test_what_was_told_goes_on_until_it_is_surely_over() -> None:
    assert kept(line(connected=False, since=ago(1))) == ["line_down:ln_1"]
    assert kept(here=Here(without_worker=timedelta(seconds=1))) == ["no_worker"]
    assert kept(line(history=LineHistory(ago(60)))) == ["line_silent:ln_1"]
    assert kept(line(history=LineHistory(ago(1)))) == []


def test_nobody_judges_what_they_do_not_see() -> None:
    assert judge(None, Here(), LIMITS).judged == frozenset()
    assert judge(QUIET, Here(), LIMITS).judged == OF_ALL
    web = Here(without_worker=timedelta(0), bad_signatures=0)
    assert judge(None, web, LIMITS).judged == {AlertKind.NO_WORKER, AlertKind.SIGNATURES}
    anybody = Here(invalid_prompts={}, free_share=0.5)
    assert judge(None, anybody, LIMITS).judged == {AlertKind.PROMPT, AlertKind.DISK}


def test_keys_of_others_are_nobodys_alerts() -> None:
    assert kind_of("line_down:ln:with:colons") is AlertKind.LINE_DOWN
    assert kind_of("no_worker") is AlertKind.NO_WORKER
    assert kind_of("catch_up:ln_1") is None


# a line that hears nothing


def past(an_hour: int, *, days: int = 14, hours: range = range(8, 20)) -> dict[datetime, int]:
    """So many messages in each of these hours of the day, on each of the last days."""
    midnight = NOW.replace(hour=0, minute=0)
    return {
        midnight - timedelta(days=day) + timedelta(hours=hour): an_hour
        for day in range(1, days + 1)
        for hour in hours
    }


def silent(heard: datetime, by_hour: dict[datetime, int], since: datetime | None = None) -> bool:
    facts = replace(line(history=LineHistory(heard, by_hour)), watched_since=since)
    return "line_silent:ln_1" in told(facts)


@pytest.mark.parametrize(
    ("minutes", "an_hour", "is_told"),
    [
        (14, 1000, False),  # nobody worries before a quarter of an hour
        (15, 1000, True),
        (15, 59, False),  # fifteen missing messages are no chance; fourteen may be
        (16, 60, True),
        (179, 5, False),
        (180, 5, True),
        (300, 4, False),  # a line that hears less is never said to be silent
    ],
)
def test_silence_is_unusual_by_what_is_missing(minutes: float, an_hour: int, is_told: bool) -> None:
    assert silent(ago(minutes), past(an_hour)) is is_told


def test_a_quiet_night_is_no_silence() -> None:
    evening = NOW.replace(hour=20, minute=0) - timedelta(days=1)
    morning = NOW.replace(hour=8, minute=20)
    history = LineHistory(evening, past(30))
    night = replace(OfAll(morning, lines=(LineFacts(LINE, history=history),)))
    assert told(night) == {}
    later = replace(night, now=morning + 15 * MINUTE)
    assert "usually it hears about 18 messages in that time" in told(later)["line_silent:ln_1"]


def test_a_day_of_the_week_that_is_always_quiet_is_no_silence() -> None:
    by_hour = past(100)
    for week in (1, 2):
        for hours in range(24):
            by_hour.pop(hour_of(NOW) - timedelta(weeks=week, hours=hours), None)
    assert silent(ago(120), past(100))
    assert not silent(ago(120), by_hour)


def test_a_line_without_a_past_is_never_silent() -> None:
    assert not silent(ago(300), {})
    assert not silent(ago(120), past(100, days=3))
    assert told(line(history=None)) == {}


def test_silence_while_nobody_listened_is_nobodys_fault() -> None:
    assert silent(ago(120), past(100), since=ago(60))
    assert not silent(ago(120), past(100), since=ago(5))


def test_a_line_that_is_down_is_told_once() -> None:
    facts = line(connected=False, since=ago(120), history=LineHistory(ago(120), past(100)))
    assert set(told(facts)) == {"line_down:ln_1"}


def test_while_the_account_is_held_no_line_is_silent() -> None:
    facts = line(history=LineHistory(ago(120), past(100)))
    held = replace(facts, account=LineFacts("*", hold_code="unauthorized", hold_since=ago(1)))
    assert set(told(held)) == {"account_held"}
