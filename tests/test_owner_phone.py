"""An owner takes over and hands back in a real browser, with nothing but the phone of `bot dev`."""

import os
import re
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.conftest import NewBot
from tests.test_dev import FLAGS, start_dev

SHOTS = os.environ.get("SCREENSHOTS", "")


async def _say(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="Message", exact=True)
    await box.fill(text)
    await box.press("Enter")


async def _open_chat(page: Page, name: str) -> None:
    await page.get_by_role("link", name=re.compile(f"^{name}")).click()
    await expect(page.get_by_role("textbox", name="Message", exact=True)).to_be_visible()


async def _shot(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png")


@pytest.mark.browser
async def test_an_owner_answers_and_hands_back_on_the_phone_alone(
    new_bot: NewBot, chromium_path: str
) -> None:
    _, address = await start_dev(new_bot)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1100, "height": 800})
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        await page.goto(address)
        log = page.get_by_role("log")
        await _open_chat(page, "Ana")
        await _say(page, "I want to talk to a person about my birthday cake")
        await expect(log.get_by_text("Rosa will write to you.")).to_be_visible(timeout=20_000)

        await _open_chat(page, "Rosa, the owner")
        notice = page.locator(".row.in", has_text="Ana (+15550100001)")
        await expect(notice).to_be_visible(timeout=20_000)
        await _shot(page, "notice")
        await notice.hover()
        await notice.get_by_role("button", name=re.compile("^Reply to")).click()
        await _say(page, "Rosa here, what about the cake?")
        await expect(log.get_by_text(re.compile("sent; the bot is silent until"))).to_be_visible(
            timeout=20_000
        )

        await _open_chat(page, "Ana")
        await expect(log.get_by_text("Rosa here, what about the cake?")).to_be_visible()
        await _say(page, "Could it be ready at noon?")
        await _shot(page, "customer")

        await _open_chat(page, "Rosa, the owner")
        await expect(log.get_by_text("Ana: Could it be ready at noon?")).to_be_visible(
            timeout=20_000
        )
        await _say(page, "#1 Yes, at noon.")
        await _say(page, "#resume 1")
        await expect(log.get_by_text("the bot answers again")).to_be_visible(timeout=20_000)
        await _shot(page, "owner")

        await _open_chat(page, "Ana")
        await expect(log.get_by_text("Yes, at noon.")).to_be_visible()
        await _say(page, "How much is a lemon tart?")
        await expect(log.get_by_text("3.50 euros")).to_be_visible(timeout=20_000)
        assert complaints == []
        await browser.close()
