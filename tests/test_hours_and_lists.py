"""When the bot answers at all, whom, and what it says first.

The bots here are off or on duty whatever the time is: their hours are made for today.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.opening_hours import DAYS
from tests.conftest import NewBot
from tests.harness import Bot, Customer, eventually, fail, say
from tests.harness.bot_process import FALLBACK, PROMPT, UNSUPPORTED

ON_ONE_DATABASE = True

pytestmark = pytest.mark.slow
AWAY = "We are closed right now."
DISCLOSURE = "You are talking to a machine."
HAND_OFF = "One moment, Rosa will write to you."
GOODBYE = "You will get no more messages from us. If you change your mind, write START."
_RULES = f"hand_off:\n  keywords: [human]\n  say: {HAND_OFF}\naway: {AWAY}\n"
PLAIN = {"default": f"{PROMPT}{_RULES}"}
PROMPTS = {"default": f"{PROMPT}{_RULES}disclosure: {DISCLOSURE}\n"}
SETTINGS: dict[str, Any] = {
    "retry": {"max_attempts": 1, "base_delay_s": 0.05, "max_delay_s": 0.2},
    "lines": {
        "default": {"prompt": "default", "block": ["+1999*"]},
        "ln_block": {"block": ["+1900*", "+15557770001"]},
        "ln_vip": {"answer": "listed", "only": ["+34 600*", "+15557770002"]},
    },
}


def _open_on(*days: int) -> dict[str, Any]:
    """Hours that are open all day on these days, counted from today."""
    today = datetime.now(UTC).weekday()
    return {DAYS[(today + day) % 7]: ["00:00-24:00"] for day in days}


OPEN = _open_on(-1, 0, 1)
CLOSED = _open_on(3)


def _business(answers: str, hours: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"business": {"bot_answers": answers, "hours": hours, **more}}


def _number(start: str) -> str:
    return f"{start}{random.randint(0, 99_999_999):08}"  # noqa: S311 - a number is no secret


async def _waits(bot: Bot, customer: Customer, looks: int) -> None:
    """The bot has looked so often at what the customer wrote, and left it for its hours."""
    conversation = (await bot.conversation(customer))["id"]

    def looked() -> None:
        ends = [line for line in bot.log.splitlines() if conversation in line]
        assert sum('"deferred"' in line for line in ends) == looks, ends

    await eventually(looked)


async def _event(bot: Bot, event_id: str) -> Any:
    items = (await bot.api("GET", "/api/events", params={"limit": 200}))["items"]
    return next(event for event in items if event["provider_event_id"] == event_id)


async def _states(bot: Bot, *event_ids: str) -> list[str]:
    return [(await _event(bot, event_id))["state"] for event_id in event_ids]


async def _conversations(bot: Bot, customer: Customer) -> list[Any]:
    query = {"contact": customer.number, "line_id": customer.line_id}
    return list((await bot.api("GET", "/api/conversations", params=query))["items"])


# hours


async def test_while_it_is_closed_the_customer_is_told_once_and_everything_waits(
    new_bot: NewBot,
) -> None:
    bot = await new_bot(settings=_business("in_hours", CLOSED), prompts=PLAIN)
    ana, ben = bot.provider.customer(), bot.provider.customer()
    (first,) = await ana.writes("do you have bread?")
    assert await ana.reads() == [AWAY]
    (second,) = await ana.writes("hello?")
    await _waits(bot, ana, 2)
    await bot.restart()
    (third,) = await ana.writes("human")
    await _waits(bot, ana, 3)
    assert await _states(bot, first, second, third) == ["pending"] * 3
    await ben.writes("and me?")
    assert await ben.reads() == [AWAY]
    assert bot.llm.requests == []
    await bot.handled(*await ana.writes("STOP"))  # a right that knows no hours
    assert await ana.reads(2) == [AWAY, GOODBYE]


async def test_a_holiday_is_closed_whatever_the_hours(new_bot: NewBot) -> None:
    today = datetime.now(UTC).date()
    day = timedelta(days=1)
    holidays = [f"{today - day}..{today + day}"]
    settings = _business("in_hours", _open_on(*range(7)), holidays=holidays)
    bot = await new_bot(settings=settings, prompts=PLAIN)
    ana = bot.provider.customer()
    (event,) = await ana.writes("do you have bread?")
    assert await ana.reads() == [AWAY]
    assert await _states(bot, event) == ["pending"]


@pytest.mark.parametrize(("answers", "hours"), [("in_hours", OPEN), ("outside_hours", CLOSED)])
async def test_on_duty_the_bot_answers(
    new_bot: NewBot, answers: str, hours: dict[str, Any]
) -> None:
    bot = await new_bot(settings=_business(answers, hours), prompts=PLAIN)
    ana = bot.provider.customer()
    await ana.writes("do you have bread?")
    assert await ana.reads() == ["You said: do you have bread?"]


async def test_while_people_are_there_the_bot_is_silent_until_they_answer_from_the_phone(
    new_bot: NewBot,
) -> None:
    bot = await new_bot(settings=_business("outside_hours", OPEN), prompts=PLAIN)
    ana = bot.provider.customer()
    (asked,) = await ana.writes("do you have bread?")
    await _waits(bot, ana, 1)
    assert await _states(bot, asked) == ["pending"]
    typed = {"id": "msg_typed", "to": ana.number, "type": "text", "text": "Yes, rye."}
    event = {"event": "message.sent", "id": "evt_typed", "line_id": ana.line_id, "message": typed}
    await bot.provider.deliver(event)
    settled, _ = await bot.handled(asked, "evt_typed")
    assert (settled["state"], settled["reason"]) == ("done", "answered by a person")
    conversation = await bot.conversation(ana)
    assert (conversation["state"], conversation["paused_by"]) == ("human", "phone")
    assert ana.attempts == []
    assert bot.llm.requests == []


# what is said first


async def test_the_first_reply_says_what_answers_and_no_other_does(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("good morning")
    assert await ana.reads() == [f"{DISCLOSURE}\n\nYou said: good morning"]
    await bot.restart()
    await ana.writes("and good night")
    assert (await ana.reads(2))[1] == "You said: and good night"


async def test_it_is_said_with_a_hand_off_too(bot: Bot) -> None:
    ana, ben = bot.provider.customer(), bot.provider.customer()
    await ana.writes("Human!")
    assert await ana.reads() == [f"{DISCLOSURE}\n\n{HAND_OFF}"]
    bot.llm.plan_calls(fail(400), about="this breaks the model")
    await ben.writes("this breaks the model")
    assert await ben.reads() == [f"{DISCLOSURE}\n\n{FALLBACK}"]


async def test_it_is_said_with_the_fixed_words_for_what_nobody_can_read(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.sends("poll")
    assert await ana.reads() == [f"{DISCLOSURE}\n\n{UNSUPPORTED}"]
    (again,) = await bot.handled(await ana.sends("poll"))
    assert again["reason"] == "unsupported type, the customer knows"
    await ana.writes("then in words")
    answer = (await ana.reads(2))[1]
    assert answer.startswith("You said: ")
    assert DISCLOSURE not in answer


async def test_it_is_said_with_the_words_of_a_closing(new_bot: NewBot) -> None:
    bot = await new_bot(settings=_business("in_hours", CLOSED), prompts=PROMPTS)
    ana = bot.provider.customer()
    await ana.writes("do you have bread?")
    assert await ana.reads() == [f"{DISCLOSURE}\n\n{AWAY}"]


async def test_it_is_said_before_a_long_first_answer_alone(bot: Bot) -> None:
    ana = bot.provider.customer()
    long = "\n\n".join(f"{number} " + "bread " * 300 for number in range(4))
    bot.llm.plan_calls(say(long), about="tell me everything")
    await bot.handled(*await ana.writes("tell me everything"))
    await ana.writes("thank you")
    await eventually(lambda: ana.read[-1:] == ["You said: thank you"])
    whole = "\n\n".join(ana.read)
    assert whole.startswith(f"{DISCLOSURE}\n\n0 bread ")
    assert whole.count(DISCLOSURE) == 1
    assert len(ana.read) > 2


async def test_two_first_replies_that_a_line_holds_say_it_once(bot: Bot) -> None:
    ana = bot.provider.customer(line_id="ln_away")
    await bot.handled(await bot.provider.line_disconnected("ln_away"))
    await bot.handled(*await ana.writes("good morning"))
    await bot.handled(await ana.sends("poll"))
    await bot.provider.line_ready("ln_away")
    read = await ana.reads(2)
    assert read == [f"{DISCLOSURE}\n\nYou said: good morning", UNSUPPORTED]


# whom


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("ln_block", _number("+1900")),
        ("ln_block", "+15557770001"),
        ("ln_block", _number("+1999")),
        ("ln_test", _number("+1999")),
        ("ln_vip", _number("+34601")),
        ("ln_vip", _number("+1600")),
    ],
    ids=["blocked", "blocked-number", "blocked-everywhere", "by-default", "not-listed", "foreign"],
)
async def test_nothing_is_kept_of_people_whom_a_line_does_not_answer(
    bot: Bot, line: str, number: str
) -> None:
    stranger, ana = bot.provider.customer(number=number, line_id=line), bot.provider.customer()
    (event,) = await stranger.writes("a private matter", profile_name="Private Person")
    (settled,) = await bot.handled(event)
    assert (settled["state"], settled["reason"]) == ("skipped", "excluded")
    assert await _conversations(bot, stranger) == []
    refused = await bot.api("POST", f"/api/events/{event}/replay", expect=409)
    assert "nothing readable of it was kept" in refused["message"]
    await ana.writes("marker")
    await ana.reads()
    assert stranger.attempts == []
    assert not bot.llm.calls_about("a private matter")


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("ln_block", _number("+1901")),
        ("ln_test", _number("+1900")),
        ("ln_vip", _number("+34600")),
        ("ln_vip", "+15557770002"),
    ],
    ids=["not-blocked", "on-another-line", "listed", "listed-number"],
)
async def test_everybody_else_is_answered(bot: Bot, line: str, number: str) -> None:
    ana = bot.provider.customer(number=number, line_id=line)
    await ana.writes("good morning")
    assert await ana.reads() == [f"{DISCLOSURE}\n\nYou said: good morning"]


async def test_whoever_gets_blocked_while_a_reply_is_held_never_gets_it(new_bot: NewBot) -> None:
    bot = await new_bot(prompts=PLAIN)
    ana, ben, carla = (bot.provider.customer() for _ in range(3))
    await bot.handled(await bot.provider.line_disconnected())
    await bot.handled(*await ana.writes("hello from Ana"))
    await bot.handled(*await ben.writes("hello from Ben"))
    path = f"/api/conversations/{await _id_once_it_writes(bot, carla)}"
    await bot.api("POST", f"{path}/pause", {})
    (waits,) = await carla.writes("hello again from Carla")
    blocked = [ana.number, carla.number]
    bot.settings["lines"] = {"default": {"prompt": "default", "block": blocked}}
    await bot.restart()
    await bot.provider.line_ready()
    assert await ben.reads() == ["You said: hello from Ben"]
    await bot.api("POST", f"{path}/resume", {"answer": True})
    assert (await bot.handled(waits))[0]["reason"] == "excluded"

    async def cancelled() -> None:
        last = (await bot.messages(ana))[-1]
        assert (last["status"], last["error"]) == (
            "cancelled",
            "the contact is not answered on this line",
        )

    await eventually(cancelled)
    assert (ana.attempts, carla.attempts) == ([], [])


async def _id_once_it_writes(bot: Bot, customer: Customer) -> str:
    await bot.handled(*await customer.writes("hello"))
    return str((await bot.conversation(customer))["id"])
