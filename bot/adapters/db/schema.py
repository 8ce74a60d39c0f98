"""The tables. `events` is the inbox, outbound rows of `messages` are the outbox.

Times are whole microseconds since 1970 in UTC: they compare and add the same way in SQLite and
PostgreSQL. Conversation ids are derived from line and contact, so nothing has to be read to know
where a message belongs.
"""

from bot.adapters.db.schema_base import (
    ALERT_KEY_CHARS,
    ENDED_BADLY,
    EPOCH,
    IN_NEED,
    LAST_TEXT_CHARS,
    LATE,
    MICROSECOND,
    NUMBERED,
    OF_MESSAGE,
    OPEN_EVENT,
    OPEN_MEDIA,
    OPEN_SEND,
    RECEIVED,
    REQUESTED,
    SENT_WITH_ID,
    SENT_WITHOUT_ID,
    UNCERTAIN,
    UNTOLD,
    WITH_PERSON,
    WORKING,
    Instant,
    metadata,
)
from bot.adapters.db.schema_house import (
    audit,
    installation,
    line_hours,
    lines,
    live_prompts,
    prompt_versions,
    sessions,
    spending,
)
from bot.adapters.db.schema_talk import conversations, events, messages
from bot.adapters.db.schema_work import alerts, media, notices, turns, workers

__all__ = [
    "ALERT_KEY_CHARS",
    "ENDED_BADLY",
    "EPOCH",
    "IN_NEED",
    "LAST_TEXT_CHARS",
    "LATE",
    "MICROSECOND",
    "NUMBERED",
    "OF_MESSAGE",
    "OPEN_EVENT",
    "OPEN_MEDIA",
    "OPEN_SEND",
    "RECEIVED",
    "REQUESTED",
    "SENT_WITHOUT_ID",
    "SENT_WITH_ID",
    "UNCERTAIN",
    "UNTOLD",
    "WITH_PERSON",
    "WORKING",
    "Instant",
    "alerts",
    "audit",
    "conversations",
    "events",
    "installation",
    "line_hours",
    "lines",
    "live_prompts",
    "media",
    "messages",
    "metadata",
    "notices",
    "prompt_versions",
    "sessions",
    "spending",
    "turns",
    "workers",
]
