"""Operators are told by a webhook of their own: once, in the end, and at nobody's expense."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, Hang, Network, Request, eventually, fail, hand_off
from tests.harness.bot_process import FALLBACK
from tests.harness.http_server import Plan, ScriptedServer

ON_ONE_DATABASE = True
SECRET = "T0SECRET"
PATH = f"/hooks/{SECRET}/B1"
HAND_OFF = "One moment, Rosa will write to you."
PROMPT = f"""\
name: Test shop
instructions: |
  You answer for a test shop.
fallback: {FALLBACK}
hand_off:
  when: the customer complains
  keywords: [human]
  say: {HAND_OFF}
"""
PROMPTS = {"default": PROMPT}
SETTINGS: dict[str, Any] = {
    "server": {"public_url": "https://bot.example.org"},
    "limits": {"replies_per_contact_per_hour": 2},
    "retry": {"max_attempts": 1, "base_delay_s": 0.05, "max_delay_s": 0.2},
}


class Hook(ScriptedServer):
    """The operators' webhook; its path is a secret."""

    @property
    def address(self) -> str:
        return self.url + PATH

    def plan_posts(self, *behaviours: Answer | Hang, about: Customer) -> Plan:
        """What the next notices about a customer get."""
        return self.plan(*behaviours, when=lambda post: post.json["contact"] == about.number)

    def posts(self, about: Customer) -> list[Request]:
        """All attempts to tell of a customer, oldest first."""
        assert {post.path for post in self.requests} <= {PATH}
        return [post for post in self.requests if post.json["contact"] == about.number]

    async def tells(self, about: Customer, count: int = 1) -> list[Any]:
        """The bodies of these attempts, once there are so many, and never more."""

        def enough() -> list[Any]:
            bodies = [post.json for post in self.posts(about)]
            assert len(bodies) == count, [(body["kind"], body["why"]) for body in bodies]
            return bodies

        return await eventually(enough, 15)


@pytest.fixture(scope="module")
def module_hook(_shared_bot: Bot, network: Network) -> Iterator[Hook]:
    hook = Hook(network)
    _shared_bot.settings["takeover"] = {"notify_url": hook.address}
    yield hook
    hook.close()


@pytest.fixture(autouse=True)
def hook(module_hook: Hook) -> Iterator[Hook]:
    """Knows what every bot of this file has told; each test gets it without plans."""
    yield module_hook
    unused = module_hook.forget_plans()
    assert not unused, f"planned, but never asked for: {unused}"


async def _new(new_bot: NewBot, hook: Hook, takeover: dict[str, Any], **more: Any) -> Bot:
    told = {"takeover": {"notify_url": hook.address, **takeover}}
    return await new_bot(settings={**SETTINGS, **more, **told}, prompts=PROMPTS)


async def _hands_off(customer: Customer) -> None:
    """The customer asks for a person and gets the words for it."""
    before = len(customer.read)
    await customer.writes("Human!")
    await eventually(lambda: customer.read[before:] == [HAND_OFF])


async def _tells_of_others(bot: Bot, hook: Hook) -> None:
    """A notice that waits behind all others has arrived."""
    other = bot.provider.customer()
    await _hands_off(other)
    await hook.tells(other)


async def _is_tried(customer: Customer, times: int) -> None:
    await eventually(lambda: len(customer.attempts) == times)


async def _path(bot: Bot, customer: Customer) -> str:
    return f"/api/conversations/{(await bot.conversation(customer))['id']}"


async def _is_with(bot: Bot, customer: Customer, state: str) -> bool:
    return bool((await bot.conversation(customer))["state"] == state)


async def _audit(bot: Bot, customer: Customer) -> list[tuple[str, str, str | None]]:
    """What was done in a conversation, by whom and why, oldest first."""
    query = {"conversation_id": (await bot.conversation(customer))["id"]}
    rows = (await bot.api("GET", "/api/audit", params=query))["items"]
    times = [row["at"] for row in rows]
    assert times == sorted(times, reverse=True)
    assert {row["conversation_id"] for row in rows} <= set(query.values())
    return [(row["action"], row["actor"], row["reason"]) for row in reversed(rows)]


