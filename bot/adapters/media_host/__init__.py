"""Downloads from the hosts that media may come from, and from nowhere else."""

from bot.adapters.media_host.addresses import AllowedHosts
from bot.adapters.media_host.hosts import MediaHosts

__all__ = ["AllowedHosts", "MediaHosts"]
