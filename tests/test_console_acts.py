"""What operators do in the console beside talking: drafts, dead letters, who else is there."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from tests.console_client import Console, field
from tests.harness import Bot, Customer, Gate, eventually
from tests.harness.bot_process import TOKEN
from tests.harness.llm import fail, say

ENV = {"OPERATOR_TOKEN": f"tests:{TOKEN},rosa:token-of-rosa,omar:token-of-omar"}
ROSA, OMAR = "token-of-rosa", "token-of-omar"
PART = {"HX-Request": "true"}


SETTINGS = {"retry": {"max_attempts": 1}}


@pytest.fixture
async def rosa(bot: Bot) -> Console:
    return await Console(bot).signed_in(ROSA)


async def _talked(bot: Bot) -> Customer:
    customer = bot.provider.customer()
    await bot.handled(*await customer.writes("hello"))
    await customer.reads(1)
    return customer


async def _thread(bot: Bot, customer: Customer) -> str:
    return f"/console/conversations/{(await bot.conversation(customer))['id']}"


async def _drafted(bot: Bot, rosa: Console) -> tuple[Customer, str, str]:
    """A customer, their thread, and the id of an answer that a pause has stopped."""
    ana = await _talked(bot)
    thread, gate = await _thread(bot, ana), Gate()
    bot.llm.plan_calls(say("the *bot's* words", gate=gate), about="slow question")
    await ana.writes("slow question")
    await gate.reached()
    await rosa.post(f"{thread}/take-over")
    gate.open()

    async def there() -> str:
        last = (await bot.messages(ana))[-1]
        assert last["draft"], last
        return str(last["id"])

    return ana, thread, await eventually(there)


async def test_a_draft_is_sent_by_a_person_and_is_one_no_more(bot: Bot, rosa: Console) -> None:
    ana, thread, draft = await _drafted(bot, rosa)
    page = (await rosa.get(f"{thread}?use={draft}")).text
    assert field(page, "draft") == draft
    assert ">the *bot&#39;s* words</textarea>" in page
    names = ("key", "seen", "draft")
    sent = {name: field(page, name) for name in names}
    sent["text"] = "my words now"
    await rosa.post(f"{thread}/reply", sent)
    assert (await ana.reads(2))[1] == "my words now"
    assert [one for one in await bot.messages(ana) if one["draft"]] == []


async def test_a_draft_is_put_away_once(bot: Bot, rosa: Console) -> None:
    _, thread, draft = await _drafted(bot, rosa)
    dropped = await rosa.post(f"{thread}/drafts/{draft}/drop")
    assert "Draft of the bot" not in dropped.text
    assert "the <strong>bot&#39;s</strong> words" in dropped.text  # it was written, and stays
    again = await rosa.post(f"{thread}/drafts/{draft}/drop", None, **PART)
    assert (again.status_code, again.headers["hx-retarget"]) == (409, "#fault")
    audit = (await bot.api("GET", "/api/audit"))["items"]
    assert (audit[0]["action"], audit[0]["actor"], audit[0]["reason"]) == ("dropped", "rosa", draft)


async def test_a_reply_leaves_as_the_preview_shows_it(bot: Bot, rosa: Console) -> None:
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    written = {"text": "**Yes**, _of course_. <b>No</b> [menu](https://example.test/m)"}
    shown = (await rosa.post(f"{thread}/preview", written)).text
    assert shown.startswith("<strong>Yes</strong>, <em>of course</em>. &lt;b&gt;No&lt;/b&gt; ")
    assert "<a" not in shown
    await rosa.post(f"{thread}/reply", written)
    assert (await ana.reads(2))[1].startswith("*Yes*, _of course_. <b>No</b> ")


async def _dead(bot: Bot) -> tuple[str, str]:
    """A dead letter's id, and what was written in it."""
    ana = await _talked(bot)
    words = f"a hard one of {ana.number}"
    bot.llm.plan_calls(fail(400), about=words)
    (event,) = await bot.handled(*await ana.writes(words))
    assert event["state"] == "dead"
    return event["id"], words


