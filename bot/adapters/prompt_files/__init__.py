"""Prompts in YAML files: checked, compiled, archived, and live within two seconds of saving."""

from bot.adapters.prompt_files.candidate import CandidatePrompt
from bot.adapters.prompt_files.files import PromptArchive, PromptFiles
from bot.adapters.prompt_files.source import parse_prompt, prompt_name

__all__ = ["CandidatePrompt", "PromptArchive", "PromptFiles", "parse_prompt", "prompt_name"]
