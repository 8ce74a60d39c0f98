"""What a line says of itself and of messages; several workers on one inbox."""

import asyncio
from typing import Any

import pytest

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, Gate, eventually
from tests.harness.provider import new_event_id

SETTINGS = {"line_api": {"timeout_s": 2, "uncertain_wait_s": 0.3}}
IGNORING = {"takeover": {"foreign_messages": "ignore"}}


async def _line(bot: Bot, line_id: str) -> Any:
    lines = (await bot.api("GET", "/api/lines"))["items"]
    return next(line for line in lines if line["line_id"] == line_id)


async def _sent(bot: Bot, customer: Customer, count: int = 1) -> list[Any]:
    """The customer's outbound messages, once `count` of them have left."""

    async def found() -> list[Any]:
        out = [one for one in await bot.messages(customer) if one["direction"] == "out"]
        left = [one for one in out if one["status"] in {"sent", "delivered"}]
        assert len(left) >= count, out
        return out

    return await eventually(found)


async def _statuses(bot: Bot, customer: Customer) -> list[str]:
    return [one["status"] for one in await bot.messages(customer) if one["direction"] == "out"]


async def _no_id(bot: Bot, customer: Customer, *texts: str) -> None:
    """The customer is answered by a line that returns no ids."""
    answers = [Answer(200, {})] * len(texts)
    bot.provider.plan_sends(*answers, to=customer.number)
    for number, text in enumerate(texts, 1):
        await customer.writes(text)
        await _sent(bot, customer, number)


# the line itself


async def test_a_line_comes_and_goes_with_its_reason(bot: Bot) -> None:
    ana = bot.provider.customer(line_id="ln_moody")
    await bot.handled(await bot.provider.line_disconnected("ln_moody", reason="phone is off"))
    gone = await _line(bot, "ln_moody")
    assert (gone["state"], gone["reason"]) == ("disconnected", "phone is off")
    assert gone["since"].endswith("Z")
    (event,) = await ana.writes("hello")

    async def is_held() -> bool:
        return bool((await _line(bot, "ln_moody"))["held"] == 1)

    await eventually(is_held)
    assert ana.attempts == []
    await bot.handled(await bot.provider.line_ready("ln_moody"))
    assert await ana.reads() == ["You said: hello"]
    await bot.handled(event)
    back = await _line(bot, "ln_moody")
    assert (back["state"], back["reason"], back["held"]) == ("ready", None, 0)


async def test_a_line_that_goes_leaves_the_others_alone(bot: Bot) -> None:
    await bot.handled(await bot.provider.line_disconnected("ln_gone"))
    ben = bot.provider.customer(line_id="ln_stays")
    await ben.writes("hello")
    assert await ben.reads() == ["You said: hello"]
    assert (await _line(bot, "ln_stays"))["state"] == "ready"
    assert (await _line(bot, "ln_gone"))["state"] == "disconnected"


@pytest.mark.parametrize("reason", [None, 7, ["x"], "x\n\u202ey" * 500])
async def test_a_line_may_say_anything_for_a_reason(bot: Bot, reason: Any) -> None:
    line_id = f"ln_odd_{new_event_id()}"
    await bot.handled(await bot.provider.line_disconnected(line_id, reason=reason))
    gone = await _line(bot, line_id)
    assert gone["state"] == "disconnected"
    assert gone["reason"].isprintable()
    assert len(gone["reason"]) <= 200


async def test_a_line_that_comes_twice_sends_once(bot: Bot) -> None:
    ana = bot.provider.customer(line_id="ln_twice")
    await bot.handled(await bot.provider.line_disconnected("ln_twice"))
    await ana.writes("hello")

    async def is_held() -> bool:
        return bool((await _line(bot, "ln_twice"))["held"] == 1)

    await eventually(is_held)
    ready = [await bot.provider.line_ready("ln_twice") for _ in range(3)]
    await bot.handled(*ready)
    await ana.reads()
    await ana.writes("marker")
    assert await ana.reads(2) == ["You said: hello", "You said: marker"]


