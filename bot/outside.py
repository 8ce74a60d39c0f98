"""What the working side talks to: line, model, media host, media store, speech services.

What is not configured is not loaded.
"""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from bot.adapters.media_host import MediaHosts
from bot.adapters.media_store import MediaStore
from bot.adapters.mossmoon import MossmoonLine
from bot.adapters.no_llm import NoLlm
from bot.config import Settings
from bot.domain.chat import ChatRequest, Completion, Usage
from bot.metrics import TRACES
from bot.ports import Collector, Llm, Notifier, Transcriber

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}\Z")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where line, model and speech are: the configured ones, or (in `bot dev`) the sandbox's."""

    line_url: str
    line_key: str
    llm_url: str | None
    llm_key: str | None
    speech_url: str | None = None
    """None: the service's own."""
    speech_key: str | None = None
    media_hosts: tuple[str, ...] = ()
    """`host:port`; empty: those that the settings name."""


def configured_endpoints(settings: Settings) -> Endpoints:
    """As the environment says."""
    secrets = settings.secrets
    key, llm_key = secrets.mossmoon_api_key, secrets.openai_api_key
    speech_key = secrets.deepgram_api_key
    return Endpoints(
        line_url=secrets.mossmoon_base_url,
        line_key="" if key is None else key.get_secret_value(),
        llm_url=secrets.openai_base_url,
        llm_key=None if llm_key is None else llm_key.get_secret_value(),
        speech_url=secrets.deepgram_base_url,
        speech_key=None if speech_key is None else speech_key.get_secret_value(),
    )


def has_llm(settings: Settings) -> bool:
    """Whether a model is configured."""
    return (
        settings.secrets.openai_api_key is not None or settings.secrets.openai_base_url is not None
    )


@dataclass(frozen=True, slots=True)
class Outside:
    """What the working side talks to. `close` it at the end."""

    line: MossmoonLine
    llm: Llm
    host: MediaHosts
    blobs: MediaStore
    services: tuple[Transcriber, ...]
    notifier: Notifier | None = None
    """None: operators have no webhook."""

    async def close(self) -> None:
        """Let go of all connections."""
        await self.line.close()
        await self.llm.close()
        await self.host.close()
        for service in self.services:
            await service.close()
        if self.notifier is not None:
            await self.notifier.close()


def open_outside(settings: Settings, endpoints: Endpoints, blobs: MediaStore) -> Outside:
    """The adapters of the working side; nothing is connected yet."""
    return Outside(
        make_line(settings, endpoints),
        make_llm(settings, endpoints),
        make_host(settings, endpoints),
        blobs,
        make_services(settings, endpoints),
        make_notifier(settings),
    )


def make_line(settings: Settings, endpoints: Endpoints) -> MossmoonLine:
    """The line provider's adapter."""
    return MossmoonLine(
        endpoints.line_url,
        endpoints.line_key,
        timedelta(seconds=settings.line_api.timeout_s),
        settings.line_api.text_body,
    )


def make_llm(settings: Settings, endpoints: Endpoints) -> Llm:
    """The model's adapter."""
    if endpoints.llm_key is None and endpoints.llm_url is None:
        return NoLlm()
    from bot.adapters.openai_api import OpenAiLlm  # noqa: PLC0415 - loaded only when configured

    return OpenAiLlm(
        "none" if endpoints.llm_key is None else endpoints.llm_key,
        endpoints.llm_url,
        settings.llm.model,
        timedelta(seconds=settings.llm.timeout_s),
        settings.llm.max_output_tokens,
        settings.llm.temperature,
    )


class LlmOnDemand:
    """Fits the port `Llm`: the configured model, opened by whoever asks it first."""

    def __init__(self, settings: Settings, endpoints: Endpoints) -> None:
        self._make = partial(make_llm, settings, endpoints)
        self._llm: Llm | None = None

    async def complete(self, request: ChatRequest) -> Completion:
        """One completion. Raises what the model raises."""
        if self._llm is None:
            self._llm = self._make()
        return await self._llm.complete(request)

    async def close(self) -> None:
        """Let go of connections, if there are any."""
        if self._llm is not None:
            await self._llm.close()