async def test_a_notice_says_who_wants_what_and_what_was_promised(bot: Bot, hook: Hook) -> None:
    ana = bot.provider.customer()
    await bot.handled(*await ana.writes("do you sell rye bread?", profile_name="Ana"))
    bot.llm.plan_calls(hand_off("a complaint", "wants her money back"), about="money back")
    await ana.writes("I want my money back")
    (told,) = await hook.tells(ana)
    conversation = await bot.conversation(ana)
    link = f"https://bot.example.org/console/conversations/{conversation['id']}"
    who, wants, promised, last = told["text"].splitlines()
    assert who == f"#{conversation['number']} Ana ({ana.number}): a complaint"
    assert wants == "Wants: wants her money back"
    assert promised == f"Promised: You said: do you sell rye bread? / {HAND_OFF}"
    assert last == link
    assert {key: told[key] for key in told if key != "text"} == {
        "kind": "hand_off",
        "conversation_id": conversation["id"],
        "line_id": "ln_test",
        "number": conversation["number"],
        "name": "Ana",
        "contact": ana.number,
        "why": "a complaint",
        "wants": "wants her money back",
        "promised": f"You said: do you sell rye bread? / {HAND_OFF}",
        "link": link,
    }
    (post,) = hook.posts(ana)
    assert post.method == "POST"
    assert post.headers["content-type"] == "application/json"


async def test_a_webhook_that_hangs_delays_no_reply_and_is_told_later(bot: Bot, hook: Hook) -> None:
    ana, ben, carla = (bot.provider.customer() for _ in range(3))
    plan = hook.plan_posts(Hang(), about=ana)
    await _hands_off(ana)
    await plan.has_fired()
    await ben.writes("do you have bread?")
    assert await ben.reads() == ["You said: do you have bread?"]
    await bot.api("POST", f"{await _path(bot, ben)}/pause", {"for_s": 0.1})
    await eventually(lambda: _is_with(bot, ben, "bot"), 8)  # nor does the end of a pause wait
    await _hands_off(carla)
    assert (len(hook.posts(ana)), hook.posts(carla)) == (1, [])  # it hangs still
    await hook.down()
    await hook.up()
    await hook.tells(ana, 2)
    await hook.tells(carla)
    first, second = hook.posts(ana)
    assert first.body == second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert "notice.failed" in bot.log
    assert SECRET not in bot.log


async def test_a_webhook_that_fails_is_tried_again(bot: Bot, hook: Hook) -> None:
    ana = bot.provider.customer()
    hook.plan_posts(Answer(500), Answer(200), about=ana)
    await _hands_off(ana)
    await hook.tells(ana, 2)
    await _tells_of_others(bot, hook)
    assert len({post.headers["idempotency-key"] for post in hook.posts(ana)}) == 1
    assert len(hook.posts(ana)) == 2


async def test_a_webhook_that_is_not_there_is_given_up_at_once(bot: Bot, hook: Hook) -> None:
    ana = bot.provider.customer()
    hook.plan_posts(Answer(404), about=ana)
    await _hands_off(ana)
    await hook.tells(ana)
    await eventually(lambda: "notice.given_up" in bot.log)
    await _tells_of_others(bot, hook)
    assert len(hook.posts(ana)) == 1
    assert "127.0.0.1 answered the notice with 404: check takeover.notify_url" in bot.log
    assert SECRET not in bot.log


async def test_a_failure_is_told_once_until_somebody_has_looked(bot: Bot, hook: Hook) -> None:
    ana = bot.provider.customer()
    bot.llm.plan_calls(fail(400), fail(400), fail(400), about="this breaks the model")
    for count in (1, 2):
        (dead,) = await bot.handled(*await ana.writes(f"this breaks the model {count}"))
        assert dead["state"] == "dead"
    (told,) = await hook.tells(ana)
    assert told["kind"] == "attention"
    assert told["why"].startswith("no reply could be made: ")
    assert told["wants"] == "this breaks the model 1"
    await _tells_of_others(bot, hook)
    assert len(hook.posts(ana)) == 1
    assert (await bot.conversation(ana))["needs_attention"] is True
    await bot.api("POST", f"{await _path(bot, ana)}/attend")
    await bot.handled(*await ana.writes("this breaks the model 3"))
    assert (await hook.tells(ana, 2))[1]["wants"] == "this breaks the model 3"


