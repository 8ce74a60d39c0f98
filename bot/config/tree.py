"""What config.yaml may say: every key, its type, its range and its default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bot.config.values import (
    Contact,
    ContactPattern,
    Count,
    Day,
    DayHours,
    Flag,
    Holidays,
    Host,
    LineId,
    NotBuilt,
    NotifyUrl,
    Number,
    Operators,
    OtlpUrl,
    Percent,
    PositiveSeconds,
    PromptPath,
    PublicUrl,
    Seconds,
    ServiceName,
    ShortText,
    SpeechProvider,
    Store,
    Text,
    TextBody,
    TimeZone,
    VariableName,
    VariableValue,
    Whole,
    as_contact,
)
from bot.domain.opening_hours import BotAnswers, OpeningHours, hours_text
from bot.domain.prompt import Business, LineVoice

Answer = Literal["all", "listed", "nobody"]
_WHOLE = 100


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ServerSettings(Section):
    host: ShortText = "127.0.0.1"
    port: Whole = Field(default=8000, ge=0, le=65535)
    """0: any free port."""
    public_url: PublicUrl = ""
    """Without a slash at its end; empty: notices hold no links."""
    metrics_host: ShortText = "127.0.0.1"
    metrics_port: Whole = Field(default=0, ge=0, le=65535)
    """Where `bot worker` shows health and metrics; 0: nowhere."""


class BusinessSettings(Section):
    name: Text = Field(default="", max_length=200)
    timezone: TimeZone = "UTC"
    hours: Mapping[Day, DayHours] = Field(default_factory=dict)
    """By day (`mon` to `sun`); an empty tuple: closed."""
    holidays: Holidays = ()
    bot_answers: BotAnswers = "always"

    def for_prompts(self) -> Business:
        """The business as prompts speak of it."""
        return Business(self.name, self.timezone, hours_text(self.hours), self.opening())

    def opening(self) -> OpeningHours:
        """When the business is open, by the clock of its time zone."""
        zone = ZoneInfo(self.timezone)
        return OpeningHours(self.hours, self.holidays, zone, self.timezone)


class LineEntry(Section):
    """One line as written; what is left out comes from `lines.default`."""

    prompt: PromptPath | None = None
    answer: Answer | None = None
    only: tuple[ContactPattern, ...] = Field(default=(), max_length=10_000)
    block: tuple[ContactPattern, ...] = Field(default=(), max_length=10_000)
    """Never answered; what `lines.default` blocks is blocked on every line."""
    operators: Operators | None = None
    """Instead of `takeover.operators`; empty: nobody on this line."""
    number: Contact | None = None
    """The line's own number: what comes from it is never answered."""
    shadow: PromptPath | None = None
    """Makes answers too, which nobody gets."""
    split: Mapping[PromptPath, Percent] | None = Field(default=None, max_length=10)
    """Percentages of the line's contacts who are answered with another prompt, for good."""

    @field_validator("split")
    @classmethod
    def _a_part_of_all(cls, given: Mapping[str, float] | None) -> Mapping[str, float] | None:
        if given is not None and sum(given.values()) > _WHOLE:
            raise ValueError("the percentages make more than 100: leave some to `prompt`, or none")
        return given

    variables: Mapping[VariableName, VariableValue] = Field(default_factory=dict, max_length=200)
    """In place of those that the prompt declares under the same names."""
    contacts: Mapping[str, PromptPath] = Field(default_factory=dict, max_length=10_000, repr=False)
    """The prompt for one contact, by number."""

    @field_validator("contacts")
    @classmethod
    def _by_contact(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        # Here and not in the keys' type, so that two spellings of one number are noticed.
        prompts: dict[str, str] = {}
        for number, prompt in given.items():
            key = as_contact(number)
            if key in prompts:
                raise ValueError("one number is given twice, in two spellings: keep one of them")
            prompts[key] = prompt
        return prompts

    @model_validator(mode="after")
    def _numbers_when_listed(self) -> Self:
        # Without this a forgotten `answer` would answer everybody on somebody's own phone.
        if self.only and self.answer != "listed":
            raise ValueError("`only` counts with `answer: listed`: add that, or remove `only`")
        if self.answer == "listed" and not self.only:
            raise ValueError("`answer: listed` needs `only: [numbers]` beside it")
        return self


@dataclass(frozen=True, slots=True)
class LineSettings:
    """What holds for one line; contacts are keys, in `only` and `block` patterns with `*` too."""

    prompt: str
    answer: Answer
    only: tuple[str, ...] = ()
    """Looked at when `answer` is `listed`."""
    block: tuple[str, ...] = ()
    """Never answered, whoever else is."""
    operators: tuple[str, ...] = ()
    shadow: str | None = None
    split: Mapping[str, float] = field(default_factory=dict)
    """Percentages of its contacts, by prompt file."""

    @property
    def prompts(self) -> tuple[str, ...]:
        """Every prompt file that has to do with the line, its own first."""
        shadow = () if self.shadow is None else (self.shadow,)
        return tuple(dict.fromkeys((self.prompt, *self.split, *shadow)))


class LineApiSettings(Section):
    timeout_s: PositiveSeconds = 15
    text_body: TextBody = Field(
        default_factory=lambda: {"to": "{to}", "type": "text", "text": "{text}"}
    )
    on_uncertain: Literal["resend", "ask"] = "resend"
    uncertain_wait_s: PositiveSeconds = 10


class Price(Section):
    """Per million tokens, in whatever currency `limits.llm_cost_per_day` is in."""

    input: Number = Field(ge=0)
    output: Number = Field(ge=0)


class LlmSettings(Section):
    model: ShortText = "gpt-4.1-mini"
    timeout_s: PositiveSeconds = 45
    max_output_tokens: Whole | None = Field(default=None, ge=1, le=1_000_000)
    temperature: Number | None = Field(default=None, ge=0, le=2)
    prices: Mapping[str, Price] = Field(default_factory=dict)
    vision: Flag = True
    """Whether the model sees pictures; False: it is told that there was one."""


class PromptSettings(Section):
    gate: Literal["off", "tests"] = "off"
    """`tests`: a changed prompt goes live once the tests about it have passed."""
    try_cost_per_day: Number = Field(default=1, ge=0)
    """What trying prompts in the console may cost; 0: no limit."""


class SpeechSettings(Section):
    provider: SpeechProvider = "deepgram"
    fallback: tuple[SpeechProvider, ...] = ()
    """Who is asked, in this order, when the provider is away or makes nothing of it."""
    deepgram_model: ShortText = "nova-3"
    openai_model: ShortText = "gpt-4o-mini-transcribe"
    local_model: Text = ""
    """The folder of a faster-whisper model, for `local`."""
    language: Text = ""
    """Empty: detected."""
    max_seconds: PositiveSeconds = 900
    timeout_s: PositiveSeconds = 60
    prices: Mapping[ServiceName, Number] = Field(default_factory=dict)
    """Per minute, by service, in the currency of `llm.prices`."""


class MediaSettings(Section):
    allowed_hosts: tuple[Host, ...] = ("media.mossmoon.app",)
    max_bytes: Whole = Field(default=25_000_000, ge=1)
    timeout_s: PositiveSeconds = 120
    """For one whole download."""
    store: Store = ""
    """Empty: a folder in the data directory; else `s3://bucket/prefix` and the like."""
    document_tokens: Count = 3000


class ConversationSettings(Section):
    quiet_period_s: Seconds = 3
    max_wait_s: Seconds = 20
    history_tokens: Count = 6000
    late_after_s: PositiveSeconds = 600
    """A message that waited longer than this is answered with an apology."""
    stale_after_s: PositiveSeconds = 43_200
    """A message that waited longer than this is for a person."""


class TakeoverSettings(Section):
    auto_resume_after_s: Seconds = 14_400
    """0: a pause ends when somebody ends it."""
    grace_s: Seconds = 600
    wait_for_person: Flag = False
    foreign_messages: Literal["pause", "record", "ignore"] = "pause"
    operators: Operators = ()
    notify_url: NotifyUrl = Field(default="", repr=False)
    """Often a secret; empty: no webhook."""


class PaceSettings(Section):
    """How fast a line sends. 0: no limit."""

    catch_up_per_minute: Number = Field(default=60, ge=0)
    slow_per_minute: Number = Field(default=6000, ge=0)
    burst: Whole = Field(default=30, ge=1, le=10_000)
    part_gap_s: Seconds = 1
    jitter: Number = Field(default=0.2, ge=0, le=1)
    per_day: Count = 0
    young_days: Whole = Field(default=0, ge=0, le=30)
    young_per_day: Whole = Field(default=250, ge=1)
    breaker_ratio: Number = Field(default=5, ge=0)
    breaker_least: Whole = Field(default=200, ge=1)


class LimitSettings(Section):
    """0: no limit."""

    replies_per_contact_per_hour: Count = 30
    messages_per_contact_per_10_minutes: Count = 60
    """More is a flood and gets no answer."""
    llm_cost_per_day: Number = Field(default=0, ge=0)
    shadow_cost_per_day: Number = Field(default=0, ge=0)
    """Of all shadows together; it counts beside `llm_cost_per_day`."""


class RetentionSettings(Section):
    """0: keep."""

    messages_days: Annotated[Number, Field(ge=0), NotBuilt] = 0
    media_days: Annotated[Number, Field(ge=0), NotBuilt] = 0


class RetrySettings(Section):
    max_attempts: Whole = Field(default=8, ge=1, le=1000)
    base_delay_s: PositiveSeconds = 1
    max_delay_s: PositiveSeconds = 300


class WatchdogSettings(Section):
    enabled: Flag = True
    unanswered_s: PositiveSeconds = 600
    line_down_s: PositiveSeconds = 300


class LogSettings(Section):
    format: Literal["auto", "text", "json"] = "auto"
    """`auto`: text on a terminal and in `bot dev`, else JSON."""
    level: Literal["debug", "info", "warning", "error"] = "info"


class TracingSettings(Section):
    endpoint: OtlpUrl = ""
    """Without a slash at its end; empty: no traces."""


class SettingsTree(Section):
    """The whole of config.yaml."""

    server: ServerSettings = ServerSettings()
    business: BusinessSettings = BusinessSettings()
    lines: Mapping[LineId, LineEntry] = Field(default_factory=dict, max_length=10_000)
    line_api: LineApiSettings = LineApiSettings()
    llm: LlmSettings = LlmSettings()
    prompts: PromptSettings = PromptSettings()
    speech: SpeechSettings = SpeechSettings()
    media: MediaSettings = MediaSettings()
    conversation: ConversationSettings = ConversationSettings()
    takeover: TakeoverSettings = TakeoverSettings()
    limits: LimitSettings = LimitSettings()
    pace: PaceSettings = PaceSettings()
    retention: RetentionSettings = RetentionSettings()
    retry: RetrySettings = RetrySettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    log: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()

    def line(self, line_id: str) -> LineSettings:
        """What holds for a line, listed or not."""
        default = self.lines.get("default", LineEntry())
        entry = self.lines.get(line_id, default)
        prompt = default.prompt if entry.prompt is None else entry.prompt
        chosen = default if entry.answer is None else entry
        # With a prompt of its own a line has nothing to do with what is tried on the others.
        tried = default if entry.prompt is None else LineEntry()
        return LineSettings(
            prompt="prompts/default.yaml" if prompt is None else prompt,
            answer="all" if chosen.answer is None else chosen.answer,
            only=chosen.only,
            block=tuple(dict.fromkeys((*default.block, *entry.block))),
            operators=self._operators(entry, default),
            shadow=tried.shadow if entry.shadow is None else entry.shadow,
            split=(tried.split if entry.split is None else entry.split) or {},
        )

    def _operators(self, entry: LineEntry, default: LineEntry) -> tuple[str, ...]:
        given = default.operators if entry.operators is None else entry.operators
        return self.takeover.operators if given is None else given

    def own_numbers(self) -> tuple[str, ...]:
        """The numbers of the business's own lines, as far as they are known."""
        return tuple(line.number for line in self.lines.values() if line.number is not None)

    def prompt_files(self) -> Mapping[str, str]:
        """The prompt file of `default` and of every listed line."""
        return {line_id: self.line(line_id).prompt for line_id in ("default", *self.lines)}

    def shadows(self) -> Mapping[str, str | None]:
        """The shadow's prompt file of `default` and of every listed line."""
        return {line_id: self.line(line_id).shadow for line_id in ("default", *self.lines)}

    def voices(self) -> Mapping[str, LineVoice]:
        """What `default` and every listed line say otherwise than the prompt files."""
        default = self.lines.get("default", LineEntry())
        return {
            line_id: LineVoice(
                {**default.variables, **entry.variables},
                {**default.contacts, **entry.contacts},
                self.line(line_id).split,
                self.line(line_id).shadow,
            )
            for line_id, entry in {"default": default, **self.lines}.items()
        }
