"""One conversation of `bot chat`: with the prompt as its file is now, and all that it took."""

from dataclasses import replace
from pathlib import Path

from bot import bootstrap, outside
from bot.adapters.prompt_files import PromptFiles
from bot.cli.chat_shown import Answer, summary, total, what_came, why
from bot.cli.stand_in import StandIn
from bot.cli.terminal import complain, say, words
from bot.config import Settings
from bot.errors import BotError, Fault, SettingsError
from bot.ports import Transcriber
from bot.rehearsal import Ended, Overheard, Overhearing, Rehearsal, Said, Stage, file_prompts

_STAND_IN = "No OPENAI_API_KEY is set: a stand-in answers by quoting the prompt."


class Talk:
    """`open` it first; `failures` counts the messages that got no answer."""

    def __init__(self, settings: Settings, line_id: str) -> None:
        self._settings = settings
        self._line_id = line_id
        self.failures = 0
        self._services: tuple[Transcriber, ...] = ()
        self._stand_in: StandIn | None = None
        self._spent: list[Overheard] = []
        self._last: Answer | None = None
        self._faults: tuple[Fault, ...] = ()

    async def open(self) -> None:
        """Load the prompt, find a model. Raises SettingsError."""
        settings = self._settings
        prompts = await file_prompts(settings, self._line_id)
        endpoints = outside.configured_endpoints(settings)
        if not outside.has_llm(settings):
            complain(_STAND_IN)
            self._stand_in = StandIn()
            url = self._stand_in.start()
            endpoints = replace(endpoints, llm_url=url, llm_key=self._stand_in.key)
        self._llm = outside.make_llm(settings, endpoints)
        self._model = Overhearing(self._llm, outside.Prices(settings))
        self._services = outside.make_services(settings, endpoints)
        self._use(prompts)

    def _use(self, prompts: PromptFiles) -> None:
        self._prompts = prompts
        self._stage = Stage(self._settings, prompts, self._services)
        self._rehearsal: Rehearsal = self._stage.rehearse(self._model, line_id=self._line_id)
        self._faults = ()

    def forget(self) -> None:
        """Begin anew."""
        self._rehearsal.forget()
        self._last = None

    async def speak_as(self, line_id: str) -> None:
        """With the prompt of another line, from the beginning; with this one if it is no good."""
        if not line_id:
            complain(f"name a line: {', '.join(self._settings.prompt_files())}")
            return
        try:
            prompts = await file_prompts(self._settings, line_id)
        except SettingsError as error:
            for fault in error.faults:
                complain(str(fault))
            complain(f"still the prompt of {self._line_id}")
            return
        self._line_id, self._last = line_id, None
        self._use(prompts)
        listed = "" if line_id in self._settings.prompt_files() else ", as lines that aren't listed"
        say(words(f"[{line_id} speaks with {self._file} {self._version}{listed}]"))

    async def answer(self, text: str) -> None:
        """One message and what the customer gets."""
        await self._say(Said(text))

    async def send_file(self, kind: str, path: str) -> None:
        """One file, read as if a customer had sent it."""
        try:
            media = await self._stage.attach(Path(path))
        except (BotError, OSError) as error:
            self._fail(f"{path}: {error.strerror if isinstance(error, OSError) else error}")
            return
        say(words(f"[{summary(media)}]"))
        await self._say(Said("", kind, media))

    def show_why(self) -> None:
        """How the last answer came about."""
        if self._last is None:
            say("[nothing was answered yet]")
            return
        for line in why(self._last):
            say(words(line))

    def show_cost(self) -> None:
        """What was spent here, whatever was begun anew meanwhile."""
        say(total(self._spent))

    async def close(self) -> None:
        """Disconnect; end the stand-in, if there is one."""
        for service in self._services:
            await service.close()
        await self._llm.close()
        if self._stand_in is not None:
            await self._stand_in.stop()

    async def _say(self, said: Said) -> None:
        await self._look_at_file()
        self._model.heard.clear()
        outcome = await self._rehearsal.answer(said)
        heard = tuple(self._model.heard)
        self._spent += heard
        prompt = self._stage.render(bootstrap.utc_now(), self._line_id)
        self._last = Answer(outcome, heard, prompt, self._file)
        if outcome.ended is Ended.FAILED or not outcome.text:
            self._fail(outcome.reason)
        else:
            for line in what_came(outcome):
                say(words(line))

    async def _look_at_file(self) -> None:
        """Take over what was changed since the last message, or say what is wrong with it."""
        before = self._version
        await self._prompts.look()
        await self._prompts.look()  # an edit is read when it has held still from one to the next
        faults = self._prompts.faults()
        if self._version != before:
            say(words(f"[{self._file} has changed: {self._version} from here on]"))
        if faults and faults != self._faults:
            complain(f"{faults[0]}{_more(faults)}; {self._version} goes on")
        self._faults = faults

    @property
    def _version(self) -> str:
        return self._stage.render(bootstrap.utc_now(), self._line_id).version

    @property
    def _file(self) -> str:
        return self._settings.line(self._line_id).prompt

    def _fail(self, error: str) -> None:
        self.failures += 1
        complain(f"no answer: {error}")


def _more(faults: tuple[Fault, ...]) -> str:
    return f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
