"""What the use cases need from the outside, named for the need; adapters fit by shape."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from bot.domain.alert import Told
from bot.domain.candidate import Candidate, CandidateView, Gate, Judgement
from bot.domain.census import Census
from bot.domain.chat import ChatRequest, Completion
from bot.domain.comparison import Answer, Spent
from bot.domain.conversation import Pause
from bot.domain.inbox import Filing
from bot.domain.media import (
    Announced,
    DocumentText,
    Fetched,
    MediaWork,
    Page,
    Problem,
    Reading,
    Sound,
    Transcript,
)
from bot.domain.outbox import Outbound, SendOutcome
from bot.domain.people import (
    Decision,
    NotePage,
    NoteView,
    Place,
    Profile,
    Record,
    Removed,
    Standing,
)
from bot.domain.prompt import Customer, RenderedPrompt
from bot.domain.prompt_shown import Checked, FileLook
from bot.domain.prompt_version import Bringer, Edition, FileText, LivePrompt, PastVersion
from bot.domain.silence import Heard
from bot.domain.trace import Journey, Span
from bot.domain.turn import Answered, Claim, Opting, Reply, Turn
from bot.domain.watchdog import Limits, Sighting, Verdict
from bot.domain.work import (
    Accepted,
    Applied,
    Delivery,
    InFlight,
    MediaClaim,
    MediaEnded,
    MediaLater,
    NoticePost,
    SendLater,
    ToSend,
    Traffic,
    Work,
)

Clock = Callable[[], datetime]
"""Now, as an aware UTC datetime."""


class Line(Protocol):
    """The way a message leaves; never raises for what the line answers."""

    async def send(self, message: Outbound) -> SendOutcome:
        """One attempt, within the configured time-out."""
        ...


class Llm(Protocol):
    """The model that writes replies."""

    async def complete(self, request: ChatRequest) -> Completion:
        """One completion. Raises Unavailable (outage) or Refused (this request never works)."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class MediaHost(Protocol):
    """Where attachments are downloaded from."""

    async def fetch(self, announced: Announced, into: Path) -> Fetched:
        """Download to the file `into`, checked against what was announced.

        Raises Unavailable (outage), MediaMissing (perhaps not there yet) or BadMedia (never).
        Whatever is raised, no file is left.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Gallery(Protocol):
    """Where pictures for the model are kept."""

    async def get(self, key: str) -> bytes:
        """The whole of something small. Raises NotFound or Unavailable."""
        ...


class Blobs(Gallery, Protocol):
    """Our own copies of files. Everything raises Unavailable; keys are `domain.media`'s."""

    async def put(self, key: str, path: Path) -> None:
        """Keep a file, atomically; what is there already stays."""
        ...

    async def put_bytes(self, key: str, data: bytes) -> None:
        """The same for something small."""
        ...

    async def has(self, key: str) -> bool:
        """Whether it is there."""
        ...

    async def copy_to(self, key: str, path: Path) -> None:
        """A copy in a local file. Raises NotFound."""
        ...

    async def check(self) -> None:
        """Whether files can be kept; clears away what killed processes left half written."""
        ...


class MediaReader(Protocol):
    """Looks into files, apart from this process: a hostile one harms nobody else.

    Everything raises BadMedia (of the file) or Unavailable (of the machine).
    """

    async def media_type(self, path: Path, filename: str | None) -> str:
        """What the bytes are, whatever they were announced as; `application/octet-stream`: who
        knows. The name only tells CSV from other text."""
        ...

    async def sound(self, path: Path, media_type: str) -> Sound:
        """The sound of a voice note or a video, fit for speech services.

        Raises BadMedia with `too_short`, `too_long`, `silent`, `no_sound` or `unreadable`.
        """
        ...

    async def picture(self, path: Path) -> Page:
        """A photo, upright and of a size that models take."""
        ...

    async def document(self, path: Path, media_type: str) -> DocumentText:
        """The words of a document, or pictures of its pages where it has none."""
        ...


