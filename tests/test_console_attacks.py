"""Hostile callers, customers and models, seen from the console."""

import re
from typing import Any

import httpx
import pytest

from tests.console_client import Console, field
from tests.harness import Bot, Customer
from tests.harness.bot_process import TOKEN
from tests.harness.llm import say
from tests.samples import papers

ENV = {"OPERATOR_TOKEN": f"tests:{TOKEN},rosa:token-of-rosa,omar:token-of-omar"}
ROSA = "token-of-rosa"
ON_ONE_DATABASE = True

ACTIVE = re.compile(
    r"<(?:script(?! src=\"/console/static/)|iframe|object|embed|svg(?! class=)|base|style)\b"
    r"|\son\w+\s*=|javascript:|(?:src|href|action)=\"(?!/console|#main)",
    re.IGNORECASE,
)
"""What must never stand in a page: code, frames, and any address that is not our own."""

WORDS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "[click](javascript:alert(1)) ![see](https://evil.test/pixel.png)",
    "<a href='https://evil.test'>x</a><form action=https://evil.test>",
    "*<b onmouseover=alert(1)>*_`</code><iframe src=//evil.test>`_",
    "</textarea></p></article></main><h1>Signed out. Sign in again</h1>",
    "{{ config }}{% include 'base.html' %}${7*7}",
)
CALLS = (
    ("GET", "/live"),
    ("GET", "/parts/list"),
    ("GET", "/parts/needs"),
    ("GET", "/parts/thread/cv_1"),
    ("GET", "/parts/why/ev_1"),
    ("GET", "/letters/ev_1"),
    ("GET", "/media/md_1"),
    ("POST", "/writing?page=12345678"),
    ("POST", "/conversations/cv_1/reply"),
    ("POST", "/conversations/cv_1/preview"),
    ("POST", "/conversations/cv_1/drafts/re_1/drop"),
    ("POST", "/letters/ev_1/drop"),
    ("POST", "/stop"),
    ("POST", "/sign-out"),
)


@pytest.fixture
async def rosa(bot: Bot) -> Console:
    return await Console(bot).signed_in(ROSA)


async def _talked(bot: Bot, text: str = "hello", **fields: Any) -> Customer:
    customer = bot.provider.customer()
    await bot.handled(*await customer.writes(text, **fields))
    await customer.reads(1)
    return customer


async def _thread(bot: Bot, customer: Customer) -> str:
    return f"/console/conversations/{(await bot.conversation(customer))['id']}"


def _without_texts(page: str) -> str:
    """What a browser takes for elements."""
    return "".join(re.findall(r"<[^>]*>", page))


@pytest.mark.parametrize("words", WORDS)
async def test_nothing_that_is_said_becomes_a_part_of_the_page(
    bot: Bot, rosa: Console, words: str
) -> None:
    bot.llm.plan_calls(say(words), about=words)
    ana = await _talked(bot, words, profile_name=words[:60])
    thread = await _thread(bot, ana)
    for path in ("/console/conversations", thread, "/console/parts/list"):
        page = await rosa.get(path)
        assert page.status_code == 200
        assert ACTIVE.search(_without_texts(page.text)) is None, path
    preview = (await rosa.post(f"{thread}/preview", {"text": words})).text
    assert re.fullmatch(r"(?:[^<]|</?(?:strong|em|s|code|span class=\"quoted\"|span)>)*", preview)


async def test_a_files_name_and_words_are_text(bot: Bot, rosa: Console) -> None:
    ana = bot.provider.customer()
    name = '"><img src=x onerror=alert(1)>.pdf'
    file = bot.media.serve(papers.pdf(), media_type="application/pdf")
    await bot.handled(await ana.sends("document", file | {"filename": name}))
    await ana.reads(1)
    page = (await rosa.get(await _thread(bot, ana))).text
    assert ACTIVE.search(_without_texts(page)) is None
    assert "&lt;img src=x onerror=alert(1)&gt;.pdf" in page


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_without_a_session_nothing_is_told_and_nothing_done(
    bot: Bot, method: str, path: str
) -> None:
    console = Console(bot)
    console.cookies.set("console_session", "guessed")
    call = console.get if method == "GET" else console.post
    answer = await call(f"/console{path}")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in?next=")
    assert answer.text == ""


async def test_a_planted_session_is_not_taken_over_by_signing_in(bot: Bot) -> None:
    console = Console(bot)
    console.cookies.set("console_session", "planted-by-somebody")
    answer = await console.sign_in(ROSA)
    given = answer.headers["set-cookie"].partition("console_session=")[2].partition(";")[0]
    assert given != "planted-by-somebody"
    thief = Console(bot)
    thief.cookies.set("console_session", "planted-by-somebody")
    assert (await thief.get("/console/lines")).status_code == 303


async def test_no_other_page_may_frame_the_console(rosa: Console) -> None:
    for path in ("/console/conversations", "/console/sign-in", "/console/nowhere"):
        headers = (await rosa.get(path)).headers
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pages.py",
        "/static/..%2fpages.py",
        "/static/%2e%2e/%2e%2e/config.yaml",
        "/static//etc/passwd",
        "/static/..\\pages.py",
        "/media/..%2f..%2fdata",
        "/media/%00",
        "/conversations/..%2f..%2fapi",
        "/letters/%00",
        "/why/%00",
        "/parts/thread/%00",
    ],
)
async def test_nothing_beside_the_pages_can_be_reached(bot: Bot, rosa: Console, path: str) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in rosa.cookies.items())
    async with httpx.AsyncClient(base_url=bot.url) as client:
        url = client.base_url.copy_with(raw_path=f"/console{path}".encode())
        answer = await client.get(url, headers={"Cookie": cookie})
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
    assert "import" not in answer.text


async def test_who_did_it_is_not_for_a_form_to_say(bot: Bot, rosa: Console) -> None:
    ana = await _talked(bot)
    thread = await _thread(bot, ana)
    page = (await rosa.get(thread)).text
    written = {"text": "it was me", "key": field(page, "key"), "seen": field(page, "seen")}
    more = {"operator": "omar", "author": "omar", "by": "omar", "conversation_id": "cv_x"}
    await rosa.post(f"{thread}/reply", written | more)
    assert (await ana.reads(2))[1] == "it was me"
    last = (await bot.messages(ana))[-1]
    assert (last["author"], last["author_name"]) == ("operator", "rosa")


async def test_very_long_words_are_shown_and_do_not_hold_up_the_page(
    bot: Bot, rosa: Console
) -> None:
    ana = await _talked(bot, "*_~`" * 15_000, profile_name="N" * 5_000)
    page = await rosa.get(await _thread(bot, ana))
    assert page.status_code == 200
    assert len(page.content) < 500_000


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"text": "x" * 300_000}, 413),
        ({"text": "a\0b"}, 400),
        ({f"f{n}": "x" for n in range(60)}, 400),
    ],
)
async def test_a_form_that_is_none_of_ours_is_refused(
    bot: Bot, rosa: Console, fields: dict[str, str], status: int
) -> None:
    ana = await _talked(bot)
    assert (await rosa.post(f"{await _thread(bot, ana)}/reply", fields)).status_code == status
    assert len(ana.read) == 1