# delivery notices, in the provider's order


async def test_a_notice_settles_the_message_with_its_id_whatever_else_waits(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("first")
    await _sent(bot, ana)
    await ana.writes("second")
    await _sent(bot, ana, 2)
    first, second = (send.provider_id for send in ana.attempts)
    await bot.handled(await bot.provider.delivered(ana.number, second))
    assert await _statuses(bot, ana) == ["sent", "delivered"]
    await bot.handled(await bot.provider.delivered(ana.number, first))
    assert await _statuses(bot, ana) == ["delivered", "delivered"]


async def test_a_notice_counts_once_and_never_takes_anything_back(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello")
    await _sent(bot, ana)
    sent = ana.attempts[0].provider_id
    for _ in range(2):
        await bot.handled(await bot.provider.delivered(ana.number, sent))
    await bot.handled(await bot.provider.delivered("+15550009999", sent))  # the id decides
    assert await _statuses(bot, ana) == ["delivered"]


async def test_a_foreign_id_settles_the_send_on_its_way_before_older_ones(bot: Bot) -> None:
    ana, gate = bot.provider.customer(), Gate()
    bot.provider.plan_sends(Answer(200, {}), Answer(200, {}, gate=gate), to=ana.number)
    await ana.writes("first")
    await _sent(bot, ana)
    await ana.writes("second")
    await gate.reached()
    await bot.handled(await bot.provider.delivered(ana.number, "msg_out_of_nowhere"))
    assert await _statuses(bot, ana) == ["sent", "delivered"]
    gate.open()
    await bot.handled(await bot.provider.delivered(ana.number, "msg_still_unknown"))
    assert await _statuses(bot, ana) == ["delivered", "delivered"]
    assert len(ana.attempts) == 2


async def test_without_ids_notices_settle_the_oldest_first(bot: Bot) -> None:
    ana = bot.provider.customer()
    await _no_id(bot, ana, "first", "second")
    await bot.handled(await bot.provider.delivered(ana.number, None))
    assert await _statuses(bot, ana) == ["delivered", "sent"]
    await bot.handled(await bot.provider.delivered(ana.number, "msg_of_the_second"))
    assert await _statuses(bot, ana) == ["delivered", "delivered"]


async def test_a_late_notice_for_an_old_message_is_no_person(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("yesterday")
    await _sent(bot, ana)
    old = ana.attempts[0].provider_id
    gate = Gate()
    bot.provider.plan_sends(Answer(200, {"id": f"{old}_new"}, gate=gate), to=ana.number)
    await ana.writes("today")
    await gate.reached()  # an unanswered send must not take the old one's notice for its own
    await bot.handled(await bot.provider.delivered(ana.number, old))
    assert await _statuses(bot, ana) == ["delivered", "sending"]
    gate.open()
    await _sent(bot, ana, 2)
    assert (await bot.conversation(ana))["state"] == "bot"


async def test_a_notice_for_a_number_of_another_spelling_finds_its_message(bot: Bot) -> None:
    ana = bot.provider.customer()
    await _no_id(bot, ana, "hello")
    await bot.handled(await bot.provider.delivered(ana.number[1:], "msg_without_plus"))
    assert await _statuses(bot, ana) == ["delivered"]


async def test_foreign_messages_are_ignored_when_so_configured(new_bot: NewBot) -> None:
    bot = await new_bot(settings=IGNORING)
    ana, stranger = bot.provider.customer(), bot.provider.customer()
    await _no_id(bot, ana, "hello")
    typed = [
        _own(ana, kind, id=new_event_id(), text="typed on the phone")
        for kind in ("message.sent", "message.received")
    ]
    for event in typed:
        await bot.provider.deliver(event)
    settled = await bot.handled(  # together, since each has its grace
        *(event["id"] for event in typed),
        await bot.provider.delivered(stranger.number, "msg_of_somebody"),
        await bot.provider.delivered(ana.number, "msg_elsewhere", line_id="ln_elsewhere"),
        timeout_s=20,
    )
    assert {event["reason"] for event in settled} == {"not our message"}
    assert {event["state"] for event in settled} == {"skipped"}
    query = {"contact": stranger.number}
    assert (await bot.api("GET", "/api/conversations", params=query))["items"] == []
    assert (await bot.conversation(ana))["state"] == "bot"
    assert await _statuses(bot, ana) == ["sent"]
    assert "typed on the phone" not in str(await bot.messages(ana))
    for customer in (ana, stranger):
        await customer.writes("and now?")
        assert (await customer.reads(1 + (customer is ana)))[-1] == "You said: and now?"


async def test_a_notice_for_an_unknown_contact_is_a_person(bot: Bot) -> None:
    stranger = bot.provider.customer()
    event = await bot.provider.delivered(stranger.number, "msg_of_the_owner")
    await bot.handled(event, timeout_s=20)
    assert (await bot.conversation(stranger))["state"] == "human"
    (wordless,) = await bot.messages(stranger)
    assert (wordless["author"], wordless["text"]) == ("operator", "")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"message": {}},
        {"message": {"id": 7, "to": ["x"]}},
        {"message": {"id": "msg_x", "status": "failed"}},
        {"message_id": ""},
    ],
)
async def test_an_odd_notice_is_a_dead_letter_and_blocks_nothing(
    bot: Bot, fields: dict[str, Any]
) -> None:
    event = {"event": "message.delivered", "id": new_event_id(), "line_id": "ln_test", **fields}
    await bot.provider.deliver(event)
    (letter,) = await bot.handled(event["id"])
    assert (letter["state"], letter["reason"]) == ("dead", "unreadable")
    await bot.handled(await bot.provider.line_ready("ln_behind"))