class Transcriber(Protocol):
    """A speech service."""

    async def transcribe(self, sound: Sound) -> Transcript:
        """What was said. Raises Unavailable (outage) or Refused (not this sound)."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Prompts(Protocol):
    """The prompt a line speaks with, at its latest valid version."""

    def render(
        self,
        line_id: str,
        *,
        contact_name: str | None,
        now: datetime,
        customer: Customer = Customer(),  # noqa: B008 - frozen
        file: str | None = None,
    ) -> RenderedPrompt:
        """Fill in the variables; `file`: not of the line's own prompt but of this file's."""
        ...


class Understudy(Protocol):
    """Makes another answer to a turn that has ended, for operators to look at."""

    def offer(self, turn: Turn, reply: Reply) -> None:
        """The turn, and what the customer gets. Returns at once, never raises."""
        ...


class ShadowStore(Protocol):
    """What shadows would have said. Everything raises StoreUnavailable."""

    async def add(self, turn: Turn, answer: Answer, at: datetime) -> None:
        """Keep an answer, unless its turn is gone; the same again changes nothing."""
        ...

    async def spent_since(self, at: datetime) -> Spent:
        """What shadows have cost since then."""
        ...


class PromptStore(Protocol):
    """Every version that ever was live, and which one is. Everything raises StoreUnavailable."""

    async def take_file(self, text: FileText, *, gated: bool = False) -> str | None:
        """Publish a file's text if it is an edit; the live version, None: ask again soon.

        `gated`: an edit becomes a candidate.
        """
        ...

    async def propose(self, edition: Edition, bringer: Bringer, base: str | None) -> str | None:
        """Make it the candidate for the place of `base`; the live version: another, if it is not.

        What is live is no candidate.
        """
        ...

    async def publish(self, edition: Edition, bringer: Bringer, base: str | None) -> str | None:
        """Make it live in place of `base`; the live version then: another, if `base` was not."""
        ...

    async def note_file(self, name: str, place: str, version: str) -> None:
        """What a host's file holds now, by our own hand."""
        ...

    async def live_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """Of these prompts; one that never was live is left out."""
        ...

    async def live(self, names: Sequence[str]) -> Mapping[str, LivePrompt]:
        """The same, with who and when."""
        ...

    async def source(self, name: str, version: str) -> str | None:
        """A version's text, byte by byte; None: no such version."""
        ...

    async def history(self, name: str) -> tuple[PastVersion, ...]:
        """What was live when, the newest first."""
        ...

    async def versions_like(self, name: str, beginning: str, limit: int) -> tuple[str, ...]:
        """The versions of a prompt that begin so."""
        ...


class CandidateStore(Protocol):
    """Changed prompts that are not live yet, one for each. Everything raises StoreUnavailable."""

    async def of(self, names: Sequence[str]) -> Mapping[str, CandidateView]:
        """Of these prompts; one that has none is left out."""
        ...

    async def edition(self, name: str) -> Edition | None:
        """A prompt's candidate; None: it has none."""
        ...

    async def failed(self, names: Sequence[str]) -> Mapping[str, tuple[str, str]]:
        """Version and digest of the tests of those that have failed."""
        ...

    async def claim(self, names: Sequence[str]) -> Candidate | None:
        """Take one in hand whose tests nobody runs; None: there is none."""
        ...

    async def beat(self, candidate: Candidate) -> bool:
        """Still in hand here; False: it is another's, or gone."""
        ...

    async def go_live(self, candidate: Candidate, gate: Gate) -> str | None:
        """Make it live; the live version then: another, if it was overtaken."""
        ...

    async def fail(self, candidate: Candidate, judgement: Judgement) -> bool:
        """Keep why, and tell operators once; False: it is another's, or gone."""
        ...

    async def put_off(self, candidate: Candidate, trouble: str) -> bool:
        """Its tests could not be run: again later; False: it is another's, or gone."""
        ...

    async def let_go(self, candidate: Candidate) -> None:
        """Whoever had it in hand ends: another may take it at once."""
        ...

    async def test_again(self, name: str, version: str) -> bool:
        """One that has failed waits again; False: there is no such one."""
        ...

    async def publish_anyway(self, name: str, version: str, bringer: Bringer) -> str | None:
        """Make it live whatever its tests say; the live version then, None: no such candidate."""
        ...


