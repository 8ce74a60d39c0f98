"""A line or an account that is held: what waits is probed, never hammered and never forgotten."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.adapters.db.schema import messages
from bot.domain.outbox import AccountHeld, LineHeld, NotSent, Rejected, Sent, Unanswered
from bot.domain.work import SendLater, ToSend
from tests.transitions.scene import ANNA, BEN, HOUR_S, LINE, NOT_READY, Scene, crowd, pause, thread


async def test_a_held_line_is_probed_and_released_by_what_gets_through(scene: Scene) -> None:
    first, second = await scene.all_write([ANNA, BEN])
    await scene.settles(await scene.answers(first), NOT_READY)
    assert await scene.stores(second) is None
    assert await scene.statuses() == ["held", "held"]
    scene.at(59)
    assert await scene.probes() == []
    scene.at(61)
    (probe,) = await scene.probes()
    assert probe.conversation_id == first
    await scene.settles(probe, Sent("p1"))
    assert await scene.holds() == {}
    assert await scene.statuses() == ["sent", "queued"]
    assert (await scene.sweeps()).replies == (second,)


async def test_what_is_held_leaves_by_a_probe_and_by_nothing_else(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), NOT_READY)
    scene.at(HOUR_S)
    assert await scene.store.claim_reply(anna, scene.now) == SendLater()
    assert (await scene.sweeps()).replies == ()


async def test_only_one_of_many_workers_probes(scene: Scene) -> None:
    held = await scene.all_write(crowd(6))
    await scene.settles(await scene.answers(held[0]), NOT_READY)
    for conversation in held[1:]:
        await scene.stores(conversation)
    scene.at(61)
    workers = [scene.another_worker() for _ in held]
    taken = await asyncio.gather(
        *(
            worker.claim_reply(conversation, scene.now, probe=True)
            for worker, conversation in zip(workers, held, strict=True)
        )
    )
    assert [type(each) for each in taken].count(ToSend) == 1


async def test_a_lone_unknown_on_a_held_line_is_probed(scene: Scene) -> None:
    anna = await scene.writes()
    reply = await scene.answers(anna)
    await scene.settles(reply, NOT_READY)
    scene.at(61)
    (probe,) = await scene.probes()
    await scene.settles(probe, Unanswered("it hangs"))
    assert await scene.statuses() == ["unknown"]
    scene.pass_time(301)
    (again,) = await scene.probes()
    assert again.id == reply.id
    await scene.settles(again, Sent("p1"))
    assert (await scene.holds(), await scene.statuses()) == ({}, ["sent"])


async def test_the_oldest_held_message_behind_an_unknown_leaves_the_probe_to_others(
    scene: Scene,
) -> None:
    anna, ben = await scene.all_write([ANNA, BEN])
    await scene.settles(await scene.answers(anna), Unanswered("it hangs"))
    await scene.store.write(anna, ("a person's",), pause(), scene.now, keep_bot=True)
    await scene.settles(await scene.answers(ben), LineHeld("cap", "", timedelta(seconds=1)))
    assert await scene.outbox(anna) == [("bot", "unknown"), ("operator", "held")]
    scene.at(3)  # the unknown one is looked at after ten seconds
    (probe,) = await scene.probes()
    assert probe.conversation_id == ben


async def test_a_line_that_always_says_at_once_is_asked_ever_more_rarely(scene: Scene) -> None:
    reply = await scene.answers(await scene.writes())
    at_once = LineHeld("rate_limited", "again", timedelta(0), capped=True)
    for wait_s in (1, 2, 4, 8, 16, 32):  # half of each is jitter
        await scene.settles(reply, at_once)
        scene.pass_time(wait_s * 0.49)
        assert await scene.probes() == []
        scene.pass_time(wait_s * 0.52)
        (reply,) = await scene.probes()


async def test_a_retry_after_is_kept_to_however_long(scene: Scene) -> None:
    reply = await scene.answers(await scene.writes())
    day_s = 24 * HOUR_S
    scene.settings(stale_after=timedelta(days=3))
    await scene.settles(reply, LineHeld("cap", "", timedelta(seconds=day_s), capped=True))
    scene.at(day_s - 1)
    assert await scene.probes() == []
    scene.at(day_s + 1)
    assert len(await scene.probes()) == 1


async def test_a_held_row_without_a_hold_goes_back_into_the_queue(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), NotSent("no connection"))
    astray = update(messages).where(messages.c.direction == "out").values(status="held")
    await scene.database.write(lambda tx: tx.execute(astray))
    scene.at(60)
    await scene.store.beat(scene.now)
    assert (await scene.sweeps()).replies == (anna,)
    await scene.sends(anna)


async def test_a_probe_releases_though_the_clock_was_set_back(scene: Scene) -> None:
    anna, ben = await scene.all_write([ANNA, BEN])
    await scene.stores(ben)
    await scene.settles(await scene.answers(anna), NOT_READY)
    scene.at(-HOUR_S)
    await scene.store.register(scene.now, sole=True)
    (probe,) = await scene.probes()
    await scene.settles(probe, Sent("p1"))
    assert await scene.holds() == {}
    assert "held" not in await scene.statuses()


async def test_a_line_that_is_ready_again_sends_what_was_held(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), NOT_READY)
    await scene.arrives("line.ready")
    await scene.apply()
    await scene.sends(anna)


async def test_a_ready_line_does_not_pay_the_account_but_asks_it(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), AccountHeld("insufficient_balance", ""))
    await scene.arrives("line.ready")
    await scene.apply()
    assert await scene.holds() == {"*": "insufficient_balance"}
    assert await scene.statuses() == ["held"]
    assert len(await scene.probes()) == 1


async def test_a_held_line_leaves_the_others_alone(scene: Scene) -> None:
    here, there = await scene.writes(), await scene.writes(line="ln_2")
    await scene.settles(await scene.answers(here), NOT_READY)
    await scene.answers(there)
    assert await scene.holds() == {LINE: "not_ready"}


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([AccountHeld("unauthorized", "")], id="401"),
        pytest.param([NOT_READY], id="409"),
        pytest.param([AccountHeld("insufficient_balance", ""), NOT_READY, Sent(None)], id="mixed"),
    ],
)
async def test_many_sends_that_are_refused_at_once_are_all_settled(
    scene: Scene, answers: list[AccountHeld | LineHeld | Sent]
) -> None:
    waiting = await scene.all_write(crowd(8))
    on_their_way = [await scene.answers(conversation) for conversation in waiting]
    await scene.stores(await scene.writes(ANNA))  # held with the others, or in hand
    async with asyncio.timeout(10):
        settled = await asyncio.gather(
            *(
                scene.settles(sent, answers[number % len(answers)])
                for number, sent in enumerate(on_their_way)
            )
        )
    assert len(settled) == 8
    ours = [status for c in waiting for _, status in await scene.outbox(c)]
    assert set(ours) <= {"held", "sent"}
    assert await scene.holds()


async def test_a_rejected_part_takes_the_rest_of_its_reply_along(scene: Scene) -> None:
    anna = await scene.writes()
    first = await scene.answers(anna, "one", "two", "three")
    await scene.settles(first, Rejected("invalid", "no"))
    assert await scene.statuses() == ["failed", "cancelled", "cancelled"]
    assert (await scene.conversation(thread(ANNA))).needs_attention
