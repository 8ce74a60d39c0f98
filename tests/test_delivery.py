"""The outbox: each answer of the line, each failure on the way, holds, delivery notices."""

from typing import Any

import pytest

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, Drop, Gate, Hang, eventually

SETTINGS = {
    "retry": {"base_delay_s": 0.05, "max_delay_s": 0.2},
    "line_api": {"timeout_s": 1, "uncertain_wait_s": 0.5},
}


async def _last(bot: Bot, customer: Customer) -> Any:
    return (await bot.messages(customer))[-1]


async def _status(bot: Bot, customer: Customer, wanted: str) -> Any:
    async def reached() -> Any:
        message = await _last(bot, customer)
        assert message["status"] == wanted, message
        return message

    return await eventually(reached, 20)


async def _line(bot: Bot, line_id: str = "ln_test") -> Any:
    lines = (await bot.api("GET", "/api/lines"))["items"]
    return next(line for line in lines if line["line_id"] == line_id)


async def test_a_send_carries_the_key_the_address_and_an_idempotency_key(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()
    (send,) = ana.attempts
    assert send.authorization == "Bearer mm_live_of_the_tests"
    assert send.body == {"to": ana.number, "type": "text", "text": "You said: hello"}
    assert send.key == (await _last(bot, ana))["id"]


async def test_a_5xx_is_tried_again_under_the_same_key(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.provider.plan_sends(Answer(500), Answer(503), to=ana.number)
    await ana.writes("hello")
    assert await ana.reads() == ["You said: hello"]
    await _status(bot, ana, "sent")
    assert len({send.key for send in ana.attempts}) == 1
    assert len(ana.attempts) == 3


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_rejected_reply_is_failed_and_nothing_else_is_sent(bot: Bot, status: int) -> None:
    ana = bot.provider.customer()
    bot.provider.plan_sends(
        Answer(status, {"error": "invalid", "message": "no such recipient"}), to=ana.number
    )
    await ana.writes("hello")
    message = await _status(bot, ana, "failed")
    assert "invalid" in message["error"]
    assert (await bot.conversation(ana))["needs_attention"] is True
    await ana.writes("again")
    assert await ana.reads() == ["You said: hello\nagain"]
    assert len(ana.attempts) == 2


@pytest.mark.parametrize("behaviour", [Hang(taken=True), Drop(taken=True)])
async def test_a_send_without_an_answer_is_settled_by_its_delivery_notice(
    bot: Bot, behaviour: Hang | Drop
) -> None:
    ana = bot.provider.customer()
    plan = bot.provider.plan_sends(behaviour, to=ana.number)
    await ana.writes("hello")
    await plan.has_fired()
    await bot.provider.delivered(ana.number, ana.attempts[0].provider_id)
    await _status(bot, ana, "delivered")
    await ana.writes("marker")
    await ana.reads(2)
    assert len(ana.attempts) == 2


async def test_a_send_without_an_answer_or_a_notice_is_sent_again_under_its_key(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.provider.plan_sends(Drop(), to=ana.number)
    await ana.writes("hello")
    assert await ana.reads() == ["You said: hello"]
    await _status(bot, ana, "sent")
    first, second = ana.attempts
    assert (first.key, first.text) == (second.key, second.text)
    assert second.at - first.at >= 0.5


async def test_after_three_unknown_sends_a_person_decides(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.provider.plan_sends(Drop(), Drop(), Drop(), to=ana.number)
    await ana.writes("hello")
    await _status(bot, ana, "uncertain")
    assert (await bot.conversation(ana))["needs_attention"] is True
    assert len(ana.attempts) == 3
    await ana.writes("and this?")  # what comes behind goes on
    await ana.reads(1)


async def test_an_operator_is_asked_when_so_configured(new_bot: NewBot) -> None:
    line_api = {"timeout_s": 1, "uncertain_wait_s": 0.2, "on_uncertain": "ask"}
    bot = await new_bot(settings={"line_api": line_api})
    ana = bot.provider.customer()
    bot.provider.plan_sends(Drop(), to=ana.number)
    await ana.writes("hello")
    await _status(bot, ana, "uncertain")
    assert len(ana.attempts) == 1


async def test_a_line_that_is_away_gets_the_reply_when_it_is_back(new_bot: NewBot) -> None:
    bot = await new_bot(settings=SETTINGS)
    ana = bot.provider.customer()
    webhooks_go_on = bot.provider
    await bot.provider.down()
    await webhooks_go_on.deliver(ana.event("hello"))
    await _status(bot, ana, "queued")
    await bot.provider.up()
    assert await ana.reads() == ["You said: hello"]
    await _status(bot, ana, "sent")


async def test_a_line_that_is_not_ready_holds_its_replies_until_it_is(new_bot: NewBot) -> None:
    bot = await new_bot(settings=SETTINGS)
    ana, ben = bot.provider.customer(), bot.provider.customer()
    plan = bot.provider.plan_sends(Answer(409, {"error": "line_not_ready", "message": "not yet"}))
    await ana.writes("hello")
    await plan.has_fired()
    await _status(bot, ana, "held")
    await ben.writes("hi")
    await _status(bot, ben, "held")
    assert (await _line(bot))["held"] == 2
    assert (await _line(bot))["state"] == "disconnected"
    await bot.provider.line_ready()
    assert await ana.reads() == ["You said: hello"]
    assert await ben.reads() == ["You said: hi"]
    assert (await _line(bot))["state"] == "ready"
    assert len(bot.provider.sends) == 3


async def test_a_held_reply_is_replaced_by_one_that_has_seen_everything(new_bot: NewBot) -> None:
    bot = await new_bot(settings=SETTINGS)
    ana = bot.provider.customer()
    await bot.provider.line_disconnected()
    await bot.handled(*await ana.writes("first"))
    await bot.handled(*await ana.writes("second"))
    await bot.provider.line_ready()
    assert await ana.reads() == ["You said: first\nsecond"]
    statuses = [one["status"] for one in await bot.messages(ana) if one["direction"] == "out"]
    assert statuses[0] == "cancelled"


@pytest.mark.parametrize(
    "retry_after",
    ["1", pytest.param("Wed, 21 Oct 2015 07:28:00 GMT", marks=pytest.mark.slow)],
)
async def test_a_rate_limit_holds_the_line_not_the_message(
    new_bot: NewBot, retry_after: str
) -> None:
    bot = await new_bot(settings=SETTINGS)
    ana = bot.provider.customer()
    plan = bot.provider.plan_sends(
        Answer(429, {"error": "rate_limited", "message": "slow"}, {"Retry-After": retry_after})
    )
    await ana.writes("hello")
    await plan.has_fired()
    assert await ana.reads() == ["You said: hello"]
    first, second = ana.attempts
    assert first.key == second.key
    if retry_after == "1":
        assert second.at - first.at >= 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "unauthorized"),
        pytest.param(402, "insufficient_balance", marks=pytest.mark.slow),
    ],
)
async def test_a_refused_account_holds_everything_until_a_probe_gets_through(
    new_bot: NewBot, status: int, code: str
) -> None:
    bot = await new_bot(settings=SETTINGS)
    ana = bot.provider.customer()
    other = bot.provider.customer(line_id="ln_other")
    plan = bot.provider.plan_sends(Answer(status, {"error": code, "message": "an operator's turn"}))
    await ana.writes("hello")
    await plan.has_fired()
    await _status(bot, ana, "held")
    await other.writes("hi")
    await _status(bot, other, "held")
    assert (await _line(bot))["state"] == "stopped"
    assert other.attempts == []
    await bot.restart()  # at start what is held is probed
    assert await ana.reads() == ["You said: hello"]
    assert await other.reads() == ["You said: hi"]


async def test_a_delivery_notice_marks_the_message(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()
    await _status(bot, ana, "sent")
    await bot.provider.delivered(ana.number, ana.attempts[0].provider_id)
    await _status(bot, ana, "delivered")


async def test_a_line_without_ids_gets_its_oldest_message_settled(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.provider.plan_sends(Answer(200, {}), to=ana.number)
    await ana.writes("hello")
    await ana.reads()
    await _status(bot, ana, "sent")
    await bot.provider.delivered(ana.number, "msg_unknown_here")
    await _status(bot, ana, "delivered")
    assert (await bot.conversation(ana))["state"] == "bot"


async def test_the_own_echo_before_the_own_answer_is_no_person(bot: Bot) -> None:
    ana = bot.provider.customer()
    gate = Gate()
    bot.provider.plan_sends(Answer(200, {"id": "msg_echo"}, gate=gate), to=ana.number)
    await ana.writes("hello")
    await gate.reached()
    event = await bot.provider.delivered(ana.number, "msg_echo")
    await bot.handled(event)
    gate.open()
    await _status(bot, ana, "delivered")
    assert (await bot.conversation(ana))["state"] == "bot"
    await ana.writes("marker")
    assert (await ana.reads(2))[1] == "You said: marker"


async def test_an_unknown_event_is_kept_and_acted_on_by_nobody(bot: Bot) -> None:
    event = {"event": "call.ringing", "id": "evt_call_1", "line_id": "ln_test", "call": {}}
    await bot.provider.deliver(event)
    (kept,) = await bot.handled("evt_call_1")
    assert (kept["state"], kept["type"]) == ("skipped", "call.ringing")
