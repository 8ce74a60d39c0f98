"""The console without a browser: who gets in, what is shown, what its forms do."""

import asyncio
import re
from html import unescape
from typing import Any

import httpx
import pytest

from tests.conftest import NewBot
from tests.console_client import Console, field
from tests.harness import Bot, Customer, eventually
from tests.harness.bot_process import TOKEN
from tests.samples import photos

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{7*7}}\u202e"
ENV = {"OPERATOR_TOKEN": f"tests:{TOKEN},rosa:token-of-rosa,omar:token-of-omar"}
ROSA, OMAR = "token-of-rosa", "token-of-omar"

PAGES = (
    "/conversations",
    "/today",
    "/today.csv",
    "/lines",
    "/letters",
    "/audit",
    "/health",
    "/live",
    "/parts/list",
)


@pytest.fixture
async def rosa(bot: Bot) -> Console:
    return await Console(bot).signed_in(ROSA)


async def _thread(bot: Bot, customer: Customer) -> str:
    return f"/console/conversations/{(await bot.conversation(customer))['id']}"


async def _talked(bot: Bot, text: str = "hello", **fields: Any) -> Customer:
    customer = bot.provider.customer()
    await bot.handled(*await customer.writes(text, **fields))
    await customer.reads(1)
    return customer


# who gets in


@pytest.mark.parametrize("page", [*PAGES, "/conversations/cv_1", "/why/x", "/media/md_1"])
async def test_a_page_asks_strangers_to_sign_in_and_brings_them_back(bot: Bot, page: str) -> None:
    answer = await Console(bot).get(f"/console{page}?q=1")
    assert answer.status_code == 303
    assert (
        answer.headers["location"]
        == f"/console/sign-in?next=%2Fconsole{page.replace('/', '%2F')}%3Fq%3D1"
    )
    assert answer.text == ""


async def test_a_token_is_traded_for_a_cookie_that_scripts_cannot_read(bot: Bot) -> None:
    console = Console(bot)
    answer = await console.sign_in(ROSA, "/console/lines")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/lines")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/console"} <= set(cookie.split("; "))
    assert ROSA not in cookie
    page = await console.get("/console/lines")
    assert page.status_code == 200
    assert "rosa" in page.text


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/console/../x",
        "/api",
        "javascript:1",
    ],
)
async def test_nobody_is_sent_away_from_the_console_after_signing_in(bot: Bot, wanted: str) -> None:
    answer = await Console(bot).sign_in(ROSA, wanted)
    assert answer.headers["location"] == "/console"


async def test_a_wrong_token_is_said_so_and_guessing_is_limited(new_bot: NewBot) -> None:
    bot = await new_bot(env=ENV)
    console = Console(bot)
    answers = [await console.sign_in(f"guess-{n}") for n in range(22)]
    assert {answer.status_code for answer in answers[:20]} == {401}
    assert "not known" in answers[0].text
    assert {answer.status_code for answer in answers[20:]} == {429}
    assert (await console.sign_in(ROSA)).status_code == 429  # no guess tells itself apart


async def test_who_has_signed_out_is_out_with_whatever_cookie_was_kept(bot: Bot) -> None:
    console = await Console(bot).signed_in(ROSA)
    kept = httpx.Cookies(console.cookies)
    assert (await console.post("/console/sign-out")).status_code == 303
    console.cookies = kept
    assert (await console.get("/console/lines")).status_code == 303


async def test_an_operator_can_sign_out_everywhere(bot: Bot) -> None:
    here, there = await Console(bot).signed_in(ROSA), await Console(bot).signed_in(ROSA)
    another = await Console(bot).signed_in(OMAR)
    await here.post("/console/sign-out", {"everywhere": "1"})
    assert (await there.get("/console/lines")).status_code == 303
    assert (await another.get("/console/lines")).status_code == 200


async def test_a_session_ends_with_the_token_that_began_it(new_bot: NewBot) -> None:
    bot = await new_bot(env=ENV)
    console = await Console(bot).signed_in(ROSA)
    await bot.restart()
    assert (await console.get("/console/lines")).status_code == 200
    bot.env["OPERATOR_TOKEN"] = ENV["OPERATOR_TOKEN"].replace(ROSA, "another")
    await bot.restart()
    assert (await console.get("/console/lines")).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": ""},
    ],
)
async def test_no_other_page_can_send_a_form(
    bot: Bot, rosa: Console, headers: dict[str, str]
) -> None:
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    for path in (f"{thread}/take-over", "/console/stop", "/console/sign-out"):
        assert (await rosa.post(path, None, **headers)).status_code == 403
    assert (await bot.conversation(ana))["state"] == "bot"


# what is shown


