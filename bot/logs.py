"""Logs: one line per event, ids only. No message text, phone number, token or signed URL."""

import io
import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

_QUIET = ("arq", "httpx", "httpx2", "httpcore", "openai", "deepgram", "uvicorn", "sqlalchemy")


class HeldBack(io.StringIO):
    """Keeps log lines until `release`: a start that fails says why in one line, and no more."""

    def __init__(self) -> None:
        super().__init__()
        self._is_held = True

    def write(self, text: str) -> int:
        return super().write(text) if self._is_held else sys.stderr.write(text)

    def flush(self) -> None:
        if not self._is_held:
            sys.stderr.flush()

    def release(self) -> None:
        """Print what was kept, and from now on everything at once."""
        if self._is_held:
            self._is_held = False
            self.write(self.getvalue())
            self.flush()


def configure(
    *, json_lines: bool = False, level: int = logging.INFO, output: TextIO | None = None
) -> None:
    """Send all logs to `output` (stderr); libraries only speak up from WARNING on."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json_lines
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _name_exception,
            _one_line,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr if output is None else output),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class _Bridge(logging.Handler):
    """A library's warning as an event: its name and place, never its words.

    Libraries put URLs, arguments and bodies into their messages.
    """

    def emit(self, record: logging.LogRecord) -> None:
        level = "error" if record.levelno >= logging.ERROR else "warning"
        error = record.exc_info[0] if record.exc_info else None
        getattr(structlog.get_logger(), level)(
            "library.warned",
            library=record.name,
            at=f"{Path(record.pathname).name}:{record.lineno}",
            error=None if error is None else error.__name__,
        )


def _name_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """An exception as its type and its frames: its text may hold a customer's words."""
    if event.pop("exc_info", None):
        kind, _, trace = sys.exc_info()
        frames = traceback.extract_tb(trace)[-6:]
        event["exception"] = None if kind is None else kind.__name__
        event["frames"] = [f"{Path(f.filename).name}:{f.lineno}:{f.name}" for f in frames]
    return event


def _one_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """No value can fake a second line or colour the terminal."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = "".join(c if c.isprintable() else "\\ufffd" for c in value)
    return event
