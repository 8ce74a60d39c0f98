"""Telling an operator what an edit of config.yaml comes to, while the bot runs on as it was."""

import asyncio
from pathlib import Path

import structlog

from bot.config import Settings, reload_note

log = structlog.get_logger()

_LOOK_EVERY_S = 2.0


async def watch_settings(settings: Settings, stop: asyncio.Event) -> None:
    """Look for edits until `stop`; each is checked and reported, none is applied."""
    seen = _stamp(settings.path)
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), _LOOK_EVERY_S)
        except TimeoutError:
            now = _stamp(settings.path)
            if now != seen:
                seen = now
                _report(settings)


def _report(settings: Settings) -> None:
    note = reload_note(settings)
    log.warning("settings.edited", note=note.text, changed=list(note.changed))
    for fault in note.faults:
        log.warning("settings.fault", fault=str(fault))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
