"""The operator API: who gets in, what it shows, how it says no."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, Gate, eventually, fail
from tests.harness.bot_process import TOKEN

SETTINGS = {"line_api": {"timeout_s": 2}, "retry": {"max_attempts": 1}}
ENV = {"OPERATOR_TOKEN": f"desk:{TOKEN},ann:token-of-ann"}

CONVERSATION_KEYS = {
    *("id", "line_id", "contact", "name", "state", "paused_until", "paused_by"),
    *("needs_attention", "last_message_at", "last_text"),
}
MESSAGE_KEYS = {
    *("id", "direction", "author", "type", "text", "transcript", "media_url", "status", "error"),
    *("provider_id", "prompt_version", "model", "tokens", "cost", "draft", "created_at"),
}
EVENT_KEYS = {
    *("id", "provider_event_id", "type", "line_id", "contact", "state", "reason", "error"),
    *("attempts", "received_at"),
}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


async def _met(bot: Bot, *, line_id: str = "ln_test", says: str = "good morning") -> Customer:
    """A customer who got a first answer."""
    customer = bot.provider.customer(line_id=line_id)
    await customer.writes(says)
    await customer.reads()
    return customer


async def _path(bot: Bot, customer: Customer, call: str = "") -> str:
    return f"/api/conversations/{(await bot.conversation(customer))['id']}{call}"


async def _get(bot: Bot, path: str, *values: str) -> httpx.Response:
    headers = [("Authorization", value) for value in values]
    return await bot.http("GET", path, headers=headers)


# who gets in


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("",),
        ("Bearer",),
        (TOKEN,),
        (f"Basic {TOKEN}",),
        (f"Bearer {TOKEN}x",),
        (f"Bearer {TOKEN[:-1]}",),
        (f"Bearer {TOKEN},ann:token-of-ann",),
        ("Bearer ann:token-of-ann",),
        (f"Bearer {TOKEN}", f"Bearer {TOKEN}"),
    ],
)
async def test_without_the_right_token_nothing_is_told(bot: Bot, values: tuple[str, ...]) -> None:
    await bot.api("GET", "/api/lines")  # known here, so not shut out by the wrong ones
    for path in ("/api/lines", "/openapi.json", "/api/no-such-call", "/api/conversations/cv_1"):
        answer = await _get(bot, path, *values)
        assert answer.status_code in (401, 429), answer.text
        assert answer.json()["error"] in ("unauthorized", "too_many_attempts")


async def test_each_name_has_its_token_and_is_recorded(bot: Bot) -> None:
    ana = await _met(bot)
    path = await _path(bot, ana, "/pause")
    headers = {"Authorization": "bearer token-of-ann"}
    answer = await bot.http("POST", path, headers=headers)
    assert answer.json()["paused_by"] == "ann"


async def test_guessing_is_limited_but_shuts_no_known_operator_out(new_bot: NewBot) -> None:
    bot = await new_bot(env=ENV)
    await bot.api("GET", "/api/lines")
    answers = [await _get(bot, "/api/lines", f"Bearer guess-{n}") for n in range(25)]
    assert {answer.status_code for answer in answers[:20]} == {401}
    assert {answer.status_code for answer in answers[20:]} == {429}
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    await bot.api("GET", "/api/lines")
    # a guess that happens to be right does not tell itself apart
    assert (await _get(bot, "/api/lines", "Bearer token-of-ann")).status_code == 429


async def test_without_a_token_set_there_is_no_api(new_bot: NewBot) -> None:
    bot = await new_bot(env={"OPERATOR_TOKEN": ""})
    for path in ("/api", "/api/lines", "/openapi.json", "/console", "/console/x"):
        for values in ((), ("Bearer",), (f"Bearer {TOKEN}",)):
            answer = await _get(bot, path, *values)
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


async def test_a_body_is_not_read_before_the_token_is_known(bot: Bot) -> None:
    answer = await bot.http("POST", "/api/pause", content=b"{nope")
    assert answer.status_code == 401


# how it says no


NESTED = b"[" * 100_000
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "call", "request_", "status"),
    [
        ("GET", "/api/no-such-call", {}, 404),
        ("GET", "/api", {}, 404),
        ("GET", "/api/lines/", {}, 404),
        ("GET", "/api/conversations/cv_none", {}, 404),
        ("GET", "/api/conversations/cv_none/messages", {}, 404),
        ("POST", "/api/conversations/cv_none/pause", {}, 404),
        ("POST", "/api/conversations/cv_none/resume", {}, 404),
        ("POST", "/api/conversations/cv_none/attend", {}, 404),
        ("POST", "/api/conversations/cv_none/messages", {"json": {"text": "hello"}}, 404),
        ("POST", "/api/lines/ln_none/pause", {}, 404),
        ("POST", "/api/events/ev_none/replay", {}, 404),
        ("GET", f"/api/conversations/{'x' * 300}", {}, 422),
        ("GET", "/api/conversations/a%00b", {}, 400),
        ("GET", "/api/conversations?q=a%00b", {}, 400),
        ("GET", "/api/conversations?state=robot", {}, 422),
        ("GET", "/api/conversations?limit=0", {}, 422),
        ("GET", "/api/conversations?limit=many", {}, 422),
        ("GET", "/api/conversations?cursor=abc", {}, 400),
        ("GET", "/api/conversations?cursor=%ff", {}, 400),
        ("GET", f"/api/conversations?q={'x' * 300}", {}, 422),
        ("GET", "/api/events?state=dead,odd", {}, 422),
        ("DELETE", "/api/lines", {}, 405),
        ("GET", "/api/pause", {}, 405),
        ("POST", "/api/pause", {"json": {"for_s": 0}}, 422),
        ("POST", "/api/pause", {"json": {"for_s": -1}}, 422),
        ("POST", "/api/pause", {"json": {"for_s": 1e12}}, 422),
        ("POST", "/api/pause", {"content": b'{"for_s": NaN}', "headers": JSON}, 422),
        ("POST", "/api/pause", {"content": b'{"for_s": 1e999}', "headers": JSON}, 422),
        ("POST", "/api/pause", {"json": {"for_s": True}}, 422),
        ("POST", "/api/pause", {"json": {"for_s": "60"}}, 422),
        ("POST", "/api/pause", {"json": {"secret-field": 1}}, 422),
        ("POST", "/api/pause", {"json": []}, 422),
        ("POST", "/api/pause", {"content": b"{nope", "headers": JSON}, 422),
        ("POST", "/api/pause", {"content": b"\xff\xfe", "headers": JSON}, 422),
        ("POST", "/api/pause", {"content": NESTED, "headers": JSON}, 400),
        ("POST", "/api/pause", {"content": b" " * 1_100_000, "headers": JSON}, 413),
        ("GET", "/api/why/ev_1", {}, 404),
        ("GET", "/api/contacts/+15550001/export", {}, 404),
        ("DELETE", "/api/contacts/+15550001", {}, 404),
        ("GET", "/api/media/x", {}, 404),
    ],
)
async def test_every_error_is_an_object_that_repeats_nothing(
    bot: Bot, method: str, call: str, request_: dict[str, Any], status: int
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", **request_.get("headers", {})}
    answer = await bot.http(method, call, **{**request_, "headers": headers})
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "message"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    for sent in ("nope", "secret-field", "robot", "cv_none", "15550001", "xxx", TOKEN):
        assert sent not in answer.text


async def test_a_body_without_a_length_is_limited_too(bot: Bot) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b" " * 65536

    headers = {"Authorization": f"Bearer {TOKEN}", **JSON}
    answer = await bot.http("POST", "/api/pause", content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": " \n "},
        {"text": "x" * 20_001},
        {"text": 5},
        {"text": "hello", "to": "+1"},
        {"text": "hello", "keep_bot": "no"},
    ],
)
async def test_an_odd_message_of_a_person_is_refused_and_changes_nothing(
    bot: Bot, body: dict[str, Any]
) -> None:
    ana = await _met(bot)
    await bot.api("POST", await _path(bot, ana, "/messages"), body, expect=422)
    assert (await bot.conversation(ana))["state"] == "bot"


async def test_a_key_of_another_conversation_is_refused(bot: Bot) -> None:
    ana, ben = await _met(bot), await _met(bot)
    headers = {"Idempotency-Key": f"of-{ana.number}"}
    body = {"text": "for Ana"}
    await bot.api("POST", await _path(bot, ana, "/messages"), body, headers=headers)
    path = await _path(bot, ben, "/messages")
    await bot.api("POST", path, body, headers=headers, expect=422)


# what it shows


async def test_a_conversation_has_the_keys_that_are_promised(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello there", profile_name="Ana")
    await ana.reads()
    shown = await bot.conversation(ana)
    assert set(shown) >= CONVERSATION_KEYS
    assert (shown["contact"], shown["name"]) == (ana.number, "Ana")
    assert (shown["state"], shown["paused_until"], shown["paused_by"]) == ("bot", None, None)
    assert shown["needs_attention"] is False
    assert shown["last_text"] == "You said: hello there"
    assert TIME.fullmatch(shown["last_message_at"])
    assert await bot.api("GET", await _path(bot, ana)) == shown


async def test_messages_have_the_keys_that_are_promised(bot: Bot) -> None:
    ana = await _met(bot, says="hello there")

    async def sent() -> list[Any]:
        messages = await bot.messages(ana)
        assert [one["status"] for one in messages] == [None, "sent"]
        return messages

    asked, answered = await eventually(sent)
    assert set(asked) == set(answered) >= MESSAGE_KEYS
    assert (asked["direction"], asked["author"]) == ("in", "customer")
    assert (asked["text"], asked["type"], asked["draft"]) == ("hello there", "text", False)
    assert (answered["direction"], answered["author"]) == ("out", "bot")
    assert answered["provider_id"] == ana.attempts[0].provider_id
    assert answered["tokens"] == 25
    assert answered["model"] == "scripted-model"
    assert answered["prompt_version"]
    assert TIME.fullmatch(answered["created_at"])


async def test_conversations_come_in_pages_the_latest_first(bot: Bot) -> None:
    customers = [await _met(bot, line_id="ln_pages") for _ in range(5)]
    wanted = [customer.number for customer in reversed(customers)]
    seen: list[str] = []
    query = {"line_id": "ln_pages", "limit": "2"}
    cursor: dict[str, str] = {}
    while True:
        page = await bot.api("GET", "/api/conversations", params={**query, **cursor})
        seen += [one["contact"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        assert len(page["items"]) == 2
        cursor = {"cursor": page["next_cursor"]}
    assert seen == wanted


async def test_a_contact_is_found_however_it_is_spelt(bot: Bot) -> None:
    ana = await _met(bot)
    digits = ana.number[1:]
    for spelt in (ana.number, digits, f"00{digits}", f"+{digits[0]} {digits[1:4]}-{digits[4:]}"):
        page = await bot.api("GET", "/api/conversations", params={"contact": spelt})
        assert [one["contact"] for one in page["items"]] == [ana.number]


@pytest.mark.parametrize("sought", ["50% OFF_today", "50% off_", "% OFF_t"])
async def test_a_search_takes_its_signs_literally(bot: Bot, sought: str) -> None:
    line_id = f"ln_search_{len(sought)}"
    ana = await _met(bot, line_id=line_id, says="50% OFF_today")
    await _met(bot, line_id=line_id, says="500 OFFxtoday")
    query = {"line_id": line_id, "q": sought}

    async def found() -> None:
        page = await bot.api("GET", "/api/conversations", params=query)
        assert [one["contact"] for one in page["items"]] == [ana.number]

    await eventually(found)  # the words of a message can be searched for soon after it


async def test_the_state_filter_counts_a_paused_line(bot: Bot) -> None:
    ana = await _met(bot, line_id="ln_state")
    ben = await _met(bot, line_id="ln_state")
    await bot.api("POST", await _path(bot, ana, "/pause"))
    assert await _in_state(bot, "ln_state", "human") == {ana.number}
    assert await _in_state(bot, "ln_state", "bot") == {ben.number}
    paused = await bot.api("POST", "/api/lines/ln_state/pause", {"for_s": None})
    assert paused == {"state": "human", "paused_until": None, "in_flight": []}
    assert await _in_state(bot, "ln_state", "human") == {ana.number, ben.number}
    assert await _in_state(bot, "ln_state", "bot") == set()
    assert (await bot.conversation(ana))["paused_until"] is None  # the longer of the two
    resumed = await bot.api("POST", "/api/lines/ln_state/resume")
    assert resumed == {"state": "bot", "paused_until": None}
    assert await _in_state(bot, "ln_state", "human") == {ana.number}


async def _in_state(bot: Bot, line_id: str, state: str) -> set[str]:
    query = {"line_id": line_id, "state": state}
    page = await bot.api("GET", "/api/conversations", params=query)
    return {one["contact"] for one in page["items"]}


async def test_an_empty_filter_is_none(bot: Bot) -> None:
    ana = await _met(bot)
    thread = await _path(bot, ana, "/messages")
    for call, names in {
        "/api/conversations": ("line_id", "contact", "state", "q", "limit", "cursor"),
        "/api/events": ("state", "limit"),
        thread: ("limit", "before"),
    }.items():
        unfiltered = await bot.api("GET", call)
        assert unfiltered["items"]
        for name in names:
            assert await bot.api("GET", f"{call}?{name}=") == unfiltered, name
        every = "&".join(f"{name}=" for name in names)
        assert await bot.api("GET", f"{call}?{every}") == unfiltered


async def test_a_thread_is_read_backwards_in_pages(bot: Bot) -> None:
    ana = await _met(bot, says="first")
    await ana.writes("second")
    await ana.reads(2)
    path = await _path(bot, ana, "/messages")
    newest = (await bot.api("GET", path, params={"limit": "3"}))["items"]
    assert [one["text"] for one in newest] == ["You said: first", "second", "You said: second"]
    query = {"limit": "3", "before": newest[0]["id"]}
    assert [one["text"] for one in (await bot.api("GET", path, params=query))["items"]] == ["first"]
    await bot.api("GET", path, params={"before": "ms_none"}, expect=404)


async def test_events_tell_what_became_of_them_and_dead_ones_get_another_try(bot: Bot) -> None:
    ana = await _met(bot)
    bot.llm.plan_calls(fail(400), about="a hard one")
    (event_id,) = await ana.writes("a hard one")
    (event,) = await bot.handled(event_id)
    assert set(event) == EVENT_KEYS
    assert (event["state"], event["type"]) == ("dead", "message.received")
    assert (event["contact"], event["line_id"]) == (ana.number, ana.line_id)
    assert "400" in event["error"]
    assert event["attempts"] >= 1
    assert TIME.fullmatch(event["received_at"])
    dead = (await bot.api("GET", "/api/events", params={"state": "dead"}))["items"]
    assert dead[0] == event
    other = await bot.api("GET", "/api/events", params={"state": "done,skipped", "limit": "200"})
    assert event_id not in {one["provider_event_id"] for one in other["items"]}
    replayed = await bot.api("POST", f"/api/events/{event['id']}/replay")
    assert (replayed["id"], replayed["error"]) == (event["id"], None)
    assert "You said: a hard one" in await ana.reads(3)
    await bot.handled(event_id)
    for named in (event["id"], event_id):  # the provider's id will do
        await bot.api("POST", f"/api/events/{named}/replay", expect=409)


async def test_events_come_the_newest_first_and_no_more_than_asked_for(bot: Bot) -> None:
    ana = await _met(bot)
    ids = await ana.writes("one", "two", "three")
    await bot.handled(*ids)
    query = {"state": "done,dead", "limit": "2"}
    events = (await bot.api("GET", "/api/events", params=query))["items"]
    assert [one["provider_event_id"] for one in events] == [ids[2], ids[1]]


async def _line(bot: Bot, line_id: str) -> Any:
    lines = (await bot.api("GET", "/api/lines"))["items"]
    (found,) = [line for line in lines if line["line_id"] == line_id]
    return found


async def test_lines_are_ready_disconnected_or_stopped(bot: Bot) -> None:
    ana = await _met(bot)
    line = await _line(bot, ana.line_id)
    assert set(line) == {"line_id", "state", "reason", "since", "queued", "held"}
    assert (line["state"], line["reason"], line["queued"], line["held"]) == ("ready", None, 0, 0)
    await bot.handled(await bot.provider.line_disconnected(reason="phone is off"))
    line = await _line(bot, ana.line_id)
    assert (line["state"], line["reason"]) == ("disconnected", "phone is off")
    assert TIME.fullmatch(line["since"])
    await ana.writes("are you there?")
    await eventually(lambda: _holds(bot, ana.line_id, 1))
    assert (await bot.messages(ana))[-1]["status"] == "held"
    await bot.handled(await bot.provider.line_ready())
    await ana.reads(2)
    await eventually(lambda: _is_ready(bot, ana.line_id))
    bot.provider.plan_sends(Answer(402, {"error": "insufficient_balance", "message": "empty"}))
    await ana.writes("and now?")
    await eventually(lambda: _holds(bot, ana.line_id, 1))
    line = await _line(bot, ana.line_id)
    assert line["state"] == "stopped"
    assert "insufficient_balance" in line["reason"]
    await bot.provider.line_ready()
    await ana.reads(3)
    await eventually(lambda: _is_ready(bot, ana.line_id))


async def _is_ready(bot: Bot, line_id: str) -> bool:
    return bool((await _line(bot, line_id))["state"] == "ready")


async def _holds(bot: Bot, line_id: str, count: int) -> bool:
    return bool((await _line(bot, line_id))["held"] == count)


async def test_a_paused_line_says_by_whom(bot: Bot) -> None:
    ana = await _met(bot, line_id="ln_reason")
    await bot.api("POST", "/api/lines/ln_reason/pause", {"reason": "stock-taking"})
    line = await _line(bot, ana.line_id)
    assert line["state"] == "stopped"
    assert "stock-taking" in line["reason"]


# what it does


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"for_s": 90}, 90),
        ({"for_s": 0.5}, 0.5),
        ({}, 14400),
        (None, 14400),
        ({"for_s": None}, None),
    ],
)
async def test_a_pause_lasts_as_long_as_asked_for(
    bot: Bot, body: Any, seconds: float | None
) -> None:
    ana = await _met(bot)
    paused = await bot.api("POST", await _path(bot, ana, "/pause"), body)
    assert set(paused) >= {*CONVERSATION_KEYS, "in_flight"}
    assert (paused["state"], paused["in_flight"]) == ("human", [])
    if seconds is None:
        assert paused["paused_until"] is None
    else:
        assert TIME.fullmatch(paused["paused_until"])


async def test_a_send_that_stays_open_is_listed_with_the_pause(bot: Bot) -> None:
    ana = await _met(bot)
    gate = Gate()
    bot.provider.plan_sends(Answer(200, {"id": "msg_slow"}, gate=gate), to=ana.number)
    await ana.writes("hello")
    await gate.reached()
    paused = await bot.api("POST", await _path(bot, ana, "/pause"))
    (open_send,) = paused["in_flight"]
    assert open_send == {"id": (await bot.messages(ana))[-1]["id"], "status": "sending"}
    gate.open()


@pytest.mark.parametrize("call", ["/resume", "/attend"])
async def test_resume_and_attend_end_the_need_for_attention(bot: Bot, call: str) -> None:
    ana = await _met(bot)
    bot.provider.plan_sends(Answer(422, {"error": "bad_text"}), to=ana.number)
    await ana.writes("hello")
    await eventually(lambda: _needs_attention(bot, ana))
    assert (await bot.messages(ana))[-1]["status"] == "failed"
    shown = await bot.api("POST", await _path(bot, ana, call), {})
    assert (shown["needs_attention"], shown["state"]) == (False, "bot")


async def _needs_attention(bot: Bot, customer: Customer) -> bool:
    return bool((await bot.conversation(customer))["needs_attention"])


async def test_a_persons_words_leave_as_they_are_typed(bot: Bot) -> None:
    ana = await _met(bot)
    text = "**not bold** [a](https://x.example)\n# no heading é 👍"
    sent = await bot.api("POST", await _path(bot, ana, "/messages"), {"text": text}, expect=202)
    assert set(sent) >= MESSAGE_KEYS
    assert (sent["author"], sent["direction"], sent["text"]) == ("operator", "out", text)
    assert (await ana.reads(2))[1] == text
    assert ana.attempts[-1].key == sent["id"]


async def test_a_person_may_leave_the_conversation_with_the_bot(bot: Bot) -> None:
    ana = await _met(bot)
    body = {"text": "just a word", "keep_bot": True}
    await bot.api("POST", await _path(bot, ana, "/messages"), body, expect=202)
    await ana.reads(2)
    assert (await bot.conversation(ana))["state"] == "bot"
    await ana.writes("thanks")
    assert (await ana.reads(3))[2] == "You said: thanks"


async def test_a_persons_long_message_leaves_in_parts(bot: Bot) -> None:
    ana = await _met(bot)
    text = "\n\n".join(f"{n}: " + "word " * 600 for n in range(3))
    await bot.api("POST", await _path(bot, ana, "/messages"), {"text": text}, expect=202)
    parts = (await ana.reads(4))[1:]
    assert [part[:2] for part in parts] == ["0:", "1:", "2:"]
    assert max(len(part) for part in parts) <= 4096


async def test_many_clicks_send_one_message(bot: Bot) -> None:
    ana = await _met(bot)
    path = await _path(bot, ana, "/messages")
    headers = {"Idempotency-Key": f"clicks-{ana.number}"}
    clicks = (bot.api("POST", path, {"text": "once"}, headers=headers) for _ in range(8))
    sent = await asyncio.gather(*clicks)
    assert len({one["id"] for one in sent}) == 1
    await bot.api("POST", path, {"text": "marker"})
    assert (await ana.reads(3))[1:] == ["once", "marker"]


async def test_the_description_lists_the_calls(bot: Bot) -> None:
    description = await bot.api("GET", "/openapi.json")
    calls = {
        f"{method.upper()} {path}"
        for path, methods in description["paths"].items()
        for method in methods
    }
    assert {"GET /api/conversations", "POST /api/pause", "GET /api/lines"} <= calls
    assert all(call.split()[1].startswith("/api/") for call in calls)
    assert description["security"] == [{"operator": []}]
