"""What all tables have in common: times, counted rows, and the conditions of partial indexes."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData, TypeDecorator, text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
LAST_TEXT_CHARS = 200
ALERT_KEY_CHARS = 300
"""How much of a conversation's last words its list shows."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:  # noqa: ARG002 - SQLAlchemy's shape
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's shape
        return None if value is None else EPOCH + timedelta(microseconds=value)


# SQLite counts rows by itself only for a column declared INTEGER PRIMARY KEY.
SEQUENCE = BigInteger().with_variant(Integer, "sqlite")

# The conditions of partial indexes. SQLite uses such an index only for a query that holds the very
# same words, so queries take them from here.
RECEIVED = text("direction = 'in'")
SENT_WITH_ID = text("direction = 'out' AND provider_id IS NOT NULL")
SENT_WITHOUT_ID = text("status IN ('sent', 'uncertain') AND provider_id IS NULL")
REQUESTED = text("request_key IS NOT NULL")
OF_MESSAGE = text("message_id IS NOT NULL")
STRAY = text("message_id IS NULL AND contact IS NOT NULL")
NAMELESS = text("contact IS NULL")
OPEN_EVENT = text("state IN ('pending', 'working')")
ENDED_BADLY = text("state IN ('dead', 'skipped')")
NUMBERED = text("number IS NOT NULL")
IN_NEED = text("needs_attention")
UNTOLD = text("state = 'waiting'")
OPEN_SEND = text("status IN ('queued', 'held', 'sending', 'unknown')")
OPEN_MEDIA = text("state IN ('waiting', 'fetching', 'stored', 'reading')")
WORKING = text("state = 'working'")
LATE = text("late")
WITH_PERSON = text("state = 'human'")
UNCERTAIN = text("status = 'uncertain'")
STILL_LIVE = text("until IS NULL")
BLOCKED = text("blocked_at IS NOT NULL")
ERASING = text("erasing_at IS NOT NULL")
ABOUT = text("about_id IS NOT NULL")
