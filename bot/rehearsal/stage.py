"""Where conversations are rehearsed: a prompt, live or a candidate, with all that a turn needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bot import bootstrap
from bot.adapters.prompt_files import CandidatePrompt, NothingKept, PromptFiles, gather
from bot.config import Settings
from bot.domain.media import Attachment
from bot.domain.outcome import Outcome
from bot.domain.prompt import LineVoice, RenderedPrompt
from bot.errors import SettingsError
from bot.ports import Clock, Llm, Prompts, Transcriber
from bot.rehearsal.files import Desk, Files
from bot.rehearsal.record import CONVERSATION, Exchange, Record, Said
from bot.respond import Responder


@dataclass(frozen=True, slots=True)
class PromptText:
    """A prompt as somebody wrote it, saved or not."""

    source: str = field(repr=False)
    file: str
    """Named in faults; the prompt's name comes from it."""

    def prompts(self, settings: Settings) -> CandidatePrompt:
        """As the bot would use it, with the parts that it includes. Raises SettingsError."""
        found = gather(settings.folder, self.file, text=self.source)
        if found.faults:
            raise SettingsError(found.faults)
        business = settings.business.for_prompts()
        return CandidatePrompt(found.source, self.file, business, voices=settings.voices())


async def file_prompts(settings: Settings, line_id: str) -> PromptFiles:
    """The one prompt that a line speaks with; a fault in another is none here.

    Raises SettingsError.
    """
    business = settings.business.for_prompts()
    spoken_with = {"default": settings.line(line_id).prompt}
    voices = settings.voices()
    voice = LineVoice(voices.get(line_id, voices["default"]).variables)
    prompts = PromptFiles(settings.folder, spoken_with, business, NothingKept(), {"default": voice})
    await prompts.load()
    return prompts


class Rehearsal:
    """One conversation."""

    def __init__(self, record: Record, responder: Responder, clock: Clock) -> None:
        self._record = record
        self._responder = responder
        self._clock = clock

    async def answer(self, *said: Said) -> Outcome:
        """What the customer gets for these messages, written in one go."""
        self._record.say(said, self._clock())
        await self._responder.take_turn(CONVERSATION)
        return self._record.last

    def forget(self) -> None:
        """Begin anew."""
        self._record.forget()

    @property
    def opted_out(self) -> bool:
        """Whether the customer wants no more messages."""
        return self._record.opted_out


class Stage:
    """What rehearsals with one prompt share."""

    def __init__(
        self, settings: Settings, prompts: Prompts, services: Sequence[Transcriber] = ()
    ) -> None:
        self._settings = settings
        self._prompts = prompts
        self._desk = Desk()
        interpreter = bootstrap.make_interpreter(settings, self._desk, services)
        self._files = Files(interpreter, settings.media.max_bytes)

    async def attach(self, path: Path) -> Attachment:
        """A file on this machine, read as a customer's. Raises OSError or Unavailable."""
        return await self._files.attach(path)

    def render(
        self, now: datetime, line_id: str = "default", contact_name: str | None = None
    ) -> RenderedPrompt:
        """The prompt as a turn at that moment gets it."""
        return self._prompts.render(line_id, contact_name=contact_name, now=now)

    def rehearse(
        self,
        llm: Llm,
        *,
        line_id: str = "default",
        contact_name: str | None = None,
        clock: Clock = bootstrap.utc_now,
        hands_over: bool = False,
        past: Sequence[Exchange] = (),
    ) -> Rehearsal:
        """A new conversation, or one that goes on after `past`.

        `hands_over`: after a hand-off the bot is silent, as on a line.
        """
        record = Record(line_id, contact_name, hands_over=hands_over)
        record.recall(past)
        style = bootstrap.make_style(self._settings)
        responder = Responder(record, llm, self._prompts, self._desk, clock, style, set())
        return Rehearsal(record, responder, clock)
