"""A SQLite database full of answered conversations, filled as fast as the disk takes it.

The tables are made by the product's own migrations and the rows are those that an answered message
leaves behind: the event with its raw body, the message, the turn and the reply. Conversations take
turns at random, so that one of them lies scattered over the whole file, as in a year of work.
"""

import asyncio
import random
import sqlite3
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Table, insert
from sqlalchemy.dialects import sqlite

from bench.messages import LINE, number_of
from bot.adapters.db.engine import sqlite_url
from bot.adapters.db.ids import new_id
from bot.adapters.db.migrate import migrate
from bot.adapters.db.schema import conversations, events, messages, turns
from bot.domain.contact import contact_key
from bot.domain.conversation import conversation_id
from bot.domain.outbox import reply_id

_CHUNK = 5_000
_SPAN_S = 365 * 24 * 3600
_ENDED_AGO_S = 24 * 3600
_MICROSECONDS = 1_000_000
_FAST = (
    "PRAGMA journal_mode=MEMORY",
    "PRAGMA synchronous=OFF",
    "PRAGMA cache_size=-500000",
)
_ASKED = "Hello, is the terrace open on {day}, and would you have a table for {guests}?"
_SAID = "Yes, we are open on {day} from ten until six, and a table for {guests} is free. Shall I?"
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Group:
    """Conversations of one length: a customer's message and its reply, `exchanges` times."""

    first_customer: int
    conversations: int
    exchanges: int

    @property
    def customers(self) -> range:
        return range(self.first_customer, self.first_customer + self.conversations)


@dataclass(slots=True)
class _Thread:
    """A conversation while it is filled."""

    row: Row
    contact: str


@dataclass(slots=True)
class _Insert:
    """Rows for one table, written many at a time."""

    table: Table
    rows: list[Row] = field(default_factory=list)

    def write(self, database: sqlite3.Connection) -> None:
        if not self.rows:
            return
        named = sqlite.dialect(paramstyle="named")
        statement = insert(self.table).compile(dialect=named, column_keys=list(self.rows[0]))
        database.executemany(str(statement), self.rows)
        self.rows.clear()


def thread_id(customer: int) -> str:
    """The id of a customer's conversation."""
    return conversation_id(LINE, contact_key(number_of(customer)))


def fill(path: Path, groups: Sequence[Group]) -> None:
    """Make the database and fill it."""
    asyncio.run(migrate(sqlite_url(path)))
    with closing(sqlite3.connect(path)) as database:
        for pragma in _FAST:
            database.execute(pragma)
        with database:
            _fill(database, groups)
        database.execute("PRAGMA journal_mode=WAL")


def _fill(database: sqlite3.Connection, groups: Sequence[Group]) -> None:
    threads = [_thread(customer) for group in groups for customer in group.customers]
    schedule = _schedule(groups)
    filled = {table.name: _Insert(table) for table in (events, messages, turns)}
    for serial, at in _moments(len(schedule)):
        _exchange(filled, threads[schedule[serial]], serial, at)
        if serial % _CHUNK == _CHUNK - 1:
            _write(database, filled)
    _write(database, filled)
    _Insert(conversations, [thread.row for thread in threads]).write(database)


def _write(database: sqlite3.Connection, filled: Mapping[str, _Insert]) -> None:
    for one in filled.values():
        one.write(database)


def _schedule(groups: Sequence[Group]) -> "array[int]":
    """Which conversation speaks when, by its place."""
    schedule = array("L")
    place = 0
    for group in groups:
        for _exchange_number in range(group.exchanges):
            schedule.extend(range(place, place + group.conversations))
        place += group.conversations
    random.Random(1).shuffle(schedule)  # noqa: S311 - not for secrets
    return schedule