class PromptTests(Protocol):
    """The tests beside the prompts."""

    async def digest(self, name: str) -> str:
        """Changes whenever they do."""
        ...

    async def judge(self, candidate: Candidate) -> Judgement:
        """Run those about a candidate. Never raises for what goes wrong in them."""
        ...


class PromptFolder(Protocol):
    """The prompt files of this host. A prompt that no line speaks with raises NotFound."""

    def names(self) -> tuple[str, ...]:
        """The prompts that lines speak with."""
        ...

    def lines(self, name: str) -> tuple[str, ...]:
        """The lines that speak with it."""
        ...

    def check(self, name: str, source: str) -> Checked:
        """A text as if it were in the prompt's file."""
        ...

    def look(self, name: str) -> FileLook:
        """What the file says right now."""
        ...

    def own_text(self, source: str) -> str:
        """A version's text without the parts that it includes."""
        ...

    def why_not_writable(self, name: str, source: str) -> str | None:
        """What keeps us from writing this text; None: nothing does."""
        ...

    def write(self, name: str, source: str) -> None:
        """The whole text at once, or nothing. Raises Refused."""
        ...

    def set_aside(self, name: str) -> str | None:
        """Keep a copy of what the file holds; where, None: there is no file. Raises Refused."""
        ...


class Queue(Protocol):
    """The doorbell of the workers. Losing a ring loses time, never work."""

    def poke(self, conversation_ids: Iterable[str], *, delay: timedelta = timedelta(0)) -> None:
        """These conversations have something due in `delay`. Returns at once, never raises."""
        ...

    def ring_events(self) -> None:
        """Line or delivery events are waiting. Returns at once, never raises."""
        ...

    def ring_media(self, media_ids: Iterable[str]) -> None:
        """These attachments are to be fetched. Returns at once, never raises."""
        ...

    async def check(self) -> bool:
        """Whether the queue answers within half a second."""
        ...


class Inbox(Protocol):
    """Durable storage of what the provider posts. Everything raises StoreUnavailable."""

    async def accept(self, filings: Sequence[Filing], now: datetime) -> Accepted:
        """Store a batch in one durable transaction; an id that is known counts for nothing."""
        ...

    async def bury(self, raw: bytes, error: str, now: datetime) -> None:
        """Keep a rightly signed body that cannot be read, as a dead letter."""
        ...


class TurnStore(Protocol):
    """The transitions of a turn, one transaction each."""

    async def claim_turn(self, conversation_id: str, now: datetime) -> Claim:
        """Take everything that waits in a conversation, if it is due and nobody works on it."""
        ...

    async def is_of_others(self, conversation_id: str, numbers: Sequence[str]) -> bool:
        """Whether one of these numbers (digits) is that of another customer."""
        ...

    async def answer_turn(
        self, turn: Turn, reply: Reply, now: datetime
    ) -> tuple[Answered, Outbound | None]:
        """Put the reply in the outbox and end the turn; its first part, if it may leave now.

        Raises LostClaim.
        """
        ...

    async def release_turn(
        self, turn: Turn, error: str, now: datetime, retry_after: timedelta | None = None
    ) -> None:
        """An outside part is away: the messages wait for another try. Raises LostClaim."""
        ...

    async def fail_turn(
        self, turn: Turn, error: str, fallback: Reply, now: datetime, *, final: bool = False
    ) -> bool:
        """Count a failure; True when the messages were given up and the fallback is queued.

        Raises LostClaim.
        """
        ...

    async def skip_turn(self, turn: Turn, reason: str, now: datetime) -> Answered:
        """End the turn without a word. Raises LostClaim."""
        ...

    async def decline_turn(self, turn: Turn, reason: str, now: datetime) -> None:
        """End the turn without a word, and tell people. Raises LostClaim."""
        ...

    async def defer_turn(
        self, turn: Turn, until: datetime, away: Reply | None, now: datetime
    ) -> Outbound | None:
        """The messages wait until then; the first part of `away`, if it may leave now.

        Raises LostClaim.
        """
        ...

    async def hear_opting(
        self, conversation_id: str, opting: Opting, message_ids: tuple[str, ...], now: datetime
    ) -> bool:
        """A customer opts out (or in) in a conversation that a person has; False: it was so."""
        ...


