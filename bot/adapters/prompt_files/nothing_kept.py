"""An archive for a try-out: what the file says is what is served, and nothing is kept."""

from collections.abc import Mapping, Sequence

from bot.domain.prompt_version import FileText


class NothingKept:
    """Every edit goes live; no earlier version takes the place of an invalid file."""

    async def take_file(self, text: FileText) -> str | None:
        """It is live."""
        return text.edition.version

    async def live_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """Nothing is known but the files."""
        del names
        return {}

    async def source(self, name: str, version: str) -> str | None:
        """Not kept."""
        del name, version
        return None
