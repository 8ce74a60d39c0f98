"""The composition root: settings become adapters, adapters become ports, ports meet use cases.

The only place that knows them all, and the only one that imports an adapter late: what is not
configured is not loaded.
"""

import shutil
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.adapters.db.candidates import Candidates
from bot.adapters.db.contact_book import ContactBook
from bot.adapters.db.engine import Database, sqlite_url
from bot.adapters.db.prompt_archive import PromptArchive
from bot.adapters.db.shadows import Shadows
from bot.adapters.db.store import Store
from bot.adapters.db.upkeep import LEASE
from bot.adapters.db.views import Views
from bot.adapters.media_reader import Readers, ReadLimits
from bot.adapters.media_store import MediaStore
from bot.adapters.mossmoon import parse
from bot.adapters.prompt_files import PromptFiles, PromptFolder
from bot.adapters.whatsapp_text import to_whatsapp
from bot.again import Cast
from bot.asking import Style
from bot.breaker import Breaker
from bot.config import Settings, without_secrets
from bot.contacts import Contacts
from bot.deliver import Deliverer
from bot.domain.contact import ContactList, contact_key
from bot.domain.conversation import Policy
from bot.domain.decide import Duty
from bot.domain.guards.examine import Watch
from bot.domain.guards.figures import NOT_DIGITS
from bot.domain.history import View
from bot.domain.inbox import Audience
from bot.domain.notice import Roster
from bot.domain.pace import Pace
from bot.export import Export
from bot.handoff import HandOff
from bot.hearing import Hear
from bot.herald import Herald
from bot.interpret import Interpreter
from bot.listen import Listener
from bot.outside import Outside, Prices, SpeechPrices
from bot.perceive import Perceiver
from bot.ports import Blobs, Queue, Transcriber, Understudy, Witness
from bot.publish import Publisher
from bot.receive import Receiver
from bot.respond import Responder
from bot.shadow import Part, Shadow
from bot.worker import Crew, Lease, Worker

_PICTURES_MAX = 6
"""Shown to the model at once."""
_LEFT_BEHIND_S = 3600


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
        late_after=timedelta(seconds=conversation.late_after_s),
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
        roster=roster_of(settings),
        audience=Audiences(settings),
        pace=pace_of(settings),
    )


def pace_of(settings: Settings) -> Pace:
    """How fast lines send."""
    pace = settings.pace.model_dump(exclude={"part_gap_s"})
    return Pace(**pace, part_gap=timedelta(seconds=settings.pace.part_gap_s))


def roster_of(settings: Settings) -> Roster:
    """Who is told when a person is needed, and who commands over WhatsApp."""
    return Roster(
        everywhere=settings.line("default").operators,
        by_line={line: settings.line(line).operators for line in configured_lines(settings)},
        webhook=bool(settings.takeover.notify_url),
        base_url=public_url(settings),
    )


def public_url(settings: Settings) -> str:
    """Where operators reach the bot; without a public address, the one on this machine."""
    if settings.server.public_url:
        return settings.server.public_url
    host = settings.server.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.server.port}"


