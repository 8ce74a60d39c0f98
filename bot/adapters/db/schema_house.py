"""The tables of the house: lines, who did what, spending, prompts."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    Text,
    text,
)

from bot.adapters.db.schema_base import SEQUENCE, STILL_LIVE, Instant, metadata

lines = Table(
    "lines",
    metadata,
    Column("line_id", String(255), primary_key=True),  # `*`: the account, all lines
    Column("connection", String(12), nullable=False, server_default="ready"),
    Column("reason", Text),
    Column("since", Instant),
    Column("hold_code", Text),  # set: nothing leaves but a probe
    Column("hold_reason", Text),
    Column("hold_since", Instant),
    Column("probe_at", Instant),
    Column("paused_at", Instant),
    Column("paused_until", Instant),
    Column("paused_by", Text),
    Column("pause_reason", Text),
    Column("heard_at", Instant),  # its latest webhook
    # the governor
    Column("first_sent_at", Instant),  # how old the line is, as far as we have used it
    Column("allowance", Float),  # sends that may leave now; null: as many as the bucket holds
    Column("allowance_at", Instant),  # when that was counted
    Column("pace", Float, nullable=False, server_default="1"),  # 1: full; less after a 429
    Column("slowed_at", Instant),
    Column("sent_day", String(10)),  # in the business's time zone
    Column("sent_count", Integer, nullable=False, server_default="0"),  # on that day
    Column("numbers_given", Integer, nullable=False, server_default="0"),  # up to, of the erased
)

line_hours = Table(
    "line_hours",  # how many customers' messages a line has heard, by hour
    metadata,
    Column("line_id", String(255), primary_key=True),
    Column("hour", Instant, primary_key=True),  # its beginning
    Column("heard", Integer, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("action", String(16), nullable=False),
    Column("actor", Text, nullable=False),
    Column("line_id", Text),  # null: everything
    Column("conversation_id", String(40)),
    Column("reason", Text),
    Column("until", Instant),
    Index("ix_audit_conversation", "conversation_id", "seq"),
    Index("ix_audit_at", "at"),
)

installation = Table(
    "installation",
    metadata,
    Column("id", String(40), primary_key=True),  # one row: tells this bot's queue from others'
    Column("secret", String(64)),  # keys the digests of what was erased; made when first needed
)

spending = Table(
    "spending",
    metadata,
    Column("day", String(10), primary_key=True),  # in the business's time zone
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("cost", Float, nullable=False),
)

prompt_versions = Table(
    "prompt_versions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("source", Text, nullable=False),
    Column("saved_at", Instant, nullable=False),
)

live_prompts = Table(
    "live_prompts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("version", String(64), nullable=False),
    Column("since", Instant, nullable=False),
)

prompt_history = Table(
    "prompt_history",  # what was live from when to when, and who brought it
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("version", String(64), nullable=False),
    Column("since", Instant, nullable=False),
    Column("until", Instant),  # null: it is live
    Column("origin", String(8)),  # null: before this was recorded
    Column("actor", Text),
    Column("host", Text),
    Column("is_rollback", Boolean, nullable=False, server_default=text("false")),
    Column("gate", String(8)),  # how its tests went; null: it was brought without a gate
    Index("ix_prompt_history_name", "name", "seq"),
    Index("ix_prompt_history_version", "name", "version"),
    Index(
        "uq_prompt_history_live",
        "name",
        unique=True,
        sqlite_where=STILL_LIVE,
        postgresql_where=STILL_LIVE,
    ),
)

prompt_candidates = Table(
    "prompt_candidates",  # changed prompts that are not live until their tests have passed
    metadata,
    Column("name", Text, primary_key=True),  # one for each prompt, the newest
    Column("version", String(64), nullable=False),
    Column("source", Text, nullable=False),
    Column("base", String(64)),  # what was live when it was brought
    Column("origin", String(8), nullable=False),
    Column("actor", Text),
    Column("host", Text),
    Column("brought_at", Instant, nullable=False),
    Column("state", String(8), nullable=False),
    Column("run", Integer, nullable=False),  # the fencing number of whoever runs its tests
    Column("lease_until", Instant),
    Column("next_at", Instant),  # when tests that could not be run are tried again
    Column("attempts", Integer, nullable=False),
    Column("trouble", Text, nullable=False),  # why they could not be run
    Column("tests", String(64)),  # digest of the tests that it was judged by
    Column("judged_at", Instant),
    Column("report", Text),  # JSON
)

prompt_hosts = Table(
    "prompt_hosts",  # what each host last saw in its own file of a prompt
    metadata,
    Column("name", Text, primary_key=True),
    Column("place", Text, primary_key=True),  # the host and the file's path on it
    Column("version", String(64), nullable=False),
    Column("seen_at", Instant, nullable=False),
)

try_spending = Table(
    "try_spending",  # what trying prompts on the console's pages has taken, by day
    metadata,
    Column("day", String(10), primary_key=True),  # in the business's time zone
    Column("cost", Float, nullable=False),
    Column("unpriced", Integer, nullable=False),  # calls of the model of which no cost is known
)

sessions = Table(
    "sessions",  # who is signed in to the console
    metadata,
    Column("digest", String(64), primary_key=True),  # of the key that the browser keeps
    Column("operator", Text, nullable=False),
    Column("token_mark", String(64), nullable=False),  # another one: the token has changed since
    Column("begun_at", Instant, nullable=False),
    Column("used_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
)

presence = Table(
    "presence",  # whose page shows a conversation right now
    metadata,
    Column("page", String(40), primary_key=True),  # one open page of the console's
    Column("conversation_id", String(40), nullable=False),
    Column("operator", Text, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("writing_at", Instant),  # when a key was last pressed in the answer
    Index("ix_presence_conversation", "conversation_id"),
)
