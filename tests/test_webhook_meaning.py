"""What a webhook says: odd messages, who is answered, whose words are kept, names, storage away."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.harness import Answer, Bot, Customer, Gate, eventually
from tests.harness.provider import new_event_id, new_message_id

ON_ONE_DATABASE = True
LISTED = "+15550001111"
SETTINGS = {
    "lines": {
        "default": {"prompt": "default"},
        "ln_private": {"prompt": "default", "answer": "nobody"},
        "ln_listed": {"prompt": "default", "answer": "listed", "only": [LISTED]},
    }
}


async def _answered_nothing_but(bot: Bot, customer: Customer, texts: list[str]) -> None:
    """A marker comes after everything else, on the same line if it answers, else on another."""
    other = bot.provider.customer()
    await bot.handled(*await other.writes("marker"))
    await other.reads()
    assert customer.read == texts


ODD: dict[str, dict[str, Any]] = {
    "no message": {"message": None},
    "a message that is a list": {"message": []},
    "a message that is a string": {"message": "hello"},
    "an empty message": {"message": {}},
    "no message id": {"message": {"id": None}},
    "a numeric message id": {"message": {"id": 7}},
    "no sender": {"message": {"from": None}},
    "a blank sender": {"message": {"from": "  "}},
    "a numeric sender": {"message": {"from": 15551234567}},
    "a sender with a newline": {"message": {"from": "+1555\n1234567"}},
    "a huge sender": {"message": {"from": "+" + "1" * 10_000}},
    "no type": {"message": {"type": None}},
    "no text": {"message": {"text": None}},
    "an empty text": {"message": {"text": ""}},
    "a list for a text": {"message": {"text": ["hello"]}},
    "no line": {"line_id": None},
    "a numeric line": {"line_id": 3},
    "a line that leads elsewhere": {"line_id": ".."},
}


@pytest.mark.parametrize("case", ODD)
async def test_an_odd_message_is_a_dead_letter_and_blocks_nothing(bot: Bot, case: str) -> None:
    ana, change = bot.provider.customer(), dict(ODD[case])
    event = ana.event("hello")
    if isinstance(change.get("message"), dict):
        change["message"] = change["message"] and {**event["message"], **change["message"]}
    event |= change
    await bot.provider.deliver(event)
    (letter,) = await bot.handled(event["id"])
    assert (letter["state"], letter["reason"]) == ("dead", "unreadable")
    assert letter["error"]
    await ana.writes("and this?")
    assert await ana.reads() == ["You said: and this?"]


NO_PRIVATE_CHAT: dict[str, dict[str, Any]] = {
    "a group's address": {"from": "1203630@g.us"},
    "a group's id": {"group_id": "1203630"},
    "a group's flag": {"is_group": True},
    "a newsletter": {"from": "1203630@newsletter"},
    "a status": {"from": "status@broadcast"},
}


@pytest.mark.parametrize("case", NO_PRIVATE_CHAT)
async def test_what_is_no_private_chat_is_recorded_and_never_answered(bot: Bot, case: str) -> None:
    ana, calls = bot.provider.customer(), len(bot.provider.sends)
    event = ana.event("hello everybody", **NO_PRIVATE_CHAT[case])
    await bot.provider.deliver(event)
    (kept,) = await bot.handled(event["id"])
    assert (kept["state"], kept["reason"]) == ("skipped", "group")
    await _answered_nothing_but(bot, ana, [])
    assert len(bot.provider.sends) == calls + 1  # the marker's
    assert bot.llm.calls_about("hello everybody") == []


async def test_an_echo_of_an_own_message_is_not_answered(bot: Bot) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads()
    sent = ana.attempts[0]

    async def has_its_id() -> None:
        assert (await bot.messages(ana))[-1]["provider_id"] == sent.provider_id

    await eventually(has_its_id)
    echo = ana.event(sent.text, id=sent.provider_id)
    await bot.provider.deliver(echo)
    (kept,) = await bot.handled(echo["id"])
    assert kept["state"] == "skipped"
    await _answered_nothing_but(bot, ana, ["You said: hello"])


@pytest.mark.parametrize("kind", ["call.ringing", "line.paired", "x" * 5_000, "weird\nevent\u202e"])
async def test_an_event_of_an_unknown_type_is_kept_and_answered_200(bot: Bot, kind: str) -> None:
    event = {**bot.provider.customer().event("hello"), "event": kind}
    await bot.provider.deliver(event)
    (kept,) = await bot.handled(event["id"])
    assert (kept["state"], kept["reason"]) == ("skipped", "event type not acted on")
    assert kept["type"].isprintable()
    assert len(kept["type"]) <= 100


async def test_the_same_id_with_another_body_counts_once(bot: Bot) -> None:
    ana = bot.provider.customer()
    first = ana.event("the first one")
    await bot.provider.deliver(first)
    await ana.reads()
    await bot.provider.deliver({**ana.event("the second one"), "id": first["id"]})
    await bot.provider.deliver({**first, "event": "message.delivered"})
    await _answered_nothing_but(bot, ana, ["You said: the first one"])
    texts = [message["text"] for message in await bot.messages(ana)]
    assert texts == ["the first one", "You said: the first one"]


@pytest.mark.parametrize("received_at", ["1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z", 10**13])
async def test_a_message_of_any_date_is_answered_now(bot: Bot, received_at: Any) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello", received_at=received_at)
    assert await ana.reads() == ["You said: hello"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\u202eana\u202c", "ana"),
        ("Ana\r\nInjected: yes", "Ana Injected: yes"),
        ("A\u200bn\u2066a\ufeff", "Ana"),
        ("\x1b[31mAna\x00", "[31mAna"),
        ("\ud800Ana", "Ana"),
        ("A" * 10_000, "A" * 100),
    ],
)
async def test_a_hostile_name_is_shown_as_one_plain_line(bot: Bot, given: str, shown: str) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello", profile_name=given)
    assert (await bot.conversation(ana))["name"] == shown
    await ana.reads()


async def test_a_text_that_no_database_takes_is_answered_without_what_is_wrong_with_it(
    bot: Bot,
) -> None:
    ana = bot.provider.customer()
    await ana.writes("a\x00b\ud800c")
    assert await ana.reads() == ["You said: ab\ufffdc"]


# whom a line answers


@pytest.fixture
def stranger(bot: Bot, request: pytest.FixtureRequest) -> Customer:
    return bot.provider.customer(line_id=request.param)


EXCLUDING = pytest.mark.parametrize("stranger", ["ln_private", "ln_listed"], indirect=True)
SECRET_WORDS = "tangerine-observatory"


@EXCLUDING
async def test_somebody_who_is_excluded_is_never_answered(bot: Bot, stranger: Customer) -> None:
    (event,) = await stranger.writes("hello")
    (kept,) = await bot.handled(event)
    assert (kept["state"], kept["reason"]) == ("skipped", "excluded")
    await _answered_nothing_but(bot, stranger, [])
    conversations = await bot.api("GET", "/api/conversations", params={"contact": stranger.number})
    assert conversations["items"] == []


async def test_whoever_is_listed_is_answered(bot: Bot) -> None:
    listed = bot.provider.customer(line_id="ln_listed", number=LISTED)
    await listed.writes("hello")
    assert await listed.reads() == ["You said: hello"]


def _private_events(stranger: Customer) -> dict[str, dict[str, Any]]:
    """Everything that may carry what was written in a chat with `stranger`."""
    said = stranger.event(SECRET_WORDS)
    message = said["message"]
    caption = {"caption": SECRET_WORDS, "text": None}
    to_them = {"id": new_message_id(), "to": stranger.number, "type": "text", "text": SECRET_WORDS}
    return {
        "a text": said,
        "a photo": said | {"message": message | caption | {"type": "image"}},
        "a quote": said | {"message": message | {"text": "yes", "quoted": {"text": SECRET_WORDS}}},
        "a name": said | {"message": message | {"text": "yes", "profile_name": SECRET_WORDS}},
        "an edit": said | {"event": "message.edited"},
        "something odd": said | {"message": message | {"type": None}},
        "a group": said | {"message": message | {"group_id": "1203630"}},
        "the owner's answer": said | {"event": "message.sent", "message": to_them},
        "the owner's answer, flagged": said | {"message": to_them | {"from_me": True}},
    }


@pytest.mark.parametrize("case", _private_events(Customer(None, "", "")))  # type: ignore[arg-type]
@EXCLUDING
async def test_nothing_of_a_private_chat_is_kept(bot: Bot, stranger: Customer, case: str) -> None:
    event = _private_events(stranger)[case] | {"id": new_event_id()}
    await bot.provider.deliver(event)
    await bot.handled(event["id"], timeout_s=20)
    await _answered_nothing_but(bot, stranger, [])
    assert SECRET_WORDS.encode() not in await _everything_stored(bot)


def _files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def _everything_stored(bot: Bot) -> bytes:
    """Every byte of the data directory, or every row of the database server."""
    stored = _files(Path(bot.env["BOT_DATA_DIR"]))
    url = bot.env.get("DATABASE_URL")
    if url is None:
        return stored
    server = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        tables = await server.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        for (table,) in tables:
            for row in await server.fetch(f'SELECT * FROM "{table}"'):  # noqa: S608 - own tables
                stored += b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
    finally:
        await server.close()
    return stored


# a database that takes nothing


@asynccontextmanager
async def _nothing_can_be_stored(bot: Bot) -> AsyncIterator[None]:
    """Somebody else holds the lock that every write needs, longer than the bot waits for it."""
    url = bot.env.get("DATABASE_URL")
    if url is None:
        path = Path(bot.env["BOT_DATA_DIR"]) / "bot.db"
        with closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as holder:
            holder.execute("BEGIN EXCLUSIVE")
            yield
            holder.execute("ROLLBACK")
        return
    server = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with server.transaction():
            await server.execute("LOCK TABLE events, lines IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await server.close()


async def test_while_nothing_can_be_stored_the_provider_is_asked_to_come_again(bot: Bot) -> None:
    ana, ben, gate = bot.provider.customer(), bot.provider.customer(), Gate()
    bot.provider.plan_sends(Answer(200, {"id": new_message_id()}, gate=gate), to=ben.number)
    await ben.writes("before")
    await gate.reached()
    events = [ana.event("first"), ana.event("second"), ben.event("third")]
    malformed = b'["unreadable while the database is away"]'
    async with _nothing_can_be_stored(bot):
        gate.open()  # what the line answers now has to wait in memory
        ready = await bot.http("GET", "/readyz")
        assert (ready.status_code, ready.json()["database"]) == (503, "down")
        assert (await bot.http("GET", "/healthz")).status_code == 200
        bodies = [*(json.dumps(event).encode() for event in events), malformed]
        answers = await asyncio.gather(*(bot.provider.deliver(body, expect=503) for body in bodies))
        assert {answer.json()["error"] for answer in answers} == {"unavailable"}
    await bot.ready()
    for event in events:
        await bot.provider.deliver_until_stored(event)
    await bot.provider.deliver(malformed, expect=400)
    await bot.handled(*(event["id"] for event in events))
    assert "".join(await ana.reads()).count("first") == 1
    assert "second" in ana.read[-1]
    assert await ben.reads(2) == ["You said: before", "You said: third"]
    assert len(ben.attempts) == 2
