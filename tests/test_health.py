"""Health, readiness, metrics; and that nothing private gets into logs, metrics or errors."""

import json
from typing import Any

import pytest

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, Drop, eventually, say
from tests.harness.bot_process import TOKEN
from tests.harness.provider import API_KEY, SECRET

OK = {"database": "ok", "queue": "ok", "worker": "ok"}
SETTINGS = {
    "retry": {"base_delay_s": 0.05, "max_delay_s": 0.1, "max_attempts": 2},
    "line_api": {"timeout_s": 1, "uncertain_wait_s": 0.1},
}


async def test_a_bot_that_runs_is_live_and_ready(bot: Bot) -> None:
    assert (await bot.http("GET", "/healthz")).status_code == 200
    for path in ("/readyz", "/readyz?all=1"):
        ready = await bot.http("GET", path)
        assert (ready.status_code, ready.json()) == (200, OK)


async def test_a_bot_without_a_worker_takes_webhooks_and_says_so(new_bot: NewBot) -> None:
    bot = await new_bot(command=("serve",))
    relaxed = await bot.http("GET", "/readyz")
    assert (relaxed.status_code, relaxed.json()) == (200, OK | {"worker": "down"})
    strict = await bot.http("GET", "/readyz", params={"all": "1"})
    assert (strict.status_code, strict.json()) == (503, OK | {"worker": "down"})
    ana = bot.provider.customer()
    await ana.writes("anybody there?")
    await bot.start("worker", ready=False)
    assert await ana.reads(timeout_s=30) == ["You said: anybody there?"]

    async def all_is_well() -> bool:
        return (await bot.http("GET", "/readyz", params={"all": "1"})).status_code == 200

    await eventually(all_is_well)


async def test_an_invalid_prompt_degrades_readiness_until_it_is_corrected(new_bot: NewBot) -> None:
    bot = await new_bot()
    right = (bot.folder / "prompts" / "default.yaml").read_text()

    async def say(expected: dict[str, str]) -> None:
        assert (await bot.http("GET", "/readyz")).json() == expected

    bot.write_prompt("default", "instructionz: x\n")
    await eventually(lambda: say(OK | {"prompts": "degraded"}))
    assert (await bot.http("GET", "/readyz")).status_code == 200
    assert (await bot.http("GET", "/readyz?all=1")).status_code == 503
    bot.write_prompt("default", right)
    await eventually(lambda: say(OK))


FORWARDED = [
    {"X-Forwarded-For": "203.0.113.9"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"X-Real-IP": "127.0.0.1"},
    {"Via": "1.1 proxy.example"},
]


