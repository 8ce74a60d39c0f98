"""What is counted. Never with a contact, a conversation or a message as a label."""

from prometheus_client import Counter, Gauge, Histogram

RECEIVED = Counter("bot_events_received_total", "Webhook calls with a right signature, stored.")
DUPLICATES = Counter("bot_events_duplicate_total", "Events that were already known.")
REFUSED = Counter(
    "bot_webhooks_refused_total", "Webhook calls not accepted, by status.", ["status"]
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
TOKENS = Counter("bot_llm_tokens_total", "Tokens, by direction.", ["direction"])
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
NOTICES = Counter(
    "bot_notices_total", "Notices to the operators' webhook, by outcome.", ["outcome"]
)
