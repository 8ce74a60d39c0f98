"""Prompts while the bot runs: the console, the API, the shell, and what customers then get."""

import asyncio
import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bot.crash_points import CrashPoint
from tests.conftest import NewBot
from tests.console_client import Console, field
from tests.crashes import armed, ended_and_started, ends_at
from tests.harness import Answer, Bot, Gate, eventually
from tests.harness.bot_process import TOKEN

ENV = {"OPERATOR_TOKEN": f"tests:{TOKEN},rosa:token-of-rosa,omar:token-of-omar"}
NAMES = ("default", "one", "two", "three", "four", "five", "six")
GOOD = "# Kept.\ninstructions: |\n  Be kind.\n"
PROMPTS = dict.fromkeys(NAMES, GOOD)
SETTINGS = {
    "conversation": {"quiet_period_s": 0},
    "retry": {"max_attempts": 1},
    "lines": {f"ln_{name}": {"prompt": name} for name in NAMES[1:]},
}
BAD = "instructions: |\n  Be {{ knid }}.\n"


def text(words: str) -> str:
    return f"# Kept, too.\ninstructions: |\n  {words}\n"


@pytest.fixture
async def rosa(bot: Bot) -> Console:
    return await Console(bot).signed_in("token-of-rosa")


async def prompt(bot: Bot, name: str) -> Any:
    items = (await bot.api("GET", "/api/prompts"))["items"]
    return next(item for item in items if item["name"] == name)


async def versions(bot: Bot, name: str) -> list[Any]:
    return list((await bot.api("GET", f"/api/prompts/{name}/versions"))["items"])


def file(bot: Bot, name: str) -> Path:
    return bot.folder / "prompts" / f"{name}.yaml"


def edited(page: str) -> str:
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.S)
    assert found is not None
    return unescape(found[1])


def serves(bot: Bot, version: str, name: str = "default") -> None:
    """The process started last has taken this version up."""
    entries = [json.loads(line) for line in bot.process.log.splitlines() if '"prompt_live"' in line]
    taken = [entry["version"] for entry in entries if entry["prompt"] == name]
    assert taken[-1:] == [version], bot.process.log


async def spoken_with(bot: Bot, line_id: str) -> str:
    """The first message that the model gets for a customer who writes on that line."""
    customer = bot.provider.customer(line_id=line_id)
    words = f"hello from {customer.number}"
    await customer.writes(words)
    await customer.reads(1)
    return str(bot.llm.messages_about(words)[0])


# who gets in


@pytest.mark.parametrize("path", ["/prompts", "/prompts/one", "/prompts/..%2f..%2fetc"])
async def test_strangers_see_no_prompt_and_change_none(bot: Bot, path: str) -> None:
    stranger = Console(bot)
    assert (await stranger.get(f"/console{path}")).status_code == 303
    for action in ("check", "publish", "rollback"):
        answer = await stranger.post(f"/console/prompts/one/{action}", {"source": text("Bad.")})
        assert answer.status_code == 303
        assert "sign-in" in answer.headers["location"]
    for method, call in (
        ("GET", "/api/prompts"),
        ("GET", "/api/prompts/one/versions"),
        ("PUT", "/api/prompts/one"),
        ("POST", "/api/prompts/one/rollback"),
    ):
        assert (await bot.http(method, call, json={})).status_code == 401
    assert file(bot, "one").read_text() == GOOD


async def test_no_other_page_can_publish(bot: Bot, rosa: Console) -> None:
    for action in ("check", "publish", "rollback"):
        answer = await rosa.post(
            f"/console/prompts/one/{action}",
            {"source": text("Bad."), "version": "live"},
            Origin="https://evil.example",
        )
        assert answer.status_code == 403
    assert file(bot, "one").read_text() == GOOD


# the console