async def test_metrics_are_there_for_this_machine(bot: Bot) -> None:
    answer = await bot.http("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE bot_events_received_total counter" in answer.text


@pytest.mark.parametrize("headers", FORWARDED)
async def test_metrics_through_a_proxy_need_a_token(bot: Bot, headers: dict[str, str]) -> None:
    for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
        refused = await bot.http("GET", "/metrics", headers=headers | wrong)
        assert (refused.status_code, refused.json()["error"]) == (401, "unauthorized")
        assert "bot_" not in refused.text
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert (await bot.http("GET", "/metrics", headers=headers | right)).status_code == 200


async def test_metrics_count_what_happens(bot: Bot) -> None:
    before = await _metrics(bot)
    ana = bot.provider.customer()
    event = ana.event("count me")
    for _ in range(2):
        await bot.provider.deliver(event)
    await bot.provider.deliver(event, headers={}, expect=401)
    await ana.reads()
    await bot.handled(event["id"])

    async def counted() -> None:
        after = await _metrics(bot)
        grown = {name: value - before.get(name, 0) for name, value in after.items()}
        assert grown["bot_events_received_total"] == 2
        assert grown["bot_events_duplicate_total"] == 1
        assert grown['bot_webhooks_refused_total{status="401"}'] == 1
        assert grown['bot_sends_total{outcome="sent"}'] == 1
        assert grown['bot_llm_tokens_total{direction="in"}'] == 20

    await eventually(counted)


async def _metrics(bot: Bot) -> dict[str, float]:
    lines = (await bot.http("GET", "/metrics")).text.splitlines()
    pairs = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


# G10: nothing private leaves by the side door


PRIVATE = "tangerine-observatory"
NAME = "Quintessa Longfellow"
SECRETS = (SECRET, API_KEY, "sk-of-the-tests", TOKEN)


def _gossip(customer: Customer) -> dict[str, Any]:
    """An error body that repeats everything it was told, in every field."""
    told = f"{PRIVATE} {customer.number} {customer.number[1:]} {' '.join(SECRETS)}"
    error = {"message": told, "type": told, "code": told, "param": told}
    return {"error": error, "message": told, PRIVATE: told, "detail": [told]}


def _line_gossip(customer: Customer) -> dict[str, Any]:
    """The same of a line, which has only heard the reply, the number and the key."""
    told = f"You said: {PRIVATE} to {customer.number} ({customer.number[1:]}) with {API_KEY}"
    return {"error": "invalid_recipient", "message": told, "code": told, PRIVATE: told}


async def _assert_discreet(bot: Bot, *customers: Customer) -> None:
    """No word, number or secret in the log, in the metrics or in what an error answer says."""
    numbers = [customer.number[1:] for customer in customers]
    events = (await bot.api("GET", "/api/events", params={"limit": 1000}))["items"]
    lines = (await bot.api("GET", "/api/lines"))["items"]
    places = {
        "the log": bot.log,
        "the metrics": (await bot.http("GET", "/metrics")).text,
        "the errors of events": " ".join(f"{one['error']} {one['reason']}" for one in events),
        "the lines": json.dumps(lines),
        "readiness": (await bot.http("GET", "/readyz")).text,
    }
    for place, text in places.items():
        found = [one for one in (PRIVATE, NAME, *numbers, *SECRETS) if one in text]
        assert not found, f"{found} in {place}"


async def _errors_of_messages(bot: Bot, customer: Customer) -> str:
    return " ".join(str(message["error"]) for message in await bot.messages(customer))


async def test_a_conversation_leaves_no_private_word_in_logs_or_metrics(bot: Bot) -> None:
    ana = bot.provider.customer()
    events = await ana.writes(f"my {PRIVATE}", f"again {PRIVATE}", profile_name=NAME)
    await bot.handled(*events)
    await ana.reads()
    conversation = (await bot.conversation(ana))["id"]
    await bot.api("POST", f"/api/conversations/{conversation}/messages", {"text": PRIVATE})
    await bot.provider.delivered(ana.number, "msg_of_nobody")
    await bot.provider.deliver(PRIVATE.encode(), expect=400)
    await bot.provider.deliver(ana.event(PRIVATE, type=None, id=[PRIVATE]))
    await bot.provider.deliver({"event": PRIVATE, "id": f"evt_{ana.number}", "line_id": "ln_test"})
    await bot.provider.deliver(ana.event(PRIVATE), headers={}, expect=401)
    await bot.http("GET", f"/api/conversations?contact={ana.number}&token={TOKEN}")
    await bot.http("GET", f"/{PRIVATE}", headers={"Authorization": f"Bearer {API_KEY}"})
    ben = bot.provider.customer()
    await bot.handled(*await ben.writes("after all that"))
    await _assert_discreet(bot, ana, ben)


@pytest.mark.parametrize(
    "status",
    [400, 401, *(pytest.param(one, marks=pytest.mark.slow) for one in (403, 404, 422))],
)
async def test_a_model_that_repeats_secrets_in_its_errors_is_not_quoted(
    bot: Bot, status: int
) -> None:
    ana = bot.provider.customer()
    words = f"{PRIVATE} {status} {ana.number}"
    gossip = Answer(status, _gossip(ana), {"X-Request-Id": PRIVATE})
    about = bot.llm.plan_calls(gossip, about=words)
    await ana.writes(words, profile_name=NAME)
    await about.has_fired(1)
    bot.llm.always(None if status in {401, 403} else gossip)
    await ana.reads()
    bot.llm.always(None)
    await _assert_discreet(bot, ana)


@pytest.mark.parametrize(
    "status",
    [400, 500, *(pytest.param(one, marks=pytest.mark.slow) for one in (404, 422))],
)
async def test_a_line_that_repeats_secrets_in_its_errors_is_not_quoted(
    bot: Bot, status: int
) -> None:
    ana = bot.provider.customer()
    plan = bot.provider.plan_sends(Answer(status, _line_gossip(ana)), to=ana.number)
    await ana.writes(PRIVATE, profile_name=NAME)
    await plan.has_fired()

    async def noted() -> str:
        message = (await bot.messages(ana))[-1]
        assert message["status"] in {"failed", "sent"}
        return await _errors_of_messages(bot, ana)

    errors = await eventually(noted)
    assert not [one for one in (PRIVATE, ana.number[1:], *SECRETS) if one in errors]
    await _assert_discreet(bot, ana)


async def test_a_held_line_and_account_show_no_secret(new_bot: NewBot) -> None:
    bot = await new_bot(settings=SETTINGS)
    ana, ben = bot.provider.customer(), bot.provider.customer(line_id="ln_other")
    for customer, status in ((ana, 409), (ben, 401)):
        answer = Answer(status, _line_gossip(customer))
        plan = bot.provider.plan_sends(answer, to=customer.number)
        await customer.writes(PRIVATE)
        await plan.has_fired()

    async def stopped() -> None:
        states = {one["state"] for one in (await bot.api("GET", "/api/lines"))["items"]}
        assert states == {"stopped"}

    await eventually(stopped)
    await _assert_discreet(bot, ana, ben)


async def test_a_connection_that_breaks_and_an_answer_that_is_none_are_not_quoted(
    bot: Bot,
) -> None:
    ana = bot.provider.customer()
    bot.provider.plan_sends(Drop(), to=ana.number)
    broken = Answer(200, f"{PRIVATE} {ana.number}".encode())
    empty = say("", finish_reason="content_filter")
    bot.llm.plan_calls(broken, empty, about=PRIVATE)
    await ana.writes(PRIVATE, profile_name=NAME)
    await ana.reads()
    await _assert_discreet(bot, ana)


async def test_a_call_that_the_bot_cannot_answer_is_not_repeated_in_the_error(bot: Bot) -> None:
    ana = bot.provider.customer()
    await bot.handled(*await ana.writes("hello"))
    conversation = (await bot.conversation(ana))["id"]
    path = f"/api/conversations/{conversation}/messages"
    for body in ({"text": [PRIVATE]}, {"words": PRIVATE}, {"text": PRIVATE, "keep_bot": PRIVATE}):
        answer = await bot.api("POST", path, body, expect=422)
        assert set(answer) == {"error", "message"}
        assert PRIVATE not in str(answer)
    for missing in (f"/api/conversations/{PRIVATE}", f"/api/contacts/{PRIVATE}/export"):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answered = await bot.http("GET", missing, headers=headers)
        assert answered.status_code in {404, 422}
        assert PRIVATE not in answered.text
        assert ana.number not in answered.text
    await _assert_discreet(bot, ana)