class Attachments(Protocol):
    """The transitions of an attachment, one transaction each."""

    async def claim_media(self, media_id: str, now: datetime) -> MediaClaim:
        """Take it to fetch or to read it."""
        ...

    async def keep_media(
        self, work: MediaWork, fetched: Fetched, media_type: str, took: timedelta, now: datetime
    ) -> None:
        """Its bytes are in our store, to be read next.

        Raises LostClaim, and Unavailable when they were deleted again meanwhile.
        """
        ...

    async def forsake_file(self, media_id: str, sha256: str, now: datetime) -> None:
        """Whoever stored these bytes has lost the attachment: if it is gone, so are they soon."""
        ...

    async def finish_media(
        self, work: MediaWork, reading: Reading, took: timedelta, now: datetime
    ) -> MediaEnded:
        """What it says is known, or why it can't be had. Raises LostClaim."""
        ...

    async def release_media(
        self,
        work: MediaWork,
        error: str,
        now: datetime,
        *,
        counted: Problem | None = None,
        retry_after: timedelta | None = None,
    ) -> MediaLater | MediaEnded:
        """Another try later; `counted` ones are limited, and end with this problem.

        Raises LostClaim.
        """
        ...


class Witness(Protocol):
    """Wants to know when replies leave and arrive. Returns at once, never raises."""

    def sent(self, message_id: str) -> None:
        """The line took it, or will never."""
        ...

    def delivered(self, delivery: Delivery) -> None:
        """It is on the customer's phone."""
        ...


class Journeys(Protocol):
    """What is known of a reply's way."""

    async def journey(self, message_id: str) -> Journey | None:
        """None: it is no turn's reply. Raises StoreUnavailable."""
        ...


class Collector(Protocol):
    """Where traces go."""

    def take(self, spans: Sequence[Span]) -> None:
        """Tell them, soon. Returns at once."""
        ...

    async def close(self) -> None:
        """Tell what waits, if that does not take long."""
        ...


class Outbox(Protocol):
    """The transitions of an outbound message, one transaction each."""

    async def claim_reply(
        self, conversation_id: str, now: datetime, *, probe: bool = False
    ) -> ToSend | SendLater:
        """Take the conversation's oldest message that may leave now.

        `probe`: let one message try a line or an account that is held.
        """
        ...

    async def settle_reply(self, message: Outbound, outcome: SendOutcome, now: datetime) -> bool:
        """Store what came of the attempt; whether there is more to send. Raises LostClaim."""
        ...


class Notifier(Protocol):
    """The operators' webhook."""

    async def post(self, notice_id: str, body: Mapping[str, Any]) -> None:
        """Raises Unavailable (again later) or Refused (never)."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class NoticeStore(Protocol):
    """The transitions of a notice for the webhook, one transaction each."""

    async def claim_notice(self, now: datetime) -> NoticePost | None:
        """Take one that is due; None: there is none."""
        ...

    async def notice_told(self, notice: NoticePost) -> None:
        """It has arrived."""
        ...

    async def notice_failed(
        self,
        notice: NoticePost,
        error: str,
        now: datetime,
        *,
        retry_after: timedelta | None = None,
        final: bool = False,
    ) -> bool:
        """Again later, for a day; True when it is given up."""
        ...


class TrafficStore(Protocol):
    """What the breaker counts by."""

    async def traffic(self, after: int | None) -> Traffic:
        """What was written since the message `after`; None: only where to count from."""
        ...

    async def stop_line(self, line_id: str, now: datetime) -> bool:
        """Silence a line until a person resumes it, and tell people; False: it is paused."""
        ...


class Lookout(Protocol):
    """The bot as a whole, seen from the database. Everything raises StoreUnavailable."""

    async def count(self, now: datetime) -> Census:
        """How much there is of everything."""
        ...

    async def sight(self, now: datetime, limits: Limits, watched_since: datetime) -> Sighting:
        """What may be wrong; silence before `watched_since` is nobody's fault."""
        ...

    async def settle_alerts(self, verdict: Verdict, now: datetime) -> Told:
        """Tell what has come up and what is over, each once."""
        ...

    async def note_heard(self, lines: Mapping[str, Heard], now: datetime) -> None:
        """Add what lines have heard since the last time."""
        ...

    async def open_alert_kinds(self) -> tuple[str, ...]:
        """Of all alerts that are open, each once."""
        ...


