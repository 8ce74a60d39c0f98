"""The harness itself: what it plans happens, and a bot started with it behaves like one."""

import asyncio
import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import NewBot
from tests.harness import (
    Answer,
    Bot,
    Drop,
    Gate,
    Hang,
    Network,
    ScriptedLlm,
    ScriptedProvider,
    say,
)

ON_ONE_DATABASE = True

pytestmark = pytest.mark.slow


@pytest.fixture
def provider(network: Network) -> Iterator[ScriptedProvider]:
    provider = ScriptedProvider(network)
    yield provider
    provider.close()


async def _post(provider: ScriptedProvider, to: str = "+1", timeout_s: float = 5) -> httpx.Response:
    url = f"{provider.url}/api/v1/wa/lines/ln_1/messages"
    body = {"to": to, "type": "text", "text": "hello"}
    headers = {"Idempotency-Key": "key-1"}
    post = provider.network.http.post(url, json=body, headers=headers, timeout=timeout_s)
    return await provider.network.call(post)


async def test_planned_answers_come_in_order_then_normal_ones(provider: ScriptedProvider) -> None:
    plan = provider.plan_sends(Answer(500), Answer(429, headers={"Retry-After": "1"}), to="+1")
    assert (await _post(provider, to="+2")).status_code == 200
    assert [(await _post(provider)).status_code for _ in range(3)] == [500, 429, 200]
    await plan.has_fired()
    assert [send.taken for send in provider.attempts_to("+1")] == [False, False, True]
    assert provider.forget_plans() == []


async def test_a_plan_that_did_not_fire_is_reported(provider: ScriptedProvider) -> None:
    plan = provider.plan_sends(Answer(500), Answer(500))
    await _post(provider)
    assert provider.forget_plans() == [plan]


async def test_a_dropped_send_has_no_answer_but_may_have_been_taken(
    provider: ScriptedProvider,
) -> None:
    provider.plan(Drop(taken=True), Drop(reset=False))
    for seen in (httpx.ReadError, httpx.RemoteProtocolError):
        with pytest.raises(seen):
            await _post(provider)
    assert [send.taken for send in provider.sends] == [True, False]


async def test_a_hanging_server_reads_and_never_answers(provider: ScriptedProvider) -> None:
    provider.plan(Hang())
    with pytest.raises(httpx.ReadTimeout):
        await _post(provider, timeout_s=0.2)
    assert provider.sends[0].text == "hello"


async def test_a_gate_holds_an_answer_until_it_opens(network: Network) -> None:
    llm = ScriptedLlm(network)
    gate = Gate()
    llm.plan_calls(say("later", gate=gate), about="gated")
    body = {"messages": [{"role": "user", "content": "gated words"}]}
    call = network.start(network.http.post(f"{llm.url}/v1/chat/completions", json=body))
    await gate.reached()
    assert not call.done()
    gate.open()
    answer = await asyncio.wrap_future(call)
    assert answer.json()["choices"][0]["message"]["content"] == "later"
    llm.close()


async def test_a_server_that_is_down_refuses_and_comes_back_where_it_was(
    provider: ScriptedProvider,
) -> None:
    await provider.down()
    with pytest.raises(httpx.ConnectError):
        await _post(provider)
    await provider.up()
    assert (await _post(provider)).status_code == 200


async def test_the_same_key_gets_the_same_message_id(provider: ScriptedProvider) -> None:
    ids = [(await _post(provider)).json()["id"] for _ in range(2)]
    assert ids[0] == ids[1] == provider.sends[0].provider_id


async def test_a_customer_who_writes_gets_an_answer(bot: Bot) -> None:
    ana = bot.provider.customer()
    events = await ana.writes("are you open today?")
    assert await ana.reads() == ["You said: are you open today?"]
    await bot.handled(*events)
    assert (await bot.conversation(ana))["contact"] == ana.number
    assert [message["direction"] for message in await bot.messages(ana)] == ["in", "out"]


async def test_a_forged_webhook_is_refused(bot: Bot) -> None:
    ana = bot.provider.customer()
    await bot.provider.deliver(ana.event("hello"), secret="guessed", expect=401)


async def _cold(new_bot: NewBot) -> Bot:
    """A bot that starts from nothing, as an operator starts it."""
    bot = await new_bot(start=False)
    bot.cold = True
    return bot


async def test_a_killed_bot_comes_back_at_the_same_address(new_bot: NewBot) -> None:
    bot = await _cold(new_bot)
    await bot.start()
    ana = bot.provider.customer()
    event = ana.event("are you there?")
    await bot.kill()
    with pytest.raises(httpx.ConnectError):
        await bot.provider.deliver(event)
    bot.cold = False
    await bot.restart()
    await bot.provider.deliver_until_stored(event)
    assert await ana.reads() == ["You said: are you there?"]


@pytest.mark.slow
async def test_a_bot_stops_at_once_when_it_is_asked_to(new_bot: NewBot) -> None:
    bot = await new_bot()
    await bot.stop()
    assert bot.process.exit_code == 0


@pytest.mark.slow
async def test_a_command_ends_with_its_exit_code(new_bot: NewBot) -> None:
    bot = await _cold(new_bot)
    finished = await bot.cli("check")
    assert finished.exit_code == 0, finished.stderr


async def test_a_warm_start_says_and_does_what_a_cold_one_does(new_bot: NewBot) -> None:
    bot = await _cold(new_bot)
    bot.env["MOSSMOON_API_KEY"] = ""
    bot.write_prompt("naïve", "instructions: |\n  Olá! {{ nobody }}\n")
    cold = await bot.cli("check")
    bot.cold = False
    assert await bot.cli("check") == cold
    assert cold.exit_code == 1
    assert "naïve.yaml" in cold.stderr


async def test_a_warm_process_has_its_own_session_and_ends_by_a_signal(new_bot: NewBot) -> None:
    bot = await new_bot()
    assert os.getsid(bot.process.pid) == bot.process.pid
    await bot.kill()
    assert bot.process.exit_code == -signal.SIGKILL


async def test_a_server_ends_even_while_it_holds_an_answer_back(
    provider: ScriptedProvider,
) -> None:
    gate = Gate()
    provider.plan_sends(Answer(gate=gate))
    asking = asyncio.create_task(_post(provider))
    await gate.reached()
    await asyncio.wait_for(provider.down(), 10)
    with pytest.raises(httpx.TransportError):
        await asking
