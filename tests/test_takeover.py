"""A person takes over: nothing of the bot's leaves any more, nothing is lost."""

import asyncio
from typing import Any

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, Drop, Gate, eventually, say

SETTINGS = {"line_api": {"timeout_s": 2, "uncertain_wait_s": 0.3}}


async def _pause(bot: Bot, customer: Customer, **body: Any) -> Any:
    conversation = await bot.conversation(customer)
    return await bot.api("POST", f"/api/conversations/{conversation['id']}/pause", body)


async def _resume(bot: Bot, customer: Customer, **body: Any) -> Any:
    conversation = await bot.conversation(customer)
    return await bot.api("POST", f"/api/conversations/{conversation['id']}/resume", body)


async def _recorded(bot: Bot, customer: Customer, text: str) -> None:
    async def found() -> None:
        assert text in [message["text"] for message in await bot.messages(customer)]

    await eventually(found)


async def _met(bot: Bot) -> Customer:
    """A customer with one answered question."""
    customer = bot.provider.customer()
    await bot.handled(*await customer.writes("good morning"))
    await customer.reads(1)
    return customer


async def test_a_paused_conversation_is_recorded_and_not_answered(bot: Bot) -> None:
    ana, ben = await _met(bot), bot.provider.customer()
    paused = await _pause(bot, ana, reason="a complaint")
    assert paused["state"] == "human"
    assert paused["paused_by"]
    assert paused["paused_until"].endswith("Z")
    await ana.writes("is anybody there?")
    await _recorded(bot, ana, "is anybody there?")
    await ben.writes("marker")  # the bot goes on elsewhere
    await ben.reads()
    assert len(ana.read) == 1


async def test_what_was_said_during_the_pause_is_known_and_not_answered_again(bot: Bot) -> None:
    ana = await _met(bot)
    await _pause(bot, ana, for_s=None)
    (event,) = await ana.writes("a question for the person")
    await _recorded(bot, ana, "a question for the person")
    await _resume(bot, ana)
    (settled,) = await bot.handled(event)
    assert (settled["state"], settled["reason"]) == ("skipped", "paused")
    await ana.writes("and now for the bot")
    await ana.reads(2)
    seen = str(bot.llm.messages_about("and now for the bot")[0])
    assert "a question for the person" in seen


async def test_a_resume_may_answer_what_waits(bot: Bot) -> None:
    ana = await _met(bot)
    await _pause(bot, ana)
    await ana.writes("still unanswered")
    await _recorded(bot, ana, "still unanswered")
    await _resume(bot, ana, answer=True)
    assert (await ana.reads(2))[1] == "You said: still unanswered"


async def test_a_pause_while_the_model_writes_keeps_its_words_as_a_draft(bot: Bot) -> None:
    ana = await _met(bot)
    gate = Gate()
    bot.llm.plan_calls(say("too late", gate=gate), about="slow question")
    await ana.writes("slow question")
    await gate.reached()
    await _pause(bot, ana)
    gate.open()

    async def drafted() -> None:
        draft = (await bot.messages(ana))[-1]
        assert (draft["text"], draft["status"], draft["draft"]) == ("too late", "cancelled", True)

    await eventually(drafted)
    assert len(ana.read) == 1


async def test_a_pause_is_acknowledged_once_the_send_in_flight_is_answered(bot: Bot) -> None:
    ana = await _met(bot)
    gate = Gate()
    bot.provider.plan_sends(Answer(200, {"id": "msg_flight"}, gate=gate), to=ana.number)
    await ana.writes("hello")
    await gate.reached()
    pausing = asyncio.create_task(_pause(bot, ana))
    await eventually(lambda: _is_human(bot, ana))
    assert not pausing.done()
    gate.open()
    assert (await pausing)["in_flight"] == []
    statuses = [one["status"] for one in await bot.messages(ana) if one["direction"] == "out"]
    assert statuses[-1] == "sent"


async def _is_human(bot: Bot, customer: Customer) -> bool:
    return bool((await bot.conversation(customer))["state"] == "human")


async def test_a_send_that_fails_after_the_pause_is_not_tried_again(bot: Bot) -> None:
    ana = await _met(bot)
    gate = Gate()
    bot.provider.plan_sends(Answer(503, gate=gate), to=ana.number)
    await ana.writes("hello")
    await gate.reached()
    pausing = asyncio.create_task(_pause(bot, ana))
    await eventually(lambda: _is_human(bot, ana))
    gate.open()
    await pausing

    async def drafted() -> None:
        last = (await bot.messages(ana))[-1]
        assert (last["status"], last["draft"]) == ("cancelled", True), last

    await eventually(drafted)
    assert len(ana.attempts) == 2


