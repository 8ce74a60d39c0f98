"""The way of a message where it is long, old, or not whole any more."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from bot.adapters.db.schema import events, messages, turns
from bot.adapters.db.views import Views
from bot.domain.chat import HandOffCall
from bot.domain.outbox import NotSent, Sent, Unanswered
from bot.domain.turn import MadeBy, Opting, Reply
from bot.domain.way import EndView, Noted, Step, StepView, WayView, in_order, told, words_of
from bot.errors import NotFound
from tests.transitions.scene import ANNA, BEN, HOUR_S, NOT_READY, Scene, at, pause, reply, thread


async def _way(scene: Scene, named: str | None = None) -> WayView:
    """By default of the newest message that a customer has written."""
    if named is None:
        newest = select(messages.c.id).where(messages.c.direction == "in")
        query = newest.order_by(messages.c.seq.desc()).limit(1)
        named = str(await scene.database.read(lambda tx: tx.execute(query).scalar_one()))
    return await Views(scene.database).why(named)


def _names(way: WayView) -> list[Step]:
    return [one.step for one in way.steps]


def _one(way: WayView, step: Step) -> StepView:
    (found,) = [one for one in way.steps if one.step is step]
    return found


async def test_many_tries_that_end_alike_are_told_in_two_steps(scene: Scene) -> None:
    anna = await scene.writes()
    for hour in range(5):
        scene.at(hour * HOUR_S)
        await scene.store.release_turn(await scene.takes_turn(anna), "model away", scene.now)
    scene.at(5 * HOUR_S)
    await scene.answers(anna)
    way = await _way(scene)
    tried = [name for name in _names(way) if name in {Step.CLAIMED, Step.RELEASED, Step.REPEATED}]
    assert tried == [Step.CLAIMED, Step.RELEASED, Step.REPEATED, Step.CLAIMED]
    repeated = _one(way, Step.REPEATED)
    assert (repeated.at, repeated.detail[:12]) == (at(4 * HOUR_S), "4 more turns")
    assert "model away" in _one(way, Step.RELEASED).detail


async def test_turns_that_never_had_a_message_in_hand_are_not_of_its_way(scene: Scene) -> None:
    anna = await scene.writes(text="hard")
    turn = await scene.takes_turn(anna)
    await scene.store.fail_turn(turn, "400", reply("sorry"), scene.now, final=True)
    await scene.settles(await scene.sends(anna), Sent("p1"))
    scene.at(60)
    await scene.writes(text="easy")
    await scene.settles(await scene.answers(anna), Sent("p2"))
    scene.at(120)
    hard = turn.waiting[0].id
    event_id = (await _way(scene, hard)).event
    assert event_id is not None
    await scene.store.replay(event_id.id, "olga", scene.now)
    await scene.answers(anna)
    way = await _way(scene, hard)
    assert [one.at for one in way.steps if one.step is Step.CLAIMED] == [at(0), at(120)]
    assert _one(way, Step.REPLAYED).at == at(120)


async def test_the_way_of_what_was_answered_by_an_earlier_version_is_told(scene: Scene) -> None:
    await scene.answers(await scene.writes())
    await scene.database.write(lambda tx: tx.execute(update(turns).values(message_ids=None)))
    way = await _way(scene)
    assert [n for n in _names(way) if n in _OF_TURNS] == [Step.CLAIMED, Step.ANSWERED]
    assert Step.TRIED in _names(way)


_OF_TURNS = frozenset({Step.CLAIMED, Step.ANSWERED, Step.SUPERSEDED})


async def test_a_message_whose_event_is_gone_still_has_a_way(scene: Scene) -> None:
    await scene.writes()
    way = await _way(scene)
    await scene.database.write(lambda tx: tx.execute(delete(events)))
    left = await _way(scene, way.id)
    assert (left.event, left.end) == (None, EndView("done", "its event is no longer kept"))
    assert left.contact == ANNA


async def test_a_pause_of_another_time_or_another_place_is_not_of_its_way(scene: Scene) -> None:
    anna, ben = await scene.writes(), await scene.writes(BEN)
    await scene.store.pause(ben, pause("rosa"), scene.now)
    await scene.store.pause(anna, pause("olga"), scene.now)
    await scene.store.resume(anna, "olga", scene.now, answer=True)
    scene.at(60)
    await scene.writes()
    await scene.settles(await scene.answers(anna), Sent("p1"))
    scene.at(120)
    await scene.store.pause(anna, pause("omar"), scene.now)
    assert not {Step.PAUSED, Step.RESUMED} & set(_names(await _way(scene)))


async def test_a_reply_that_a_pause_cancels_is_cancelled_when_the_pause_begins(
    scene: Scene,
) -> None:
    anna = await scene.writes()
    await scene.arrives("line.disconnected")
    await scene.apply()
    await scene.stores(anna)
    scene.at(300)
    await scene.store.pause(anna, pause("olga"), scene.now)
    way = await _way(scene)
    assert _names(way)[-3:] == [Step.PAUSED, Step.CANCELLED, Step.WAITING]
    assert "by olga" in _one(way, Step.PAUSED).detail
    await scene.store.resume(anna, "olga", scene.now)
    assert (await _way(scene)).end == EndView("skipped", "paused")


async def test_why_a_reply_was_held_is_known_after_it_has_left(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna, "one", "two"), NOT_READY)
    scene.at(60)
    (probe,) = await scene.probes()
    await scene.settles(probe, Sent("p1"))
    await scene.settles(await scene.sends(anna), Sent("p2"))
    held = [one for one in (await _way(scene)).steps if one.step is Step.HELD]
    assert [one.at for one in held] == [at(0), at(0)]
    assert all(one.detail.endswith("line_not_ready: scan the code again") for one in held)


async def test_what_silenced_the_bot_before_a_message_came_is_told_first(scene: Scene) -> None:
    await scene.writes()
    await scene.store.pause_scope(None, pause("olga"), scene.now)
    scene.at(60)
    way = await _way(scene, await _write(scene))
    assert _names(way) == [Step.PAUSED, Step.RECEIVED, Step.STORED, Step.WAITING]
    assert way.steps[0].detail == "by olga, everything"


async def _write(scene: Scene) -> str:
    await scene.writes()
    return scene.last_message_id


async def test_another_try_of_another_message_is_not_of_its_way(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.store.fail_turn(turn, "400", reply("sorry"), scene.now, final=True)
    first, second = [(await _way(scene, one.id)) for one in turn.waiting]
    assert first.event is not None
    await scene.store.replay(first.event.id, "olga", scene.now)
    assert Step.REPLAYED in _names(await _way(scene, first.id))
    assert Step.REPLAYED not in _names(await _way(scene, second.id))


async def test_a_stop_that_overtakes_a_reply_is_of_its_way(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.arrives("line.disconnected")
    await scene.apply()
    await scene.stores(anna)
    answered = (await _way(scene)).id
    scene.at(60)
    await scene.writes(text="stop")
    goodbye = Reply(("goodbye",), MadeBy(), opting=Opting.OUT)
    await scene.store.answer_turn(await scene.takes_turn(anna), goodbye, scene.now)
    way = await _way(scene, answered)
    assert _names(way)[-2:] == [Step.OPTED_OUT, Step.CANCELLED]


async def test_a_send_that_nobody_answers_is_waited_for_and_then_in_doubt(scene: Scene) -> None:
    scene.settings(resend_unknown=False)
    sent = await scene.answers(await scene.writes())
    await scene.settles(sent, Unanswered("it hangs"))
    way = await _way(scene, sent.id)
    assert (way.end, way.steps[-1].step) == (None, Step.WAITING)
    assert "its delivery notice" in way.steps[-1].detail
    scene.at(60)
    await scene.store.claim_reply(thread(ANNA), scene.now)
    way = await _way(scene, sent.id)
    assert way.end is not None
    assert (way.end.state, way.steps[-1].step) == ("uncertain", Step.UNCERTAIN)


async def test_a_first_try_is_counted_from_the_first(scene: Scene) -> None:
    anna = await scene.writes()
    sent = await scene.answers(anna)
    await scene.settles(sent, NotSent("503"))
    scene.at(30)
    again = await scene.sends(anna)
    await scene.settles(again, Sent("p1"))
    way = await _way(scene, sent.id)
    assert _one(way, Step.TRIED).at == at(0)
    sent_at = _one(way, Step.SENT)
    assert (sent_at.at, sent_at.ms) == (at(30), 30_000)
    assert sent_at.detail.endswith("as p1, try 2")


async def test_every_part_of_a_long_reply_is_told_in_order(scene: Scene) -> None:
    anna = await scene.writes()
    first = await scene.answers(anna, *"abcde")
    await scene.settles(first, Sent("p0"))
    for number in range(1, 5):
        scene.pass_time(1)
        await scene.settles(await scene.sends(anna), Sent(f"p{number}"))
    way = await _way(scene)
    sent = [one.detail.split(", as ")[1] for one in way.steps if one.step is Step.SENT]
    assert sent == [f"p{number}" for number in range(5)]


async def test_what_others_wrote_is_told_without_numbers_and_with_our_ids(scene: Scene) -> None:
    anna = await scene.writes()
    call = HandOffCall("call +1 555 000 1234 back", "")
    turn = await scene.takes_turn(anna)
    await scene.store.answer_turn(turn, Reply(("bye",), MadeBy(), call), scene.now)
    way = await _way(scene)
    assert _one(way, Step.PAUSED).detail.endswith("call [number] back")
    number, own = "+15550001234", f"re_{'1' * 32}_0"
    assert words_of(f"{own} for {number}") == f"{own} for [number]"
    assert told("one", "", None, "two\nlines") == "one, two lines"


async def test_a_line_that_waits_says_until_when(scene: Scene) -> None:
    scene.settings(delivery_grace=timedelta(seconds=5))
    await scene.delivered("somebody-elses")
    await scene.apply()
    query = select(events.c.id)
    event_id = await scene.database.read(lambda tx: tx.execute(query).scalar_one())
    way = await _way(scene, event_id)
    assert (way.end, way.steps[-1]) == (None, StepView(at(5), Step.WAITING, "to be applied", None))


def test_steps_are_in_order_and_what_is_waited_for_comes_last() -> None:
    noted = [
        Noted(at(9), Step.WAITING, ""),
        Noted(at(5), Step.SENT, ""),
        Noted(None, Step.CANCELLED, "", after=at(2)),
        Noted(at(1), Step.RECEIVED, ""),
        Noted(at(2), Step.CLAIMED, ""),
        Noted(at(2), Step.MODEL, "", ms=7),
        Noted(at(3), Step.WAITING, ""),
    ]
    steps = [(one.step, one.at, one.ms) for one in in_order(noted)]
    assert steps == [
        (Step.RECEIVED, at(1), None),
        (Step.CANCELLED, None, None),
        (Step.CLAIMED, at(2), 1000),
        (Step.MODEL, at(2), 7),
        (Step.SENT, at(5), 3000),
        (Step.WAITING, at(9), None),
        (Step.WAITING, None, None),
    ]


@pytest.mark.parametrize("named", ["", "\0", "\udcff", "x" * 100_000, "%", "_"])
async def test_what_is_no_id_is_not_found(scene: Scene, named: str) -> None:
    await scene.writes()
    with pytest.raises(NotFound):
        await _way(scene, named)