async def test_a_limit_is_told_once(bot: Bot, hook: Hook) -> None:
    ana = bot.provider.customer()
    for count in (1, 2):
        await bot.handled(*await ana.writes(f"question {count}"))
        await ana.reads(count)
    over = await bot.handled(*await ana.writes("question 3", "question 4"))
    assert {one["reason"] for one in over} == {"over limit: replies per hour"}
    (told,) = await hook.tells(ana)
    assert (told["kind"], told["why"]) == ("attention", "over limit: replies per hour")
    await _tells_of_others(bot, hook)
    assert len(hook.posts(ana)) == 1
    assert await _audit(bot, ana) == [("attention", "bot", "over limit: replies per hour")]


async def test_a_rejected_reply_is_told_once(bot: Bot, hook: Hook) -> None:
    ana = bot.provider.customer()
    refusal = Answer(422, {"error": "invalid", "message": "no such recipient"})
    bot.provider.plan_sends(refusal, refusal, to=ana.number)
    for count in (1, 2):
        await bot.handled(*await ana.writes(f"hello {count}"))
        await _is_tried(ana, count)
    (told,) = await hook.tells(ana)
    assert (told["kind"], told["number"]) == ("attention", (await bot.conversation(ana))["number"])
    assert told["why"].startswith("rejected by the line (invalid)")
    await _tells_of_others(bot, hook)
    assert len(hook.posts(ana)) == 1


async def test_a_kill_right_after_a_hand_off_loses_no_notice(new_bot: NewBot, hook: Hook) -> None:
    retry = {"base_delay_s": 2, "max_delay_s": 2}
    bot = await _new(new_bot, hook, {}, retry=retry)
    ana = bot.provider.customer()
    await hook.down()
    await _hands_off(ana)

    async def not_told() -> None:
        metrics = (await bot.http("GET", "/metrics")).text
        assert 'bot_notices_total{outcome="unavailable"} 1.0' in metrics

    await eventually(not_told)  # and it is not due for a second: nobody has it in hand
    await bot.kill()
    await hook.up()
    assert hook.posts(ana) == []
    await bot.restart()
    (told,) = await hook.tells(ana)
    assert (told["kind"], told["why"]) == ("hand_off", "asks for a person")
    assert (await bot.conversation(ana))["state"] == "human"
    await _tells_of_others(bot, hook)
    assert len(hook.posts(ana)) == 1
    assert SECRET not in bot.log


async def test_when_a_pause_is_over_and_the_customer_waits_people_are_told_again(
    new_bot: NewBot, hook: Hook
) -> None:
    bot = await _new(new_bot, hook, {"auto_resume_after_s": 0.5, "grace_s": 3600})
    ana, ben = bot.provider.customer(), bot.provider.customer()
    await _hands_off(ana)
    await ana.writes("is anybody there?")
    first, second = await hook.tells(ana, 2)
    assert (first["kind"], second["kind"]) == ("hand_off", "waiting")
    assert second["why"] == (
        "the pause is over and the customer waits for you; the bot answers in 60 min"
    )
    assert second["wants"] == "is anybody there?"
    await _hands_off(ben)
    await ben.writes("and I?")
    await hook.tells(ben, 2)
    assert len(hook.posts(ana)) == 2
    assert ana.read == [HAND_OFF]
    conversation = await bot.conversation(ana)
    assert (conversation["state"], conversation["needs_attention"]) == ("human", True)
    assert await _audit(bot, ana) == [
        ("paused", "bot", "asks for a person"),
        ("attention", "bot", "asks for a person"),
        ("reminded", "bot", second["why"]),
    ]


async def test_after_the_grace_the_bot_answers_what_waits(new_bot: NewBot, hook: Hook) -> None:
    bot = await _new(new_bot, hook, {"auto_resume_after_s": 0.5, "grace_s": 0.5})
    ana = bot.provider.customer()
    await _hands_off(ana)
    await ana.writes("is anybody there?")
    assert await ana.reads(2) == [HAND_OFF, "You said: is anybody there?"]
    assert [one["kind"] for one in await hook.tells(ana, 2)] == ["hand_off", "waiting"]
    assert (await _audit(bot, ana))[-1] == ("resumed", "timer", None)
    conversation = await bot.conversation(ana)
    assert (conversation["state"], conversation["needs_attention"]) == ("bot", False)