async def test_an_operator_edits_compares_and_rolls_back(bot: Bot, rosa: Console) -> None:
    page = (await rosa.get("/console/prompts/one")).text
    assert edited(page) == GOOD
    first = field(page, "base")
    written = text("Be brief.").replace("\n", "\r\n")
    answer = await rosa.post("/console/prompts/one/publish", {"source": written, "base": first})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/prompts/one?done=1")
    assert file(bot, "one").read_text() == text("Be brief.")
    page = (await rosa.get("/console/prompts/one?done=1")).text
    assert "It is live." in page
    assert "console, by rosa" in page
    second = field(page, "base")
    await eventually(lambda: serves(bot, second, "one"))
    assert "Be brief." in await spoken_with(bot, "ln_one")
    compared = (await rosa.get(f"/console/prompts/one?a={first}&b=live")).text
    assert f"Changes from {first} to {second}" in compared
    assert re.search(r'class="removed">.*Be kind\.', compared)
    assert re.search(r'class="added">.*Be brief\.', compared)

    await rosa.post("/console/prompts/one/rollback", {"version": first})
    assert file(bot, "one").read_text() == GOOD
    newest = (await versions(bot, "one"))[0]
    assert (newest["version"], newest["actor"], newest["is_rollback"]) == (first, "rosa", True)
    await eventually(lambda: serves(bot, first, "one"))
    assert "Be kind." in await spoken_with(bot, "ln_one")


async def test_mistakes_are_told_as_one_types_and_cannot_be_published(
    bot: Bot, rosa: Console
) -> None:
    wrong = "instructions: |\n  Be kind.\n  <b>Be {{ knid }}.</b>\nfacts: [<script>]\n"
    checked = await rosa.post("/console/prompts/two/check", {"source": wrong})
    assert checked.status_code == 200
    assert 'data-line="3"' in checked.text
    assert "knid" in checked.text
    assert "<html" not in checked.text
    right = await rosa.post("/console/prompts/two/check", {"source": text("Fine.")})
    assert "No mistake found" in right.text

    base = field((await rosa.get("/console/prompts/two")).text, "base")
    refused = await rosa.post("/console/prompts/two/publish", {"source": wrong, "base": base})
    assert refused.status_code == 422
    assert edited(refused.text) == wrong
    assert "<script>]" not in refused.text
    assert field(refused.text, "base") == base
    assert file(bot, "two").read_text() == GOOD


async def test_the_second_of_two_who_publish_sees_both_texts_and_loses_none(
    bot: Bot, rosa: Console
) -> None:
    omar = await Console(bot).signed_in("token-of-omar")
    base = field((await rosa.get("/console/prompts/three")).text, "base")
    path = "/console/prompts/three/publish"
    await rosa.post(path, {"source": text("Rosa's."), "base": base})
    conflict = await omar.post(path, {"source": text("Omar's."), "base": base})
    assert conflict.status_code == 409
    assert edited(conflict.text) == text("Omar's.")
    assert re.search(r'class="removed">.*Rosa&#39;s\.', conflict.text)
    assert re.search(r'class="added">.*Omar&#39;s\.', conflict.text)
    assert file(bot, "three").read_text() == text("Rosa's.")
    again = {"source": text("Omar's."), "base": field(conflict.text, "base")}
    assert (await omar.post(path, again)).status_code == 303
    assert [one["actor"] for one in (await versions(bot, "three"))[:2]] == ["omar", "rosa"]


async def test_what_a_prompt_says_can_do_nothing_in_the_page(rosa: Console) -> None:
    hostile = text("</textarea><script>alert(1)</script><img src=x onerror=alert(2)> {# &amp; #}")
    base = field((await rosa.get("/console/prompts/four")).text, "base")
    await rosa.post("/console/prompts/four/publish", {"source": hostile, "base": base})
    for path in ("/console/prompts", "/console/prompts/four", f"/console/prompts/four?a={base}"):
        page = await rosa.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "onerror=alert(2)>" not in page.text
        assert "unsafe" not in page.headers["content-security-policy"]
        assert " style=" not in page.text
        assert "<script>" not in page.text
    assert edited((await rosa.get("/console/prompts/four")).text) == hostile


async def test_the_list_names_the_fault_of_an_invalid_file_with_its_line(
    bot: Bot, rosa: Console
) -> None:
    bot.write_prompt("five", BAD)
    page = (await rosa.get("/console/prompts")).text
    assert "mistake in the file" in page
    assert "line 2: <code>instructions</code>: unknown variable `knid`" in page
    view = await prompt(bot, "five")
    assert (view["state"], view["faults"][0]["line"]) == ("invalid", 2)
    one = (await rosa.get("/console/prompts/five")).text
    assert "has a mistake" in one
    base = field(one, "base")
    answer = await rosa.post(
        "/console/prompts/five/publish", {"source": text("Better."), "base": base}
    )
    assert "is kept in prompts/five.yaml." in answer.text  # nothing is lost
    assert file(bot, "five").read_text() == text("Better.")


