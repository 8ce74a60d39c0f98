"""The watchdog of running bots: one alert, whoever looks and however often, and its end."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Network, eventually, fail
from tests.harness.http_server import ScriptedServer
from tests.harness.process import Process

ON_ONE_DATABASE = True
pytestmark = pytest.mark.slow

OWNER = "+15550009999"
WATCHDOG = {"enabled": True, "unanswered_s": 600, "line_down_s": 1}
IMPATIENT: dict[str, Any] = {"watchdog": {"enabled": True, "unanswered_s": 3, "line_down_s": 600}}
"""Not so much that a busy machine takes too long for an answer."""
RETRY = {"base_delay_s": 0.1, "max_delay_s": 0.3, "max_attempts": 1}


class Hook(ScriptedServer):
    """The operators' webhook."""

    def told(self) -> list[Any]:
        """All alerts and their ends, oldest first; what a crash has repeated counts once."""
        posts = {post.headers["idempotency-key"]: post.json for post in self.requests}
        return [body for body in posts.values() if body["kind"] in {"alert", "alert_over"}]

    def keys(self) -> list[tuple[str, str]]:
        return [(body["kind"], body["key"]) for body in self.told()]

    async def hears(self, *expected: tuple[str, str], timeout_s: float = 20) -> None:
        """These and no others, in this order."""

        def heard() -> None:
            assert self.keys() == list(expected)

        await eventually(heard, timeout_s)


@pytest.fixture
def hook(network: Network) -> Iterator[Hook]:
    hook = Hook(network)
    yield hook
    hook.close()


async def _watched(new_bot: NewBot, hook: Hook, *, start: bool = True, **more: Any) -> Bot:
    takeover = {"notify_url": hook.url, "operators": [OWNER]}
    settings = {"watchdog": WATCHDOG, "retry": RETRY, "takeover": takeover, **more}
    return await new_bot(settings=settings, start=start)


async def _is_looked_at(bot: Bot, key: str, times: int = 3) -> None:
    """An alert goes on, and that was found so again and again."""
    seen: set[str] = set()

    async def again() -> None:
        alerts = (await bot.api("GET", "/api/alerts"))["items"]
        assert [alert["key"] for alert in alerts] == [key]
        seen.add(alerts[0]["seen_at"])
        assert len(seen) > times

    await eventually(again, 20)


async def _open(bot: Bot) -> list[str]:
    return [one["key"] for one in (await bot.api("GET", "/api/alerts"))["items"]]


def _chat(bot: Bot, line_id: str = "ln_test") -> list[str]:
    """What the owner reads on a line's chat."""
    sends = bot.provider.taken_for(OWNER)
    return [send.text for send in sends if send.line_id == line_id]


async def _start_worker(bot: Bot) -> Process:
    """A worker that is surely at work."""
    bot.env["BOT__SERVER__METRICS_PORT"] = str(bot.port + 1)
    worker = await bot.start("worker", ready=False)
    url = f"http://127.0.0.1:{bot.port + 1}/readyz"

    async def works() -> None:
        try:
            ready = await bot.network.call(bot.network.http.get(url))
        except httpx.TransportError as error:
            raise AssertionError("no answer yet") from error
        assert ready.json()["worker"] == "ok"

    await eventually(works, 30)
    return worker


UNANSWERED = "unanswered:ln_test"


async def test_a_model_that_is_away_is_one_alert_and_over_when_it_is_back(
    new_bot: NewBot, hook: Hook
) -> None:
    bot = await _watched(new_bot, hook, **IMPATIENT)
    bot.llm.always(fail(503))
    ana, ben = bot.provider.customer(), bot.provider.customer()
    await ana.writes("anybody there?")
    await hook.hears(("alert", UNANSWERED))
    await ben.writes("hello?")
    assert await _open(bot) == [UNANSWERED]
    ready = await bot.http("GET", "/readyz?all=1")
    assert (ready.status_code, ready.json()["alerts"]) == (200, ["unanswered"])
    assert "alerts" not in (await bot.http("GET", "/readyz")).json()
    await _is_looked_at(bot, UNANSWERED)
    assert hook.keys() == [("alert", UNANSWERED)]
    bot.llm.always(None)
    await hook.hears(("alert", UNANSWERED), ("alert_over", UNANSWERED))
    await ana.reads()
    await ben.reads()
    raised, over = hook.told()
    conversation = (await bot.conversation(ana))["id"]
    text, link = raised["text"].splitlines()
    assert text.startswith("Line ln_test: a customer has had no answer for ")
    assert text.endswith(": the model server 127.0.0.1 answered 503 scripted")
    assert link.endswith(f"/console/conversations/{conversation}")
    assert (raised["line_id"], raised["conversation_id"]) == ("ln_test", conversation)
    assert over["text"].startswith("Over: Line ln_test: ")
    assert await _open(bot) == []
    await eventually(lambda: _chat(bot) == [raised["text"], over["text"]])
    assert ana.number not in bot.log


async def test_a_conversation_that_a_person_has_is_no_alert(new_bot: NewBot, hook: Hook) -> None:
    bot = await _watched(new_bot, hook, **IMPATIENT)
    ana, ben = bot.provider.customer(), bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()
    await bot.api("POST", f"/api/conversations/{(await bot.conversation(ana))['id']}/pause")
    await ana.writes("are you there?")
    bot.llm.always(fail(503))
    await ben.writes("and I?")
    await hook.hears(("alert", UNANSWERED))
    assert "a customer has had" in hook.told()[0]["text"]
    await bot.api("POST", f"/api/conversations/{(await bot.conversation(ben))['id']}/pause")
    await hook.hears(("alert", UNANSWERED), ("alert_over", UNANSWERED))


