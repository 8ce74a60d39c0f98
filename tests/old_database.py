"""A database as an earlier version has left it: rows by plain SQL, as that version wrote them."""

import json
from collections.abc import Callable, Mapping, Sequence

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.adapters.db.migrate import SCRIPTS

_CONVERSATION = (
    "INSERT INTO conversations (id, line_id, contact, contact_key, created_at, last_message_at) "
    "VALUES ('cv_1', 'ln_1', '+15550100', '15550100', 1, 1)"
)
_MESSAGE = (
    "INSERT INTO messages (id, conversation_id, direction, author, type, text, created_at, line_id)"
    " VALUES ('ms_1', 'cv_1', 'in', 'customer', 'text', 'hello', 1, 'ln_1')"
)


RELEASED = ("0001", "0002", "0003")
"""The versions that are out there."""

# Times are of 2026-01-01T12:00:00Z.
_LIVED_IN = {
    "0001": (
        "INSERT INTO installation (id) VALUES ('in_1')",
        "INSERT INTO lines (line_id, connection) VALUES ('ln_1', 'ready')",
        "INSERT INTO prompt_versions (name, version, source, saved_at) "
        "VALUES ('default', 'v1', 'name: Grüße', 1767268800000000)",
        "INSERT INTO live_prompts (name, version, since) "
        "VALUES ('default', 'v1', 1767268800000000)",
        "INSERT INTO spending (day, tokens_in, tokens_out, cost) "
        "VALUES ('2026-01-01', 100, 20, 0.1)",
        "INSERT INTO workers (id, started_at, lease_until) VALUES ('wk_1', 1, 2)",
        "INSERT INTO conversations (id, line_id, contact, contact_key, created_at, "
        "last_message_at, last_text, first_waiting_at, due_at) "
        "VALUES (:waiting, 'ln_1', '+15550001', '+15550001', 1767268800000000, "
        "1767268800000000, 'hello', 1767268800000000, 1767268800000000)",
        "INSERT INTO conversations (id, line_id, contact, contact_key, created_at, "
        "last_message_at) VALUES (:answered, 'ln_1', '+15550002', '+15550002', 1767268800000000, "
        "1767268800000000)",
        "INSERT INTO events (seq, id, provider_event_id, type, line_id, contact, conversation_id, "
        "message_id, state, received_at, raw) VALUES (7, 'ev_1', 'old_evt_1', 'message.received', "
        "'ln_1', '+15550001', :waiting, 'ms_1', 'pending', 1767268800000000, :raw)",
        "INSERT INTO messages (seq, id, conversation_id, direction, author, type, text, "
        "provider_id, created_at, line_id) VALUES (7, 'ms_1', :waiting, 'in', 'customer', 'text', "
        "'hello', 'old_msg_1', 1767268800000000, 'ln_1')",
        "INSERT INTO turns (id, conversation_id, state, epoch, worker_id, first_message_at, "
        "started_at, ended_at, cost) VALUES ('tn_1', :answered, 'answered', 0, 'wk_1', "
        "1767268800000000, 1767268800000000, 1767268800000000, 0.1)",
        "INSERT INTO messages (seq, id, conversation_id, direction, author, type, text, "
        "created_at, line_id, status, turn_id, epoch, next_at) VALUES (8, 'ms_2', :answered, "
        "'out', 'bot', 'text', 'an answer', 1767268800000000, 'ln_1', 'queued', 'tn_1', 0, "
        "1767268800000000)",
    ),
    "0002": (
        "INSERT INTO messages (seq, id, conversation_id, direction, author, type, text, "
        "provider_id, created_at, line_id, media_id, quoted_id) VALUES (9, 'ms_3', :answered, "
        "'in', 'customer', 'voice', '', 'old_msg_3', 1767268800000000, 'ln_1', 'md_1', 'x')",
        "INSERT INTO media (id, message_id, conversation_id, line_id, kind, state, url, "
        "received_at, expires_at, next_at) VALUES ('md_1', 'ms_3', :answered, 'ln_1', 'voice', "
        "'waiting', 'https://media.mossmoon.app/x', 1767268800000000, 1767355200000000, "
        "1767268800000000)",
    ),
    "0003": (
        "UPDATE conversations SET number = 1, brief = 'a refund was promised' WHERE id = :answered",
        "INSERT INTO notices (id, conversation_id, kind, body, state, created_at, next_at) "
        "VALUES ('nt_1', :answered, 'attention', '{\"text\": \"look\"}', 'waiting', "
        "1767268800000000, 1767268800000000)",
        "INSERT INTO audit (seq, at, action, actor) VALUES (3, 1767268800000000, 'pause', 'olga')",
    ),
}
_RAW = {
    "event": "message.received",
    "id": "old_evt_1",
    "line_id": "ln_1",
    "message": {"id": "old_msg_1", "from": "+15550001", "type": "text", "text": "hello"},
}


async def make_old(url: str) -> None:
    """The first version's tables, with one conversation and its message."""
    await _make(url, "0001", (_CONVERSATION, _MESSAGE), {})


async def make_lived_in(url: str, version: str, *, waiting: str, answered: str) -> None:
    """A version's tables, with a message that waits, and a conversation that was answered."""
    values = {"waiting": waiting, "answered": answered, "raw": json.dumps(_RAW).encode()}
    written = [each for of, rows in _LIVED_IN.items() if of <= version for each in rows]
    await _make(url, version, written, values)


async def _make(
    url: str, version: str, statements: Sequence[str], values: Mapping[str, object]
) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(_to(version))
        for statement in statements:
            named = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(text(statement), named)
    await engine.dispose()


def _to(revision: str) -> Callable[[Connection], None]:
    def upgrade(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    return upgrade