def make_notifier(settings: Settings) -> Notifier | None:
    """The operators' webhook, loaded only when configured."""
    if not settings.takeover.notify_url:
        return None
    from bot.adapters.notify_url import NotifyUrl  # noqa: PLC0415

    return NotifyUrl(settings.takeover.notify_url)


def make_collector(settings: Settings) -> Collector | None:
    """Where traces go, loaded only when configured. Raises Unavailable without the extra."""
    if not settings.tracing.endpoint:
        return None
    from bot.adapters.otlp import OtlpCollector  # noqa: PLC0415

    return OtlpCollector(
        settings.tracing.endpoint, lambda outcome, count: TRACES.labels(outcome).inc(count)
    )


def make_host(settings: Settings, endpoints: Endpoints) -> MediaHosts:
    """Where media may be fetched from."""
    media = settings.media
    hosts = endpoints.media_hosts or media.allowed_hosts
    return MediaHosts(hosts, media.max_bytes, timedelta(seconds=media.timeout_s))


def make_blobs(settings: Settings) -> MediaStore:
    """Where media are kept."""
    if settings.media.store:
        # The library reads the process's environment, which knows nothing of `.env`.
        os.environ.update(settings.secrets.bucket)
        return MediaStore.at(settings.media.store)
    return MediaStore.in_folder(settings.secrets.data_dir / "media")


def make_services(settings: Settings, endpoints: Endpoints) -> tuple[Transcriber, ...]:
    """The speech services, in the order in which they are asked; those without a key left out."""
    wanted = dict.fromkeys((settings.speech.provider, *settings.speech.fallback))
    made = (_make_service(name, settings, endpoints) for name in wanted)
    return tuple(service for service in made if service is not None)


def _make_service(name: str, settings: Settings, endpoints: Endpoints) -> Transcriber | None:
    """Loaded only when configured."""
    speech = settings.speech
    language = speech.language or None
    timeout = timedelta(seconds=speech.timeout_s)
    if name == "deepgram" and endpoints.speech_key is not None:
        from bot.adapters.deepgram import Deepgram  # noqa: PLC0415

        key, url = endpoints.speech_key, endpoints.speech_url
        return Deepgram(key, url, speech.deepgram_model, language, timeout)
    openai_key = settings.secrets.openai_api_key
    if name == "openai" and openai_key is not None:
        from bot.adapters.openai_speech import OpenAiSpeech  # noqa: PLC0415

        key, url = openai_key.get_secret_value(), settings.secrets.openai_base_url
        return OpenAiSpeech(key, url, speech.openai_model, language, timeout)
    if name == "local":
        from bot.adapters.local_speech import LocalSpeech  # noqa: PLC0415

        return LocalSpeech(settings.folder / speech.local_model, language)
    return None


class Prices:
    """What completions cost."""

    def __init__(self, settings: Settings) -> None:
        self._prices = settings.llm.prices

    def __call__(self, usage: Usage) -> float | None:
        """In the currency of the prices; None when the model has none or nothing was counted."""
        price = self._prices.get(usage.model)
        if price is None:  # a server names the dated version of the model that was asked for
            price = self._prices.get(_DATED.sub("", usage.model))
        if price is None or usage.tokens_in is None or usage.tokens_out is None:
            return None
        return (usage.tokens_in * price.input + usage.tokens_out * price.output) / 1_000_000


class SpeechPrices:
    """What listening costs."""

    def __init__(self, settings: Settings) -> None:
        prices = settings.speech.prices
        self._per_minute = {str(service): price for service, price in prices.items()}

    def __call__(self, service: str, seconds: float) -> float | None:
        """In the currency of the prices; None when the service has none."""
        price = self._per_minute.get(service)
        return None if price is None else price * seconds / 60
