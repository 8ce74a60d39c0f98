"""What the customer gets to read: the words, and what has to be said before them."""

from dataclasses import replace

from bot.domain.prompt import RenderedPrompt
from bot.domain.turn import Reply, Turn
from bot.domain.whatsapp import split_text

LAST_WORDS = "Sorry, I can't answer that right now."
"""When not even the prompt's own fallback can be had."""


def spoken(words: str) -> tuple[str, ...]:
    """Words of the prompt's own, in parts; a template may come out blank."""
    return split_text(words) or (LAST_WORDS,)


def first_words(
    turn: Turn, prompt: RenderedPrompt, parts: tuple[str, ...], *, replaces: bool = False
) -> tuple[str, ...]:
    """With the first thing the bot ever says to somebody, what they are talking to.

    `replaces`: what waits to leave is cancelled for it.
    """
    is_introduced = turn.standing.is_introduced and not replaces
    if not prompt.disclosure or is_introduced or any(e.author == "bot" for e in turn.past):
        return parts
    return split_text("\n\n".join((prompt.disclosure, *parts)))


def opened(turn: Turn, prompt: RenderedPrompt, reply: Reply) -> Reply:
    """With what has to be said before it: sorry for the wait, what one is talking to."""
    replaces = reply.has_seen_all or reply.hand_off is not None
    parts = first_words(turn, prompt, reply.parts, replaces=replaces)
    if turn.standing.late and prompt.apology:
        parts = split_text("\n\n".join((prompt.apology, *parts)))
    return replace(reply, parts=parts, late=turn.standing.late)


def parting_words(prompt: RenderedPrompt, text: str) -> str:
    rule = prompt.hand_off
    said = "" if rule is None else rule.say
    return said or text or prompt.fallback
