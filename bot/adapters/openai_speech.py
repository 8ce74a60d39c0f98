"""Speech to text by OpenAI, or any server that speaks its transcription API."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx2
import openai

from bot.domain.media import Sound, Transcript
from bot.domain.refusal import status_error
from bot.domain.spoken_language import language_code
from bot.domain.untrusted import clean_line, clean_text
from bot.errors import Refused, Unavailable

DEFAULT_BASE_URL = "https://api.openai.com/v1"
_TEXT_LIMIT = 20_000
_LANGUAGE_LIMIT = 20
_REMEDIES = {
    400: "it can't read this sound, or check speech.openai_model and speech.language",
    401: "check OPENAI_API_KEY",
    402: "top up the account",
    403: "check what OPENAI_API_KEY may do, and speech.openai_model",
    404: "check speech.openai_model and OPENAI_BASE_URL, which ends in /v1",
    413: "the sound is too large for it",
    415: "it doesn't take this type of sound",
    422: "it can't read this sound, or check speech.openai_model",
}


class OpenAiSpeech:
    """One model on one server. `close` it at the end."""

    def __init__(
        self,
        api_key: str,
        base_url: str | None,
        model: str,
        language: str | None,
        timeout: timedelta,
    ) -> None:
        """`timeout` is for a whole transcription. None: OpenAI as `base_url`, any language."""
        base = DEFAULT_BASE_URL if base_url is None else base_url
        self._host = urlsplit(base).hostname or ""
        self._model = model
        self._language = language_code(language)
        self._timeout_s = timeout.total_seconds()
        self._client = openai.AsyncOpenAI(
            # Local servers want none, but the SDK insists on something.
            api_key=api_key if api_key else "unset",
            base_url=base,
            max_retries=0,
            timeout=self._timeout_s,
            # No redirects: the key is for this server only.
            http_client=openai.DefaultAioHttpClient(
                timeout=self._timeout_s, follow_redirects=False, trust_env=False
            ),
        )

    async def transcribe(self, sound: Sound) -> Transcript:
        """What was said. Raises Unavailable (try again later) or Refused (never works)."""
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._post(sound)
        except openai.APIStatusError as error:
            raise self._status_error(error.response) from None
        except TimeoutError:
            raise self._away("no answer in time") from None
        except (openai.APIError, httpx2.HTTPError, aiohttp.ClientError, OSError) as error:
            # The SDK's transport lets some of aiohttp's errors through as they are.
            raise self._away(type(error).__name__) from None
        except (openai.OpenAIError, ValueError) as error:
            what = type(error).__name__
            raise Refused(f"{what}: check OPENAI_API_KEY and OPENAI_BASE_URL", 401) from None
        return self._transcript(body)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _post(self, sound: Sound) -> bytes:
        """The answer as it came, since it may be any server's."""
        raw = await self._client.audio.transcriptions.with_raw_response.create(
            file=(sound.filename, sound.data, sound.media_type),
            model=self._model,
            # Only Whisper has the long form, the only one that names the language.
            response_format="verbose_json" if "whisper" in self._model.lower() else "json",
            language=openai.omit if self._language is None else self._language,
        )
        return raw.content

    def _transcript(self, body: bytes) -> Transcript:
        answer = self._object(body)
        text = answer.get("text")
        if not isinstance(text, str):
            raise self._unusable("an answer without text")
        return Transcript(
            text=clean_text(text, _TEXT_LIMIT).strip(),
            service="openai",
            model=self._model,
            language=_language(answer) or self._language,
        )

    def _object(self, body: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            raise self._unusable("an answer that is no JSON") from None
        if not isinstance(answer, dict):
            raise self._unusable("an answer that is no object")
        return answer

    def _status_error(self, response: httpx2.Response) -> Unavailable | Refused:
        return status_error(
            f"the speech service {self._host} answered {response.status_code}",
            response.status_code,
            response.headers.get("retry-after"),
            datetime.now(UTC),
            _REMEDIES,
            "check OPENAI_BASE_URL",
        )

    def _away(self, what: str) -> Unavailable:
        return Unavailable(f"the speech service {self._host} can't be reached ({what})")

    def _unusable(self, what: str) -> Refused:
        text = f"there is no speech service at {self._host} ({what}): check OPENAI_BASE_URL"
        return Refused(text, 404)


def _language(answer: dict[str, Any]) -> str | None:
    """Whisper names one language, newer models list those they detected."""
    listed = answer.get("languages")
    first = listed[0] if isinstance(listed, list) and listed else None
    code = first.get("code") if isinstance(first, dict) else first
    named = answer.get("language")
    value = named if isinstance(named, str) else code
    return (clean_line(value, _LANGUAGE_LIMIT) or None) if isinstance(value, str) else None
