"""What is seen of the bot as a whole: told once, by whomever, in chats that can be reached."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from bot.adapters.db import catch_up
from bot.adapters.db.lookout import Lookout
from bot.adapters.db.schema import line_hours, lines, messages, notices
from bot.adapters.db.views import Views
from bot.domain.alert import Alert, AlertKind, Told
from bot.domain.conversation import operator_chat_id
from bot.domain.notice import Roster
from bot.domain.outbox import AccountHeld, Rejected
from bot.domain.silence import Heard
from bot.domain.watchdog import Limits, OfAll, Verdict
from tests.transitions.scene import BEN, LINE, NOT_READY, Scene, at, thread

OLGA = "+15559999"
OTHER = "ln_2"
UNANSWERED = Alert(AlertKind.UNANSWERED, "somebody waits", LINE, LINE)
DISK = Alert(AlertKind.DISK, "nearly full", "box")
SIGNATURES = Alert(AlertKind.SIGNATURES, "wrong")
KEY = "unanswered:ln_1"
LIMITS = Limits()
ALL_KINDS = frozenset(AlertKind)


def lookout(scene: Scene) -> Lookout:
    return Lookout(scene.database, scene.policy, lambda: scene.store.worker_id)


async def look(scene: Scene, *alerts: Alert, judged: frozenset[AlertKind] = ALL_KINDS) -> Told:
    return await lookout(scene).settle_alerts(Verdict(alerts, judged), scene.now)


async def posts(scene: Scene) -> list[dict[str, Any]]:
    """What waits for the operators' webhook."""
    query = select(notices.c.body).order_by(notices.c.id)
    bodies = await scene.database.read(lambda tx: list(tx.execute(query).scalars()))
    return [json.loads(body) for body in bodies]


async def chats(scene: Scene) -> list[tuple[str, str]]:
    """Line and words of what waits for operators' phones."""
    query = select(messages).where(messages.c.author == "notice").order_by(messages.c.seq)
    rows = await scene.database.read(lambda tx: list(tx.execute(query)))
    return [(row.line_id, row.text) for row in rows]


def told_on(scene: Scene, **by_line: tuple[str, ...]) -> None:
    scene.settings(roster=Roster((OLGA,), by_line, webhook=True, base_url="https://b.example"))


async def test_it_is_told_once_until_it_is_over_and_then_again(scene: Scene) -> None:
    told_on(scene)
    assert await look(scene, UNANSWERED) == Told((KEY,), ())
    for _ in range(3):
        scene.pass_time(30)
        assert await look(scene, UNANSWERED) == Told()
    assert await look(scene) == Told((), (KEY,))
    assert await look(scene) == Told()
    scene.pass_time(30)
    assert await look(scene, UNANSWERED) == Told((KEY,), ())
    assert [(post["kind"], post["key"], post["text"]) for post in await posts(scene)] == [
        ("alert", KEY, "somebody waits"),
        ("alert_over", KEY, "Over: somebody waits"),
        ("alert", KEY, "somebody waits"),
    ]
    assert len(await chats(scene)) == 3


async def test_many_who_look_at_once_tell_it_once(scene: Scene) -> None:
    told_on(scene)
    await scene.store.know_lines([LINE], scene.now)
    both = await asyncio.gather(*(look(scene, UNANSWERED, DISK) for _ in range(8)))
    assert sorted(key for told in both for key in told.raised) == ["disk:box", KEY]
    scene.pass_time(600)
    over = await asyncio.gather(*(look(scene) for _ in range(8)))
    assert sorted(key for told in over for key in told.over) == ["disk:box", KEY]
    assert len(await posts(scene)) == len(await chats(scene)) == 4


async def test_what_is_not_ripe_is_not_told_but_goes_on(scene: Scene) -> None:
    unripe = Alert(AlertKind.UNANSWERED, "perhaps", LINE, LINE, ripe=False)
    assert await look(scene, unripe) == Told()
    await look(scene, UNANSWERED)
    assert await look(scene, unripe) == Told()
    (open_one,) = (await Views(scene.database).alerts()).items
    assert open_one.text == "somebody waits"
    assert await look(scene) == Told((), (KEY,))


async def test_it_is_over_only_for_those_who_judge_it(scene: Scene) -> None:
    await look(scene, UNANSWERED, DISK)
    scene.pass_time(600)
    assert await look(scene, judged=frozenset({AlertKind.DISK})) == Told((), ("disk:box",))
    assert await look(scene, judged=frozenset()) == Told()
    assert await look(scene, judged=frozenset({AlertKind.UNANSWERED})) == Told((), (KEY,))


async def test_what_one_process_does_not_see_another_may(scene: Scene) -> None:
    await look(scene, SIGNATURES, DISK)
    scene.pass_time(30)
    assert await look(scene) == Told()
    await look(scene, DISK)
    scene.pass_time(100)
    assert await look(scene) == Told()
    scene.pass_time(30)
    assert await look(scene) == Told((), ("disk:box",))
    scene.pass_time(1700)
    assert await look(scene) == Told((), ("signatures",))


