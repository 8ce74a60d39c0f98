"""The whole way of one event or message, read in one transaction that changes nothing."""

from bot.adapters.db.way.finding import find_way

__all__ = ["find_way"]
