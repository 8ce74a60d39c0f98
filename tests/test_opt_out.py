"""STOP and START: a customer's right, at any time and to whomever they say it."""

from typing import Any

import pytest

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, Drop, Gate, eventually, say
from tests.samples import voices

ON_ONE_DATABASE = True
ROSA = "+15559990011"
GOODBYE = "You will get no more messages from us. If you change your mind, write START."
WELCOME = "Welcome back! You get our messages again."
HAND_OFF = "One moment, Rosa will write to you."
PROMPT = f"""\
name: Test shop
instructions: |
  You answer for a test shop.
hand_off:
  when: the customer complains
  keywords: [human]
  say: {HAND_OFF}
"""
PROMPTS = {
    "default": PROMPT,
    "own": f"{PROMPT}opt_out:\n  keywords: [genug]\n  say: Never again.\n",
    "deaf": f"{PROMPT}opt_out:\n  keywords: []\n",
}
SETTINGS: dict[str, Any] = {
    "takeover": {"operators": [ROSA]},
    "line_api": {"timeout_s": 2, "uncertain_wait_s": 1},
    "retry": {"base_delay_s": 0.05, "max_delay_s": 0.2},
    "lines": {"ln_own": {"prompt": "own"}, "ln_deaf": {"prompt": "deaf"}},
}


def _rosa(bot: Bot) -> Customer:
    return bot.provider.customer(number=ROSA)


async def _met(bot: Bot, line_id: str = "ln_test") -> Customer:
    """A customer with one answered question."""
    ana = bot.provider.customer(line_id=line_id)
    await bot.handled(*await ana.writes("good morning"))
    await ana.reads(1)
    return ana


async def _gone(bot: Bot) -> Customer:
    """A customer who has opted out."""
    ana = bot.provider.customer()
    await bot.handled(*await ana.writes("STOP"))
    await ana.reads(1)
    return ana


async def _comes_back(bot: Bot, customer: Customer) -> list[str]:
    """All that the customer has read up to and with the welcome; nothing overtakes it."""
    before = len(customer.read)
    await bot.handled(*await customer.writes("START"))

    def welcomed() -> None:
        assert WELCOME in customer.read[before:], customer.read

    await eventually(welcomed)
    return customer.read


async def _path(bot: Bot, customer: Customer) -> str:
    return f"/api/conversations/{(await bot.conversation(customer))['id']}"


async def _paused(bot: Bot, customer: Customer) -> str:
    """A person takes the conversation; its path."""
    path = await _path(bot, customer)
    await bot.api("POST", f"{path}/pause", {"for_s": None})
    return path


async def _opted_out(bot: Bot, customer: Customer) -> None:
    async def known() -> None:
        assert (await bot.conversation(customer))["opted_out_at"]

    await eventually(known)


async def _has_status(bot: Bot, customer: Customer, text: str, status: str) -> Any:
    """The customer's message with these words, once it has come to that."""

    async def there() -> Any:
        found = [one for one in await bot.messages(customer) if one["text"] == text]
        assert [one["status"] for one in found] == [status], found
        return found[0]

    return await eventually(there)


def _voice(bot: Bot, seconds: float) -> dict[str, str]:
    return bot.media.serve(voices.voice_ogg(seconds), media_type="audio/ogg; codecs=opus")


@pytest.mark.parametrize("word", ["STOP", "  stop! 🛑", "Unsubscribe me.", "Darme de baja"])
async def test_stop_is_confirmed_once_and_then_nothing_more_is_said(bot: Bot, word: str) -> None:
    ana = bot.provider.customer()
    (stop,) = await ana.writes(word)
    assert await ana.reads() == [GOODBYE]
    (settled,) = await bot.handled(stop)
    assert (settled["state"], settled["reason"]) == ("done", "opted out")
    assert (await bot.conversation(ana))["opted_out_at"].endswith("Z")
    later = await ana.writes(f"one more thing after {word}", word)
    assert [(one["state"], one["reason"]) for one in await bot.handled(*later)] == [
        ("skipped", "opted out"),
        ("skipped", "opted out"),
    ]
    recorded = [one["text"] for one in await bot.messages(ana)]
    assert [text.strip() for text in recorded] == [
        word.strip(),
        GOODBYE,
        f"one more thing after {word}",
        word.strip(),
    ]
    assert await _comes_back(bot, ana) == [GOODBYE, WELCOME]
    assert not bot.llm.calls_about(f"one more thing after {word}")


