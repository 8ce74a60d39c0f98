"""Transitions as a dialogue: who wrote, what the bot took, what the line answered, and when.

No process runs: the test plays the workers, and moves their clock.
"""

import itertools
import json
from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, select

from bot.adapters.db.engine import Database
from bot.adapters.db.schema import conversations, events, lines, media, messages
from bot.adapters.db.store import Store
from bot.adapters.mossmoon import parse
from bot.domain.contact import contact_key
from bot.domain.conversation import Pause, Policy, conversation_id
from bot.domain.inbox import Audience, Filing, file_event
from bot.domain.outbox import LineHeld, Outbound, SendOutcome
from bot.domain.pace import Pace
from bot.domain.turn import Answered, Claimed, MadeBy, Reply, Turn
from bot.domain.work import Accepted, ToSend, Work

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR_S = 3600
LINE = "ln_1"
ANNA = "+15550001"
BEN = "+15550002"
NOT_READY = LineHeld("line_not_ready", "scan the code again")

_number = itertools.count(1)


def at(seconds: float) -> datetime:
    """A time, counted from the test's beginning."""
    return START + timedelta(seconds=seconds)


def crowd(size: int) -> list[str]:
    """Addresses of so many customers."""
    return [f"+1666{number:07}" for number in range(size)]


def thread(contact: str, line: str = LINE) -> str:
    """The id of a contact's conversation."""
    return conversation_id(line, contact_key(contact))


def event(
    kind: str, line: str = LINE, operators: Container[str] = frozenset(), **fields: Any
) -> Filing:
    body = {"event": kind, "id": f"evt_{next(_number)}", "line_id": line, **fields}
    audience = Audience(operators=operators)
    return file_event(parse(json.dumps(body).encode()), audience, contact_key)


def message(contact: str = ANNA, text: str = "hi", line: str = LINE, **fields: Any) -> Filing:
    content = {"id": f"msg_{next(_number)}", "from": contact, "type": "text", "text": text}
    return event("message.received", line, message=content | fields)


def reply(*parts: str) -> Reply:
    return Reply(parts if parts else ("an answer",), MadeBy())


def pause(by: str = "olga", until_s: float | None = None) -> Pause:
    return Pause(by, None if until_s is None else at(until_s))


