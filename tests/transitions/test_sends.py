"""What comes of a send: answers, delivery notices, and sends that nobody answered."""

import asyncio
from datetime import timedelta

import pytest

from bot.domain.outbox import AccountHeld, NotSent, Rejected, SendOutcome, Sent, Unanswered
from bot.domain.turn import Answered, Claimed
from bot.domain.work import SendLater, ToSend
from bot.errors import LostClaim
from tests.transitions.scene import (
    ANNA,
    HOUR_S,
    LINE,
    NOT_READY,
    Scene,
    pause,
    reply,
    thread,
)

HANGS = Unanswered("it hangs")


async def test_a_send_that_nobody_answers_is_tried_three_times_ever_later(scene: Scene) -> None:
    sent = await scene.answers(await scene.writes())
    for wait_s in (10, 20):
        await scene.settles(sent, HANGS)
        scene.pass_time(wait_s - 1)
        assert isinstance(await scene.store.claim_reply(thread(ANNA), scene.now), SendLater)
        scene.pass_time(2)
        again = await scene.sends(thread(ANNA))
        assert again.id == sent.id
    await scene.settles(again, HANGS)
    scene.pass_time(41)
    assert await scene.store.claim_reply(thread(ANNA), scene.now) == SendLater()
    assert await scene.statuses() == ["uncertain"]
    assert (await scene.conversation(thread(ANNA))).needs_attention


@pytest.mark.parametrize("refusal", [NotSent("no connection"), NOT_READY, AccountHeld("402", "-")])
async def test_what_may_have_left_is_not_replaced_since_it_could_not_leave_again(
    scene: Scene, refusal: SendOutcome
) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), HANGS)
    scene.pass_time(11)
    await scene.settles(await scene.sends(anna), refusal)
    await scene.writes()
    assert not isinstance(await scene.store.claim_turn(anna, scene.now), Claimed)
    await scene.store.pause(anna, pause(), scene.now)
    assert await scene.statuses() == ["unknown"]
    scene.pass_time(HOUR_S)
    await scene.arrives("line.ready")
    await scene.apply()
    work = await scene.sweeps()
    assert anna in {*work.replies, *work.probes}
    assert await scene.store.claim_reply(anna, scene.now, probe=True) == SendLater()
    assert await scene.statuses() == ["uncertain"]


@pytest.mark.parametrize("refusal", [NotSent("no connection"), NOT_READY, AccountHeld("402", "-")])
async def test_what_may_have_left_leaves_again_when_the_line_is_back(
    scene: Scene, refusal: SendOutcome
) -> None:
    anna = await scene.writes()
    sent = await scene.answers(anna)
    await scene.settles(sent, HANGS)
    scene.pass_time(11)
    await scene.settles(await scene.sends(anna), refusal)
    scene.pass_time(HOUR_S)
    work = await scene.sweeps()
    assert anna in {*work.replies, *work.probes}
    again = await scene.store.claim_reply(anna, scene.now, probe=anna in work.probes)
    assert isinstance(again, ToSend)
    assert again.message.id == sent.id
    await scene.settles(again.message, Sent("p1"))
    assert (await scene.statuses(), await scene.holds()) == (["sent"], {})


async def test_an_unknown_send_that_has_become_stale_is_for_a_person(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), HANGS)
    scene.at(13 * HOUR_S)
    assert await scene.store.claim_reply(anna, scene.now) == SendLater()
    assert await scene.statuses() == ["uncertain"]
    assert (await scene.conversation(anna)).needs_attention


async def test_a_reply_that_has_become_stale_is_not_sent_at_night(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), NotSent("no connection"))
    scene.at(13 * HOUR_S)
    assert await scene.store.claim_reply(anna, scene.now) == SendLater()
    assert await scene.statuses() == ["cancelled"]
    assert (await scene.conversation(anna)).needs_attention


async def test_a_late_notice_of_an_uncertain_message_is_no_person(scene: Scene) -> None:
    scene.settings(resend_unknown=False)
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), HANGS)
    scene.at(11)
    await scene.store.claim_reply(anna, scene.now)
    assert await scene.statuses() == ["uncertain"]
    scene.at(60)
    await scene.delivered("p1")
    scene.at(66)
    await scene.apply()
    assert await scene.outbox(anna) == [("bot", "delivered")]
    assert (await scene.conversation(anna)).state == "bot"