async def test_a_dead_letter_shows_what_came_and_is_put_away(bot: Bot, rosa: Console) -> None:
    event_id, words = await _dead(bot)
    page = (await rosa.get(f"/console/letters/{event_id}")).text
    assert words in page
    number = words.rpartition(" ")[2]
    assert number in (await rosa.get("/console/parts/list?which=failed")).text
    assert (await rosa.post(f"/console/letters/{event_id}/drop")).status_code == 303
    assert event_id not in (await rosa.get("/console/letters")).text
    assert number not in (await rosa.get("/console/parts/list?which=failed")).text
    way = await bot.api("GET", f"/api/why/{event_id}")
    assert (way["end"]["state"], way["end"]["reason"]) == ("skipped", "dropped by rosa")
    assert (await rosa.post(f"/console/letters/{event_id}/drop")).status_code == 409


async def test_a_dead_letter_that_was_put_away_may_still_be_tried_again(bot: Bot) -> None:
    event_id, _ = await _dead(bot)
    assert (await bot.api("POST", f"/api/events/{event_id}/drop"))["state"] == "skipped"
    assert (await bot.api("POST", f"/api/events/{event_id}/replay"))["state"] != "dead"


@asynccontextmanager
async def _looking(bot: Bot, console: Console, thread: str, page: str) -> AsyncIterator[list[str]]:
    """A page that is open; what its stream has told."""
    told: list[str] = []
    cookie = "; ".join(f"{name}={value}" for name, value in console.cookies.items())
    url = f"{bot.url}/console/live?open={thread.rpartition('/')[2]}&page={page}"

    async def listen() -> None:
        async with (
            httpx.AsyncClient(timeout=30) as client,
            client.stream("GET", url, headers={"Cookie": cookie}) as stream,
        ):
            async for line in stream.aiter_lines():
                told.append(line)  # noqa: PERF401 - seen while it goes on

    listening = asyncio.create_task(listen())
    try:
        yield told
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def test_two_operators_on_one_thread_see_each_other(bot: Bot, rosa: Console) -> None:
    omar = await Console(bot).signed_in(OMAR)
    ana = await _talked(bot)
    thread = await _thread(bot, ana)

    async def shows(console: Console, words: str) -> None:
        assert words in (await console.get(thread)).text

    async with _looking(bot, rosa, thread, "page-of-rosa") as told:
        await eventually(lambda: "event: changed-thread" in told)
        assert "looks at this too" not in (await rosa.get(thread)).text
        await eventually(lambda: shows(omar, "rosa looks at this too"))
        told.clear()
        async with _looking(bot, omar, thread, "page-of-omar"):
            await eventually(lambda: "event: changed-thread" in told)
            await omar.post("/console/writing?page=page-of-omar")
            await eventually(lambda: shows(rosa, "omar is writing"))
        await eventually(lambda: _not_there(rosa, thread, "omar"))


async def _not_there(console: Console, thread: str, name: str) -> None:
    assert name not in (await console.get(thread)).text


async def test_nobody_speaks_for_another_operators_page(bot: Bot, rosa: Console) -> None:
    omar = await Console(bot).signed_in(OMAR)
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    async with _looking(bot, rosa, thread, "one-and-the-same") as told:
        await eventually(lambda: "event: changed-thread" in told)
        async with _looking(bot, omar, thread, "one-and-the-same") as of_omar:
            await eventually(lambda: "event: changed-thread" in of_omar)
            assert "rosa looks at this too" in (await omar.get(thread)).text


async def test_an_error_leaves_the_page_and_its_words_alone(rosa: Console) -> None:
    answer = await rosa.post("/console/conversations/cv_none/reply", {"text": "x"}, **PART)
    assert (answer.status_code, answer.headers["hx-retarget"]) == (404, "#fault")
    assert "<html" not in answer.text
    assert "There is nothing here" in answer.text


