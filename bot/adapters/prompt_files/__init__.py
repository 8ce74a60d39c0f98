"""Prompts in YAML files: checked, compiled, archived, and live within two seconds of saving."""

from bot.adapters.prompt_files.files import PromptArchive, PromptFiles
from bot.adapters.prompt_files.folder import PromptFolder
from bot.adapters.prompt_files.nothing_kept import NothingKept
from bot.adapters.prompt_files.source import parse_prompt, prompt_name

__all__ = [
    "NothingKept",
    "PromptArchive",
    "PromptFiles",
    "PromptFolder",
    "parse_prompt",
    "prompt_name",
]
