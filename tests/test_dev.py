"""`bot dev` as a stranger meets it: one command, one address, a conversation in a real browser."""

import re
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import FilePayload, Page, async_playwright, expect

from tests.conftest import NewBot
from tests.harness import Bot, eventually
from tests.samples import papers, photos

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PROMPT = """\
instructions: |
  You answer for a bakery.
facts: |
  A lemon tart costs 3.50 euros.
hand_off:
  when: The customer asks for a person.
  say: Rosa will write to you.
"""


async def start_dev(new_bot: NewBot) -> tuple[Bot, str]:
    """A `bot dev` without any key, and the address that it prints."""
    bot = await new_bot(start=False, prompts={"default": PROMPT})
    for name in ("MOSSMOON_WEBHOOK_SECRET", "MOSSMOON_API_KEY", "OPERATOR_TOKEN"):
        del bot.env[name]
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "DEEPGRAM_API_KEY", "DEEPGRAM_BASE_URL"):
        del bot.env[name]
    await bot.start("dev")

    async def printed() -> str:
        found = re.search(r"http://\S+/sandbox\?key=\S+", bot.process.log)
        assert found is not None, bot.process.log
        return found.group(0)

    return bot, await eventually(printed)


@pytest.mark.browser
async def test_a_stranger_talks_to_the_bot_in_a_browser(
    new_bot: NewBot, chromium_path: str
) -> None:
    bot, address = await start_dev(new_bot)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = await browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        await page.goto(address)
        box = page.get_by_role("textbox", name="Message", exact=True)
        await box.fill("How much is a lemon tart?")
        await box.press("Enter")
        log = page.get_by_role("log")
        await expect(log.get_by_text("3.50 euros")).to_be_visible(timeout=20_000)
        await box.fill("I want to talk to a person")
        await box.press("Enter")
        await expect(log.get_by_text("Rosa will write to you.")).to_be_visible(timeout=20_000)
        await bot.stop()  # with the page's stream still open
        assert complaints == [] or all("ERR_" in one for one in complaints), complaints
        await browser.close()


@pytest.mark.browser
async def test_a_stranger_sends_voice_a_photo_a_document_and_a_place(
    new_bot: NewBot, chromium_path: str
) -> None:
    bot, address = await start_dev(new_bot)
    async with async_playwright() as playwright:
        microphone = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        browser = await playwright.chromium.launch(
            executable_path=chromium_path, args=[*FLAGS, *microphone]
        )
        context = await browser.new_context(permissions=["microphone"])
        page = await context.new_page()
        await page.goto(address)
        answers = page.locator(".row.in:not(.typing) .bubble")
        await page.get_by_role("button", name="Record a voice note").click()
        await expect(page.get_by_role("timer")).to_have_text("0:02", timeout=20_000)
        await page.get_by_role("button", name="Send the voice note").click()
        await expect(answers).to_have_count(1, timeout=20_000)
        await _attach(page, "Photo", "cake.jpg", "image/jpeg", photos.photo_jpeg())
        await expect(answers).to_have_count(2, timeout=20_000)
        order = papers.pdf(["What does a lemon tart cost?"])
        await _attach(page, "Document", "order.pdf", "application/pdf", order)
        await expect(answers).to_have_count(3, timeout=20_000)
        await expect(answers.nth(2)).to_contain_text("What does a lemon tart cost?")
        await browser.close()
    # The voice note was transcribed by the stand-in, and the rest was fetched and read.
    read = [line for line in bot.process.log.splitlines() if "media.read" in line]
    assert ["problem=None" in line for line in read] == [True] * 3
    assert "media.later" not in bot.process.log


async def _attach(page: Page, kind: str, name: str, media_type: str, data: bytes) -> None:
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name="Attach").click()
        await page.get_by_role("menuitem", name=kind).click()
    file = FilePayload(name=name, mimeType=media_type, buffer=data)
    await (await chooser.value).set_files([file])
    await page.get_by_role("button", name="Send", exact=True).click()


async def test_the_sandbox_opens_only_with_its_key_and_under_its_own_name(
    new_bot: NewBot,
) -> None:
    bot, address = await start_dev(new_bot)
    assert (await bot.http("GET", "/sandbox")).status_code == httpx.codes.FORBIDDEN
    opened = await bot.http("GET", address.removeprefix(bot.url))
    assert opened.status_code in (httpx.codes.OK, httpx.codes.SEE_OTHER, httpx.codes.FOUND)
    path = urlsplit(address).path + "?" + urlsplit(address).query
    for headers in ({"Host": "evil.example"}, {"X-Forwarded-For": "127.0.0.1"}):
        refused = await bot.http("GET", path, headers=headers)
        assert refused.status_code in (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND), headers


async def test_dev_makes_an_operators_token_that_works(new_bot: NewBot) -> None:
    bot, _address = await start_dev(new_bot)
    found = re.search(r"Bearer (\S+)'", bot.process.log)
    assert found is not None
    headers = {"Authorization": f"Bearer {found.group(1)}"}
    answer = await bot.http("GET", "/api/lines", headers=headers)
    assert answer.status_code == httpx.codes.OK


async def test_dev_refuses_a_folder_that_holds_real_conversations(new_bot: NewBot) -> None:
    bot = await new_bot()
    ana = bot.provider.customer()
    await bot.handled(*await ana.writes("hello"))
    await bot.stop()
    refused = await bot.cli("dev")
    assert refused.exit_code == 1
    assert "set BOT_DATA_DIR to another folder" in refused.stderr
    assert "Traceback" not in refused.stderr
