"""Prompts in YAML files: checked, compiled, archived, and live within two seconds of saving."""

from bot.adapters.prompt_files.candidate import CandidatePrompt
from bot.adapters.prompt_files.files import PromptArchive, PromptFiles
from bot.adapters.prompt_files.folder import PromptFolder
from bot.adapters.prompt_files.gathering import Gathered, gather, spread
from bot.adapters.prompt_files.including import unbundle
from bot.adapters.prompt_files.nothing_kept import NothingKept
from bot.adapters.prompt_files.schema import prompt_schema
from bot.adapters.prompt_files.source import parse_prompt, prompt_name, ready_prompt

__all__ = [
    "CandidatePrompt",
    "Gathered",
    "NothingKept",
    "PromptArchive",
    "PromptFiles",
    "PromptFolder",
    "gather",
    "parse_prompt",
    "prompt_name",
    "prompt_schema",
    "ready_prompt",
    "spread",
    "unbundle",
]