class Scene:
    """One worker's store, and the time it is told."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = START
        self.last_message_id = ""
        self.policy = Policy(quiet_period=timedelta(0), pace=Pace(part_gap=timedelta(0)))
        self.store = self.another_worker()

    def another_worker(self) -> Store:
        """A second worker on the same data; it has not registered."""
        return Store(self.database, self.policy, parse, contact_key)

    def settings(self, **changes: Any) -> None:
        """Other settings from here on, for the same worker."""
        self.policy = replace(self.policy, **changes)
        worker_id = self.store.worker_id
        self.store = self.another_worker()
        self.store.worker_id = worker_id

    def at(self, seconds: float) -> None:
        """Set the clock, forwards or back."""
        self.now = at(seconds)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # what happens on the line

    async def writes(
        self, contact: str = ANNA, text: str = "hi", line: str = LINE, **fields: Any
    ) -> str:
        """A customer writes; the conversation."""
        filing = message(contact, text, line, **fields)
        await self._accept(filing)
        return thread(contact, line)

    async def sends_voice(self, contact: str = ANNA) -> tuple[str, str]:
        """A customer sends a voice note; the conversation and the attachment."""
        return await self.sends_file("voice", contact)

    async def sends_file(
        self, kind: str, contact: str = ANNA, sha256: str | None = None
    ) -> tuple[str, str]:
        media = {"url": "https://media.mossmoon.app/x?sig=1", "sha256": sha256}
        filing = message(contact, "", type=kind, media=media)
        accepted = await self._accept(filing)
        (media_id,) = accepted.media
        return thread(contact), media_id

    async def changes(self, kind: str, text: str = "", sender: str = ANNA) -> None:
        """The last message is changed or taken back."""
        content = {"id": self.last_message_id, "from": sender, "text": text}
        await self.arrives(kind, message=content)

    async def _accept(self, filing: Filing) -> Accepted:
        assert filing.message is not None
        self.last_message_id = filing.message.provider_id
        return await self.store.accept([filing], self.now)

    async def all_write(self, contacts: Sequence[str]) -> list[str]:
        await self.store.accept([message(contact) for contact in contacts], self.now)
        return [thread(contact) for contact in contacts]

    async def arrives(self, kind: str, line: str = LINE, **fields: Any) -> None:
        """A line or delivery event; `apply` lets it count."""
        await self.store.accept([event(kind, line, **fields)], self.now)

    async def delivered(self, provider_id: str, contact: str = ANNA) -> None:
        await self.arrives("message.delivered", message={"id": provider_id, "to": contact})

    async def phone_writes(self, text: str, contact: str = ANNA) -> None:
        """A person types on the line's own phone."""
        content = {"id": f"own_{next(_number)}", "to": contact, "type": "text", "text": text}
        await self.arrives("message.sent", message=content)

    async def commands(self, operator: str, text: str, line: str = LINE, **fields: Any) -> None:
        """An operator writes to the line, and it is carried out."""
        content = {"id": f"cmd_{next(_number)}", "from": operator, "type": "text", "text": text}
        known = frozenset(self.policy.roster.of(line))
        filing = event("message.received", line, known, message=content | fields)
        await self.store.accept([filing], self.now)
        await self.apply()

    async def apply(self) -> frozenset[str]:
        return (await self.store.apply_events(self.now)).wake

    # what a worker does

    async def takes_turn(self, conversation: str) -> Turn:
        claim = await self.store.claim_turn(conversation, self.now)
        assert isinstance(claim, Claimed), claim
        return claim.turn

    async def stores(self, conversation: str, *parts: str) -> Outbound | None:
        """A whole turn; the reply's first part, None if it may not leave now."""
        turn = await self.takes_turn(conversation)
        answered, to_send = await self.store.answer_turn(turn, reply(*parts), self.now)
        assert answered is Answered.STORED
        return to_send

    async def answers(self, conversation: str, *parts: str) -> Outbound:
        """A whole turn, whose reply is on its way now."""
        to_send = await self.stores(conversation, *parts)
        assert to_send is not None
        return to_send

    async def sends(self, conversation: str) -> Outbound:
        """The next message of a conversation, on its way now."""
        taken = await self.store.claim_reply(conversation, self.now)
        assert isinstance(taken, ToSend), taken
        return taken.message

    async def settles(self, sent: Outbound, outcome: SendOutcome) -> bool:
        return await self.store.settle_reply(sent, outcome, self.now)

    async def sweeps(self) -> Work:
        return await self.store.sweep(self.now, timedelta(0))

    async def probes(self) -> list[Outbound]:
        """What the sweep lets try its line now."""
        work = await self.sweeps()
        taken = [await self.store.claim_reply(c, self.now, probe=True) for c in work.probes]
        return [each.message for each in taken if isinstance(each, ToSend)]

    # what is in the tables

    async def inbox(self, conversation: str) -> list[tuple[str, str | None]]:
        """State and reason of a conversation's events."""
        rows = await self._rows(events, events.c.conversation_id == conversation)
        return [(row.state, row.reason) for row in rows]

    async def outbox(self, conversation: str) -> list[tuple[str, str]]:
        """Author and status of a conversation's outbound messages."""
        rows = await self.outbound(conversation)
        return [(row.author, row.status) for row in rows]

    async def outbound(self, conversation: str) -> list[Row[Any]]:
        return await self._rows(
            messages, messages.c.conversation_id == conversation, messages.c.direction == "out"
        )

    async def statuses(self) -> list[str]:
        """Of all outbound messages."""
        rows = await self._rows(messages, messages.c.direction == "out")
        return [row.status for row in rows]

    async def files(self, conversation: str) -> list[Row[Any]]:
        """A conversation's attachments."""
        return await self._rows(media, media.c.conversation_id == conversation)

    async def pauses(self, conversation: str) -> None:
        """A person takes over, until they hand back."""
        await self.store.pause(conversation, pause(), self.now)

    async def conversation(self, conversation: str) -> Row[Any]:
        (row,) = await self._rows(conversations, conversations.c.id == conversation)
        return row

    async def event_id(self, conversation: str) -> str:
        (row,) = await self._rows(events, events.c.conversation_id == conversation)
        return str(row.id)

    async def holds(self) -> dict[str, str]:
        """What is held, and why; `*` is the account."""
        rows = await self._rows(lines, lines.c.hold_code.is_not(None))
        return {row.line_id: row.hold_code for row in rows}

    async def _rows(self, table: Table, *where: ColumnElement[bool]) -> list[Row[Any]]:
        order = table.c.seq if "seq" in table.c else next(iter(table.primary_key))
        query = select(table).where(*where).order_by(order)
        return await self.database.read(lambda tx: list(tx.execute(query)))
