"""The phone page in a real Chromium, against the sandbox and a scripted receiver."""

import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.phone_in_browser import CHROMIUM, open_phone
from tests.sandbox_server import ANA, eventually

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


async def test_a_message_is_ticked_and_its_reply_appears() -> None:
    async with open_phone() as phone:
        page = phone.page
        await phone.say("Are you open today?")
        own = page.locator(".row.out")
        await expect(own.get_by_text("Are you open today?")).to_be_visible()
        await expect(own.get_by_label("The webhook was acknowledged")).to_be_visible()
        await expect(page.get_by_role("status", name="typing")).to_be_visible()
        await expect(page.locator("#subtitle")).to_have_text("typing…")
        await phone.site.reply(ANA, "Yes, until *six*.")
        await expect(page.locator(".row.in strong")).to_have_text("six")
        await expect(page.get_by_role("status", name="typing")).to_have_count(0)
        await expect(page.get_by_role("textbox", name="Message")).to_have_value("")
        await expect(page.locator(".row.out")).to_have_count(1)
        await expect(page.locator(".day")).to_have_text(["Today"])


async def test_formatting_is_shown_and_hostile_text_stays_text() -> None:
    async with open_phone() as phone:
        page = phone.page
        await phone.say(HOSTILE)
        await expect(page.locator(".row.out .text")).to_have_text(HOSTILE)
        await phone.site.reply(ANA, f"*bold {HOSTILE}* _it_ ~no~ `x`\n- one\n- two\n```a *b*```")
        reply = page.locator(".row.in .text")
        await expect(reply.locator("strong")).to_have_text(f"bold {HOSTILE}")
        for tag, text in (("em", "it"), ("s", "no"), ("code", "x"), ("pre", "a *b*")):
            await expect(reply.locator(tag)).to_have_text(text)
        await expect(reply.locator("li")).to_have_text(["one", "two"])
        assert await page.locator("main img, main script").count() == 0


FORMATS = [
    ("2 * 3 * 4 = 24", "<span>2 * 3 * 4 = 24</span>"),
    ("snake_case_name", "<span>snake_case_name</span>"),
    ("*_both_*", "<span><strong><em>both</em></strong></span>"),
    ("*a* and *b*.", "<span><strong>a</strong> and <strong>b</strong>.</span>"),
    ("*not closed", "<span>*not closed</span>"),
    ("** and __ and ~~", "<span>** and __ and ~~</span>"),
    ("a\nb", "<span>a\nb</span>"),
    ("1. a\n2. b", '<ol start="1"><li>a</li><li>b</li></ol>'),
    ("> said\nso", "<blockquote><p>said</p></blockquote><span>so</span>"),
    ("javascript:alert(1)", "<span>javascript:alert(1)</span>"),
    (
        "see https://x.example/a_b_c.",
        '<span>see <a href="https://x.example/a_b_c" target="_blank" '
        'rel="noopener noreferrer nofollow">https://x.example/a_b_c</a>.</span>',
    ),
]


async def test_formatting_follows_the_rules_of_whatsapp() -> None:
    script = """async (text) => {
        const { format } = await import("/sandbox/static/format.js");
        const box = document.createElement("div");
        box.append(format(text));
        return box.innerHTML.replaceAll(' class="plain"', "");
    }"""
    async with open_phone() as phone:
        for text, html in FORMATS:
            assert await phone.page.evaluate(script, text) == html, text
        deep = "*_~" * 1300
        await phone.page.evaluate(script, deep + deep[::-1])


async def test_other_customers_messages_are_counted_until_they_are_opened() -> None:
    async with open_phone() as phone:
        page = phone.page
        await phone.site.reply("+15550100002", "Your order is ready.")
        await phone.site.reply("+15550100002", "Until six.")
        ben = page.get_by_role("link", name="Ben")
        await expect(ben.get_by_label("2 unread")).to_be_visible()
        await expect(page).to_have_title("(2) Sandbox phone")
        await ben.click()
        await expect(page.locator(".row.in:not(.typing)")).to_have_count(2)
        await expect(ben.get_by_label("unread")).to_have_count(0)
        await expect(page).to_have_title("Sandbox phone")


async def test_a_reply_to_one_bubble_quotes_it() -> None:
    async with open_phone() as phone:
        page = phone.page
        sent = (await phone.site.reply(ANA, "We have rye and wheat.")).json()["id"]
        await page.get_by_role("button", name="Reply to: We have rye").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#quote-strip")).to_contain_text("We have rye and wheat.")
        await phone.say("Rye, please.")
        await expect(page.locator(".row.out .meta .icon-delivered")).to_be_visible()
        await expect(page.locator(".row.out .quoted")).to_have_text("We have rye and wheat.")
        await expect(page.locator("#quote-strip")).to_be_hidden()
        await eventually(lambda: phone.site.of("message.received"))
        message = phone.site.of("message.received")[0]["message"]
        assert isinstance(message, dict)
        assert message["quoted"] == {"id": sent, "text": "We have rye and wheat."}


async def test_shift_enter_makes_a_new_line() -> None:
    async with open_phone() as phone:
        box = phone.page.get_by_role("textbox", name="Message")
        await box.fill("one")
        await box.press("Shift+Enter")
        await box.press_sequentially("two")
        await box.press("Enter")
        await expect(phone.page.locator(".row.out .plain")).to_have_text("one\ntwo")


async def test_the_line_can_be_switched_off_and_on() -> None:
    async with open_phone() as phone:
        page = phone.page
        await page.get_by_role("button", name="Line ready").click()
        await page.get_by_label("Disconnected").check()
        await eventually(lambda: phone.site.of("line.disconnected"))
        await page.get_by_role("button", name="Done").click()
        await expect(page.get_by_role("button", name="Line disconnected")).to_be_visible()
        assert (await phone.site.reply(ANA, "hello")).status_code == 409