class Upkeep(Protocol):
    """What keeps work from being lost with its worker. Everything raises StoreUnavailable."""

    async def register(self, now: datetime, *, sole: bool) -> None:
        """This process begins to work; `sole`: nobody else can be working on this data."""
        ...

    async def beat(self, now: datetime) -> bool:
        """Prolong this process's lease; False: it was over, all work in hand is lost."""
        ...

    async def sign_off(self) -> None:
        """This process works no more; what it still held is free at once."""
        ...

    async def sweep(self, now: datetime, overdue: timedelta) -> Work:
        """What is due since at least `overdue`."""
        ...

    async def mend(self, now: datetime, in_hand: frozenset[str]) -> frozenset[str]:
        """Take back what dead workers held, and what this one holds but no longer works on.

        The conversations to look at again.
        """
        ...

    async def apply_events(self, now: datetime) -> Applied:
        """Apply waiting line and delivery events in order."""
        ...

    async def clock_went_back(self, by: timedelta, now: datetime) -> bool:
        """Bring forward what waits for a time to come; False: nothing had to be done."""
        ...

    async def summarise(self, now: datetime) -> None:
        """Tell people once what an outage has left, when it is worked off."""
        ...

    async def lapse_pauses(self, now: datetime) -> frozenset[str]:
        """End pauses whose time is up; the conversations in which a customer waits."""
        ...


class Switch(Protocol):
    """Who answers: the operators' transitions. All raise NotFound."""

    async def pause(self, conversation_id: str, pause: Pause, now: datetime) -> None:
        """The bot is silent from the commit of this on; its queued replies become drafts."""
        ...

    async def pause_scope(self, line_id: str | None, pause: Pause, now: datetime) -> None:
        """The same for a line, or (None) for everything."""
        ...

    async def in_flight(self, conversation_id: str | None, line_id: str | None) -> list[InFlight]:
        """The bot's messages that are still on their way, of a conversation, a line, or all."""
        ...

    async def resume(
        self,
        conversation_id: str,
        by: str,
        now: datetime,
        *,
        answer: bool = False,
        brief: str | None = None,
    ) -> None:
        """The bot answers again; `answer`: also what the customer wrote last, if nobody has.

        `brief`: what the model is told of the person's promises; None: what they wrote last.
        """
        ...

    async def resume_scope(
        self, line_id: str | None, by: str, now: datetime, *, answer: bool = False
    ) -> frozenset[str]:
        """The same for a line, or (None) for everything; the conversations to answer."""
        ...

    async def attend(self, conversation_id: str, by: str, now: datetime) -> None:
        """Somebody looked after it: no longer in need of attention."""
        ...

    async def write(
        self,
        conversation_id: str,
        parts: tuple[str, ...],
        pause: Pause,
        now: datetime,
        *,
        request_key: str | None = None,
        keep_bot: bool = False,
    ) -> str:
        """Queue a person's message; the id of its first part. The same key: the same id.

        `keep_bot`: the bot is not paused if it has the conversation. Raises Refused when the key
        was used in another conversation, or the customer has opted out.
        """
        ...

    async def replay(self, event_id: str, by: str, now: datetime) -> str | None:
        """Put a dead or skipped event back; the conversation to wake, None for other events.

        Raises Refused for an event in any other state.
        """
        ...

    async def drop_event(self, event_id: str, by: str, now: datetime) -> None:
        """Put a dead letter away. Raises Refused for an event in any other state."""
        ...

    async def drop_draft(self, message_id: str, by: str, now: datetime) -> None:
        """Put a draft of the bot's away. Raises Refused for any other message."""
        ...


