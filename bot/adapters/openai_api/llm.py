"""A model behind OpenAI's Chat Completions API, or any server that speaks it.

The request goes through the SDK's `post` instead of `chat.completions.create`: the same JSON, but
without transforming every message (4.6 ms of CPU with 22 messages against 0.6 to 0.8), and the
answer is read here, since it may come from any server.
"""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx2
import openai

from bot.adapters.openai_api.answers import error_code, read_completion
from bot.domain.chat import ChatRequest, Completion, Picture
from bot.domain.refusal import status_error
from bot.errors import Refused, Unavailable

DEFAULT_BASE_URL = "https://api.openai.com/v1"
_REMEDIES = {
    400: "check llm.model and the llm settings",
    401: "check OPENAI_API_KEY",
    403: "check what OPENAI_API_KEY may do",
    404: "check llm.model and OPENAI_BASE_URL",
}


class OpenAiLlm:
    """One model server. `close` it at the end."""

    def __init__(
        self,
        api_key: str,
        base_url: str | None,
        model: str,
        timeout: timedelta,
        max_output_tokens: int | None = None,
        temperature: float | None = None,
    ) -> None:
        """`timeout` is for a whole completion. None: OpenAI as `base_url`, a limit not sent."""
        self._host = urlsplit(DEFAULT_BASE_URL if base_url is None else base_url).hostname or ""
        self._model = model
        self._timeout_s = timeout.total_seconds()
        self._limits = self._given_limits(max_output_tokens, temperature)
        self._client = openai.AsyncOpenAI(
            # Local servers want none, but the SDK insists on something.
            api_key=api_key if api_key else "unset",
            base_url=DEFAULT_BASE_URL if base_url is None else base_url,
            max_retries=0,
            timeout=self._timeout_s,
            # No redirects: the key is for this server only.
            http_client=openai.DefaultAioHttpClient(
                timeout=self._timeout_s, follow_redirects=False, trust_env=False
            ),
        )

    async def complete(self, request: ChatRequest) -> Completion:
        """One completion. Raises Unavailable (try again later) or Refused (never works)."""
        body = self._body(request)
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.post(
                    "/chat/completions", body=body, cast_to=httpx2.Response
                )
        except openai.APIStatusError as error:
            raise self._status_error(error.response) from None
        except TimeoutError:
            raise self._away("no answer in time") from None
        except (openai.APIError, httpx2.HTTPError, aiohttp.ClientError, OSError) as error:
            # The SDK's transport lets some of aiohttp's errors through as they are.
            raise self._away(type(error).__name__) from None
        except (openai.OpenAIError, ValueError) as error:
            what = type(error).__name__
            raise Refused(f"{what}: check OPENAI_API_KEY and OPENAI_BASE_URL") from None
        if not response.is_success:
            raise self._status_error(response)
        offered = request.hand_off_when is not None
        return read_completion(response.content, body["model"], hand_off_offered=offered)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _given_limits(self, max_tokens: int | None, temperature: float | None) -> dict[str, Any]:
        limits: dict[str, Any] = {}
        if max_tokens is not None:
            # OpenAI's newer models refuse the old name, other servers don't know the new one.
            own = self._host == "api.openai.com" or self._host.endswith(".openai.azure.com")
            limits["max_completion_tokens" if own else "max_tokens"] = max_tokens
        if temperature is not None:
            limits["temperature"] = temperature
        return limits

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        body = {
            "model": self._model if request.model is None else request.model,
            "messages": [
                {"role": message.role, "content": _content(message.content)}
                for message in request.messages
            ],
            **self._limits,
        }
        if request.hand_off_when is not None:
            body["tools"] = [_hand_off_tool(request.hand_off_when)]
        return body

    def _status_error(self, response: httpx2.Response) -> Unavailable | Refused:
        status = response.status_code
        code = error_code(response.content)
        named = status if code is None else f"{status} {code}"
        text = f"the model server {self._host} answered {named}"
        retry_after = response.headers.get("retry-after")
        return status_error(text, status, retry_after, datetime.now(UTC), _REMEDIES)

    def _away(self, what: str) -> Unavailable:
        return Unavailable(f"the model server {self._host} can't be reached ({what})")


def _content(content: str | tuple[str | Picture, ...]) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return _encodable(content)
    return [_part(part) for part in content]


def _part(part: str | Picture) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": _encodable(part)}
    url = f"data:image/jpeg;base64,{b64encode(part.data).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _hand_off_tool(when: str) -> Mapping[str, Any]:
    texts = {
        "reason": "Why a person is needed, in a few words.",
        "summary": "What the customer wants and what was said so far, for that person.",
    }
    parameters = {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": about} for name, about in texts.items()
        },
        "required": list(texts),
        "additionalProperties": False,
    }
    description = f"Hand this conversation over to a person. {when}".strip()
    function = {"name": "hand_off", "description": description, "parameters": parameters}
    return {"type": "function", "function": function}
