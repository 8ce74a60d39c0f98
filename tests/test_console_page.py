"""The console in a real Chromium: a person takes over, answers and hands back, at both sizes."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect

from tests.conftest import NewBot
from tests.harness import Bot
from tests.harness.bot_process import TOKEN
from tests.harness.llm import hand_off
from tests.phone_in_browser import FLAGS, TELL_VIOLATIONS

SHOTS = os.environ.get("SCREENSHOTS", "")
expect.set_options(timeout=20_000)  # a machine that does much else at the same time
ENV = {"OPERATOR_TOKEN": f"rosa:{TOKEN}"}
PROMPTS = {
    "default": """\
instructions: |
  Answer briefly.
hand_off:
  when: |
    They ask for a person.
  say: |
    One moment.
fallback: |
  Sorry.
unsupported: |
  Sorry, only text.
"""
}
WIDE, NARROW = (1280, 800), (360, 740)
OTHERS = ("today", "prompts", "lines", "letters", "audit", "health")

ON_ONE_DATABASE = True

pytestmark = pytest.mark.browser


@dataclass
class Desk:
    """One operator's browser, and everything it complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    async def shot(self, name: str) -> None:
        if SHOTS:
            await self.page.screenshot(path=Path(SHOTS) / f"{name}.png")