# who wrote on the line


def _own(customer: Customer, kind: str, **fields: Any) -> dict[str, Any]:
    message = {"to": customer.number, "type": "text", "from": "+15550000000", **fields}
    if kind == "message.received":
        message["from_me"] = True
    return {"event": kind, "id": new_event_id(), "line_id": "ln_test", "message": message}


@pytest.mark.parametrize("kind", ["message.sent", "message.received"])
async def test_our_own_message_seen_from_outside_is_no_person(bot: Bot, kind: str) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello")
    await _sent(bot, ana)
    send = ana.attempts[0]
    echo = _own(ana, kind, id=send.provider_id, text=send.text)
    await bot.provider.deliver(echo)
    (kept,) = await bot.handled(echo["id"])
    assert kept["state"] == "done"
    assert (await bot.conversation(ana))["state"] == "bot"
    await ana.writes("and now?")
    assert (await ana.reads(2))[1] == "You said: and now?"
    assert len(await bot.messages(ana)) == 4


# several workers


async def test_two_workers_answer_everybody_once_and_in_order(new_bot: NewBot) -> None:
    bot = await new_bot(command=("serve",))
    workers = [await bot.start("worker", ready=False) for _ in range(2)]
    customers = [bot.provider.customer() for _ in range(30)]

    async def write_all(customer: Customer) -> list[str]:
        return await customer.writes(*(f"{customer.number} says {n}" for n in range(3)))

    events = await asyncio.gather(*(write_all(customer) for customer in customers))
    settled = await bot.handled(*(event for three in events for event in three), timeout_s=60)
    assert {event["state"] for event in settled} == {"done"}
    for customer in customers:

        def answered(one: Customer = customer) -> None:
            said = "\n".join(one.read).replace("You said: ", "").split("\n")
            assert said == [f"{one.number} says {n}" for n in range(3)]

        await eventually(answered, 20)
        keys = [send.key for send in customer.attempts]
        assert len(keys) == len(set(keys))
    assert all(worker.exit_code is None for worker in workers)
