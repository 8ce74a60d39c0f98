"""The stand-in line over real HTTP: signed webhooks, redelivery, sends, and who may call what."""

import asyncio
from dataclasses import replace
from functools import partial

import httpx
import pytest

from bot.sandbox.chats import MAX_BUBBLES, MAX_CUSTOMERS, Author, Bubble, Chats
from bot.sandbox.feed import Feed
from bot.sandbox.guard import is_local
from bot.sandbox.values import now
from tests.sandbox_server import (
    ANA,
    API_KEY,
    KEY,
    Event,
    browser_session,
    eventually,
    running,
)

pytestmark = pytest.mark.slow
SEND = "/sandbox/line/api/v1/wa/lines/ln_sandbox/messages"
BEARER = {"authorization": f"Bearer {API_KEY}"}


def message_of(event: Event) -> dict[str, object]:
    message = event["message"]
    assert isinstance(message, dict)
    return message


async def write(client: httpx.AsyncClient, text: str, quoted: str | None = None) -> str:
    body = {"customer": ANA, "text": text, "quoted": quoted}
    answer = await client.post("/sandbox/messages", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def bubbles(client: httpx.AsyncClient, address: str = ANA) -> list[dict[str, object]]:
    state = (await client.get("/sandbox/state")).json()
    found = [each for each in state["customers"] if each["address"] == address]
    return list(found[0]["bubbles"]) if found else []


async def tick_becomes(client: httpx.AsyncClient, tick: str) -> dict[str, object]:
    async with asyncio.timeout(10):
        while True:
            first = (await bubbles(client))[0]
            if first["tick"] == tick:
                return first
            await asyncio.sleep(0.01)


async def test_a_customers_message_arrives_as_a_signed_webhook() -> None:
    async with running() as site, browser_session(site) as client:
        message_id = await write(client, "¿Abren hoy? 🙂")
        await eventually(lambda: site.of("message.received"))
        event = site.of("message.received")[0]
        assert event["line_id"] == "ln_sandbox"
        assert str(event["id"]).startswith("evt_")
        message = message_of(event)
        assert str(message.pop("received_at")).endswith("Z")
        assert message == {
            "id": message_id,
            "from": ANA,
            "type": "text",
            "text": "¿Abren hoy? 🙂",
            "profile_name": "Ana",
        }
        assert site.wrong_signatures == 0
        await tick_becomes(client, "delivered")


async def test_a_quoted_message_is_named_in_the_webhook() -> None:
    async with running() as site, browser_session(site) as client:
        sent = (await site.reply(ANA, "We open at 8.")).json()["id"]
        await write(client, "On Sunday too?", quoted=sent)
        await eventually(lambda: site.of("message.received"))
        quoted = message_of(site.of("message.received")[0])["quoted"]
        assert quoted == {"id": sent, "text": "We open at 8."}
        body = {"customer": ANA, "text": "And?", "quoted": "msg_unknown"}
        assert (await client.post("/sandbox/messages", json=body)).status_code == 404


async def test_a_webhook_comes_again_under_the_same_id_until_it_is_acknowledged() -> None:
    async with running() as site, browser_session(site) as client:
        site.statuses = [503, 500, 302]
        await write(client, "hello")
        await tick_becomes(client, "delivered")
        received = site.of("message.received")
        assert len(received) == 4
        assert len({str(event["id"]) for event in received}) == 1


async def test_a_webhook_is_given_up_after_eight_attempts() -> None:
    async with running() as site, browser_session(site) as client:
        site.statuses = [503] * 20
        await write(client, "hello")
        failed = await tick_becomes(client, "failed")
        assert "503" in str(failed["note"])
        assert len(site.of("message.received")) == 8


async def test_a_webhook_answered_4xx_never_comes_again() -> None:
    async with running() as site, browser_session(site) as client:
        site.statuses = [400]
        await write(client, "hello")
        await tick_becomes(client, "failed")
        assert len(site.of("message.received")) == 1


async def test_a_reply_is_shown_and_its_delivery_is_told() -> None:
    async with running() as site, browser_session(site) as client:
        answer = await site.reply(ANA, "We open at *8*.")
        assert answer.status_code == 201
        message_id = answer.json()["id"]
        shown = await bubbles(client)
        assert [(each["id"], each["author"]) for each in shown] == [(message_id, "shop")]
        await eventually(lambda: site.of("message.delivered"))
        event = site.of("message.delivered")[0]
        assert message_of(event) == {"id": message_id, "to": ANA}
        assert str(event["delivered_at"]).endswith("Z")


async def test_the_same_idempotency_key_sends_once() -> None:
    async with running() as site, browser_session(site) as client:
        sends = [site.reply(ANA, "once", **{"idempotency-key": "out_1"}) for _ in range(5)]
        answers = await asyncio.gather(*sends)
        other = await site.reply(ANA, "twice", **{"idempotency-key": "out_2"})
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert [each["text"] for each in await bubbles(client)] == ["once", "twice"]
        await eventually(lambda: len(site.of("message.delivered")) >= 2)
        told = {message_of(event)["id"] for event in site.of("message.delivered")}
        assert told == {answers[0].json()["id"], other.json()["id"]}


async def test_the_line_api_refuses_as_the_provider_does() -> None:
    good = {"to": ANA, "type": "text", "text": "hello"}
    cases: list[tuple[str, dict[str, str], object, int, str]] = [
        (SEND, {}, good, 401, "unauthorized"),
        (SEND, {"authorization": "Bearer mm_live_wrong"}, good, 401, "unauthorized"),
        (SEND, {"authorization": f"Basic {API_KEY}"}, good, 401, "unauthorized"),
        (SEND.replace("ln_sandbox", "ln_other"), BEARER, good, 404, "not_found"),
        (SEND, BEARER, {"to": ANA, "type": "text"}, 400, "invalid_request"),
        (SEND, BEARER, ["no"], 400, "invalid_request"),
        (SEND, BEARER, good | {"text": ""}, 422, "invalid_request"),
        (SEND, BEARER, good | {"text": 7}, 422, "invalid_request"),
        (SEND, BEARER, good | {"type": "voice"}, 422, "invalid_request"),
        (SEND, BEARER, good | {"text": "x" * 4097}, 422, "text_too_long"),
    ]
    async with (
        running() as site,
        httpx.AsyncClient(base_url=site.url, trust_env=False) as client,
    ):
        for path, headers, body, status, code in cases:
            answer = await client.post(path, json=body, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
            assert answer.json()["message"]
        raws = [
            b"",
            b"{",
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"to":"+1","type":"text","text":"\\ud800"}',
        ]
        for raw in raws:
            answer = await client.post(SEND, content=raw, headers=BEARER)
            assert answer.status_code in {400, 422}, raw[:20]
        answer = await client.post(SEND, content=b" " * (2**20 + 1), headers=BEARER)
        assert answer.status_code == 413
        assert (await site.reply(ANA, "\U0001f600" * 4096)).status_code == 201


async def test_a_disconnected_line_refuses_sends_and_keeps_what_customers_write() -> None:
    async with running() as site, browser_session(site) as client:
        await client.post("/sandbox/line", json={"state": "disconnected"})
        await eventually(lambda: site.of("line.disconnected"))
        refused = await site.reply(ANA, "hello")
        assert (refused.status_code, refused.json()["error"]) == (409, "line_not_ready")
        await write(client, "are you there?")
        assert (await bubbles(client))[0]["tick"] == "sent"
        assert not site.of("message.received")
        await client.post("/sandbox/line", json={"state": "ready"})
        await eventually(lambda: site.of("message.received"))
        await eventually(lambda: len(site.of("line.ready")) == 2)
        assert (await site.reply(ANA, "hello")).status_code == 201


async def test_a_limited_line_says_when_to_come_again() -> None:
    async with running() as site, browser_session(site) as client:
        await client.post("/sandbox/line", json={"state": "limited"})
        answer = await site.reply(ANA, "hello")
        assert (answer.status_code, answer.json()["error"]) == (429, "rate_limited")
        assert int(answer.headers["retry-after"]) > 0


async def test_a_key_that_was_accepted_is_answered_even_while_the_line_is_gone() -> None:
    async with running() as site, browser_session(site) as client:
        first = await site.reply(ANA, "hello", **{"idempotency-key": "k"})
        await client.post("/sandbox/line", json={"state": "disconnected"})
        again = await site.reply(ANA, "hello", **{"idempotency-key": "k"})
        assert (again.status_code, again.json()) == (201, first.json())


@pytest.mark.parametrize(
    ("tell", "expected"),
    [(False, ["message.delivered"]), (True, ["message.sent", "message.delivered"])],
)
async def test_the_shops_own_phone_is_told_with_an_id_of_its_own(
    tell: bool, expected: list[str]
) -> None:
    async with running() as site, browser_session(site) as client:
        body = {"customer": ANA, "text": "I am Eva, a person.", "tell_text": tell}
        message_id = (await client.post("/sandbox/shop-message", json=body)).json()["id"]
        await eventually(lambda: site.of("message.delivered"))
        told = [event for event in site.events if "message" in event]
        assert [event["event"] for event in told] == expected
        assert {message_of(event)["id"] for event in told} == {message_id}
        if tell:
            assert message_of(told[0])["text"] == "I am Eva, a person."


async def test_a_message_to_an_unknown_number_opens_one_more_phone() -> None:
    async with running() as site, browser_session(site) as client:
        await site.reply("+15550109999", "A customer needs you.")
        assert [each["text"] for each in await bubbles(client, "+15550109999")] == [
            "A customer needs you."
        ]
        more = [await site.reply(f"+1555020{at:04}", "hello") for at in range(MAX_CUSTOMERS)]
        assert {answer.status_code for answer in more} == {201, 422}
        assert len((await client.get("/sandbox/state")).json()["customers"]) == MAX_CUSTOMERS


def test_a_chat_forgets_its_oldest_messages() -> None:
    chats = Chats(Feed())
    ana = chats.add(ANA, "Ana")
    for at in range(MAX_BUBBLES + 10):
        chats.show(ana, Bubble(id=str(at), author=Author.SHOP, text="hello", at=now()))
    assert next(iter(ana.bubbles)) == "10"
    assert len(ana.bubbles) == MAX_BUBBLES


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1:1"},
        {"host": "127.0.0.1.evil.example"},
        {"host": "user@127.0.0.1"},
        {"x-forwarded-for": "203.0.113.9"},
        {"x-forwarded-proto": "https"},
        {"forwarded": "for=203.0.113.9"},
        {"x-forwarded-host": "127.0.0.1"},
        {"x-real-ip": "203.0.113.9"},
        {"via": "1.1 proxy.example"},
        {"cf-connecting-ip": "203.0.113.9"},
        {"true-client-ip": "203.0.113.9"},
    ],
)
async def test_nothing_answers_a_foreign_host_or_a_proxy(headers: dict[str, str]) -> None:
    paths = ["/sandbox", "/sandbox/state", "/sandbox/static/phone.js", "/sandbox/model/v1/models"]
    async with running() as site, browser_session(site) as client:
        own_host = headers.get("host", "").endswith("127.0.0.1")
        given = headers | ({"host": f"{headers['host']}:{site.port}"} if own_host else {})
        for path in paths:
            answer = await client.get(path, headers=BEARER | given)
            assert answer.status_code == 404, path
        good = {"to": ANA, "type": "text", "text": "hello"}
        assert (await client.post(SEND, json=good, headers=BEARER | given)).status_code == 404
        assert await bubbles(client) == []