async def test_a_prompt_may_have_a_list_of_its_own(bot: Bot) -> None:
    ana = bot.provider.customer(line_id="ln_own")
    await bot.handled(*await ana.writes("stop"))
    assert await ana.reads() == ["You said: stop"]
    await bot.handled(*await ana.writes("Genug!"))
    assert await ana.reads(2) == ["You said: stop", "Never again."]
    (settled,) = await bot.handled(*await ana.writes("hello?"))
    assert settled["reason"] == "opted out"


async def test_an_empty_list_turns_it_off(bot: Bot) -> None:
    ana = bot.provider.customer(line_id="ln_deaf")
    await bot.handled(*await ana.writes("STOP"))
    assert await ana.reads() == ["You said: STOP"]
    assert (await bot.conversation(ana))["opted_out_at"] is None


async def test_start_brings_the_bot_back(bot: Bot) -> None:
    ana = await _gone(bot)
    (start,) = await ana.writes("start")
    assert await ana.reads(2) == [GOODBYE, WELCOME]
    (settled,) = await bot.handled(start)
    assert (settled["state"], settled["reason"]) == ("done", "opted in")
    assert (await bot.conversation(ana))["opted_out_at"] is None
    await ana.writes("do you have bread?")
    assert (await ana.reads(3))[2] == "You said: do you have bread?"
    path = await _path(bot, ana)
    audit = (await bot.api("GET", f"/api/audit?conversation_id={path.rpartition('/')[2]}"))["items"]
    assert [(row["action"], row["actor"]) for row in audit] == [
        ("opted_in", "customer"),
        ("opted_out", "customer"),
    ]