@pytest.mark.parametrize(
    "path",
    ["..%2f..%2fetc%2fpasswd", "none", "%00", "a%00b", "%3Cscript%3E", "one/nothing", "x" * 2000],
)
async def test_a_prompt_that_nobody_knows_is_not_found(bot: Bot, rosa: Console, path: str) -> None:
    answer = await rosa.get(f"/console/prompts/{path}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text.replace('<script src="', "")
    for action in ("check", "publish", "rollback"):
        posted = await rosa.post(f"/console/prompts/{path}/{action}", {"source": GOOD})
        assert posted.status_code == 404
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for method, call in (("PUT", f"/api/prompts/{path}"), ("GET", f"/api/prompts/{path}/versions")):
        body = {"source": GOOD, "base_version": None}
        asked = await bot.http(method, call, json=body, headers=headers)
        assert asked.status_code in (400, 404, 422)


@pytest.mark.parametrize("asked", ["a=%00", "a=..", "a=live&b=%25", "a=zz", "b=x"])
async def test_nothing_that_is_asked_for_breaks_the_page(rosa: Console, asked: str) -> None:
    assert (await rosa.get(f"/console/prompts/one?{asked}")).status_code in (200, 404)


async def test_the_page_is_complete_in_every_language(rosa: Console) -> None:
    for language, word in (("es", "En uso:"), ("pt", "Em uso:"), ("en", "Live:")):
        page = await rosa.get("/console/prompts/one", **{"Accept-Language": language})
        assert word in page.text


# the API


async def test_the_api_publishes_refuses_and_rolls_back(bot: Bot) -> None:
    first = (await prompt(bot, "six"))["version"]
    source = text("By the API.")
    body = {"source": source, "base_version": first}
    published = await bot.api("PUT", "/api/prompts/six", body)
    assert (published["changed"], published["file_fault"]) == (True, None)
    assert (await prompt(bot, "six"))["actor"] == "tests"

    stale = await bot.api(
        "PUT", "/api/prompts/six", {"source": text("Late."), "base_version": first}, expect=409
    )
    assert (stale["error"], stale["live_version"]) == ("conflict", published["version"])
    invalid = await bot.api(
        "PUT", "/api/prompts/six", {"source": BAD, "base_version": first}, expect=422
    )
    assert (invalid["error"], invalid["faults"][0]["line"]) == ("invalid", 2)
    assert "knid" in invalid["faults"][0]["message"]
    for wrong in ({"source": source}, {**body, "more": 1}, {"source": 1, "base_version": first}):
        assert "message" in await bot.api("PUT", "/api/prompts/six", wrong, expect=422)

    await bot.api("POST", "/api/prompts/six/rollback", {"version": first[:6]})
    assert file(bot, "six").read_text() == GOOD
    kept = await bot.api("GET", f"/api/prompts/six/versions/{published['version']}")
    assert kept["source"] == source
    await bot.api("POST", "/api/prompts/six/rollback", {"version": "zz"}, expect=404)
    assert "/api/prompts/{name}/versions" in (await bot.api("GET", "/openapi.json"))["paths"]


# the shell


async def test_the_shell_lists_shows_compares_and_rolls_back(new_bot: NewBot) -> None:
    bot = await new_bot(prompts={"default": GOOD}, settings={"conversation": {"quiet_period_s": 0}})
    bot.write_prompt("default", text("Be brief."))
    await eventually(lambda: _is_live(bot, text("Be brief.")))
    log = json.loads((await bot.cli("prompts", "log", "default", "--json")).stdout)["items"]
    second, first = (one["version"] for one in log)
    listed = (await bot.cli("prompts")).stdout
    assert all(word in listed for word in ("default", "prompts/default.yaml", second, "valid"))
    assert (await bot.cli("prompts", "show", "default", first[:6])).stdout == GOOD
    diff = (await bot.cli("prompts", "diff", "default")).stdout.splitlines()
    assert "-  Be kind." in diff
    assert "+  Be brief." in diff

    path = file(bot, "default")
    path.chmod(0o444)
    refused = await bot.cli("prompts", "rollback", "default", first[:6])
    assert (refused.exit_code, "read-only" in refused.stderr) == (1, True)
    assert path.read_text() == text("Be brief.")
    path.chmod(0o600)
    done = await bot.cli("prompts", "rollback", "default", first[:6])
    assert (done.exit_code, done.stderr) == (0, "")
    assert path.read_text() == GOOD
    assert path.stat().st_mode & 0o777 == 0o600
    assert "rollback, shell on" in (await bot.cli("prompts", "log", "default")).stdout
    await eventually(lambda: serves(bot, first))  # the running bot follows
    assert "Be kind." in await spoken_with(bot, "ln_1")

    bot.write_prompt("default", BAD)
    invalid = (await bot.cli("prompts")).stdout
    assert "invalid, line 2" in invalid
    assert "prompts/default.yaml:2:9: instructions: unknown variable `knid`" in invalid
    for wrong in (("rollback", "default"), ("nothing",), ("show",)):
        assert (await bot.cli("prompts", *wrong)).exit_code == 2
    for unknown in (("log", "../x"), ("show", "default", "zz"), ("rollback", "none", first)):
        answer = await bot.cli("prompts", *unknown)
        assert (answer.exit_code, answer.stderr.count("\n")) == (1, 1)


async def _is_live(bot: Bot, source: str) -> None:
    live = await bot.api("GET", "/api/prompts/default/versions/live")
    assert live["source"] == source


# turns, several processes, and sudden ends


async def test_a_turn_speaks_with_one_version_from_its_beginning_to_its_end(bot: Bot) -> None:
    before = await bot.api("GET", "/api/prompts/two/versions/live")
    said_before = f"{before['source']}fallback: Said before.\n"
    first = await bot.api(
        "PUT", "/api/prompts/two", {"source": said_before, "base_version": before["version"]}
    )
    await eventually(lambda: serves(bot, first["version"], "two"))
    gate = Gate()
    bot.llm.plan_calls(Answer(400, gate=gate), about="between two versions")
    ana = bot.provider.customer(line_id="ln_two")
    await ana.writes("between two versions")
    await gate.reached()
    said_after = {
        "source": said_before.replace("before", "after"),
        "base_version": first["version"],
    }
    second = await bot.api("PUT", "/api/prompts/two", said_after)
    await eventually(lambda: serves(bot, second["version"], "two"))
    gate.open()
    assert await ana.reads(1) == ["Said before."]
    (answer,) = [one for one in await bot.messages(ana) if one["direction"] == "out"]
    assert answer["prompt_version"] == first["version"]


async def test_two_processes_with_files_of_their_own_serve_what_one_of_them_published(
    new_bot: NewBot,
) -> None:
    here = await new_bot(command=("serve",), prompts={"default": GOOD})
    there = await new_bot(start=False, prompts={"default": GOOD})
    for name in ("BOT_DATA_DIR", "DATABASE_URL", "REDIS_URL"):
        if name in here.env:
            there.env[name] = here.env[name]
    await there.start("serve")
    there.write_prompt("default", text("From there."))
    await eventually(lambda: _is_live(here, text("From there.")))
    version = (await prompt(here, "default"))["version"]
    await eventually(lambda: serves(here, version))
    assert (await prompt(here, "default"))["state"] == "older"
    await here.restart()
    assert (await prompt(here, "default"))["version"] == version
    await asyncio.gather(
        *(
            bot.http(
                "PUT",
                "/api/prompts/default",
                json={"source": text(f"From {number}."), "base_version": version},
                headers={"Authorization": f"Bearer {TOKEN}"},
            )
            for number, bot in enumerate((here, there))
        )
    )
    final = (await prompt(here, "default"))["version"]
    await eventually(lambda: serves(here, final))
    await eventually(lambda: serves(there, final))


@ends_at(CrashPoint.PROMPT_PUBLISHED, slow=(CrashPoint.PROMPT_WRITTEN,))
async def test_a_rollback_that_ends_halfway_is_live_and_stays_so(
    new_bot: NewBot, point: CrashPoint
) -> None:
    bot = await armed(new_bot, point, prompts={"default": GOOD})
    first = (await prompt(bot, "default"))["version"]
    bot.write_prompt("default", text("Be brief."))
    await eventually(lambda: _is_live(bot, text("Be brief.")))
    rolling = asyncio.create_task(
        bot.api("POST", "/api/prompts/default/rollback", {"version": first})
    )
    await ended_and_started(bot)
    await asyncio.gather(rolling, return_exceptions=True)
    view = await prompt(bot, "default")
    is_written = point is CrashPoint.PROMPT_WRITTEN
    assert (view["version"], view["state"]) == (first, "valid" if is_written else "older")
    assert file(bot, "default").read_text() == (GOOD if is_written else text("Be brief."))
    assert "Be kind." in await spoken_with(bot, "ln_1")
