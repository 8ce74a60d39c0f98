"""The line provider Mossmoon: its signed webhooks (`signature`, `events`) and its API (`line`)."""

from bot.adapters.mossmoon.events import Malformed, parse
from bot.adapters.mossmoon.line import MossmoonLine
from bot.adapters.mossmoon.signature import verify

__all__ = ["Malformed", "MossmoonLine", "parse", "verify"]
