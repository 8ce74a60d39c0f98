"""A language model behind OpenAI's Chat Completions API."""

from bot.adapters.openai_api.llm import OpenAiLlm

__all__ = ["OpenAiLlm"]
