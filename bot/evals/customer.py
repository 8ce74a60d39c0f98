"""A customer whom a model plays: a goal, a temper, and what the bot has said so far."""

from collections.abc import Sequence

from bot.domain.chat import ChatMessage, ChatRequest
from bot.domain.untrusted import clean_text
from bot.evals.asking import Player
from bot.evals.results import Talk
from bot.evals.script import Simulated

_LONGEST = 1000
"""Characters of one message."""
_DONE = "[DONE]"
_SILENT = "(no answer)"
_BEGIN = "(Begin: write your first message.)"

_PART = """\
You play a customer who writes to a business on WhatsApp, to test how it answers. You are the
customer, never the business, and you don't help it.

Your goal: {goal}
Your temper: {temper}

Write the customer's next message and nothing else: no quotes, no notes, no name before it. Write
as people do on a phone, briefly. Make up small things that you are asked for, such as a name or a
time. When your goal is reached, or plainly can't be, answer {done} alone."""


async def next_words(player: Player, customer: Simulated, talk: Sequence[Talk]) -> str:
    """What the customer writes next; empty: they have finished. Raises Unavailable or Refused."""
    if not talk and customer.begins:
        return customer.begins
    completion = await player.complete(_request(customer, talk))
    text = clean_text(completion.text, _LONGEST).strip()
    return "" if _DONE in text.upper() else text


def _request(customer: Simulated, talk: Sequence[Talk]) -> ChatRequest:
    """The conversation as the customer sees it: the business is the one who writes to them."""
    temper = customer.temper or "friendly"
    messages = [ChatMessage("system", _PART.format(goal=customer.goal, temper=temper, done=_DONE))]
    for one in talk:
        if one.who == "customer":
            _let_business_speak(messages)
            messages.append(ChatMessage("assistant", one.text))
        elif one.who == "bot":
            messages.append(ChatMessage("user", one.text))
    _let_business_speak(messages)
    return ChatRequest(tuple(messages))


def _let_business_speak(messages: list[ChatMessage]) -> None:
    """Roles alternate, and `user` comes last: some servers insist on it."""
    if messages[-1].role != "user":
        messages.append(ChatMessage("user", _BEGIN if len(messages) == 1 else _SILENT))