@pytest.mark.parametrize(
    ("client", "local"),
    [
        (("127.0.0.1", 5), True),
        (("127.8.9.1", 5), True),
        (("::1", 5), True),
        (("::ffff:127.0.0.1", 5), True),
        (("203.0.113.9", 5), False),
        (("192.168.1.7", 5), False),
        (("::ffff:203.0.113.9", 5), False),
        (("testclient", 5), False),
        (None, False),
    ],
)
def test_only_this_machine_is_local(client: tuple[str, int] | None, local: bool) -> None:
    scope = {"type": "http", "client": client, "headers": [(b"host", b"127.0.0.1:8000")]}
    assert is_local(scope, 8000) is local


async def test_localhost_is_an_own_name_too() -> None:
    async with running() as site, browser_session(site) as client:
        own = {"host": f"localhost:{site.port}"}
        assert (await client.get("/sandbox/state", headers=own)).status_code == 200


async def test_without_the_key_the_phone_stays_locked() -> None:
    async with (
        running() as site,
        httpx.AsyncClient(base_url=site.url, trust_env=False, follow_redirects=True) as client,
    ):
        for params in ({}, {"key": ""}, {"key": "wrong"}, {"key": "clé"}):
            answer = await client.get("/sandbox", params=params)
            assert answer.status_code == 403
            assert "bot dev" in answer.text
        for path in ("/sandbox/state", "/sandbox/events"):
            assert (await client.get(path)).status_code == 403
        guess = {"cookie": f"sandbox_{site.port}={KEY}", "origin": site.url}
        body = {"customer": ANA, "text": "hello"}
        answer = await client.post("/sandbox/messages", json=body, headers=guess)
        assert answer.status_code == 403


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites() -> None:
    async with (
        running() as site,
        httpx.AsyncClient(base_url=site.url, trust_env=False) as client,
    ):
        cookie = (await client.get("/sandbox/", params={"key": KEY})).headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert KEY not in cookie


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": ""},
    ],
)
async def test_another_page_cannot_make_the_browser_call(headers: dict[str, str]) -> None:
    calls: list[tuple[str, dict[str, object]]] = [
        ("/sandbox/messages", {"customer": ANA, "text": "hello"}),
        ("/sandbox/shop-message", {"customer": ANA, "text": "hello"}),
        ("/sandbox/customers", {"name": "Eve", "address": "+15550107777"}),
        ("/sandbox/line", {"state": "disconnected"}),
    ]
    async with running() as site, browser_session(site) as client:
        for path, body in calls:
            answer = await client.post(path, json=body, headers=headers)
            assert answer.status_code == 403, path
        state = (await client.get("/sandbox/state")).json()
        assert state["line"]["state"] == "ready"
        assert len(state["customers"]) == 3