async def test_files_of_the_page_may_be_kept_by_a_browser_pages_may_not(rosa: Console) -> None:
    script = await rosa.get("/console/static/console.js")
    assert script.headers["cache-control"] == "no-cache"
    tag = {"If-None-Match": script.headers["etag"]}
    assert (await rosa.get("/console/static/console.js", **tag)).status_code == 304
    assert (await rosa.get("/console/lines")).headers["cache-control"] == "no-store"
    worker = await rosa.get("/console/sw.js")
    assert worker.headers["service-worker-allowed"] == "/console"


async def test_a_line_shows_its_pace(bot: Bot, rosa: Console) -> None:
    await _talked(bot)
    page = (await rosa.get("/console/lines")).text
    assert ">full</td>" in page
    assert ">no limit</td>" in page


async def test_who_hands_back_what_is_not_theirs_any_more_is_told(bot: Bot, rosa: Console) -> None:
    omar = await Console(bot).signed_in(OMAR)
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    await rosa.post(f"{thread}/take-over")
    promised = {"holder": "rosa", "brief": "Rosa calls on Monday."}
    await rosa.post(f"{thread}/hand-back", promised)
    late = await omar.post(f"{thread}/hand-back", {"holder": "rosa", "brief": ""}, **PART)
    assert late.status_code == 409
    assert "has changed hands" in late.text
    await ana.writes("when do you call?")
    await ana.reads(2)
    assert "Rosa calls on Monday." in str(bot.llm.messages_about("when do you call?")[-1])


async def test_a_thread_tells_of_a_stop_and_keeps_who_has_it(bot: Bot, rosa: Console) -> None:
    ana, ben = await _talked(bot), await _talked(bot)
    held, free = await _thread(bot, ana), await _thread(bot, ben)
    omar = await Console(bot).signed_in(OMAR)
    await omar.post(f"{held}/take-over")
    await rosa.post("/console/stop")
    try:
        assert "with omar" in (await rosa.get(held)).text
        page = (await rosa.get(free)).text
        assert ">Everything is stopped</a>" in page
        assert "hand-back" not in page
    finally:
        await rosa.post("/console/go")
    assert "The bot answers" in (await rosa.get(free)).text


async def test_what_is_erased_leaves_an_open_page(rosa: Console) -> None:
    answer = await rosa.get("/console/parts/thread/cv_gone", **PART)
    assert (answer.status_code, answer.headers["hx-retarget"]) == (404, "#thread")
    assert answer.headers["hx-reselect"] == "#said"
    assert 'id="said"' in answer.text


async def test_to_whom_nothing_may_be_written_nobody_writes(bot: Bot, rosa: Console) -> None:
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    number = {"decision": "block", "number": ana.number}
    await rosa.post(f"{thread}/contact/decide", number)
    page = (await rosa.get(thread)).text
    assert "This contact is blocked" in page
    assert '<textarea id="text"' not in page


@pytest.mark.parametrize("text", ["\u200b\u200b", " \n\t", "\u2060", ""])
async def test_nothing_is_sent_that_nobody_could_see(bot: Bot, rosa: Console, text: str) -> None:
    ana = await _talked(bot)
    answer = await rosa.post(f"{await _thread(bot, ana)}/reply", {"text": text, "key": "k"})
    assert "Write something first" in answer.text
    assert len(ana.read) == 1


async def test_earlier_messages_stand_still(bot: Bot, rosa: Console) -> None:
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    newest = (await bot.messages(ana))[-1]["id"]
    assert "changed-thread" in (await rosa.get(thread)).text
    earlier = (await rosa.get(f"{thread}?before={newest}")).text
    assert "changed-thread" not in earlier
    assert ">To the newest messages</a>" in earlier


async def test_a_page_that_is_merely_open_asks_to_come_back_to_itself(bot: Bot) -> None:
    shown = {"HX-Current-URL": f"{bot.url}/console/lines?a=b", **PART}
    answer = await Console(bot).get("/console/parts/needs", **shown)
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/console/sign-in?next=%2Fconsole%2Flines%3Fa%3Db"
    evil = {"HX-Current-URL": "https://evil.example/x", **PART}
    answer = await Console(bot).get("/console/parts/needs", **evil)
    assert answer.headers["hx-redirect"] == "/console/sign-in?next=%2Fconsole"
