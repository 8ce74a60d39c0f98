"""The console as a browser speaks to it, without one."""

import re
from html import unescape
from typing import Any, Self

import httpx

from tests.harness import Bot
from tests.harness.bot_process import TOKEN


class Console:
    """One browser's cookies; every call comes from a page of ours unless it says otherwise."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self.cookies = httpx.Cookies()

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """A page, not followed further."""
        return await self._call("GET", path, headers=headers)

    async def post(
        self, path: str, data: dict[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        """A form of a page of ours, sent."""
        given = {"Origin": self._bot.url, **headers}
        return await self._call("POST", path, data={} if data is None else data, headers=given)

    async def sign_in(self, token: str = TOKEN, wanted: str = "/console") -> httpx.Response:
        """The answer to the sign-in form."""
        return await self.post("/console/sign-in", {"token": token, "next": wanted})

    async def signed_in(self, token: str = TOKEN) -> Self:
        """This console, with a session."""
        answer = await self.sign_in(token)
        assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
        return self

    async def _call(self, method: str, path: str, **given: Any) -> httpx.Response:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Cookie": cookie, **given.pop("headers", {})}
        answer = await self._bot.http(method, path, headers=headers, **given)
        self.cookies.extract_cookies(answer)
        return answer


def field(page: str, name: str) -> str:
    """The value of a page's hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return unescape(found[1])
