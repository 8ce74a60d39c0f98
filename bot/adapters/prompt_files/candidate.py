"""A prompt that is a text and perhaps never becomes a file: tried before it speaks to anybody."""

from datetime import datetime

from bot.adapters.prompt_files.rendering import render_prompt, values_for
from bot.adapters.prompt_files.source import ready_prompt
from bot.domain.prompt import Business, Prompt, RenderedPrompt


class CandidatePrompt:
    """Fits the port `Prompts`, with the same prompt for every line; nothing is archived."""

    def __init__(self, source: str, file: str, business: Business, name: str | None = None) -> None:
        """Raises SettingsError with every fault; `file` is named in them."""
        self._ready = ready_prompt(source, file, business, name)
        self._business = business

    @property
    def prompt(self) -> Prompt:
        """What the text was read as."""
        return self._ready.prompt

    def render(self, line_id: str, *, contact_name: str | None, now: datetime) -> RenderedPrompt:
        """Fill in the variables."""
        values = values_for(
            self._ready.prompt, self._business, line_id=line_id, contact_name=contact_name, now=now
        )
        return render_prompt(self._ready, values)
