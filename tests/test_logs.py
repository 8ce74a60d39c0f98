"""Logs: each step of a message's way by its ids, one line each, and nothing that is private."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bot import logs
from tests.conftest import NewBot
from tests.harness import Answer, Bot, Customer, eventually, fail
from tests.harness.bot_process import TOKEN
from tests.harness.provider import API_KEY, SECRET
from tests.samples import papers, photos, voices

ON_ONE_DATABASE = True
SETTINGS: dict[str, Any] = {
    "log": {"format": "json", "level": "debug"},
    "retry": {"base_delay_s": 0.05, "max_delay_s": 0.1, "max_attempts": 2},
    "line_api": {"timeout_s": 1, "uncertain_wait_s": 0.1},
    "takeover": {"operators": ["+15550008888"]},
}
PRIVATE = "periwinkle-lighthouse"
NAME = "Bartholomew Quince"
SIGNED = "sig=9f8e7d6c5b"


def _lines(bot: Bot) -> list[dict[str, Any]]:
    """What the latest process has logged, line by line."""
    return [json.loads(line) for line in bot.process.log.splitlines() if line.startswith("{")]


def _about(bot: Bot, conversation: str, level: str = "info") -> list[str]:
    """The names of the lines that name a conversation, in order."""
    levels = {"debug", "info", "warning", "error"} if level == "debug" else {level}
    return [
        line["event"]
        for line in _lines(bot)
        if line.get("conversation") == conversation and line["level"] in levels
    ]


async def _delivered(bot: Bot, customer: Customer) -> None:
    await bot.handled(
        await bot.provider.delivered(customer.number, customer.attempts[-1].provider_id)
    )


async def test_every_step_of_a_message_is_a_line_with_its_conversation(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.sends("image", bot.media.serve(photos.photo_jpeg(), media_type="image/jpeg"))
    await ana.reads()
    conversation = (await bot.conversation(ana))["id"]
    await _delivered(bot, ana)

    def told() -> None:
        assert _about(bot, conversation) == [
            "media.fetched",
            "media.read",
            "turn.claimed",
            "model.answered",
            "turn.ended",
            "send.attempted",
            "send.settled",
            "message.delivered",
        ]

    await eventually(told)
    assert _about(bot, conversation, "debug")[0] == "event.stored"


async def test_the_event_and_the_message_are_named_too(bot: Bot) -> None:
    ana = bot.provider.customer()
    (event,) = await bot.handled(*await ana.writes("hello"))
    await ana.reads()
    await _delivered(bot, ana)
    reply = (await bot.messages(ana))[-1]["id"]
    conversation = (await bot.conversation(ana))["id"]

    def named() -> None:
        of_it = [line for line in _lines(bot) if line.get("conversation") == conversation]
        by_name = {line["event"]: line for line in of_it}
        assert by_name["event.stored"]["event_id"] == event["id"]
        assert by_name["turn.claimed"]["events"] == [event["id"]]
        assert by_name["turn.ended"]["message"] == reply
        for name in ("send.attempted", "send.settled", "message.delivered"):
            assert by_name[name]["message"] == reply, name

    await eventually(named)


async def test_at_the_usual_level_a_webhook_is_no_line(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"log": {"format": "json"}}, command=("serve",))
    before = len(_lines(bot))
    ana = bot.provider.customer()
    await ana.writes(*["hello"] * 20)
    assert len(_lines(bot)) == before


async def test_a_warning_level_keeps_the_rest_out(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"log": {"format": "json", "level": "warning"}})
    bot.llm.plan_calls(fail(500), about="hello")
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()
    assert {line["level"] for line in _lines(bot)} == {"warning"}
    assert "turn.failed" in [line["event"] for line in _lines(bot)]


async def test_text_is_for_people(new_bot: NewBot) -> None:
    bot = await new_bot(settings={"log": {"format": "text"}})
    await eventually(lambda: "web.listening" in bot.log)
    assert not any(line.startswith("{") for line in bot.log.splitlines()[1:])
    assert "[info     ] web.listening" in bot.log


# nothing private, at any level


async def test_a_life_leaves_nothing_private_in_the_log(bot: Bot) -> None:
    ana, ben = bot.provider.customer(), bot.provider.customer()
    signatures = await _lives(bot, ana)
    await _fails(bot, ben)
    await _is_handled(bot, ana)
    await bot.handled(*await ben.writes("after all that"))
    numbers = [ana.number[1:], ben.number[1:], "15550008888"]
    secrets = [SECRET, API_KEY, TOKEN, "sk-of-the-tests", "dg-of-the-tests", *signatures]
    found = [one for one in (PRIVATE, NAME, *numbers, *secrets) if one in bot.log]
    assert found == []
    assert "media.host" not in bot.log
    assert len(_lines(bot)) > 30


async def _lives(bot: Bot, ana: Customer) -> list[str]:
    """Words and files of every kind, changed, taken back, delivered; the files' signatures."""
    bot.speech.hears(PRIVATE, "en")
    files: dict[str, tuple[bytes, str]] = {
        "voice": (voices.voice_ogg(1.3), "audio/ogg"),
        "image": (photos.photo_jpeg(), "image/jpeg"),
        "document": (papers.pdf([PRIVATE]), "application/pdf"),
        "video": (b"no video at all", "video/mp4"),
    }
    await ana.writes(f"my {PRIVATE}", profile_name=NAME)
    signatures = [SIGNED]
    for kind, (data, media_type) in files.items():
        media = bot.media.serve(data, media_type=media_type)
        signatures.append(media["url"].partition("sig=")[2])
        await ana.sends(kind, media, caption=PRIVATE, filename=f"{PRIVATE}.bin")
    gone = {"url": f"{bot.media.url}/{PRIVATE}?{SIGNED}", "mime_type": "image/png"}
    await ana.sends("image", gone, caption=PRIVATE)
    await eventually(lambda: _is_read(bot, ana, len(files) + 1), 20)
    for kind in ("message.edited", "message.deleted"):
        event = ana.event(PRIVATE)
        await bot.provider.deliver({**event, "event": kind})
    await _delivered(bot, ana)
    return signatures


