"""What is counted and measured: the one place that names metrics.

Counters and histograms are each process's own, and a scrape of all processes adds them up. The
gauges at the end are the database's: every process shows the same, as it was at most five seconds
ago (see `bot.gauges`). `knowledge/metrics.md` is the catalogue; a test holds the two together.

Labels have few values: a step, an outcome, a kind, a status, a line of ours. Never a contact, a
conversation, a message or an event.
"""

from prometheus_client import Counter, Gauge, Histogram

RECEIVED = Counter("bot_events_received_total", "Webhook calls with a right signature, stored.")
DUPLICATES = Counter("bot_events_duplicate_total", "Events that were already known.")
REFUSED = Counter(
    "bot_webhooks_refused_total", "Webhook calls not accepted, by status.", ["status"]
)
BAD_SIGNATURES = Counter(
    "bot_webhooks_bad_signature_total", "Webhook calls with a wrong signature, or with none."
)
TURNS = Counter("bot_turns_total", "Turns, by how they ended.", ["end"])
SENDS = Counter("bot_sends_total", "Attempts to send, by outcome.", ["outcome"])
MAYBE_REPEATED = Counter(
    "bot_sends_maybe_repeated_total",
    "Sends tried again after a 5xx or without an answer: the customer may have got two.",
)
LLM_SECONDS = Histogram(
    "bot_llm_seconds",
    "How long the model took.",
    buckets=(0.25, 0.5, 1, 2, 4, 8, 15, 30, 60),
)
LLM_ERRORS = Counter("bot_llm_errors_total", "Completions that failed, by kind.", ["kind"])
TURN_STEP_SECONDS = Histogram(
    "bot_turn_step_seconds",
    "How long each step of an answer took.",
    ["step"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 300, 1800),
)
TOKENS = Counter("bot_llm_tokens_total", "Tokens, by direction.", ["direction"])
GUARDED = Counter(
    "bot_guard_findings_total",
    "What guards have found in the model's words, by guard and what was done.",
    ["guard", "outcome"],
)
SHADOWS = Counter("bot_shadow_answers_total", "Turns offered to a shadow, by end.", ["end"])
COST = Counter("bot_cost_total", "What was paid, in the currency of the prices.", ["of"])
LOST_POKES = Gauge("bot_queue_lost_pokes", "Wake-ups that Redis did not take; the sweep made up.")
ORPHANS = Counter("bot_orphans_total", "Conversations taken back from a worker that was gone.")
MEDIA = Counter("bot_media_total", "Attachments: steps and how they ended.", ["step", "end"])
MEDIA_SECONDS = Histogram(
    "bot_media_seconds",
    "How long a step took.",
    ["step"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120),
)
MEDIA_EXPIRED = Counter(
    "bot_media_expired_total", "Attachments whose address ran out before they could be fetched."
)
SPEECH_SECONDS = Histogram(
    "bot_speech_seconds",
    "How long a speech service took.",
    ["service"],
    buckets=(0.25, 0.5, 1, 2, 4, 8, 15, 30, 60),
)
SPEECH_ERRORS = Counter("bot_speech_errors_total", "Transcriptions that failed, by kind.", ["kind"])
NOTICES = Counter(
    "bot_notices_total", "Notices to the operators' webhook, by outcome.", ["outcome"]
)
ALERTS = Counter("bot_alerts_total", "Alerts of the watchdog's, raised and over.", ["kind", "what"])
TRACES = Counter("bot_trace_spans_total", "Spans for the collector, by outcome.", ["outcome"])

# What the database says.
DATABASE_UP = Gauge(
    "bot_database_up", "1: the gauges below are of now; 0: it did not answer, they are older."
)
WAITING = Gauge("bot_conversations_waiting", "Customers who wait for the bot.")
OLDEST_WAITING = Gauge(
    "bot_oldest_waiting_seconds", "How long the first of them has waited; 0: nobody waits."
)
OUTBOX = Gauge("bot_outbox_messages", "Messages that have not come to an end.", ["status"])
UNCERTAIN = Gauge("bot_messages_uncertain", "Messages of which nobody knows whether they arrived.")
DEAD_LETTERS = Gauge("bot_dead_letters", "Events that could not be processed.")
WITH_PERSON = Gauge("bot_conversations_paused", "Conversations that a person has.")
ATTENTION = Gauge("bot_conversations_attention", "Conversations that a person should look at.")
LINE_STATE = Gauge("bot_line_state", "1: the line is in this state.", ["line_id", "state"])
WORKERS = Gauge("bot_workers", "Workers that are alive.")
NOTICES_WAITING = Gauge("bot_notices_waiting", "Notices still to be posted to the webhook.")
ALERTS_OPEN = Gauge("bot_alerts_open", "Alerts that are not over.", ["kind"])
