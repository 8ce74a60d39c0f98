"""What a kill, a loss of Redis or a stopped process may cost: time, never a message."""

import asyncio
import fcntl
import os
import signal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.conftest import NewBot
from tests.harness import Answer, Bot, Gate, eventually, say
from tests.harness.process import Process

PATIENT = {"line_api": {"timeout_s": 2, "uncertain_wait_s": 0.5}}


async def test_an_acknowledged_message_survives_a_kill_before_its_turn(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"conversation": {"quiet_period_s": 1}})
    customers = [bot.provider.customer() for _ in range(5)]
    await asyncio.gather(*(one.writes("still there?") for one in customers))
    await bot.kill()
    assert [one.read for one in customers] == [[]] * 5
    await bot.restart()
    for one in customers:
        assert await one.reads(timeout_s=30) == ["You said: still there?"]


async def test_a_kill_while_the_model_writes_costs_no_answer(new_bot: NewBot) -> None:
    bot = await new_bot()
    ana = bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("never seen", gate=gate), about="hard")
    await ana.writes("a hard question")
    await gate.reached()
    await bot.kill()
    await bot.restart()
    assert await ana.reads(timeout_s=30) == ["You said: a hard question"]
    gate.open()


async def test_a_kill_while_a_send_is_on_its_way_repeats_it_under_its_key(
    new_bot: NewBot,
) -> None:
    bot = await new_bot(settings=PATIENT)
    ana = bot.provider.customer()
    gate = Gate()
    bot.provider.plan_sends(Answer(200, {"id": "msg_1"}, gate=gate), to=ana.number)
    await ana.writes("hello")
    await gate.reached()
    await bot.kill()
    gate.open()
    await bot.restart()
    await eventually(lambda: len(ana.attempts) == 2, 30)
    first, second = ana.attempts
    assert (first.key, first.text) == (second.key, second.text)


async def test_a_kill_while_a_send_is_on_its_way_is_settled_by_its_notice(
    new_bot: NewBot,
) -> None:
    bot = await new_bot(settings={"line_api": {"uncertain_wait_s": 20}})
    ana = bot.provider.customer()
    gate = Gate()
    bot.provider.plan_sends(Answer(200, {"id": "msg_1"}, gate=gate), to=ana.number)
    await ana.writes("hello")
    await gate.reached()
    await bot.kill()
    await bot.restart()
    await bot.handled(await bot.provider.delivered(ana.number, "msg_1"))
    await ana.writes("marker")
    await eventually(lambda: "marker" in str(ana.read))
    assert [send.text for send in ana.attempts] == ["You said: hello", "You said: marker"]
    gate.open()


async def test_web_and_worker_die_apart_and_nothing_is_lost(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    web = await bot.start("serve", ready=False)
    ana = bot.provider.customer()
    event = ana.event("before the worker")
    await bot.provider.deliver_until_stored(event)
    await web.kill()
    await bot.start("worker", ready=False)
    assert await ana.reads(timeout_s=30) == ["You said: before the worker"]


async def test_a_killed_workers_turn_is_taken_over_by_another(new_bot: NewBot) -> None:
    bot = await new_bot(command=("serve",), start=False)
    await bot.start("serve", ready=False)
    first = await bot.start("worker", ready=False)
    ana = bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("never seen", gate=gate), about="hard")
    await bot.provider.deliver_until_stored(ana.event("a hard question"))
    await gate.reached()
    await bot.start("worker", ready=False)
    await first.kill()
    assert await ana.reads(timeout_s=40) == ["You said: a hard question"]
    gate.open()


@pytest.mark.slow
async def test_a_worker_that_was_stopped_finds_its_answer_refused(new_bot: NewBot) -> None:
    bot = await new_bot(start=False)
    await bot.start("serve", ready=False)
    first = await bot.start("worker", ready=False)
    ana = bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("from the stopped one", gate=gate), about="hard")
    await bot.provider.deliver_until_stored(ana.event("a hard question"))
    await gate.reached()
    await _stop_between_transactions(bot, first)
    gate.open()
    await bot.start("worker", ready=False)
    assert await ana.reads(timeout_s=40) == ["You said: a hard question"]
    first.signal(signal.SIGCONT)
    await ana.writes("marker")
    await ana.reads(2)
    assert "from the stopped one" not in str(ana.read)


async def test_everything_in_redis_may_vanish(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"conversation": {"quiet_period_s": 1}})
    ana = bot.provider.customer()
    await ana.writes("hello")
    redis = Redis.from_url(_redis_url(bot))
    await redis.flushall() if "REDIS_URL" not in bot.env else await redis.flushdb()
    await redis.aclose()
    assert await ana.reads() == ["You said: hello"]


async def test_the_bot_goes_on_while_redis_is_frozen(new_bot: NewBot) -> None:
    bot = await new_bot()
    if "REDIS_URL" in bot.env:
        pytest.skip("the shared Redis is not ours to freeze")
    redis = Redis.from_url(_redis_url(bot))
    pid = int((await redis.info("server"))["process_id"])
    await redis.aclose()
    os.kill(pid, signal.SIGSTOP)
    try:
        ana = bot.provider.customer()
        await ana.writes("hello")
        assert await ana.reads() == ["You said: hello"]
        parts = (await bot.http("GET", "/readyz")).json()
        assert parts["queue"] == "down"
        assert (await bot.http("GET", "/readyz")).status_code == 200
        assert (await bot.http("GET", "/readyz?all=1")).status_code == 503
    finally:
        os.kill(pid, signal.SIGCONT)
    await ana.writes("and now?")
    assert (await ana.reads(2))[1] == "You said: and now?"


async def test_a_stop_hands_unfinished_work_to_the_next_start(new_bot: NewBot) -> None:
    bot = await new_bot()
    ana = bot.provider.customer()
    gate = Gate()
    bot.llm.plan_calls(say("from the first run", gate=gate), about="hard")
    await ana.writes("a hard question")
    await gate.reached()
    stopping = asyncio.create_task(bot.stop())
    gate.open()
    await stopping
    await bot.start()
    assert len(await ana.reads(timeout_s=30)) == 1


async def _stop_between_transactions(bot: Bot, process: Process) -> None:
    """SIGSTOP, but not while the process holds SQLite's write lock: that would stop everybody."""

    def stopped_outside() -> bool:
        process.signal(signal.SIGSTOP)
        if not _is_locked(Path(bot.env["BOT_DATA_DIR"]) / "bot.db.lock"):
            return True
        process.signal(signal.SIGCONT)
        return False

    await eventually(stopped_outside)


def _is_locked(path: Path) -> bool:
    if not path.exists():  # PostgreSQL
        return False
    with path.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _redis_url(bot: Bot) -> str:
    given = bot.env.get("REDIS_URL")
    if given is not None:
        return given
    sockets = [path for path in Path(bot.env["BOT_DATA_DIR"]).rglob("*.sock*") if path.is_socket()]
    assert len(sockets) == 1, sockets
    return f"unix://{sockets[0]}"
