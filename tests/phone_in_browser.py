"""The phone page in a real Chromium, on a running sandbox with a scripted receiver."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import FilePayload, Locator, Page, async_playwright, expect

from tests.sandbox_calls import messages_of
from tests.sandbox_server import KEY, Site, running

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation", (event) => {
    console.error("CSP", event.violatedDirective, event.blockedURI);
});"""


@dataclass
class Phone:
    """One browser page, and everything it complained about."""

    page: Page
    site: Site
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def say(self, text: str) -> None:
        await self.page.get_by_role("textbox", name="Message").fill(text)
        await self.page.keyboard.press("Enter")

    async def attach(self, kind: str) -> None:
        """Choose from the attach menu."""
        await self.page.get_by_role("button", name="Attach").click()
        await self.page.get_by_role("menuitem", name=kind).click()

    async def pick(self, kind: str, *files: FilePayload) -> None:
        """Choose files through the attach menu; they wait to be sent."""
        async with self.page.expect_file_chooser() as chooser:
            await self.attach(kind)
        await (await chooser.value).set_files(list(files))

    async def act(self, row: Locator, name: str) -> None:
        """Choose from the menu at a message."""
        await row.hover()
        await row.locator(".more").click()
        await self.page.get_by_role("menuitem", name=name).click()

    @property
    def own(self) -> Locator:
        """The customer's messages that the product has acknowledged."""
        return self.page.locator(".row.out:has(.icon-delivered)")

    def received(self, name: str = "message.received") -> list[dict[str, Any]]:
        """The messages of the webhooks that came so far."""
        return messages_of(self.site, name)


@asynccontextmanager
async def open_phone(
    width: int = 1200,
    height: int = 800,
    *,
    dark: bool = False,
    microphone: bool = False,
    model_name: str = "",
    speech_enabled: bool = True,
) -> AsyncIterator[Phone]:
    """The page as its user opens it; no error may have reached the console at the end."""
    async with (
        running(
            model_enabled=not model_name, model_name=model_name, speech_enabled=speech_enabled
        ) as site,
        async_playwright() as playwright,
    ):
        flags = [*FLAGS, *(MICROPHONE if microphone else [])]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            permissions=["microphone"] if microphone else [],
        )
        page = await context.new_page()
        phone = Phone(page, site)
        page.on("pageerror", lambda error: phone.complaints.append(str(error)))
        page.on("console", lambda message: phone.complaints.append(message.text))
        page.on("dialog", lambda dialog: phone.complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: phone.requests.append(request.url))
        await page.add_init_script(TELL_VIOLATIONS)
        await page.goto(f"{site.url}/sandbox?key={KEY}")
        await expect(page.get_by_role("link", name="Chidi")).to_be_visible()
        yield phone
        assert phone.complaints == []
        own = (site.url, f"blob:{site.url}")
        assert [url for url in phone.requests if not url.startswith(own)] == []
        await browser.close()