async def test_what_customers_and_models_write_can_do_nothing_in_a_page(
    bot: Bot, rosa: Console
) -> None:
    ana = await _talked(bot, HOSTILE, profile_name=HOSTILE)
    thread = await _thread(bot, ana)
    for path in ("/console/conversations", thread, "/console/audit"):
        page = await rosa.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "onerror=alert(2)>" not in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
    shown = await rosa.get(thread)
    assert "&lt;script&gt;alert(1)" in shown.text
    assert "{{7*7}}" in shown.text


async def test_the_list_tells_who_is_new_until_somebody_has_read_it(
    bot: Bot, rosa: Console
) -> None:
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    entry = f'id="entry-{thread.rpartition("/")[2]}"'

    async def listed() -> str:
        page = (await rosa.get(f"/console/parts/list?q={ana.number.strip('+')}")).text
        assert entry in page
        return page

    assert "1 unread" in await listed()
    await rosa.get(thread)
    assert "unread" not in await listed()


@pytest.mark.parametrize(
    "asked", ["q=%25", "q=_", "q=%00", "q=%27%22%3B--", "which=nonsense", "cursor=", "line=nowhere"]
)
async def test_nothing_that_is_asked_for_breaks_the_list(
    bot: Bot, rosa: Console, asked: str
) -> None:
    await _talked(bot)
    assert (await rosa.get(f"/console/parts/list?{asked}")).status_code == 200


@pytest.mark.parametrize("path", ["/conversations/cv_none", "/why/nothing", "/nowhere"])
async def test_what_is_not_there_is_said_with_a_way_back(
    bot: Bot, rosa: Console, path: str
) -> None:
    del bot
    answer = await rosa.get(f"/console{path}")
    assert answer.status_code == 404
    assert 'href="/console/conversations"' in answer.text


@pytest.mark.parametrize(
    ("asked", "word"), [("es-AR,en", "Entrar"), ("pt", "Entrar"), ("xx", "Sign in")]
)
async def test_the_page_speaks_the_browsers_language(bot: Bot, asked: str, word: str) -> None:
    page = await Console(bot).get("/console/sign-in", **{"Accept-Language": asked})
    assert f"<title>{word}" in page.text


async def test_a_file_is_shown_to_who_is_signed_in(bot: Bot, rosa: Console) -> None:
    ana = bot.provider.customer()
    media = bot.media.serve(photos.photo_jpeg(), media_type="image/jpeg")
    await ana.sends("image", media)
    await ana.reads(1)
    page = (await rosa.get(await _thread(bot, ana))).text
    address = page.partition('<img src="')[2].partition('"')[0]
    assert address.startswith("/console/media/")
    file = await rosa.get(address)
    assert (file.status_code, file.headers["content-type"]) == (200, "image/jpeg")
    assert "sandbox" in file.headers["content-security-policy"]


# what its forms do


async def test_an_operator_takes_over_answers_and_hands_back(bot: Bot, rosa: Console) -> None:
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    taken = await rosa.post(f"{thread}/take-over")
    assert "with rosa" in taken.text
    await ana.writes("is anybody there?")
    page = (await rosa.get(thread)).text
    written = {"text": "Rosa here,\r\nyes.", "key": field(page, "key"), "seen": field(page, "seen")}
    answer = await rosa.post(f"{thread}/reply", written)
    assert "Rosa here,\nyes." in answer.text
    assert (await ana.reads(2))[1] == "Rosa here,\nyes."
    assert (await bot.conversation(ana))["paused_by"] == "rosa"
    back = {"brief": "Rosa said yes.", "answer": "1", "holder": "rosa"}
    await rosa.post(f"{thread}/hand-back", back)
    assert (await bot.conversation(ana))["state"] == "bot"
    await ana.writes("thanks")
    await ana.reads(3)
    assert "Rosa said yes." in str(bot.llm.messages_about("thanks")[-1])


async def test_a_double_click_sends_once(bot: Bot, rosa: Console) -> None:
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    page = (await rosa.get(thread)).text
    written = {"text": "once", "key": field(page, "key"), "seen": field(page, "seen")}
    await asyncio.gather(*(rosa.post(f"{thread}/reply", written) for _ in range(2)))
    await ana.reads(2)
    ben = await _talked(bot)
    del ben  # whatever was to come has come by now
    assert ana.read[1:] == ["once"]


async def test_the_second_of_two_operators_is_warned(bot: Bot, rosa: Console) -> None:
    omar = await Console(bot).signed_in(OMAR)
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    pages = {one: (await one.get(thread)).text for one in (rosa, omar)}

    async def reply(console: Console, text: str, **more: str) -> str:
        page = pages[console]
        seen, key = field(page, "seen"), field(page, "key")
        answer = await console.post(
            f"{thread}/reply", {"text": text, "seen": seen, "key": key} | more
        )
        return answer.text

    await reply(rosa, "I have it")
    warned = await reply(omar, "me too")
    assert "Somebody else has written" in warned
    assert ">me too</textarea>" in warned
    await ana.reads(2)
    pages[rosa] = (await rosa.get(thread)).text
    await reply(rosa, "and one more thing")  # her own words warn nobody of herself
    await ana.reads(3)
    pages[omar] = warned
    warned = await reply(omar, "me too", anyway="1")  # no field of a form goes past it
    assert "Somebody else has written" in warned
    pages[omar] = warned
    await reply(omar, "me too")
    assert (await ana.reads(4))[1:] == ["I have it", "and one more thing", "me too"]


