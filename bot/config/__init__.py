"""Settings: config.yaml and the environment, checked as a whole before anything starts."""

from bot.config.loading import (
    DEFAULT_PATH,
    EditNote,
    Examined,
    Settings,
    examine,
    load,
    reload_note,
)
from bot.config.redaction import without_secrets
from bot.config.secrets import PLACEHOLDERS, OperatorToken, Secrets
from bot.config.tree import LineSettings, SettingsTree

__all__ = [
    "DEFAULT_PATH",
    "PLACEHOLDERS",
    "EditNote",
    "Examined",
    "LineSettings",
    "OperatorToken",
    "Secrets",
    "Settings",
    "SettingsTree",
    "examine",
    "load",
    "reload_note",
    "without_secrets",
]