class ContactStore(Protocol):
    """Contacts as people. Raises NotFound for what is not there."""

    async def places(self, address: str, line_id: str | None) -> tuple[Place, ...]:
        """Where a contact is known, however the number is spelt; with a line, there."""
        ...

    async def kept(self, address: str, line_id: str | None) -> tuple[Place, ...]:
        """Where anything at all is kept of a contact."""
        ...

    async def place_of(self, conversation_id: str) -> Place:
        """Whose conversation it is."""
        ...

    async def profile(self, conversation_id: str) -> Profile:
        """What is known of a contact."""
        ...

    async def standing(self, place: Place) -> Standing:
        """Blocked, opted out, or neither."""
        ...

    async def decide(
        self, place: Place, decision: Decision, by: str, reason: str | None, now: datetime
    ) -> None:
        """From the commit on it is so."""
        ...

    async def notes(self, conversation_id: str) -> NotePage:
        """In order of time."""
        ...

    async def add_note(self, conversation_id: str, text: str, by: str, now: datetime) -> NoteView:
        """Raises Refused when there are too many."""
        ...

    async def edit_note(
        self, conversation_id: str, note_id: str, text: str, by: str, now: datetime
    ) -> NoteView:
        """Who wrote it first stays its author."""
        ...

    async def remove_note(self, conversation_id: str, note_id: str) -> None:
        """Gone for good."""
        ...

    async def begin_erasing(self, place: Place, by: str, now: datetime) -> None:
        """Nothing is claimed or sent there from the commit on."""
        ...

    async def on_its_way(self, place: Place, now: datetime) -> int:
        """Messages to them that a living worker has in hand."""
        ...

    async def erase(self, place: Place, by: str, now: datetime) -> Removed:
        """All of it, in one transaction; files are left to be deleted."""
        ...

    async def has_chores(self, now: datetime) -> bool:
        """Whether an erasure has left anything to be done now."""
        ...

    async def unfinished(self, now: datetime) -> list[tuple[Place, str]]:
        """Erasures that were begun and not ended, and by whom."""
        ...

    async def forget_old(self, now: datetime) -> None:
        """Of those erased so long ago that nothing late can come about them."""
        ...

    async def leftovers(self, now: datetime) -> list[str]:
        """Files, by sha256, that may be deleted now."""
        ...

    async def begin_file(self, sha256: str) -> bool:
        """Whether a file may be deleted: no message has it, and none takes it from now on."""
        ...

    async def end_file(self, sha256: str, now: datetime) -> None:
        """It is deleted."""
        ...

    async def files_left(self, now: datetime) -> int:
        """Files that could not be deleted yet."""
        ...

    async def copies(self) -> tuple[str, ...]:
        """Names of the copies that were made of the database before it was upgraded."""
        ...


class Deletable(Protocol):
    """Holds files that can be deleted."""

    async def delete(self, key: str) -> None:
        """Gone for good when this returns; it need not have been there. Raises Unavailable."""
        ...


class Records(Protocol):
    """All that is kept of a contact, row by row."""

    async def conversation(self, place: Place) -> Record | None:
        """The conversation itself; None: there is none."""
        ...

    def pages(self, place: Place, section: str) -> AsyncIterator[list[dict[str, object]]]:
        """All rows of a section, some at a time."""
        ...

    async def note_export(self, place: Place, by: str, now: datetime) -> None:
        """It is recorded who got it."""
        ...


class Readable(Protocol):
    """Holds files; everything raises NotFound or Unavailable."""

    async def size(self, key: str) -> int:
        """In bytes."""
        ...

    def stream(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, without, `end`."""
        ...