async def test_the_emergency_stop_stops_everything_and_goes_on(new_bot: NewBot) -> None:
    bot = await new_bot(env=ENV)
    rosa = await Console(bot).signed_in(ROSA)
    ana = await _talked(bot)
    assert (await rosa.post("/console/stop")).headers["location"] == "/console/lines"
    assert (await bot.conversation(ana))["state"] == "human"
    assert "Everything is stopped" in (await rosa.get("/console/lines")).text
    await ana.writes("hello?")
    await rosa.post("/console/go", {"answer": "1"})
    assert (await ana.reads(2))[1] == "You said: hello?"


async def test_an_open_page_is_told_of_a_new_message_and_the_stream_ends_with_the_bot(
    new_bot: NewBot,
) -> None:
    bot = await new_bot(env=ENV)
    rosa = await Console(bot).signed_in(ROSA)
    ana = await _talked(bot)
    told: list[str] = []
    conversation = (await bot.conversation(ana))["id"]

    async def listen() -> None:
        cookie = "; ".join(f"{name}={value}" for name, value in rosa.cookies.items())
        async with (
            httpx.AsyncClient(timeout=30) as client,
            client.stream(
                "GET", f"{bot.url}/console/live?open={conversation}", headers={"Cookie": cookie}
            ) as stream,
        ):
            async for line in stream.aiter_lines():
                told.append(line)  # noqa: PERF401 - seen while it goes on

    listening = asyncio.create_task(listen())
    at_first = ["event: changed-list", "event: changed-thread"]
    await eventually(lambda: [line for line in told if line.startswith("event")] == at_first)
    told.clear()
    await ana.writes("are you there?")
    await eventually(lambda: set(at_first) <= set(told))
    await bot.stop()
    await listening


async def test_the_stream_ends_soon_after_its_operator_has_signed_out(bot: Bot) -> None:
    rosa = await Console(bot).signed_in(ROSA)
    cookie = "; ".join(f"{name}={value}" for name, value in rosa.cookies.items())
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("GET", f"{bot.url}/console/live", headers={"Cookie": cookie}) as stream,
    ):
        await rosa.post("/console/sign-out")
        async for _ in stream.aiter_lines():
            pass  # until it ends


async def test_a_search_leads_to_the_message_that_was_found(bot: Bot, rosa: Console) -> None:
    ana = await _talked(bot, "the xylophone <b>is</b> broken")

    async def listed() -> str:
        page = (await rosa.get("/console/parts/list?q=XYLO")).text
        assert "the xylophone &lt;b&gt;is&lt;/b&gt; broken" in page
        return page

    found = re.search(r'href="([^"]+)#(m-[^"]+)"', await eventually(listed))
    assert found is not None
    thread = (await rosa.get(unescape(found[1]))).text
    assert re.search(f'id="{re.escape(found[2])}" class="bubble [^"]* sought"', thread)
    assert "To the newest messages" in thread
    assert (await rosa.get(f"{await _thread(bot, ana)}?at=ms_of_nobody")).status_code == 404
    called = await bot.api("GET", "/api/conversations?q=broken+xylo")
    assert [one["contact"] for one in called["items"]] == [ana.number]


async def test_who_has_to_sign_in_for_a_form_is_not_sent_back_to_it(bot: Bot) -> None:
    answer = await Console(bot).post("/console/stop")
    assert answer.headers["location"] == "/console/sign-in?next=%2Fconsole"


async def test_the_figures_of_a_day_count_what_happened(bot: Bot, rosa: Console) -> None:
    ana = bot.provider.customer(line_id="=HYPERLINK(1)")
    await bot.handled(*await ana.writes("how much is it?"))
    await ana.reads(1)

    await bot.restart()  # how much was heard is written down now and then, and at the end
    rows = (await rosa.get("/console/today.csv")).text.splitlines()
    (row,) = [row for row in rows if "HYPERLINK" in row]
    assert row.split(",")[1:-1] == ["'=HYPERLINK(1)", "1", "1", "25"]
    page = (await rosa.get("/console/today")).text
    assert "Half were answered within" in page
    quiet = (await rosa.get("/console/today?day=2020-02-30")).text  # no such day: today
    assert "HYPERLINK" in quiet
    assert "Nothing was said" in (await rosa.get("/console/today?day=2020-02-29")).text