def _moments(count: int) -> Iterator[tuple[int, int]]:
    """Serial numbers and times in microseconds, evenly over a year that ended a day ago."""
    end = (time.time_ns() // 1000) - _ENDED_AGO_S * _MICROSECONDS
    start = end - _SPAN_S * _MICROSECONDS
    for serial in range(count):
        yield serial, start + (end - start) * serial // count


def _thread(customer: int) -> _Thread:
    contact = number_of(customer)
    row = {
        "id": thread_id(customer),
        "line_id": LINE,
        "contact": contact,
        "contact_key": contact_key(contact),
        "name": f"Ana {customer}",
        "created_at": 0,
        "last_message_at": 0,
        "last_text": "",
        "heard_seq": 0,
    }
    return _Thread(row, contact)


def _exchange(filled: Mapping[str, _Insert], thread: _Thread, serial: int, at: int) -> None:
    """A message at `at`, answered two seconds later."""
    words = {"day": _DAYS[serial % 7], "guests": serial % 20 + 2}
    asked, said = _ASKED.format(**words), _SAID.format(**words)
    turn_id, message_id = new_id("tn"), new_id("ms")
    answered_at = at + 2 * _MICROSECONDS
    conversation = thread.row
    conversation["created_at"] = conversation["created_at"] or at
    conversation["last_message_at"], conversation["last_text"] = answered_at, said
    conversation["heard_seq"] = 2 * serial + 1  # messages are counted from 1, two in an exchange
    heard = _heard(conversation["id"], message_id, serial, asked, at)
    reply = _reply(conversation["id"], turn_id, serial, said, answered_at)
    filled["messages"].rows += heard, reply
    filled["events"].rows.append(_event(thread, message_id, turn_id, serial, asked, at))
    filled["turns"].rows.append(_turn(conversation["id"], turn_id, message_id, at))


def _message(conversation: str, serial: int, text: str, at: int) -> Row:
    return {
        "conversation_id": conversation,
        "type": "text",
        "text": text,
        "created_at": at,
        "line_id": LINE,
        "provider_id": f"msg_old_{serial:012}",
        "direction": "in",
        "author": "customer",
        "status": None,
        "turn_id": None,
        "epoch": None,
        "attempts": 0,
        "next_at": None,
        "first_tried_at": None,
        "sent_at": None,
        "prompt_version": None,
        "model": None,
        "tokens": None,
    }


def _heard(conversation: str, message_id: str, serial: int, text: str, at: int) -> Row:
    return _message(conversation, serial, text, at) | {"id": message_id}


def _reply(conversation: str, turn_id: str, serial: int, text: str, at: int) -> Row:
    return _message(conversation, serial, text, at) | {
        "id": reply_id(turn_id),
        "direction": "out",
        "author": "bot",
        "provider_id": f"msg_said_{serial:012}",
        "status": "sent",
        "turn_id": turn_id,
        "epoch": 0,
        "attempts": 1,
        "next_at": at,
        "first_tried_at": at,
        "sent_at": at,
        "prompt_version": "5f13f9d7a04d",
        "model": "gpt-4.1-mini",
        "tokens": 210,
    }


def _event(thread: _Thread, message_id: str, turn_id: str, serial: int, text: str, at: int) -> Row:
    raw = (
        f'{{"event": "message.received", "id": "evt_old_{serial:012}", "line_id": "{LINE}", '
        f'"message": {{"id": "msg_old_{serial:012}", "from": "{thread.contact}", "type": "text", '
        f'"text": "{text}", "profile_name": "{thread.row["name"]}", '
        f'"received_at": "2026-06-12T14:42:11Z"}}}}'
    )
    return {
        "id": new_id("ev"),
        "provider_event_id": f"evt_old_{serial:012}",
        "type": "message.received",
        "line_id": LINE,
        "contact": thread.contact,
        "conversation_id": thread.row["id"],
        "message_id": message_id,
        "state": "done",
        "reason": f"answered by {reply_id(turn_id)}",
        "turn_id": turn_id,
        "received_at": at,
        "ended_at": at + 2 * _MICROSECONDS,
        "raw": raw.encode(),
    }


def _turn(conversation: str, turn_id: str, message_id: str, at: int) -> Row:
    return {
        "id": turn_id,
        "conversation_id": conversation,
        "state": "answered",
        "epoch": 0,
        "worker_id": "wk_of_old",
        "message_ids": message_id,
        "first_message_at": at,
        "started_at": at + _MICROSECONDS,
        "ended_at": at + 2 * _MICROSECONDS,
        "prompt_name": "default",
        "prompt_version": "5f13f9d7a04d",
        "model": "gpt-4.1-mini",
        "llm_ms": 900,
        "tokens_in": 200,
        "tokens_out": 10,
    }