async def test_a_clock_that_is_set_back_keeps_no_alert_open(scene: Scene) -> None:
    await look(scene, UNANSWERED, DISK)
    scene.at(-3600)
    assert set((await look(scene)).over) == {KEY, "disk:box"}


async def test_what_others_note_in_the_same_table_is_no_alert(scene: Scene) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.database.write(lambda tx: catch_up.note(tx, turn, scene.now))
    assert (await Views(scene.database).alerts()).items == ()
    assert await look(scene) == Told()
    assert await lookout(scene).open_alert_kinds() == ()


# who is told, and where


async def test_a_line_s_own_operators_are_told_of_it_and_everybody_s_of_all(scene: Scene) -> None:
    told_on(scene, ln_1=(BEN,))
    await look(scene, UNANSWERED)
    await scene.store.know_lines([LINE, OTHER], scene.now)
    await look(scene, UNANSWERED, DISK)
    assert await chats(scene) == [(LINE, "somebody waits"), (OTHER, "nearly full")]
    assert await scene.outbox(operator_chat_id(LINE, BEN)) == [("notice", "queued")]


async def test_a_line_that_is_down_is_told_where_the_operator_wrote_last(scene: Scene) -> None:
    told_on(scene)
    await scene.store.know_lines(["ln_0", OTHER], scene.now)
    await scene.commands(OLGA, "#who", OTHER)
    before = await chats(scene)
    await scene.arrives("line.disconnected")
    await scene.apply()
    await look(scene, Alert(AlertKind.LINE_DOWN, "it is gone", LINE, LINE))
    assert (await chats(scene))[len(before) :] == [(OTHER, "it is gone")]
    await scene.arrives("line.ready")
    await scene.apply()
    await look(scene)
    assert (await chats(scene))[-1] == (LINE, "Over: it is gone")


async def test_without_a_line_that_works_only_the_webhook_is_told(scene: Scene) -> None:
    told_on(scene)
    await scene.settles(await scene.answers(await scene.writes()), NOT_READY)
    await look(scene, Alert(AlertKind.LINE_DOWN, "it is held", LINE, LINE))
    assert len(await posts(scene)) == 1
    assert await chats(scene) == []


async def test_a_held_account_and_no_worker_are_for_the_webhook_alone(scene: Scene) -> None:
    told_on(scene)
    await scene.store.know_lines([LINE], scene.now)
    await look(
        scene, Alert(AlertKind.ACCOUNT_HELD, "pay first"), Alert(AlertKind.NO_WORKER, "nobody")
    )
    await look(scene)
    assert len(await posts(scene)) == 4
    assert await chats(scene) == []


async def test_a_muted_chat_gets_none(scene: Scene) -> None:
    told_on(scene)
    await scene.commands(OLGA, "#mute 2h")
    before = await chats(scene)
    await look(scene, UNANSWERED)
    assert await chats(scene) == before
    assert len(await posts(scene)) == 1


async def test_a_link_leads_to_the_conversation_to_look_at(scene: Scene) -> None:
    told_on(scene)
    await look(scene, Alert(AlertKind.UNANSWERED, "x", LINE, LINE, conversation_id="cv_1"))
    link = "x\nhttps://b.example/console/conversations/cv_1"
    (post,) = await posts(scene)
    assert (post["text"], post["conversation_id"], post["contact"]) == (link, "cv_1", None)
    assert await chats(scene) == [(LINE, link)]


# what is seen


async def sees(scene: Scene, limits: Limits = LIMITS) -> OfAll:
    sighting = await lookout(scene).sight(scene.now, limits, scene.now)
    assert sighting.of_all is not None
    return sighting.of_all


async def stays(scene: Scene, seconds: float) -> None:
    """Time passes for the customers, while the worker's heart goes on beating."""
    scene.pass_time(seconds)
    await scene.store.beat(scene.now)


async def test_a_customer_who_waits_before_their_turn_in_it_or_behind_it_is_seen(
    scene: Scene,
) -> None:
    await scene.writes()
    await scene.takes_turn(await scene.writes(BEN))
    await scene.answers(await scene.writes("+3"))
    await stays(scene, 599)
    assert (await sees(scene)).unanswered == ()
    await stays(scene, 1)
    (seen,) = (await sees(scene)).unanswered
    assert (seen.line_id, seen.count, seen.since) == (LINE, 3, at(0))


async def test_what_kept_the_bot_from_answering_is_told(scene: Scene) -> None:
    conversation = await scene.writes()
    turn = await scene.takes_turn(conversation)
    await scene.store.release_turn(turn, "the model is away", scene.now)
    await stays(scene, 600)
    (seen,) = (await sees(scene)).unanswered
    assert (seen.conversation_id, seen.error) == (conversation, "the model is away")


