"""The microphone on the phone page, in a real Chromium."""

import re

import pytest
from playwright.async_api import expect

from bot.sandbox.sound_length import seconds_of
from tests.phone_in_browser import CHROMIUM, open_phone
from tests.sandbox_calls import fetched

FAKED = "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', '%s'); }"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


async def test_a_voice_note_is_recorded_sent_and_played() -> None:
    async with open_phone(microphone=True) as phone:
        page = phone.page
        await page.get_by_role("button", name="Record a voice note").click()
        await expect(page.get_by_role("timer")).not_to_have_text("0:00")
        await page.get_by_role("button", name="Send the voice note").click()
        await expect(phone.own).to_have_count(1)
        [message] = phone.received()
        assert message["type"] == "voice"
        assert message["media"]["mime_type"] == "audio/webm;codecs=opus"
        assert not {"caption", "text"} & set(message)
        data = await fetched(phone.site, message)
        assert data.startswith(b"\x1a\x45\xdf\xa3")
        assert 0.5 < seconds_of(data, "audio/webm") < 10
        play = page.get_by_role("button", name="Play the voice note")
        await expect(page.locator(".voice-time")).to_have_text(re.compile("0:0[1-9]"))
        of_length = re.compile("0:00 of 0:0[1-9]")
        await expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", of_length)
        await play.click()
        await expect(page.get_by_role("button", name="Pause the voice note")).to_be_visible()
        await expect(page.locator(".bars rect.on").nth(9)).to_be_attached()
        await expect(play).to_be_visible()


async def test_a_voice_note_can_be_discarded() -> None:
    async with open_phone(microphone=True) as phone:
        page = phone.page
        record = page.get_by_role("button", name="Record a voice note")
        await record.click()
        await page.get_by_role("button", name="Discard the voice note").click()
        await expect(record).to_be_visible()
        await record.click()
        await expect(page.get_by_role("button", name="Send the voice note")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(record).to_be_visible()
        await record.click()
        await expect(page.get_by_role("timer")).to_be_visible()
        await page.get_by_role("link", name="Ben").click()
        await expect(record).to_be_visible()
        await phone.say("only words")
        await expect(phone.own).to_have_count(1)
        assert [each["type"] for each in phone.received()] == ["text"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (FAKED % "NotAllowedError", "The microphone is blocked for this page."),
        (FAKED % "NotFoundError", "There is no microphone on this machine."),
        (FAKED % "NotReadableError", "another program may be using it"),
        (
            "Object.defineProperty(navigator, 'mediaDevices', { value: undefined })",
            "this browser gives none here",
        ),
    ],
)
async def test_a_microphone_that_cannot_be_used_is_said_in_words(script: str, words: str) -> None:
    async with open_phone() as phone:
        await phone.page.evaluate(f"() => {{ {script} }}")
        await phone.page.get_by_role("button", name="Record a voice note").click()
        await expect(phone.page.get_by_role("alert").filter(has_text=words)).to_be_visible()
        await expect(phone.page.get_by_role("textbox", name="Message")).to_be_visible()