async def test_a_notice_after_the_pause_that_ended_an_unknown_send_is_ours(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), HANGS)
    await scene.store.pause(anna, pause("olga", until_s=600), scene.now)
    scene.at(11)
    assert await scene.store.claim_reply(anna, scene.now) == SendLater()
    await scene.delivered("p1")
    scene.at(20)
    await scene.apply()
    assert await scene.outbox(anna) == [("bot", "delivered")]
    assert (await scene.conversation(anna)).paused_by == "olga"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        pytest.param(NotSent("503", maybe_repeated=True), "queued", id="come again"),
        pytest.param(Rejected("invalid", "no"), "failed", id="rejected"),
        pytest.param(Sent("ours"), "sent", id="another id"),
    ],
)
async def test_the_lines_answer_overrules_what_a_notice_let_guess(
    scene: Scene, outcome: SendOutcome, status: str
) -> None:
    anna = await scene.writes()
    sent = await scene.answers(anna)
    await scene.delivered("foreign")
    await scene.apply()
    assert await scene.statuses() == ["delivered"]
    await scene.settles(sent, outcome)
    assert await scene.statuses() == [status]
    scene.at(7)
    await scene.apply()  # so it was somebody else's message
    assert (await scene.conversation(anna)).paused_by == "phone"


@pytest.mark.parametrize("provider_id", [None, "p1"])
async def test_a_notice_that_comes_before_the_answer_counts(
    scene: Scene, provider_id: str | None
) -> None:
    anna = await scene.writes()
    sent = await scene.answers(anna)
    await scene.delivered("p1")
    await scene.apply()
    await scene.settles(sent, Sent(provider_id))
    scene.at(60)
    await scene.apply()
    assert await scene.outbox(anna) == [("bot", "delivered")]
    assert (await scene.conversation(anna)).state == "bot"


async def test_after_a_wrong_guess_the_own_notice_still_finds_its_message(scene: Scene) -> None:
    anna = await scene.writes()
    sent = await scene.answers(anna)
    await scene.delivered("foreign")
    await scene.apply()
    await scene.settles(sent, Sent("ours"))
    await scene.delivered("ours")
    await scene.apply()
    (ours, *_) = await scene.outbound(anna)
    assert (ours.status, ours.provider_id) == ("delivered", "ours")


async def test_two_workers_apply_what_was_typed_on_the_phone_once(scene: Scene) -> None:
    anna = await scene.writes()
    workers = [scene.store, scene.another_worker()]
    for number in range(5):
        scene.at(number * 10)
        await scene.phone_writes(f"number {number}")
        scene.at(number * 10 + 6)
        await asyncio.gather(*(worker.apply_events(scene.now) for worker in workers))
    assert [author for author, _ in await scene.outbox(anna)] == ["operator"] * 5


async def test_an_answer_that_comes_after_its_send_was_given_up_still_counts(scene: Scene) -> None:
    anna = await scene.writes()
    sent = await scene.answers(anna)
    scene.at(6)
    assert await scene.store.mend(scene.now, frozenset()) == {anna}
    assert await scene.statuses() == ["unknown"]
    with pytest.raises(LostClaim):
        await scene.settles(sent, NotSent("no connection"))
    await scene.settles(sent, Sent("p1"))
    assert await scene.statuses() == ["sent"]


async def test_a_person_who_writes_during_a_turn_is_heard_first(scene: Scene) -> None:
    anna = await scene.writes()
    turn = await scene.takes_turn(anna)
    await scene.store.write(anna, ("a person's",), pause(), scene.now, keep_bot=True)
    answered, first = await scene.store.answer_turn(turn, reply("the bot's"), scene.now)
    assert answered is Answered.STORED
    assert first is not None
    await scene.settles(first, Sent("p1"))
    second = await scene.sends(anna)
    assert (first.text, second.text) == ("a person's", "the bot's")


async def test_parts_leave_in_order_one_at_a_time(scene: Scene) -> None:
    anna = await scene.writes()
    first = await scene.answers(anna, "one", "two")
    assert await scene.store.claim_reply(anna, scene.now) == SendLater()
    assert await scene.settles(first, Sent("p1"))
    second = await scene.sends(anna)
    assert (first.text, second.text) == ("one", "two")
    assert not await scene.settles(second, Sent("p2"))


async def test_two_workers_never_take_the_same_message(scene: Scene) -> None:
    anna = await scene.writes()
    await scene.store.pause_scope(LINE, pause(), scene.now)
    await scene.store.write(anna, ("a person's",), pause(), scene.now, keep_bot=True)
    workers = [scene.another_worker() for _ in range(8)]
    taken = await asyncio.gather(*(worker.claim_reply(anna, scene.now) for worker in workers))
    assert sum(not isinstance(each, SendLater) for each in taken) == 1
    assert await scene.statuses() == ["sending"]


async def test_a_delivery_notice_waits_its_grace_for_the_answer_it_belongs_to(
    scene: Scene,
) -> None:
    scene.settings(delivery_grace=timedelta(seconds=5))
    anna = await scene.writes()
    await scene.settles(await scene.answers(anna), Sent("p1"))
    await scene.delivered("p2")
    scene.at(4)
    await scene.apply()
    assert (await scene.conversation(anna)).state == "bot"
    scene.at(6)
    await scene.apply()
    assert (await scene.conversation(anna)).state == "human"
