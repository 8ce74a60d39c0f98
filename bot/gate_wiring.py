"""The gate of a running bot, put together for a process that can ask the model."""

from bot import bootstrap
from bot.adapters.db.engine import Database
from bot.config import Settings
from bot.evals.gate import TestsAsGate
from bot.gating import Gatekeeper
from bot.ports import Llm
from bot.publish import Publisher


def make_gatekeeper(
    settings: Settings, database: Database, publisher: Publisher, llm: Llm
) -> Gatekeeper:
    """Who lets changed prompts live."""
    return Gatekeeper(
        bootstrap.make_candidates(settings, database),
        publisher,
        TestsAsGate(settings, llm),
        publisher.names(),
    )
