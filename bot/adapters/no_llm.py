"""What stands in while no model is configured: everything waits, nothing is lost."""

from bot.domain.chat import ChatRequest, Completion
from bot.errors import Unavailable


class NoLlm:
    """Answers nothing; messages wait until a model is configured."""

    async def complete(self, request: ChatRequest) -> Completion:  # noqa: ARG002 - the port's shape
        """Raises Unavailable, always."""
        raise Unavailable("no LLM is configured: set OPENAI_API_KEY or OPENAI_BASE_URL")

    async def close(self) -> None:
        """Nothing is open."""