async def test_who_is_answered_paused_deferred_or_held_does_not_wait(scene: Scene) -> None:
    paused, deferred, late = [await scene.writes(who) for who in ("+1", "+2", "+3")]
    await scene.pauses(paused)
    turn = await scene.takes_turn(deferred)
    await scene.store.defer_turn(turn, at(4000), None, scene.now)
    rejected = await scene.answers(late)
    await scene.settles(rejected, Rejected("invalid", "no"))
    await stays(scene, 3000)
    assert (await sees(scene)).unanswered == ()
    await scene.settles(await scene.answers(await scene.writes("+4")), NOT_READY)
    await scene.writes("+5")
    await stays(scene, 900)
    seen = await sees(scene)
    assert seen.unanswered == ()
    assert [line.hold_code for line in seen.lines if line.line_id == LINE] == ["not_ready"]


async def test_a_paused_line_and_a_held_account_are_told_by_themselves(scene: Scene) -> None:
    await scene.writes()
    await scene.writes(line=OTHER)
    await scene.store.know_lines([LINE], scene.now)
    sent = await scene.answers(await scene.writes(BEN))
    await stays(scene, 600)
    await scene.database.write(
        lambda tx: tx.execute(
            lines.update().where(lines.c.line_id == LINE).values(paused_at=scene.now)
        )
    )
    assert [one.line_id for one in (await sees(scene)).unanswered] == [OTHER]
    await scene.settles(sent, AccountHeld("unauthorized", "401"))
    seen = await sees(scene)
    assert seen.unanswered == ()
    assert seen.account is not None
    assert seen.account.hold_code == "unauthorized"


async def test_one_of_the_living_workers_looks_for_all(scene: Scene) -> None:
    other = scene.another_worker()
    await other.register(scene.now, sole=False)
    theirs = Lookout(scene.database, scene.policy, lambda: other.worker_id)
    both = [await one.sight(scene.now, LIMITS, scene.now) for one in (lookout(scene), theirs)]
    assert [sighting.workers for sighting in both] == [2, 2]
    assert sorted(sighting.of_all is not None for sighting in both) == [False, True]


async def test_dead_letters_are_news_for_an_hour(scene: Scene) -> None:
    await scene.store.bury(b"x", "no JSON", scene.now)
    seen = (await sees(scene)).dead_letters
    assert (seen.count, seen.error) == (1, "no JSON")
    await stays(scene, 3600)
    assert (await sees(scene)).dead_letters.count == 0


# what lines hear


async def _note(scene: Scene, heard: Mapping[str, Heard]) -> None:
    await lookout(scene).note_heard(heard, scene.now)


async def _hours(scene: Scene) -> dict[datetime, int]:
    rows = await scene.database.read(lambda tx: list(tx.execute(select(line_hours))))
    return {row.hour: row.heard for row in rows}


async def test_what_is_heard_adds_up_by_the_hour(scene: Scene) -> None:
    for seconds, count in ((10, 2), (3599, 3), (3600, 4), (3700, 0)):
        await _note(scene, {LINE: Heard(at(seconds), count)})
    assert await _hours(scene) == {at(0): 5, at(3600): 4}
    await _note(scene, {LINE: Heard(at(20), 1)})  # of a process that was slower to tell
    (line,) = (await sees(scene)).lines
    assert line.history is not None
    assert line.history.heard_at == at(3700)


async def test_two_weeks_are_kept_and_shown_while_a_line_is_silent(scene: Scene) -> None:
    day = 24 * 3600
    await _note(scene, {LINE: Heard(at(0), 1)})
    await stays(scene, 14 * day)
    await _note(scene, {LINE: Heard(scene.now, 2)})
    await stays(scene, 2 * 3600)
    (line,) = (await sees(scene)).lines
    assert line.history is not None
    assert dict(line.history.by_hour) == {at(0): 1, at(14 * day): 2}
    await stays(scene, 2 * day)
    await _note(scene, {LINE: Heard(scene.now, 0)})
    assert await _hours(scene) == {at(14 * day): 2}


# counts


async def test_everything_that_is_open_is_counted(scene: Scene) -> None:
    assert (await lookout(scene).count(scene.now)).waiting == 0
    paused = await scene.writes("+1")
    await scene.pauses(paused)
    await scene.writes("+2")
    scene.pass_time(60)
    await scene.takes_turn(await scene.writes("+3"))
    await scene.settles(await scene.answers(await scene.writes("+4", line=OTHER)), NOT_READY)
    await scene.store.bury(b"x", "no JSON", scene.now)
    await look(scene, UNANSWERED)
    counted = await lookout(scene).count(scene.now)
    assert counted.waiting - counted.with_person == 2  # nobody has looked at the paused one yet
    assert counted.waiting_since == at(0)
    assert counted.outbox == {"held": 1}
    assert (counted.dead_letters, counted.with_person, counted.uncertain) == (1, 1, 0)
    assert counted.lines == {OTHER: "disconnected"}
    assert counted.alerts == {"unanswered": 1}
    assert thread("+1") == paused


async def test_what_waits_for_the_bots_hours_does_not_wait_yet(scene: Scene) -> None:
    turn = await scene.takes_turn(await scene.writes())
    await scene.store.defer_turn(turn, scene.now + timedelta(hours=3), None, scene.now)
    counted = await lookout(scene).count(scene.now)
    assert (counted.waiting, counted.waiting_since) == (0, None)