async def _is_read(bot: Bot, customer: Customer, count: int) -> bool:
    """All files are here and understood, or can't be had; and something was answered."""
    files = [one["media"] for one in await bot.messages(customer) if one["media"]]
    ended = [file for file in files if file["state"] in {"ready", "failed"}]
    return len(ended) == count and bool(customer.read)


async def _fails(bot: Bot, ben: Customer) -> None:
    """Everything outside repeats what it was told, in its errors."""
    told = f"{PRIVATE} {NAME} {ben.number} {SECRET} {API_KEY} {TOKEN} {SIGNED}"
    gossip = {"error": {"message": told, "code": told, "type": told}, "message": told}
    bot.llm.plan_calls(Answer(500, gossip), Answer(400, gossip), about="it fails")
    refused = Answer(422, {"error": told, "message": told, "code": told})
    plan = bot.provider.plan_sends(Answer(500, gossip), refused, to=ben.number)
    await ben.writes(f"it fails, {PRIVATE}", profile_name=NAME)
    await plan.has_fired()
    await bot.provider.deliver(told.encode(), expect=400)
    await bot.provider.deliver(ben.event(told), headers={}, expect=401)
    await bot.provider.deliver({"event": told, "id": told, "line_id": "ln_test"})
    await bot.provider.line_disconnected("ln_gone", reason=told)


async def _is_handled(bot: Bot, ana: Customer) -> None:
    """An operator takes over, writes, and commands from WhatsApp."""
    path = f"/api/conversations/{(await bot.conversation(ana))['id']}"
    await bot.api("POST", f"{path}/pause", {"for_s": 60, "reason": PRIVATE})
    await bot.api("POST", f"{path}/messages", {"text": PRIVATE})
    await bot.api("POST", f"{path}/resume", {"brief": PRIVATE})
    owner = bot.provider.customer(number="+15550008888")
    await bot.handled(*await owner.writes(f"#1 {PRIVATE}", f"#pause {ana.number} 1m", "#who"))


# the module by itself


@pytest.fixture
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("json_lines", [True, False])
def test_a_line_is_one_line_whatever_is_in_it(json_lines: bool) -> None:
    output = io.StringIO()
    logs.configure(json_lines=json_lines, output=output)
    structlog.get_logger().info("something", value="a\nb\r\x1b[31mred\u2028c")
    logging.getLogger("some.library").warning("%s", PRIVATE)
    text = output.getvalue()
    assert len(text.splitlines()) == 2
    assert "\x1b" not in text
    assert PRIVATE not in text
    assert "library.warned" in text
