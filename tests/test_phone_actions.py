"""Reactions, edits and deletions on the phone page, with the mouse and with the keyboard."""

import pytest
from playwright.async_api import expect

from tests.phone_in_browser import CHROMIUM, open_phone
from tests.sandbox_server import ANA, eventually

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


async def test_a_reaction_is_shown_told_and_taken_back() -> None:
    async with open_phone() as phone:
        page = phone.page
        sent = (await phone.site.reply(ANA, "Your cake is ready.")).json()["id"]
        row = page.locator(f'[data-id="{sent}"]')
        await row.hover()
        await row.get_by_role("button", name="React to: Your cake is ready.").click()
        await page.get_by_role("menuitemradio", name="React with heart").click()
        await expect(row.locator(".reaction")).to_have_text("❤️")
        await eventually(lambda: len(phone.received()) == 1)
        await row.get_by_role("button", name="Take it back").click()
        await expect(row.locator(".reaction")).to_have_count(0)
        await eventually(lambda: len(phone.received()) == 2)
        assert [(each["type"], each["reaction"]) for each in phone.received()] == [
            ("reaction", {"emoji": "❤️", "message_id": sent}),
            ("reaction", {"emoji": "", "message_id": sent}),
        ]
        await expect(page.get_by_role("status", name="typing")).to_have_count(0)


async def test_the_menu_is_used_with_the_keyboard() -> None:
    async with open_phone() as phone:
        page = phone.page
        await phone.site.reply(ANA, "Anything else?")
        more = page.get_by_role("button", name="React to: Anything else?")
        await more.focus()
        await page.keyboard.press("Enter")
        await expect(more).to_have_attribute("aria-expanded", "true")
        await expect(page.get_by_role("menuitemradio", name="thumbs up")).to_be_focused()
        await page.keyboard.press("End")
        await expect(page.get_by_role("menuitem", name="Reply")).to_be_focused()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowRight")
        await expect(page.get_by_role("menuitemradio", name="heart")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("menu")).to_be_hidden()
        await expect(more).to_be_focused()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Enter")
        await expect(page.locator(".reaction")).to_have_text("👍")
        attach = page.get_by_role("button", name="Attach")
        await attach.click()
        await expect(page.get_by_role("menuitem", name="Photo")).to_be_focused()
        await attach.click()
        await expect(page.get_by_role("menu")).to_be_hidden()


async def test_an_own_message_is_edited_and_says_so() -> None:
    async with open_phone() as phone:
        page = phone.page
        await phone.say("Two rye loafs")
        box = page.get_by_role("textbox", name="Message")
        await expect(phone.own).to_have_count(1)
        await box.fill("a draft")
        await phone.act(phone.own, "Edit")
        await expect(page.get_by_text("Editing your message")).to_be_visible()
        await expect(box).to_have_value("Two rye loafs")
        await page.keyboard.press("Escape")
        await expect(box).to_have_value("a draft")
        await phone.act(phone.own, "Edit")
        await box.fill("Two rye loaves <b>")
        await page.get_by_role("button", name="Save the change").click()
        await expect(phone.own.locator(".text")).to_have_text("Two rye loaves <b>")
        await expect(phone.own.locator(".meta")).to_contain_text("edited")
        await expect(box).to_have_value("a draft")
        [message] = phone.received()
        [edited] = phone.received("message.edited")
        assert edited == {"id": message["id"], "from": ANA, "text": "Two rye loaves <b>"}


async def test_an_own_message_is_deleted_and_leaves_a_sign() -> None:
    async with open_phone() as phone:
        page = phone.page
        await phone.say("wrong chat")
        await expect(phone.own).to_have_count(1)
        await phone.act(phone.own, "Delete")
        await expect(page.locator(".row.out .bubble")).to_contain_text("Message deleted")
        await expect(page.get_by_text("wrong chat")).to_have_count(0)
        await expect(page.locator(".row.out .tools")).to_have_count(0)
        [message] = phone.received()
        [deleted] = phone.received("message.deleted")
        assert deleted == {"id": message["id"], "from": ANA}
        await page.reload()
        await expect(page.locator(".row.out .bubble")).to_contain_text("Message deleted")


async def test_what_is_not_ones_own_can_only_be_answered() -> None:
    async with open_phone() as phone:
        page = phone.page
        await phone.site.reply(ANA, "Until six.")
        row = page.locator(".row.in")
        await row.hover()
        await row.locator(".more").click()
        await expect(page.get_by_role("menuitem")).to_have_text(["Reply"])


async def test_a_reply_to_a_voiceless_message_names_what_it_is() -> None:
    async with open_phone() as phone:
        page = phone.page
        await phone.attach("Place")
        await page.get_by_role("button", name="Use an example place").click()
        await page.keyboard.press("Enter")
        await phone.act(phone.own, "Reply")
        await expect(page.locator("#quote-text")).to_have_text("Plaza Mayor")
        await phone.say("Is it far?")
        await expect(page.locator(".quoted")).to_have_text("Plaza Mayor")
        await expect(page.get_by_role("link", name="Ana").locator(".said")).to_be_visible()
        assert phone.received()[1]["quoted"]["id"] == phone.received()[0]["id"]
