"""Speech to text by Deepgram.

Only the SDK's client for files is loaded: `AsyncDeepgramClient` brings its client for live sound
along, with a deprecated part of websockets, and a session id in every request.

A status that is no success is sorted in a hook of the HTTP client, before the SDK reads the body:
of a body that is no JSON it makes errors of several kinds, some without the status.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from deepgram.core.api_error import ApiError
from deepgram.core.client_wrapper import AsyncClientWrapper
from deepgram.core.parse_error import ParsingError
from deepgram.core.request_options import RequestOptions
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.media.client import AsyncMediaClient

from bot.domain.media import Sound, Transcript
from bot.domain.refusal import status_error
from bot.domain.untrusted import clean_line, clean_text
from bot.errors import Refused, Unavailable

DEFAULT_BASE_URL = "https://api.deepgram.com"
_TEXT_LIMIT = 20_000
_LANGUAGE_LIMIT = 20
_KEY = re.compile(r"[\x21-\x7e]+")
_REMEDIES = {
    400: "it can't read this sound, or check speech.deepgram_model and speech.language",
    401: "check DEEPGRAM_API_KEY",
    402: "top up the Deepgram account",
    403: "check what DEEPGRAM_API_KEY may do, and speech.deepgram_model",
    404: "check DEEPGRAM_BASE_URL, which goes without /v1",
    413: "the sound is too large for it",
    415: "it doesn't take this type of sound",
    422: "it can't read this sound",
}
# What the SDK tells of this machine with every request; None leaves a header out.
_UNTOLD: Mapping[str, None] = {
    "X-Fern-Language": None,
    "X-Fern-Runtime": None,
    "X-Fern-Platform": None,
    "X-Fern-SDK-Name": None,
    "X-Fern-SDK-Version": None,
}
_UNUSABLE = (
    ApiError,
    ParsingError,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    ValueError,
    RecursionError,
)
"""The address is none, or what answers there is not Deepgram."""


class Deepgram:
    """One account. `close` it at the end."""

    def __init__(
        self,
        api_key: str,
        base_url: str | None,
        model: str,
        language: str | None,
        timeout: timedelta,
    ) -> None:
        """`timeout` is for a whole transcription. None: Deepgram's own address; any language."""
        base = DEFAULT_BASE_URL if base_url is None else base_url
        self._host = _host(base)
        self._key_fits = _KEY.fullmatch(api_key) is not None
        self._model = model
        self._language = language
        self._timeout_s = timeout.total_seconds()
        self._http = httpx.AsyncClient(
            timeout=self._timeout_s,
            # No redirects: the key is for this server only.
            follow_redirects=False,
            trust_env=False,
            event_hooks={"response": [self._check_status]},
        )
        environment = DeepgramClientEnvironment(
            base=base, production=base, agent=base, agent_rest=base
        )
        self._media = AsyncMediaClient(
            client_wrapper=AsyncClientWrapper(
                api_key=api_key, environment=environment, max_retries=0, httpx_client=self._http
            )
        )

    async def transcribe(self, sound: Sound) -> Transcript:
        """What was said. Raises Unavailable (try again later) or Refused (never works)."""
        if not self._key_fits:
            raise Refused("DEEPGRAM_API_KEY is empty or holds what no key holds: correct it", 401)
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._media.transcribe_file(
                    request=sound.data,
                    model=self._model,
                    smart_format=True,
                    detect_language=True if self._language is None else None,
                    language=self._language,
                    request_options=_options(sound.media_type),
                )
        except TimeoutError:
            raise self._away("no answer in time") from None
        except _UNUSABLE as error:
            raise self._unusable(type(error).__name__) from None
        except (httpx.HTTPError, OSError) as error:
            raise self._away(type(error).__name__) from None
        return self._transcript(answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _check_status(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        raise status_error(
            f"the speech service {self._host} answered {response.status_code}",
            response.status_code,
            response.headers.get("retry-after"),
            datetime.now(UTC),
            _REMEDIES,
            "check DEEPGRAM_BASE_URL",
        )

    def _transcript(self, answer: object) -> Transcript:
        channels = getattr(getattr(answer, "results", None), "channels", None)
        if not isinstance(channels, list):
            raise self._unusable("an answer without channels")
        channel = _first(channels)
        best = _first(getattr(channel, "alternatives", None))
        language = _language(getattr(channel, "detected_language", None)) or _language(
            _first(getattr(best, "languages", None))
        )
        return Transcript(
            text=_text(getattr(best, "transcript", None)),
            service="deepgram",
            model=self._model,
            language=language or self._expected(),
        )

    def _expected(self) -> str | None:
        """The language that was asked for; it isn't repeated in the answer."""
        return None if self._language == "multi" else self._language

    def _away(self, what: str) -> Unavailable:
        return Unavailable(f"the speech service {self._host} can't be reached ({what})")

    def _unusable(self, what: str) -> Refused:
        text = f"there is no speech service at {self._host} ({what}): check DEEPGRAM_BASE_URL"
        return Refused(text, 404)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _options(media_type: str) -> RequestOptions:
    headers = {**_UNTOLD, "User-Agent": "whatsapp-bot", "content-type": media_type}
    return {"max_retries": 0, "additional_headers": headers}


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, list) and values else None


def _text(value: object) -> str:
    return clean_text(value, _TEXT_LIMIT).strip() if isinstance(value, str) else ""


def _language(value: object) -> str | None:
    return (clean_line(value, _LANGUAGE_LIMIT) or None) if isinstance(value, str) else None
