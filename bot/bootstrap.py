"""The composition root: settings become adapters, adapters become ports, ports meet use cases.

The only place that knows them all, and the only one that imports an adapter late: what is not
configured is not loaded.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.adapters.db.engine import Database, sqlite_url
from bot.adapters.db.store import Store
from bot.adapters.db.upkeep import LEASE
from bot.adapters.db.views import Views
from bot.adapters.mossmoon import MossmoonLine, parse
from bot.adapters.no_llm import NoLlm
from bot.adapters.prompt_files import PromptFiles
from bot.adapters.whatsapp_text import to_whatsapp
from bot.config import Settings
from bot.deliver import Deliverer
from bot.domain.chat import Usage
from bot.domain.contact import contact_key
from bot.domain.conversation import Policy
from bot.domain.inbox import Audience
from bot.handoff import HandOff
from bot.ports import Line, Llm, Queue
from bot.receive import Receiver
from bot.respond import Responder, Style
from bot.worker import Lease, Worker


def utc_now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def database_url(settings: Settings) -> str:
    """The configured database, else SQLite in the data directory."""
    given = settings.secrets.database_url
    if given is not None:
        return given.get_secret_value()
    return sqlite_url(settings.secrets.data_dir / "bot.db")


def policy_of(settings: Settings) -> Policy:
    """What turns and sends are decided by."""
    conversation, takeover = settings.conversation, settings.takeover
    auto_resume = takeover.auto_resume_after_s
    return Policy(
        quiet_period=timedelta(seconds=conversation.quiet_period_s),
        max_wait=timedelta(seconds=conversation.max_wait_s),
        stale_after=timedelta(seconds=conversation.stale_after_s),
        replies_per_hour=settings.limits.replies_per_contact_per_hour,
        cost_per_day=settings.limits.llm_cost_per_day,
        max_attempts=settings.retry.max_attempts,
        base_delay=timedelta(seconds=settings.retry.base_delay_s),
        max_delay=timedelta(seconds=settings.retry.max_delay_s),
        send_timeout=timedelta(seconds=settings.line_api.timeout_s),
        resend_unknown=settings.line_api.on_uncertain == "resend",
        unknown_wait=timedelta(seconds=settings.line_api.uncertain_wait_s),
        auto_resume_after=timedelta(seconds=auto_resume) if auto_resume else None,
        resume_grace=timedelta(seconds=takeover.grace_s),
        wait_for_person=takeover.wait_for_person,
        foreign_messages=takeover.foreign_messages,
        timezone=settings.business.timezone,
    )


class Audiences:
    """Whom each line answers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own = frozenset(contact_key(number) for number in settings.own_numbers())
        self._known: dict[str, Audience] = {}

    def __call__(self, line_id: str) -> Audience:
        """The line's audience."""
        known = self._known.get(line_id)
        if known is None:
            line = self._settings.line(line_id)
            only = frozenset(contact_key(one) for one in line.only)
            known = Audience(line.answer, only, self._own)
            if len(self._known) < 1000:
                self._known[line_id] = known
        return known


class Prices:
    """What completions cost."""

    def __init__(self, settings: Settings) -> None:
        self._prices = settings.llm.prices

    def __call__(self, usage: Usage) -> float | None:
        """In the currency of the prices; None when the model has none or nothing was counted."""
        price = self._prices.get(usage.model)
        if price is None or usage.tokens_in is None or usage.tokens_out is None:
            return None
        return (usage.tokens_in * price.input + usage.tokens_out * price.output) / 1_000_000


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where line and model are: the configured ones, or (in `bot dev`) the sandbox's."""

    line_url: str
    line_key: str
    llm_url: str | None
    llm_key: str | None


def configured_endpoints(settings: Settings) -> Endpoints:
    """As the environment says."""
    secrets = settings.secrets
    key, llm_key = secrets.mossmoon_api_key, secrets.openai_api_key
    return Endpoints(
        line_url=secrets.mossmoon_base_url,
        line_key="" if key is None else key.get_secret_value(),
        llm_url=secrets.openai_base_url,
        llm_key=None if llm_key is None else llm_key.get_secret_value(),
    )


def has_llm(settings: Settings) -> bool:
    """Whether a model is configured."""
    return (
        settings.secrets.openai_api_key is not None or settings.secrets.openai_base_url is not None
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


def make_line(settings: Settings, endpoints: Endpoints) -> MossmoonLine:
    """The line provider's adapter."""
    return MossmoonLine(
        endpoints.line_url,
        endpoints.line_key,
        timedelta(seconds=settings.line_api.timeout_s),
        settings.line_api.text_body,
    )


def make_prompts(settings: Settings, store: Store) -> PromptFiles:
    """The prompts' adapter, not loaded yet."""
    return PromptFiles(
        settings.folder, settings.prompt_files(), settings.business.for_prompts(), store
    )


def make_receiver(settings: Settings, store: Store, queue: Queue) -> Receiver:
    """The receiving side."""
    quiet = timedelta(seconds=settings.conversation.quiet_period_s)
    return Receiver(store, queue, utc_now, Audiences(settings), contact_key, quiet)


def make_worker(
    settings: Settings, store: Store, queue: Queue, line: Line, llm: Llm, prompts: PromptFiles
) -> Worker:
    """The working side."""
    in_hand: set[str] = set()
    lease = Lease(LEASE.total_seconds())
    style = Style(
        ZoneInfo(settings.business.timezone),
        settings.conversation.history_tokens,
        to_whatsapp,
        Prices(settings),
    )
    responder = Responder(store, llm, prompts, utc_now, style, in_hand)
    deliverer = Deliverer(store, line, utc_now, lease.holds, in_hand)
    return Worker(store, responder, deliverer, queue, utc_now, lease, in_hand)


def make_store(settings: Settings, database: Database) -> Store:
    """The transitions."""
    return Store(database, policy_of(settings), parse, contact_key)


def configured_lines(settings: Settings) -> list[str]:
    """The lines that the settings name."""
    return [line for line in settings.lines if line != "default"]


def make_views(settings: Settings, database: Database) -> Views:
    """The reads for people."""
    return Views(database, configured_lines(settings))


def make_handoff(settings: Settings, store: Store, queue: Queue) -> HandOff:
    """The operators' work."""
    return HandOff(store, queue, utc_now, policy_of(settings))
