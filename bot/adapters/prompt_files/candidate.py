"""A prompt that is a text and perhaps never becomes a file: tried before it speaks to anybody."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from bot.adapters.prompt_files.rendering import speak
from bot.adapters.prompt_files.source import ready_prompt
from bot.domain.prompt import Business, Customer, LineVoice, Prompt, RenderedPrompt


class CandidatePrompt:
    """Fits the port `Prompts`, with the same prompt for every line; nothing is archived."""

    def __init__(
        self,
        source: str,
        file: str,
        business: Business,
        name: str | None = None,
        *,
        voices: Mapping[str, LineVoice] = MappingProxyType({}),
    ) -> None:
        """Raises SettingsError with every fault; `file` is named in them."""
        self._ready = ready_prompt(source, file, business, name)
        self._business = business
        self._voices = voices

    @property
    def prompt(self) -> Prompt:
        """What the text was read as."""
        return self._ready.prompt

    def render(
        self,
        line_id: str,
        *,
        contact_name: str | None,
        now: datetime,
        customer: Customer = Customer(),  # noqa: B008 - frozen
        file: str | None = None,
    ) -> RenderedPrompt:
        """Fill in the variables, whichever file it would have been."""
        del file
        voice = self._voices.get(line_id, self._voices.get("default", LineVoice()))
        return speak(
            self._ready,
            self._business,
            voice,
            customer,
            line_id=line_id,
            contact_name=contact_name,
            now=now,
        )
