"""Wherever the process ends, the next one brings every message to one end: texts, files, sends."""

import asyncio

import pytest

from bot.crash_points import VARIABLE, CrashPoint, warning
from tests import test_crash_points_of_people, test_gate, test_prompts
from tests.conftest import NewBot
from tests.crashes import (
    PATIENCE_S,
    REACHED,
    SETTINGS,
    all_said_back,
    armed,
    ended_and_started,
    ends_at,
    is_whole,
    writes,
)
from tests.harness import eventually
from tests.samples import voices

pytestmark = pytest.mark.slow

assert test_crash_points_of_people
assert test_gate
assert test_prompts


@pytest.mark.parametrize("point", CrashPoint)
def test_some_test_ends_a_process_at_every_point(point: CrashPoint) -> None:
    assert point in REACHED


@ends_at(
    CrashPoint.EVENT_STORED,
    CrashPoint.TURN_CLAIMED,
    CrashPoint.MODEL_ANSWERED,
    slow=(CrashPoint.WORKER_POKED, CrashPoint.REPLY_TAKEN),
)
async def test_a_question_is_answered_once(new_bot: NewBot, point: CrashPoint) -> None:
    bot = await armed(new_bot, point)
    ana = bot.provider.customer()
    asking = writes(ana, "one", "two")
    await ended_and_started(bot)
    await asking
    await all_said_back(ana, "one", "two")
    await writes(ana, "three")
    await all_said_back(ana, "one", "two", "three")
    await is_whole(bot, ana)


@ends_at(CrashPoint.REPLY_LEFT, slow=(CrashPoint.SEND_ANSWERED,))
async def test_what_left_and_got_no_answer_leaves_again_under_its_key(
    new_bot: NewBot, point: CrashPoint
) -> None:
    bot = await armed(new_bot, point)
    ana = bot.provider.customer()
    asking = writes(ana, "one")
    await ended_and_started(bot)
    await asking
    await eventually(lambda: len(ana.attempts) == 2, PATIENCE_S)
    await writes(ana, "two")
    await all_said_back(ana, "one", "two")
    await is_whole(bot, ana, repeated=1)
    first, second, third = ana.attempts
    assert first.key == second.key != third.key


@ends_at(CrashPoint.SEND_ANSWERED, slow=(CrashPoint.REPLY_LEFT,))
async def test_what_left_and_is_delivered_does_not_leave_again(
    new_bot: NewBot, point: CrashPoint
) -> None:
    settings = {**SETTINGS, "line_api": {"timeout_s": 2, "uncertain_wait_s": 60}}
    bot = await armed(new_bot, point, settings=settings)
    ana = bot.provider.customer()
    asking = writes(ana, "one")
    await ended_and_started(bot)
    await asking
    (sent,) = ana.attempts
    await bot.handled(await bot.provider.delivered(ana.number, sent.provider_id))
    await writes(ana, "two")
    await all_said_back(ana, "one", "two")
    await is_whole(bot, ana)


@ends_at(CrashPoint.FILE_STORED, slow=(CrashPoint.FILE_DOWNLOADED, CrashPoint.FILE_READ))
async def test_a_voice_note_is_fetched_and_heard_as_rarely_as_can_be(
    new_bot: NewBot, point: CrashPoint
) -> None:
    bot = await armed(new_bot, point)
    ana = bot.provider.customer()
    bot.speech.hears("spoken")
    note = bot.media.serve(voices.voice_ogg(1.2), media_type="audio/ogg")
    event = ana.event(None, type="voice", media=note)
    await bot.provider.deliver_until_stored(event)
    await ended_and_started(bot)
    await all_said_back(ana, "spoken")
    await writes(ana, "written")
    await all_said_back(ana, "spoken", "written")
    await is_whole(bot, ana)
    assert bot.media.fetches(note) == (2 if point is CrashPoint.FILE_DOWNLOADED else 1)
    assert len(bot.speech.heard) == (2 if point is CrashPoint.FILE_READ else 1)


@ends_at(CrashPoint.TRANSITION_RUN)
@pytest.mark.parametrize(
    "times", [30, *(pytest.param(times, marks=pytest.mark.slow) for times in (16, 54))]
)
async def test_what_shares_a_commit_is_done_together_or_not_at_all(
    new_bot: NewBot, point: CrashPoint, times: int
) -> None:
    bot = await armed(new_bot, point, times)
    crowd = [bot.provider.customer() for _ in range(12)]
    asking = [writes(one, "one", "two") for one in crowd]
    await ended_and_started(bot)
    await asyncio.gather(*asking)
    for one in crowd:
        await all_said_back(one, "one", "two")
    await is_whole(bot, *crowd, repeated=len(crowd))  # any of them may have been on its way


@pytest.mark.parametrize("given", ["nowhere", "event-stored:0", "event-stored:x", "EVENT_STORED"])
def test_what_names_no_point_is_told_and_does_nothing(given: str) -> None:
    told = warning({VARIABLE: given})
    assert told is not None
    assert told.startswith("no such point, so it has no effect; known: event-stored, ")


async def test_only_the_environment_of_the_process_can_arm_a_point(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    (bot.folder / ".env").write_text(f"{VARIABLE}=transition-run\n")
    await bot.start()
    ana = bot.provider.customer()
    await ana.writes("one")
    await all_said_back(ana, "one")
    bot.env[VARIABLE] = "event-stored"
    told = await bot.cli("check")
    assert f"{VARIABLE}: for tests alone: the bot ends hard at event-stored" in told.stderr
    assert told.exit_code == 0
    bot.settings[VARIABLE] = "event-stored"
    refused = await bot.cli("check")
    assert f"{VARIABLE}: no such key" in refused.stderr
    assert refused.exit_code == 1