async def test_wrong_signatures_are_one_alert_over_a_restart_too(
    new_bot: NewBot, hook: Hook
) -> None:
    bot = await _watched(new_bot, hook)
    ana = bot.provider.customer()

    async def knock(times: int) -> None:
        for _ in range(times):
            await bot.provider.deliver(ana.event("let me in"), secret="whsec_guessed", expect=401)

    await knock(5)
    await bot.provider.deliver(b"[]", expect=400)
    told = [("alert", "dead_letters")]
    await hook.hears(*told)
    await knock(1)
    told.append(("alert", "signatures"))
    await hook.hears(*told)
    assert "MOSSMOON_WEBHOOK_SECRET" in hook.told()[1]["text"]
    await bot.kill()
    await bot.restart()
    await knock(10)
    bot.write_prompt("default", "instructionz: x\n")
    told.append(("alert", "prompt:prompts/default.yaml"))
    await hook.hears(*told)
    assert await _open(bot) == [key for _, key in told]


async def test_the_web_tells_that_there_is_no_worker(new_bot: NewBot, hook: Hook) -> None:
    bot = await _watched(new_bot, hook, start=False)
    worker = await _start_worker(bot)
    web = await bot.start("serve")
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()
    assert hook.keys() == []
    await worker.kill()
    await hook.hears(("alert", "no_worker"), timeout_s=30)
    assert web.exit_code is None
    await bot.start("worker", ready=False)
    await hook.hears(("alert", "no_worker"), ("alert_over", "no_worker"))
    assert _chat(bot) == []  # what nobody could send would come when it is over


@pytest.mark.slow
async def test_several_workers_tell_once(new_bot: NewBot, hook: Hook) -> None:
    bot = await _watched(new_bot, hook, start=False, **IMPATIENT)
    first, _ = [await bot.start("worker", ready=False) for _ in range(2)]
    await bot.start("serve")
    bot.llm.always(fail(503))
    ana = bot.provider.customer()
    await ana.writes("hello?")
    await hook.hears(("alert", UNANSWERED))
    await first.kill()
    await _is_looked_at(bot, UNANSWERED)
    bot.llm.always(None)
    await hook.hears(("alert", UNANSWERED), ("alert_over", UNANSWERED), timeout_s=30)
    await ana.reads()


async def test_a_line_that_is_down_is_told_on_another(new_bot: NewBot, hook: Hook) -> None:
    bot = await _watched(new_bot, hook)
    ana, ben = (bot.provider.customer(line_id=line_id) for line_id in ("ln_a", "ln_b"))
    for customer in (ana, ben):
        await customer.writes("hello")
        await customer.reads()
    await bot.provider.line_ready("ln_b")
    await bot.provider.line_disconnected("ln_a", reason="logged out")
    await hook.hears(("alert", "line_down:ln_a"))
    await eventually(lambda: len(_chat(bot, "ln_b")) == 1)
    assert _chat(bot, "ln_b")[0].startswith("Line ln_a has been disconnected for ")
    await bot.provider.line_ready("ln_a")
    await hook.hears(("alert", "line_down:ln_a"), ("alert_over", "line_down:ln_a"))
    await eventually(lambda: len(_chat(bot, "ln_a")) == 1)
    assert len(_chat(bot, "ln_b")) == 1


async def test_an_account_that_is_held_is_told_by_the_webhook_alone(
    new_bot: NewBot, hook: Hook
) -> None:
    bot = await _watched(new_bot, hook)
    ana = bot.provider.customer()
    bot.provider.always(Answer(402, {"error": "payment_required", "message": "pay first"}))
    await ana.writes("hello")
    await hook.hears(("alert", "account_held"))
    await _is_looked_at(bot, "account_held")
    assert bot.provider.taken_for(OWNER) == []
    bot.provider.always(None)
    await bot.provider.line_ready()  # so it is tried at once
    await hook.hears(("alert", "account_held"), ("alert_over", "account_held"))
    assert await ana.reads() == ["You said: hello"]


async def test_dead_letters_and_an_invalid_prompt_are_told(new_bot: NewBot, hook: Hook) -> None:
    bot = await _watched(new_bot, hook)
    await bot.provider.deliver(b"[]", expect=400)
    await hook.hears(("alert", "dead_letters"))
    bot.write_prompt("default", "instructionz: x\n")
    await eventually(lambda: len(hook.keys()) == 2)
    kind, key = hook.keys()[1]
    assert (kind, key) == ("alert", "prompt:prompts/default.yaml")
    assert "prompts/default.yaml:1:1" in hook.told()[1]["text"]
    metrics = (await bot.http("GET", "/metrics")).text
    assert 'bot_alerts_total{kind="prompt",what="raised"} 1.0' in metrics


async def test_a_watchdog_that_is_off_says_nothing(new_bot: NewBot, hook: Hook) -> None:
    bot = await _watched(new_bot, hook, watchdog={"enabled": False})
    await bot.provider.deliver(b"[]", expect=400)

    async def counted() -> bool:
        return "bot_dead_letters 1.0" in (await bot.http("GET", "/metrics")).text

    await eventually(counted)
    assert await _open(bot) == []
    assert hook.requests == []