async def test_a_person_can_write_from_the_shops_own_phone() -> None:
    async with open_phone() as phone:
        page = phone.page
        await page.get_by_role("button", name="Shop's own phone").click()
        sheet = page.get_by_role("dialog")
        await sheet.get_by_role("textbox", name="Message").fill("Eva here, I take over.")
        await sheet.get_by_role("button", name="Send").click()
        await expect(page.locator(".row.in .by")).to_have_text("From the shop's own phone")
        await eventually(lambda: phone.site.of("message.delivered"))


async def test_a_customer_can_be_added() -> None:
    async with open_phone() as phone:
        page = phone.page
        await page.get_by_role("button", name="Add a customer").click()
        sheet = page.get_by_role("dialog")
        await sheet.get_by_label("Name").fill("Dana")
        await sheet.get_by_label("Number").fill(ANA)
        await sheet.get_by_role("button", name="Add").click()
        await expect(page.get_by_role("alert").filter(has_text="already")).to_be_visible()
        phone.complaints.clear()  # Chromium itself notes the 409.
        await sheet.get_by_label("Number").fill("+15550100444")
        await sheet.get_by_role("button", name="Add").click()
        await expect(page.locator("#subtitle")).to_have_text("You are Dana · +15550100444")


async def test_a_message_that_cannot_leave_gives_its_words_back() -> None:
    async with open_phone() as phone:
        page = phone.page
        await page.route("**/sandbox/messages", lambda route: route.abort())
        await phone.say("hello")
        await expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()
        await expect(page.get_by_role("textbox", name="Message")).to_have_value("hello")
        await expect(page.locator(".row.out")).to_have_count(0)
        phone.complaints.clear()  # Chromium itself notes the failed call.


async def test_the_page_says_who_answers() -> None:
    async with open_phone() as phone:
        banner = phone.page.locator("#stand-in")
        await expect(banner).to_contain_text("No LLM key is set: a stand-in answers")
        await expect(banner).to_contain_text("Speech is a stand-in too")
    async with open_phone(model_name="gpt-4.1-mini", speech_enabled=False) as phone:
        await expect(phone.page.locator("#model")).to_have_text("gpt-4.1-mini")
        await expect(phone.page.locator("#stand-in")).to_be_hidden()


async def test_the_page_says_that_only_speech_is_a_stand_in() -> None:
    async with open_phone(model_name="gpt-4.1-mini") as phone:
        banner = phone.page.locator("#stand-in")
        await expect(banner).to_have_text(
            "No speech key is set: a stand-in only hears how long a voice note is."
        )


async def test_with_many_tabs_the_first_steps_back_and_can_return() -> None:
    async with open_phone() as phone:
        address = f"{phone.site.url}/sandbox"
        for _ in range(4):
            other = await phone.page.context.new_page()
            await other.goto(address)
            await expect(other.get_by_role("link", name="Chidi")).to_be_visible()
        await expect(phone.page.get_by_text("open in other tabs")).to_be_visible()
        await phone.page.get_by_role("button", name="Use it here").click()
        await expect(phone.page.get_by_text("open in other tabs")).to_be_hidden()
        await phone.site.reply(ANA, "still live")
        await expect(phone.page.locator(".row.in:not(.typing)")).to_have_count(1)


async def test_a_narrow_page_shows_the_list_or_the_chat() -> None:
    async with open_phone(360, 740) as phone:
        page = phone.page
        await expect(page.get_by_role("log")).to_be_hidden()
        await page.get_by_role("link", name="Ben").click()
        await expect(page.get_by_role("log")).to_be_visible()
        await phone.say("x" * 300 + " https://example.org/" + "y" * 300)
        await phone.site.reply("+15550100002", "z" * 500)
        await expect(page.locator(".row.in:not(.typing)")).to_be_visible()
        wide = "document.documentElement.scrollWidth > innerWidth"
        assert not await page.evaluate(wide)
        assert not await page.evaluate("log.scrollWidth > log.clientWidth")
        await page.get_by_role("link", name="Back").click()
        await expect(page.get_by_role("link", name="Ben")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("width", "height"), [(1200, 800), (390, 844)])
async def test_a_conversation_fits_the_screen(
    width: int, height: int, dark: bool, tmp_path: Path
) -> None:
    async with open_phone(width, height, dark=dark) as phone:
        page = phone.page
        await phone.site.reply("+15550100002", "Your cake is ready, *until six*.")
        await page.get_by_role("link", name="Ana").click()
        await phone.say("Hi! Are you open on Sunday?")
        await expect(page.get_by_label("The webhook was acknowledged")).to_be_visible()
        reply = "Good morning, Ana! Yes:\n- *Saturday* 8:00 to 14:00\n- *Sunday* 9:00 to 12:00"
        first = (await phone.site.reply(ANA, reply)).json()["id"]
        await expect(page.locator(f'[data-id="{first}"]')).to_be_visible()
        await page.locator(f'[data-id="{first}"] .reply').click()
        await phone.say("Great. Could you keep two rye loaves for me, please? I come at ten.")
        await expect(page.locator(".row.out")).to_have_count(2)
        await phone.site.reply(ANA, "Of course. _Two rye loaves_ for Ana, Sunday at ten.")
        await phone.say("Thank you!")
        await expect(page.get_by_role("status", name="typing")).to_be_visible()
        assert await page.evaluate("log.scrollHeight - log.scrollTop - log.clientHeight < 2")
        folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
        name = f"phone-{width}-{'dark' if dark else 'light'}.png"
        await page.screenshot(path=folder / name)
        assert (folder / name).stat().st_size > 10_000
