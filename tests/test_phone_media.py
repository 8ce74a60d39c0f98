"""Files, places, contacts and stickers on the phone page, in a real Chromium."""

import asyncio
import os
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, expect

from bot.sandbox.media_host import MAX_FILE_BYTES
from tests.phone_in_browser import CHROMIUM, open_phone
from tests.samples import pdf, photo_jpeg, video_webm
from tests.sandbox_calls import fetched
from tests.sandbox_server import ANA, eventually

HOSTILE = "<img src=x onerror=alert(1)>.pdf"
LONG = "\u202e" + "ａ" * 60 + " " + "x" * 150 + ".pdf"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


def photo(name: str = "tart.jpg") -> FilePayload:
    return {"name": name, "mimeType": "image/jpeg", "buffer": photo_jpeg()}


def paper(name: str) -> FilePayload:
    return {"name": name, "mimeType": "application/pdf", "buffer": pdf()}


async def test_a_photo_goes_out_with_its_caption_and_opens_large() -> None:
    async with open_phone() as phone:
        page = phone.page
        await phone.pick("Photo", photo())
        await expect(page.get_by_role("img", name="tart.jpg")).to_be_visible()
        await expect(page.get_by_placeholder("Add a caption")).to_be_focused()
        await phone.say("Do you have *this* one? <b>")
        await expect(phone.own.locator(".text")).to_have_text("Do you have this one? <b>")
        await expect(page.locator("#tray")).to_be_hidden()
        [message] = phone.received()
        assert (message["type"], message["caption"]) == ("image", "Do you have *this* one? <b>")
        assert await fetched(phone.site, message) == photo()["buffer"]
        await page.reload()
        picture = page.locator(".picture img")
        await expect(picture).to_have_js_property("naturalWidth", 640)
        await page.get_by_role("button", name="Open the photo").click()
        await expect(page.locator("#viewer-image")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#viewer-image")).to_be_hidden()


async def test_several_photos_go_one_by_one_and_the_caption_with_the_first() -> None:
    async with open_phone() as phone:
        page = phone.page
        sent = (await phone.site.reply(ANA, "Which cake?")).json()["id"]
        await page.get_by_role("button", name="Reply to: Which cake?").focus()
        await page.keyboard.press("Enter")
        await phone.pick("Photo", photo("1.jpg"), photo("2.jpg"), photo("3.jpg"))
        await page.get_by_role("button", name="Do not send 2.jpg").click()
        await phone.say("these two")
        await expect(phone.own).to_have_count(2)
        first, second = phone.received()
        assert first["caption"] == "these two"
        assert first["quoted"] == {"id": sent, "text": "Which cake?"}
        assert not {"caption", "quoted"} & set(second)


async def test_a_video_has_a_player() -> None:
    async with open_phone() as phone:
        clip: FilePayload = {"name": "a.webm", "mimeType": "video/webm", "buffer": video_webm()}
        await phone.pick("Video", clip)
        await phone.page.get_by_role("button", name="Send", exact=True).click()
        await expect(phone.own.locator("video")).to_be_visible()
        assert [each["type"] for each in phone.received()] == ["video"]
        await phone.page.reload()
        video = phone.page.locator(".row.out video")
        await expect(video).to_have_js_property("videoWidth", 64)


async def test_hostile_file_names_stay_text_and_fit_the_screen() -> None:
    async with open_phone(360, 740) as phone:
        page = phone.page
        await page.get_by_role("link", name="Ana").click()
        await phone.pick("Document", paper(HOSTILE), paper(LONG))
        await phone.say("*two* <script>alert(1)</script>")
        await expect(phone.own).to_have_count(2)
        chips = phone.own.locator(".chip")
        await expect(chips.locator("b")).to_have_text([HOSTILE, LONG])
        assert [each["media"]["filename"] for each in phone.received()] == [HOSTILE, LONG]
        await page.reload()
        async with page.expect_download() as download:
            await chips.first.click()
        path = await (await download.value).path()
        assert await asyncio.to_thread(path.read_bytes) == pdf()
        assert await page.locator("main img, main script").count() == 0
        assert not await page.evaluate("log.scrollWidth > log.clientWidth")
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")


async def test_a_picture_that_cannot_be_shown_is_offered_as_a_file() -> None:
    async with open_phone() as phone:
        await phone.pick("Photo", {"name": "x.heic", "mimeType": "image/heic", "buffer": b"heic"})
        await phone.say("look")
        await expect(phone.own.locator(".chip b")).to_have_text("x.heic")
        assert phone.received()[0]["media"]["mime_type"] == "image/heic"


async def test_pictures_can_be_pasted_and_files_dropped() -> None:
    give = """async (name) => {
        const canvas = document.createElement("canvas");
        const png = await new Promise((done) => canvas.toBlob(done));
        const data = new DataTransfer();
        data.items.add(new File([png], "clip.png", { type: "image/png" }));
        const init = { bubbles: true, cancelable: true, dataTransfer: data, clipboardData: data };
        const chat = document.querySelector(".chat");
        if (name === "paste") chat.dispatchEvent(new ClipboardEvent("paste", init));
        else chat.dispatchEvent(new DragEvent(name, init));
    }"""
    async with open_phone() as phone:
        page = phone.page
        veil = page.locator("#drop-veil")
        await page.evaluate(give, "dragover")
        await expect(veil).to_be_visible()
        await page.evaluate(give, "drop")
        await expect(veil).to_be_hidden()
        await page.evaluate(give, "paste")
        await expect(page.locator(".tray-item img")).to_have_count(2)
        await page.get_by_role("button", name="Send", exact=True).click()
        await expect(phone.own).to_have_count(2)
        assert {each["media"]["mime_type"] for each in phone.received()} == {"image/png"}


async def test_a_file_over_the_limit_is_not_taken() -> None:
    drop = """(size) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(size)], "big.pdf", { type: "application/pdf" }));
        const init = { bubbles: true, cancelable: true, dataTransfer: data };
        document.querySelector(".chat").dispatchEvent(new DragEvent("drop", init));
    }"""
    async with open_phone() as phone:
        await phone.page.evaluate(drop, MAX_FILE_BYTES + 1)
        alert = phone.page.get_by_role("alert").filter(has_text="A file has at most 30 MB.")
        await expect(alert).to_be_visible()
        await expect(phone.page.locator("#tray")).to_be_hidden()
        await phone.page.evaluate(drop, MAX_FILE_BYTES)
        await expect(phone.page.locator(".tray-item .chip b")).to_have_text("big.pdf")


async def test_a_file_that_does_not_get_through_comes_back_with_its_caption() -> None:
    async with open_phone() as phone:
        page = phone.page
        await page.route("**/sandbox/upload?*", lambda route: route.abort())
        await phone.pick("Photo", photo())
        await phone.say("this one")
        alert = page.get_by_role("alert").filter(has_text="did not get through")
        await expect(alert).to_be_visible()
        await expect(page.get_by_role("img", name="tart.jpg")).to_be_visible()
        await expect(page.get_by_role("textbox", name="Message")).to_have_value("this one")
        await expect(page.locator(".row.out")).to_have_count(0)
        phone.complaints.clear()  # Chromium itself notes the failed call.


async def test_an_upload_shows_its_progress_and_can_be_stopped() -> None:
    async with open_phone() as phone:
        page = phone.page
        await page.route("**/sandbox/upload?*", lambda _: None)  # never answered
        await phone.pick("Document", paper("menu.pdf"), paper("wine.pdf"))
        await phone.say("")
        await expect(page.get_by_role("progressbar", name="Sending: menu.pdf")).to_be_visible()
        stops = page.get_by_role("button", name="Stop sending")
        await stops.nth(1).click()
        await stops.nth(0).click()
        await expect(page.locator(".row.out")).to_have_count(0)
        await expect(page.locator("#tray")).to_be_hidden()
        await page.unroute("**/sandbox/upload?*")
        await phone.say("Never mind.")
        await expect(phone.own).to_have_count(1)
        assert [each["type"] for each in phone.received()] == ["text"]


async def test_an_example_place_is_sent_and_linked_to_a_map() -> None:
    async with open_phone() as phone:
        page = phone.page
        await phone.attach("Place")
        sheet = page.get_by_role("dialog", name="Send a place")
        await sheet.get_by_role("button", name="Use an example place").click()
        await sheet.get_by_label("Name").fill("<b>Plaza</b>")
        await page.keyboard.press("Enter")
        await expect(phone.own.locator(".place b")).to_have_text("<b>Plaza</b>")
        [message] = phone.received()
        place = message["location"]
        assert set(place) == {"latitude", "longitude", "name", "address"}
        assert (message["type"], place["name"]) == ("location", "<b>Plaza</b>")
        link = page.get_by_role("link", name="Open in a map")
        point = f"mlat={place['latitude']}&mlon={place['longitude']}"
        assert point in str(await link.get_attribute("href"))
        assert await link.get_attribute("rel") == "noopener noreferrer"


async def test_a_contact_is_sent_with_all_its_numbers() -> None:
    async with open_phone() as phone:
        await phone.attach("Contact")
        sheet = phone.page.get_by_role("dialog", name="Send a contact")
        await sheet.get_by_label("Name").fill("Eva <i>")
        await sheet.get_by_label("Phone numbers").fill("+1 555 010 0777\n\n +1 555 010 0778 ")
        await sheet.get_by_role("button", name="Send").click()
        await expect(phone.own.locator(".card b")).to_have_text("Eva <i>")
        [message] = phone.received()
        phones = ["+1 555 010 0777", "+1 555 010 0778"]
        assert (message["type"], message["contact"]) == (
            "contact",
            {"name": "Eva <i>", "phones": phones},
        )


async def test_a_sticker_is_sent_as_webp() -> None:
    async with open_phone() as phone:
        await phone.attach("Sticker")
        await phone.page.get_by_role("button", name="Laughing").click()
        await expect(phone.own.get_by_role("img", name="Sticker")).to_be_visible()
        [message] = phone.received()
        assert (message["type"], message["media"]["mime_type"]) == ("sticker", "image/webp")
        assert (await fetched(phone.site, message))[8:12] == b"WEBP"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(("width", "height"), [(1200, 900), (360, 740)])
async def test_a_conversation_with_media_fits_the_screen(
    width: int, height: int, dark: bool, tmp_path: Path
) -> None:
    async with open_phone(width, height, dark=dark, microphone=True) as phone:
        page = phone.page
        await page.get_by_role("link", name="Ana").click()
        await phone.pick("Photo", photo())
        await phone.say("Do you still have this one?")
        await phone.site.reply(ANA, "Yes! The *lemon tart* is 3.50 euros a slice.")
        await page.get_by_role("button", name="Record a voice note").click()
        await expect(page.get_by_role("timer")).not_to_have_text("0:00")
        await page.get_by_role("button", name="Send the voice note").click()
        await phone.attach("Place")
        await page.get_by_role("button", name="Use an example place").click()
        await page.keyboard.press("Enter")
        await expect(phone.own).to_have_count(3)
        await eventually(lambda: len(phone.received()) == 3)
        assert await page.evaluate("log.scrollHeight - log.scrollTop - log.clientHeight < 2")
        assert not await page.evaluate("log.scrollWidth > log.clientWidth")
        folder = Path(os.environ.get("SCREENSHOTS", tmp_path))
        name = f"media-{width}-{'dark' if dark else 'light'}.png"
        await page.screenshot(path=folder / name)
        assert (folder / name).stat().st_size > 10_000