async def test_start_from_somebody_who_never_opted_out_is_for_the_model(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("START")
    assert await ana.reads() == ["You said: START"]


async def test_a_sentence_that_begins_with_stop_is_for_the_model(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("stop, he isn't coming")
    assert await ana.reads() == ["You said: stop, he isn't coming"]
    assert (await bot.conversation(ana))["opted_out_at"] is None


async def test_a_stop_within_a_burst_counts(bot: Bot) -> None:
    ana = bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("too early", gate=gate), about="hello, a burst begins")
    await ana.writes("hello, a burst begins")
    await gate.reached()
    await ana.writes("STOP", "are you deaf?")
    gate.open()
    assert await ana.reads() == [GOODBYE]
    await _opted_out(bot, ana)
    assert await _comes_back(bot, ana) == [GOODBYE, WELCOME]


async def test_the_last_word_of_a_burst_counts(bot: Bot) -> None:
    ana = await _gone(bot)
    gate = Gate()
    assert await _comes_back(bot, ana) == [GOODBYE, WELCOME]
    bot.llm.plan_calls(say("too early", gate=gate), about="wait for the rest")
    await ana.writes("wait for the rest")
    await gate.reached()
    await ana.writes("START", "stop", "START", "Stop")
    gate.open()
    assert await ana.reads(3) == [GOODBYE, WELCOME, GOODBYE]
    await _opted_out(bot, ana)


async def test_a_spoken_stop_counts(bot: Bot) -> None:
    ana = await _met(bot)
    bot.speech.hears("Stop.", "en")
    await ana.sends("voice", _voice(bot, 1.1))
    assert (await ana.reads(2))[1] == GOODBYE
    await _opted_out(bot, ana)


async def test_stop_inside_a_longer_voice_note_is_for_the_model(bot: Bot) -> None:
    ana = bot.provider.customer()
    bot.speech.hears("At which stop do I get off the bus?", "en")
    await ana.sends("voice", _voice(bot, 1.2))
    (answer,) = await ana.reads()
    assert "At which stop do I get off the bus?" in answer
    assert (await bot.conversation(ana))["opted_out_at"] is None


async def test_a_stop_over_the_limit_of_replies_counts(new_bot: NewBot) -> None:
    limits = {"replies_per_contact_per_hour": 1}
    bot = await new_bot(settings={**SETTINGS, "limits": limits}, prompts=PROMPTS)
    ana = await _met(bot)
    (over,) = await bot.handled(*await ana.writes("and one more question"))
    assert over["reason"] == "over limit: replies per hour"
    await bot.handled(*await ana.writes("STOP"))
    assert await ana.reads(2) == ["You said: good morning", GOODBYE]
    await _opted_out(bot, ana)


async def test_a_stop_that_is_said_to_a_person_binds_the_person_too(bot: Bot) -> None:
    ana, rosa = await _met(bot), _rosa(bot)
    path = await _paused(bot, ana)
    (stop,) = await ana.writes("Stop")
    (settled,) = await bot.handled(stop)
    assert (settled["state"], settled["reason"]) == ("done", "opted out")
    await _opted_out(bot, ana)

    def told() -> str:
        (notice,) = [text for text in rosa.read if ana.number in text]
        return notice

    await eventually(lambda: any(ana.number in text for text in rosa.read))
    assert "wrote STOP: nothing more is sent here, by anybody" in told()
    refused = await bot.api("POST", f"{path}/messages", {"text": "please stay"}, expect=409)
    assert "opted out" in refused["message"]
    kept = {"text": "please stay", "keep_bot": True}
    assert (await bot.api("POST", f"{path}/messages", kept, expect=409))["error"] == "conflict"
    sent = await bot.cli("send", ana.number, "please stay")
    assert sent.exit_code == 1
    assert "opted out" in sent.stderr
    await rosa.writes(f"{told().split()[0]} please stay")
    await eventually(
        lambda: any("The customer has opted out".lower() in text.lower() for text in rosa.read)
    )
    assert (await bot.handled(*await ana.writes("START")))[0]["reason"] == "opted in"
    await bot.api("POST", f"{path}/messages", {"text": "welcome back"}, expect=202)
    assert await ana.reads(2) == ["You said: good morning", "welcome back"]


async def test_a_spoken_stop_to_a_person_counts_once_it_is_understood(bot: Bot) -> None:
    ana = await _met(bot)
    path = await _paused(bot, ana)
    bot.speech.hears("Stop.", "en")
    (settled,) = await bot.handled(await ana.sends("voice", _voice(bot, 1.3)))
    assert settled["reason"] == "opted out"
    await bot.api("POST", f"{path}/messages", {"text": "please stay"}, expect=409)


async def test_what_was_asked_of_a_person_before_stop_is_not_answered_when_they_hand_back(
    bot: Bot,
) -> None:
    ana = await _met(bot)
    path = await _paused(bot, ana)
    (asked,) = await ana.writes("may I ask you something?")
    await bot.handled(*await ana.writes("STOP"))
    (after,) = await ana.writes("and do not answer this either")
    await bot.api("POST", f"{path}/resume", {"answer": True})
    assert {one["reason"] for one in await bot.handled(asked, after)} == {"opted out"}
    assert await _comes_back(bot, ana) == ["You said: good morning", WELCOME]


async def test_a_held_reply_never_leaves_after_a_stop_but_its_confirmation_does(bot: Bot) -> None:
    line = "ln_away"
    ana = await _met(bot, line)
    await bot.handled(await bot.provider.line_disconnected(line))
    await ana.writes("hello")
    await _has_status(bot, ana, "You said: hello", "held")
    await ana.writes("STOP")
    await _has_status(bot, ana, GOODBYE, "held")
    cancelled = await _has_status(bot, ana, "You said: hello", "cancelled")
    assert cancelled["error"] == "the customer has opted out"
    await bot.provider.line_ready(line)
    assert await ana.reads(2) == ["You said: good morning", GOODBYE]
    assert await _comes_back(bot, ana) == ["You said: good morning", GOODBYE, WELCOME]


async def test_a_persons_held_message_never_leaves_after_a_stop(bot: Bot) -> None:
    line = "ln_away_too"
    ana = await _met(bot, line)
    await bot.handled(await bot.provider.line_disconnected(line))
    path = await _path(bot, ana)
    await bot.api("POST", f"{path}/messages", {"text": "it is Rosa"}, expect=202)
    await _has_status(bot, ana, "it is Rosa", "held")
    await bot.handled(*await ana.writes("STOP"))
    cancelled = await _has_status(bot, ana, "it is Rosa", "cancelled")
    assert cancelled["error"] == "the customer has opted out"
    await bot.provider.line_ready(line)
    await bot.api("POST", f"{path}/resume", {})
    assert await _comes_back(bot, ana) == ["You said: good morning", WELCOME]


async def test_a_persons_message_that_the_line_puts_off_is_not_tried_again_after_a_stop(
    bot: Bot,
) -> None:
    ana = await _met(bot)
    gate = Gate()
    bot.provider.plan_sends(Answer(503, gate=gate), to=ana.number)
    path = await _path(bot, ana)
    await bot.api("POST", f"{path}/messages", {"text": "it is Rosa"}, expect=202)
    await gate.reached()
    (stop,) = await ana.writes("STOP")
    gate.open()
    await bot.handled(stop)
    cancelled = await _has_status(bot, ana, "it is Rosa", "cancelled")
    assert cancelled["error"] == "the customer has opted out"
    await bot.api("POST", f"{path}/resume", {})
    assert await _comes_back(bot, ana) == ["You said: good morning", WELCOME]
    assert len(ana.attempts) == 3


async def test_a_persons_message_that_got_no_answer_is_not_sent_again_after_a_stop(
    bot: Bot,
) -> None:
    ana = await _met(bot)
    plan = bot.provider.plan_sends(Drop(), to=ana.number)
    path = await _path(bot, ana)
    await bot.api("POST", f"{path}/messages", {"text": "it is Rosa"}, expect=202)
    await plan.has_fired()
    await bot.handled(*await ana.writes("STOP"))
    await _has_status(bot, ana, "it is Rosa", "uncertain")
    await bot.api("POST", f"{path}/resume", {})
    assert await _comes_back(bot, ana) == ["You said: good morning", WELCOME]
    assert len(ana.attempts) == 3


async def test_a_reply_that_got_no_answer_is_not_sent_again_after_a_stop(bot: Bot) -> None:
    ana = bot.provider.customer()
    plan = bot.provider.plan_sends(Drop(), to=ana.number)
    await ana.writes("hello")
    await plan.has_fired()
    await ana.writes("STOP")
    await eventually(lambda: GOODBYE in ana.read)
    assert [send.text for send in ana.attempts] == ["You said: hello", GOODBYE]
    await _has_status(bot, ana, "You said: hello", "uncertain")


async def test_a_stop_concerns_one_conversation_alone(bot: Bot) -> None:
    ana, rosa, ben = await _gone(bot), _rosa(bot), bot.provider.customer()
    elsewhere = bot.provider.customer(number=ana.number, line_id="ln_elsewhere")
    await ben.writes("Human")
    assert await ben.reads() == [HAND_OFF]
    await eventually(lambda: any(ben.number in text for text in rosa.read))
    await elsewhere.writes("is this line still mine?")
    await eventually(lambda: "You said: is this line still mine?" in elsewhere.read)
    asked, _ = await bot.handled(*await ana.writes("Human", "human"))
    assert asked["reason"] == "opted out"
    assert not any(ana.number in text for text in rosa.read)


async def test_a_kill_before_the_confirmation_is_settled_makes_no_second_one(
    new_bot: NewBot,
) -> None:
    line_api = {"timeout_s": 2, "uncertain_wait_s": 0.3}
    bot = await new_bot(settings={**SETTINGS, "line_api": line_api}, prompts=PROMPTS)
    ana = bot.provider.customer()
    gate = Gate()
    bot.provider.plan_sends(Answer(200, {"id": "msg_goodbye"}, gate=gate), to=ana.number)
    await ana.writes("STOP")
    await gate.reached()
    await bot.kill()
    gate.open()
    await bot.restart()
    later = await ana.writes("anybody there?", "stop")
    settled = await bot.handled(*later, timeout_s=40)  # where others might work: a lease later
    assert {one["reason"] for one in settled} == {"opted out"}
    assert {(send.text, send.key) for send in ana.attempts} == {(GOODBYE, ana.attempts[0].key)}
    await _opted_out(bot, ana)
    path = await _path(bot, ana)
    await bot.api("POST", f"{path}/messages", {"text": "please stay"}, expect=409)
    assert (await _comes_back(bot, ana))[-1] == WELCOME