async def test_an_unknown_send_is_not_sent_again_after_a_pause(bot: Bot) -> None:
    ana = await _met(bot)
    plan = bot.provider.plan_sends(Drop(), to=ana.number)
    await ana.writes("hello")
    await plan.has_fired()
    await _pause(bot, ana)

    async def uncertain() -> None:
        assert (await bot.messages(ana))[-1]["status"] == "uncertain"

    await eventually(uncertain)
    assert len(ana.attempts) == 2


async def test_a_persons_message_is_sent_once_and_pauses(bot: Bot) -> None:
    ana = await _met(bot)
    conversation = await bot.conversation(ana)
    path = f"/api/conversations/{conversation['id']}/messages"
    headers = {"Idempotency-Key": f"key-{ana.number}"}
    first = await bot.api("POST", path, {"text": "I take this"}, expect=202, headers=headers)
    again = await bot.api("POST", path, {"text": "I take this"}, expect=202, headers=headers)
    assert first["id"] == again["id"]
    assert await ana.reads(2) == ["You said: good morning", "I take this"]
    assert (await bot.conversation(ana))["state"] == "human"
    await ana.writes("thank you")
    await _recorded(bot, ana, "thank you")
    ben = bot.provider.customer()
    await ben.writes("marker")
    await ben.reads()
    assert len(ana.read) == 2


async def test_a_reply_from_the_lines_own_phone_pauses(bot: Bot) -> None:
    ana = await _met(bot)

    async def sent() -> None:
        assert (await bot.messages(ana))[-1]["status"] == "sent"

    await eventually(sent)
    event = await bot.provider.delivered(ana.number, "msg_from_the_phone")
    await bot.handled(event, timeout_s=20)
    conversation = await bot.conversation(ana)
    assert (conversation["state"], conversation["paused_by"]) == ("human", "phone")
    last = (await bot.messages(ana))[-1]
    assert (last["author"], last["direction"]) == ("operator", "out")


async def test_words_typed_on_the_phone_are_known_to_the_model(bot: Bot) -> None:
    ana = await _met(bot)
    message = {"id": "msg_typed", "to": ana.number, "type": "text", "text": "I'll bake it myself"}
    event = {"event": "message.sent", "id": f"evt_{ana.number}", "line_id": "ln_test"}
    await bot.provider.deliver({**event, "message": message})
    await bot.handled(event["id"], timeout_s=20)
    assert (await bot.conversation(ana))["state"] == "human"
    await _resume(bot, ana)
    await ana.writes("what did you promise?")
    await ana.reads(2)
    assert "I'll bake it myself" in str(bot.llm.messages_about("what did you promise?")[0])


async def test_foreign_messages_may_be_recorded_only(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"takeover": {"foreign_messages": "record"}})
    ana = await _met(bot)

    async def sent() -> None:
        assert (await bot.messages(ana))[-1]["status"] == "sent"

    await eventually(sent)
    await bot.handled(await bot.provider.delivered(ana.number, "msg_shop"), timeout_s=20)
    assert (await bot.conversation(ana))["state"] == "bot"
    assert (await bot.messages(ana))[-1]["author"] == "operator"


async def test_the_emergency_stop_silences_everything(new_bot: NewBot) -> None:
    bot = await new_bot()
    ana = await _met(bot)
    stopped = await bot.cli("pause", "--all")
    assert stopped.exit_code == 0, stopped.stderr
    ben = bot.provider.customer()
    await ana.writes("hello?")
    await ben.writes("anybody?")
    await _recorded(bot, ana, "hello?")
    await _recorded(bot, ben, "anybody?")
    assert (await bot.conversation(ben))["state"] == "human"
    await bot.api("POST", "/api/resume")
    carla = bot.provider.customer()
    await carla.writes("marker")
    await carla.reads()
    assert (len(ana.read), len(ben.read)) == (1, 0)
    assert (await bot.conversation(ben))["needs_attention"] is True


async def test_a_pause_of_a_line_leaves_the_others_alone(new_bot: NewBot) -> None:
    bot = await new_bot()
    ana = await _met(bot)
    other = bot.provider.customer(line_id="ln_other")
    await bot.api("POST", "/api/lines/ln_test/pause", {})
    await ana.writes("hello?")
    await _recorded(bot, ana, "hello?")
    await other.writes("marker")
    assert await other.reads() == ["You said: marker"]
    assert len(ana.read) == 1


async def test_a_pause_ends_by_itself_and_the_tail_is_answered_once(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"takeover": {"grace_s": 0}})
    ana = await _met(bot)
    await _pause(bot, ana, for_s=1)
    await ana.writes("who answers this?")
    assert (await ana.reads(2))[1] == "You said: who answers this?"
    assert (await bot.conversation(ana))["state"] == "bot"