async def test_every_answer_carries_the_strict_policy() -> None:
    async with running() as site, browser_session(site) as client:
        for path in ("/sandbox", "/sandbox/state", "/sandbox/static/phone.js", "/sandbox/none"):
            headers = (await client.get(path)).headers
            assert headers["content-security-policy"].startswith("default-src 'none'; script-src")
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"


async def test_an_open_stream_ends_when_the_server_stops() -> None:
    async with running() as site, browser_session(site) as client:
        seen: list[str] = []

        async def watch() -> None:
            async with client.stream("GET", "/sandbox/events", timeout=20) as stream:
                async for line in stream.aiter_lines():
                    seen.append(line)  # noqa: PERF401 - it is read while the stream goes on

        watching = asyncio.create_task(watch())
        await eventually(lambda: "event: state" in seen)
        await site.reply(ANA, "live")
        await eventually(lambda: any("live" in line for line in seen))
        site.stopping.set()
        await asyncio.wait_for(watching, 5)


async def test_a_fifth_page_takes_the_place_of_the_first() -> None:
    async with running() as site, browser_session(site) as client:
        seen: list[list[str]] = [[] for _ in range(5)]

        async def watch(lines: list[str]) -> None:
            async with client.stream("GET", "/sandbox/events", timeout=20) as stream:
                async for line in stream.aiter_lines():
                    lines.append(line)  # noqa: PERF401 - it is read while the stream goes on

        watching = []
        for lines in seen:
            watching.append(asyncio.create_task(watch(lines)))
            await eventually(partial(lines.__contains__, "event: state"))
        await asyncio.wait_for(watching[0], 5)
        assert "event: moved" in seen[0]
        site.stopping.set()
        await asyncio.wait_for(asyncio.gather(*watching), 5)


async def typing_seconds(client: httpx.AsyncClient) -> float:
    state = (await client.get("/sandbox/state")).json()
    return float(state["customers"][0]["typing_s"])


async def test_typing_shows_between_the_message_and_its_reply() -> None:
    async with running() as site, browser_session(site) as client:
        await write(client, "hello")
        await tick_becomes(client, "delivered")
        assert 0 < await typing_seconds(client) <= 60
        await site.reply(ANA, "hi")
        assert await typing_seconds(client) == 0


def test_a_reply_that_was_quicker_than_the_webhooks_answer_leaves_no_typing() -> None:
    chats = Chats(Feed())
    ana = chats.add(ANA, "Ana")
    asked = Bubble(id="1", author=Author.CUSTOMER, text="hello", at=now())
    chats.show(ana, asked)
    chats.show(ana, replace(asked, id="2", author=Author.SHOP))
    chats.expect_reply(ana, "1")
    assert ana.typing_until is None
    chats.show(ana, replace(asked, id="3"))
    chats.expect_reply(ana, "3")
    assert ana.typing_until is not None