def duty_of(settings: Settings) -> Duty:
    """When the bot answers at all."""
    business, limits = settings.business, settings.limits
    return Duty(
        business.bot_answers,
        business.opening(),
        limits.messages_per_contact_per_10_minutes,
        watches_loops=limits.replies_per_contact_per_hour > 0,
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
            known = Audience(
                line.answer,
                ContactList(line.only),
                ContactList(line.block),
                self._own,
                frozenset(line.operators),
            )
            if len(self._known) < 1000:
                self._known[line_id] = known
        return known


def make_scratch(settings: Settings) -> Path:
    """The folder for files on their way, empty of what an earlier process has left."""
    folder = settings.secrets.data_dir / "incoming"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.iterdir():
        if time.time() - left.stat().st_mtime > _LEFT_BEHIND_S:
            shutil.rmtree(left, ignore_errors=True)
    return folder


def make_publisher(settings: Settings, database: Database) -> Publisher:
    """What every prompt goes live by."""
    folder = PromptFolder(
        settings.folder,
        settings.prompt_files(),
        settings.business.for_prompts(),
        settings.voices(),
    )
    gate = make_candidates(settings, database) if settings.prompts.gate == "tests" else None
    return Publisher(PromptArchive(database, utc_now), folder, gate)


def make_candidates(settings: Settings, database: Database) -> Candidates:
    """Changed prompts that wait for their tests."""
    return Candidates(database, utc_now, policy_of(settings))


def make_prompts(settings: Settings, publisher: Publisher) -> PromptFiles:
    """The prompts' adapter, not loaded yet."""
    return PromptFiles(
        settings.folder,
        settings.prompt_files(),
        settings.business.for_prompts(),
        publisher,
        settings.voices(),
    )


def make_receiver(settings: Settings, store: Store, queue: Queue, hear: Hear) -> Receiver:
    """The receiving side."""
    quiet = timedelta(seconds=settings.conversation.quiet_period_s)
    return Receiver(store, queue, utc_now, Audiences(settings), contact_key, quiet, hear)


def make_worker(
    settings: Settings,
    store: Store,
    queue: Queue,
    outside: Outside,
    prompts: PromptFiles,
    in_hand: set[str],
    *,
    witness: Witness | None = None,
    understudy: Understudy | None = None,
) -> Worker:
    """The working side; the witness is told of what leaves and arrives.

    `in_hand`: the ids of what is being done, kept by whoever does it.
    """
    lease = Lease(LEASE.total_seconds())
    perceiver = Perceiver(
        store,
        outside.host,
        outside.blobs,
        make_interpreter(settings, outside.blobs, outside.services),
        utc_now,
        make_scratch(settings),
        in_hand,
    )
    style = make_style(settings)
    crew = Crew(
        perceiver,
        Responder(store, outside.llm, prompts, outside.blobs, utc_now, style, in_hand, understudy),
        Deliverer(store, outside.line, utc_now, lease.holds, in_hand, witness),
        Herald(store, outside.notifier, utc_now),
        Breaker(store, utc_now, pace_of(settings)),
    )
    return Worker(store, crew, queue, utc_now, lease, in_hand)


def make_shadow(
    settings: Settings,
    database: Database,
    store: Store,
    outside: Outside,
    prompts: PromptFiles,
    in_hand: Collection[str],
) -> Shadow | None:
    """What answers beside the bot; None: no line has a shadow."""
    files = settings.shadows()
    if not any(files.values()):
        return None
    cast = Cast(prompts, outside.llm, outside.blobs, store, make_style(settings))
    part = Part(files, settings.limits.shadow_cost_per_day)
    return Shadow(part, cast, Shadows(database), utc_now, in_hand)


def make_interpreter(
    settings: Settings, blobs: Blobs, services: Sequence[Transcriber]
) -> Interpreter:
    """What makes sense of files; its pictures go to `blobs`."""
    limits = ReadLimits(max_seconds=settings.speech.max_seconds)
    return Interpreter(Readers(limits), blobs, Listener(services, SpeechPrices(settings)))


def make_style(settings: Settings) -> Style:
    """How replies are made."""
    return Style(
        ZoneInfo(settings.business.timezone),
        settings.conversation.history_tokens,
        View(settings.media.document_tokens, _PICTURES_MAX if settings.llm.vision else 0),
        to_whatsapp,
        Prices(settings),
        duty_of(settings),
        watch_of(settings),
    )


def watch_of(settings: Settings) -> Watch:
    """What the model must not let out. The secrets stay where they are and are looked up there."""
    own = {
        number
        for line in ("default", *configured_lines(settings))
        for number in settings.line(line).operators
    }
    return Watch(
        partial(without_secrets, settings.secrets),
        frozenset(NOT_DIGITS.sub("", number) for number in own),
    )


def make_store(settings: Settings, database: Database) -> Store:
    """The transitions."""
    return Store(database, policy_of(settings), parse, contact_key)


def configured_lines(settings: Settings) -> list[str]:
    """The lines that the settings name."""
    return [line for line in settings.lines if line != "default"]


def make_views(settings: Settings, database: Database) -> Views:
    """The reads for people."""
    return Views(database, configured_lines(settings))


def make_contacts(settings: Settings, database: Database, blobs: MediaStore) -> Contacts:
    """What operators do with a contact."""
    send_timeout = timedelta(seconds=settings.line_api.timeout_s)
    return Contacts(ContactBook(database), blobs, utc_now, send_timeout)


def make_export(database: Database, blobs: MediaStore) -> Export:
    """All that is kept of a contact."""
    return Export(ContactBook(database), blobs, utc_now)


def make_handoff(settings: Settings, store: Store, queue: Queue) -> HandOff:
    """The operators' work."""
    return HandOff(store, queue, utc_now, policy_of(settings))