async def test_a_bot_that_waits_for_a_person_reminds_them_once_and_stays_silent(
    new_bot: NewBot, hook: Hook
) -> None:
    takeover = {"auto_resume_after_s": 0.5, "grace_s": 0, "wait_for_person": True}
    bot = await _new(new_bot, hook, takeover)
    ana, ben = bot.provider.customer(), bot.provider.customer()
    await _hands_off(ana)
    (asked,) = await ana.writes("is anybody there?")
    _, second = await hook.tells(ana, 2)
    assert second["kind"] == "waiting"
    assert second["why"] == "the pause is over and the customer waits for you"
    await _hands_off(ben)
    await ben.writes("and I?")
    await hook.tells(ben, 2)
    assert len(hook.posts(ana)) == 2
    assert ana.read == [HAND_OFF]
    assert (await bot.conversation(ana))["state"] == "human"
    pending = (await bot.api("GET", "/api/events", params={"state": "pending"}))["items"]
    assert asked in [event["provider_event_id"] for event in pending]


async def test_the_audit_tells_who_took_a_conversation_and_why(bot: Bot) -> None:
    ana = bot.provider.customer()
    await bot.handled(*await ana.writes("good morning"))
    await ana.reads()
    path = await _path(bot, ana)
    await bot.api("POST", f"{path}/pause", {"for_s": 600, "reason": "she is my aunt"})
    await bot.api("POST", f"{path}/resume", {})
    paused = await bot.cli("pause", ana.number, "--for", "10m", "--reason", "he is my uncle")
    assert paused.exit_code == 0, paused.stderr
    await bot.api("POST", f"{path}/messages", {"text": "Rosa here"}, expect=202)
    await ana.reads(2)
    assert (await bot.cli("resume", ana.number)).exit_code == 0
    typed = {"id": f"msg_{ana.number}", "to": ana.number, "type": "text", "text": "me again"}
    event = {"event": "message.sent", "id": f"evt_{ana.number}", "line_id": "ln_test"}
    await bot.provider.deliver({**event, "message": typed})
    await bot.handled(event["id"])
    await bot.api("POST", f"{path}/attend")
    assert await _audit(bot, ana) == [
        ("paused", "operator", "she is my aunt"),
        ("resumed", "operator", None),
        ("paused", "shell", "he is my uncle"),
        ("answered", "operator", "a person has replied"),
        ("resumed", "shell", None),
        ("answered", "phone", "a person wrote on the line's phone"),
        ("attended", "operator", None),
    ]
    query = {"conversation_id": path.rpartition("/")[2]}
    first = (await bot.api("GET", "/api/audit", params=query))["items"][-1]
    assert first["until"] > first["at"]


async def test_the_audit_tells_why_the_bot_called_a_person(bot: Bot) -> None:
    ana, ben = bot.provider.customer(), bot.provider.customer()
    bot.llm.plan_calls(hand_off("a complaint", "wants her money back"), about="money back")
    await bot.handled(*await ana.writes("I want my money back"))
    assert await _audit(bot, ana) == [
        ("paused", "bot", "a complaint"),
        ("attention", "bot", "a complaint"),
    ]
    await bot.handled(*await ben.writes("human"))
    assert await _audit(bot, ben) == [
        ("paused", "bot", "asks for a person"),
        ("attention", "bot", "asks for a person"),
    ]
    newest = (await bot.api("GET", "/api/audit", params={"limit": 1}))["items"]
    assert [row["conversation_id"] for row in newest] == [(await bot.conversation(ben))["id"]]
    assert newest[0]["line_id"] == "ln_test"


async def test_the_audit_tells_that_a_pause_ended_by_itself(new_bot: NewBot, hook: Hook) -> None:
    bot = await _new(new_bot, hook, {"auto_resume_after_s": 0.5})
    ana = bot.provider.customer()
    await _hands_off(ana)

    async def lapsed() -> None:
        assert (await _audit(bot, ana))[2:] == [("resumed", "timer", None)]

    await eventually(lapsed)
    conversation = await bot.conversation(ana)
    assert (conversation["state"], conversation["needs_attention"]) == ("bot", False)
    await _tells_of_others(bot, hook)
    assert len(hook.posts(ana)) == 1