@asynccontextmanager
async def _signed_in(
    bot: Bot, chromium_path: str, size: tuple[int, int], *, dark: bool = False
) -> AsyncIterator[Desk]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            locale="en-GB",
        )
        page = await context.new_page()
        await page.add_init_script(TELL_VIOLATIONS)
        desk = Desk(page)
        page.on("pageerror", lambda error: desk.complaints.append(str(error)))
        page.on(
            "console",
            lambda said: desk.complaints.append(said.text) if said.type == "error" else None,
        )
        await page.goto(f"{bot.url}/console")
        await page.get_by_label("Your operator token").fill(TOKEN)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page).to_have_title(re.compile("Conversations"))
        yield desk
        assert desk.complaints == []
        await browser.close()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_an_operator_takes_over_answers_and_hands_back(
    bot: Bot, chromium_path: str, size: tuple[int, int]
) -> None:
    ana = bot.provider.customer()
    await ana.writes("Do you bake for weddings?", profile_name="Ana <b>Lima</b>")
    await ana.reads(1)
    async with _signed_in(bot, chromium_path, size, dark=size == NARROW) as desk:
        page = desk.page
        await desk.shot(f"list-{size[0]}")
        await page.get_by_role("link", name=re.compile("Ana")).first.click()
        talk = page.get_by_role("log")
        await expect(talk.get_by_text("Do you bake for weddings?", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Take over").click()
        await expect(page.get_by_text("with rosa").locator("visible=true").first).to_be_visible()
        await ana.writes("For two hundred guests.")
        await expect(talk.get_by_text("For two hundred guests.", exact=True)).to_be_visible()
        box = page.get_by_role("textbox", name="Your reply")
        await box.fill("Rosa here: yes, <i>gladly</i>.")
        await box.press("Control+Enter")
        own = talk.locator(".bubble.operator")
        await expect(own.get_by_text("Rosa here: yes, <i>gladly</i>.")).to_be_visible()
        await expect(own.get_by_text(re.compile("^sent|delivered"))).to_be_visible()
        assert (await ana.reads(2))[1] == "Rosa here: yes, <i>gladly</i>."
        await expect(box).to_have_value("")
        await desk.shot(f"thread-{size[0]}")
        await page.locator("summary", has_text="Hand back").click()
        await expect(page.get_by_label(re.compile("^What the bot should know"))).to_be_visible()
        await page.get_by_role("button", name="Hand back to the bot").click()
        await expect(page.get_by_text("The bot answers")).to_be_visible()
        await ana.writes("Thank you")
        await expect(talk.get_by_text("You said: Thank you")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_words_that_are_being_typed_stay_when_a_message_comes(
    bot: Bot, chromium_path: str
) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads(1)
    conversation = await bot.conversation(ana)
    async with _signed_in(bot, chromium_path, WIDE) as desk:
        page = desk.page
        await page.goto(f"{bot.url}/console/conversations/{conversation['id']}")
        box = page.get_by_role("textbox", name="Your reply")
        await box.fill("half a sentence")
        await ana.writes("one more thing")
        talk = page.get_by_role("log")
        await expect(talk.get_by_text("one more thing", exact=True)).to_be_visible()
        await expect(box).to_have_value("half a sentence")
        await expect(box).to_be_focused()


@pytest.mark.parametrize("path", [*OTHERS, "conversations"])
async def test_every_page_is_reached_from_every_page(
    bot: Bot, chromium_path: str, path: str
) -> None:
    async with _signed_in(bot, chromium_path, NARROW) as desk:
        await desk.page.locator(f'nav a[href="/console/{path}"]').click()
        await expect(desk.page.locator("#main")).to_be_visible()
        assert desk.page.url.endswith(f"/console/{path}")
        await desk.shot(f"page-{path}")
        assert await desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_a_screen_reader_stumbles_over_nothing(
    bot: Bot, chromium_path: str, dark: bool
) -> None:
    ana = bot.provider.customer()
    await ana.writes("Are you open on Sunday?", profile_name="Ana")
    await ana.reads(1)
    thread = f"conversations/{(await bot.conversation(ana))['id']}"
    async with _signed_in(bot, chromium_path, NARROW if dark else WIDE, dark=dark) as desk:
        one_by_one = (thread, f"{thread}/contact", "prompts/default", "sign-in")
        for path in ("conversations", *OTHERS, *one_by_one):
            await desk.page.goto(f"{bot.url}/console/{path}")
            found = await Axe().run(desk.page)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        await desk.page.goto(f"{bot.url}/console/{thread}")
        await desk.page.get_by_role("button", name="Take over").click()
        await desk.page.locator("summary", has_text="Hand back").click()
        found = await Axe().run(desk.page)
        assert found.violations_count == 0, found.generate_report()


async def test_an_open_page_shows_who_has_taken_over_elsewhere(
    bot: Bot, chromium_path: str
) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads(1)
    conversation = (await bot.conversation(ana))["id"]
    async with _signed_in(bot, chromium_path, WIDE) as desk:
        await desk.page.goto(f"{bot.url}/console/conversations/{conversation}")
        await expect(desk.page.locator("#head .state")).to_have_text("The bot answers")
        await bot.api("POST", f"/api/conversations/{conversation}/pause", {})
        await expect(desk.page.locator("#head .state")).to_contain_text("with rosa")


async def test_a_reply_is_seen_before_it_leaves_and_its_way_in_place(
    bot: Bot, chromium_path: str
) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads(1)
    conversation = (await bot.conversation(ana))["id"]
    async with _signed_in(bot, chromium_path, NARROW) as desk:
        page = desk.page
        await page.goto(f"{bot.url}/console/conversations/{conversation}")
        box = page.get_by_role("textbox", name="Your reply")
        await box.press_sequentially("see you at **ten**")
        await expect(page.locator(".preview strong")).to_have_text("ten")
        await page.get_by_role("log").get_by_role("link", name="Why").last.click()
        await expect(page.get_by_role("dialog").get_by_text("turn begun")).to_be_visible()
        await desk.shot("why-360")
        await page.get_by_role("button", name="Close").click()
        await page.goto(f"{bot.url}/console/lines")
        await page.goto(f"{bot.url}/console/conversations/{conversation}")
        await expect(box).to_have_value("see you at **ten**")
        await page.get_by_role("button", name="Send").click()
        assert (await ana.reads(2))[1] == "see you at *ten*"
        await expect(page.locator(".bubble.operator .text strong")).to_have_text("ten")
        await expect(box).to_have_value("")


async def test_who_needs_a_person_is_told_in_the_title_of_any_page(
    bot: Bot, chromium_path: str
) -> None:
    ana = bot.provider.customer()
    async with _signed_in(bot, chromium_path, WIDE) as desk:
        page = desk.page
        await page.goto(f"{bot.url}/console/lines")
        before = await page.locator("#needs").get_attribute("data-needs")
        bot.llm.plan_calls(hand_off(), about="a person please")
        await ana.writes("a person please")
        await expect(page).to_have_title(re.compile(rf"^\({int(before or 0) + 1}\) Lines"))
        await page.locator("#needs a").click()
        await expect(page).to_have_url(re.compile("which=attention"))
        link = page.locator(".entries a", has_text=ana.number)
        await link.click()
        notice = page.locator("#head .notice")
        await expect(notice).to_be_visible()
        await notice.get_by_role("button", name="Looked after").click()
        await expect(notice).to_have_count(0)


async def test_words_are_kept_when_the_bot_cannot_be_reached(
    new_bot: NewBot, chromium_path: str
) -> None:
    bot = await new_bot(env=ENV)
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads(1)
    conversation = (await bot.conversation(ana))["id"]
    async with _signed_in(bot, chromium_path, WIDE) as desk:
        page = desk.page
        await page.goto(f"{bot.url}/console/conversations/{conversation}")
        box = page.get_by_role("textbox", name="Your reply")
        await box.fill("an answer")
        await bot.stop()
        await expect(page.locator("#offline")).to_be_visible()
        await page.get_by_role("button", name="Send").click()
        await expect(page.locator("#fault")).to_contain_text("could not be reached")
        await desk.shot("unreached-1280")
        await expect(box).to_have_value("an answer")
        await bot.start()
        await expect(page.locator("#offline")).to_be_hidden()
        await page.get_by_role("button", name="Send").click()
        assert (await ana.reads(2))[1] == "an answer"
        desk.complaints.clear()  # the browser's own words about what it could not reach


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_prompt_is_checked_as_it_is_typed_and_published(
    bot: Bot, chromium_path: str, size: tuple[int, int]
) -> None:
    async with _signed_in(bot, chromium_path, size, dark=size == NARROW) as desk:
        page = desk.page
        await page.goto(f"{bot.url}/console/prompts/default")
        editor = page.get_by_role("textbox", name="Text of default")
        await editor.fill("# Ours.\ninstructions: |\n  Be {{ knid }}.\n")
        fault = page.get_by_role("link", name="line 3")
        await expect(fault).to_be_visible()
        await desk.shot(f"prompt-fault-{size[0]}")
        await fault.click()
        chosen = "(e => e.value.slice(e.selectionStart, e.selectionEnd))(document.activeElement)"
        assert await page.evaluate(chosen) == "  Be {{ knid }}."
        await editor.fill(f"# Ours.\ninstructions: |\n  Be kind at {size[0]}.\n")
        await expect(page.get_by_text("No mistake found.")).to_be_visible()
        await page.get_by_role("button", name="Publish").click()
        await expect(page.get_by_text("It is live.")).to_be_visible()
        await page.get_by_role("button", name="Show changes").click()
        await expect(page.get_by_text(f"Be kind at {size[0]}.").last).to_be_visible()
        await desk.shot(f"prompt-diff-{size[0]}")
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_prompt_is_tried_where_it_is_edited(bot: Bot, chromium_path: str) -> None:
    async with _signed_in(bot, chromium_path, NARROW) as desk:
        page = desk.page
        await page.goto(f"{bot.url}/console/prompts/default")
        editor = page.get_by_role("textbox", name="Text of default")
        await editor.fill("instructions: |\n  Nobody saved this.\n")
        said = page.get_by_label("Your message, as a customer")
        for text in ("is it you?", "A" * 300):
            await said.fill(text)
            await page.get_by_role("button", name="Send").click()
            await expect(page.get_by_text(f"You said: {text}")).to_be_visible()
            await expect(said).to_have_value("")
        await expect(editor).to_have_value("instructions: |\n  Nobody saved this.\n")
        await desk.shot("prompt-tried-360")
        await page.get_by_role("button", name="Run its tests").click()
        await expect(page.get_by_text("There are no tests about this prompt.")).to_be_visible()
        await expect(page.get_by_text("You said: is it you?")).to_be_visible()
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.get_by_role("button", name="Begin anew").click()
        await expect(page.get_by_text("You said: is it you?")).to_have_count(0)
        assert page.url == f"{bot.url}/console/prompts/default"  # no other page was loaded


async def test_what_went_wrong_is_said_beside_the_words(bot: Bot, chromium_path: str) -> None:
    ana = bot.provider.customer()
    await ana.writes("hello")
    await ana.reads(1)
    conversation = (await bot.conversation(ana))["id"]
    async with _signed_in(bot, chromium_path, NARROW) as desk:
        page = desk.page
        await page.goto(f"{bot.url}/console/conversations/{conversation}")
        box = page.get_by_role("textbox", name="Your reply")
        await box.fill("half a sentence")
        await page.get_by_role("button", name="Take over").click()
        await page.locator("summary", has_text="Hand back").click()
        stale = re.compile("/hand-back$")
        await page.route(stale, lambda route: route.continue_(post_data="holder=another&brief="))
        await page.get_by_role("button", name="Hand back to the bot").click()
        await expect(page.locator("#fault")).to_contain_text("has changed hands")
        await ana.writes("are you there?")
        await expect(page.get_by_role("log").get_by_text("are you there?")).to_be_visible()
        await expect(page.locator("#fault")).to_contain_text("has changed hands")
        await expect(box).to_have_value("half a sentence")
        await bot.api("DELETE", f"/api/contacts/{ana.number}")
        await expect(page.locator("#thread")).to_contain_text("may have been erased")
        await expect(page.locator("#thread")).not_to_contain_text("hello")
        assert await page.evaluate("sessionStorage.length") == 0
        desk.complaints.clear()  # the browser's own words about a 409 and a 404
